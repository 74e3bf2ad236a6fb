#pragma once

#include <string>

#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::agentctl {

// What the figures come to: a line each for CPUs, quotas, memory and I/O, of which the figures are known.
std::string SaturationVerdict(const control::v1::SaturationReply& reply);

}  // namespace sonde::agentctl
