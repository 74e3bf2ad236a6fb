#pragma once

#include "agent/aggregate/series_book.h"
#include "agent/aggregate/window.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in which processes lived in `window`, grouped by equal labels, and which series their samples go to by `rules`:
// those that `request` asks for, in the order of their labels; counts are of all.
void ReportTargets(const aggregate::Window& window, const aggregate::SeriesRules& rules,
                   const control::v1::TargetsRequest& request, control::v1::TargetsReply* reply);

}  // namespace sonde::app
