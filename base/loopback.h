#pragma once

#include <string>

namespace sonde::base {

// Whether HOST of `endpoint` (HOST:PORT, IPv6 in brackets) can only be this host: `localhost`, or an address written as
// such in 127.0.0.0/8 or ::1. A name that merely begins like one ("127.example.com") is none.
bool IsLoopback(const std::string& endpoint);

}  // namespace sonde::base
