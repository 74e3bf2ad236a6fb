#pragma once

#include "agent/aggregate/window.h"
#include "agent/symbolize/symbolizer.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in the locks that took most waiting, by the stack that wanted them, with names and owners: those that `request`
// wants.
void ReportLocks(const aggregate::Window& window, const control::v1::LocksRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::LocksReply* reply);

}  // namespace sonde::app
