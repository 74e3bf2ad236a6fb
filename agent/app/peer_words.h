#pragma once

#include <string>

#include "agent/model/counterpart.h"

namespace sonde::app {

// "10.0.0.7", "::1", of a peer of kind kInternet; an IPv4 peer of an IPv6 socket by its IPv4 address.
std::string AddressText(const model::Counterpart& peer);

}  // namespace sonde::app
