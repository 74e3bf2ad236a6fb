#pragma once

#include "agent/aggregate/window.h"
#include "agent/symbolize/symbolizer.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in what disks did, for how long that was watched, and the heaviest requests with names: those that `request`
// wants.
void ReportDisks(const aggregate::Window& window, const control::v1::DisksRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::DisksReply* reply);

}  // namespace sonde::app
