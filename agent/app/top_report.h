#pragma once

#include <vector>

#include "agent/aggregate/window.h"
#include "agent/symbolize/symbolizer.h"
#include "profile/pprof_builder.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in the heaviest functions of the profile: as many as `request` wants, 40 unless it says. Of faults by the
// memory that they brought.
void ReportTop(const profile::Pprof& pprof, const control::v1::TopRequest& request, control::v1::TopReply* reply);

// Adds, to each function of the reply, how long the waits were that it was waiting in or below: each wait once, however
// often the function stands in its stack. `groups` are those that the profile is of.
void AddLengthsOfWaits(const std::vector<aggregate::Window::Waits>& groups, symbolize::Symbolizer* symbolizer,
                       control::v1::TopReply* reply);

}  // namespace sonde::app
