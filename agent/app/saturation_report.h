#pragma once

#include <cstdint>

#include "agent/aggregate/window.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in what CPUs, groups, quotas and pressure came to in the window; of groups the `limit` (0: kLinesUnlessAsked)
// that waited most.
void ReportSaturation(const aggregate::Window& window, uint32_t limit, control::v1::SaturationReply* reply);

}  // namespace sonde::app
