#pragma once

#include "agent/aggregate/window.h"
#include "agent/symbolize/symbolizer.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in the connections that were asked for, by process, peer and stack: those that `request` wants, the most failed
// and longest first.
void ReportConnects(const aggregate::Window& window, const control::v1::PeersRequest& request,
                    symbolize::Symbolizer* symbolizer, control::v1::PeersReply* reply);

}  // namespace sonde::app
