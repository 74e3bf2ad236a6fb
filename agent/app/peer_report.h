#pragma once

#include "agent/aggregate/window.h"
#include "agent/symbolize/symbolizer.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in the peers that took most waiting, with names: those that `request` wants. Then peers whose connections had
// retransmits or resets though nobody waited for them, unless one process only was asked for.
void ReportPeers(const aggregate::Window& window, const control::v1::PeersRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::PeersReply* reply);

}  // namespace sonde::app
