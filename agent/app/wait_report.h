#pragma once

#include <cstdint>

#include "agent/aggregate/window.h"
#include "agent/symbolize/symbolizer.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in the heaviest waits of the window, with names, and the sums over all: those that `request` wants.
void ReportWaits(const aggregate::Window& window, const control::v1::WaitsRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::WaitsReply* reply);

}  // namespace sonde::app
