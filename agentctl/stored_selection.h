#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "agentctl/collector_client.h"
#include "agentctl/query.h"
#include "agentctl/time_span.h"

namespace sonde::agentctl {

// A selection whose parts were looked at.
struct CheckedSelection {
  std::string url;
  TimeSpan span;
};

// kInvalidArgument names the flag that is wrong.
absl::StatusOr<CheckedSelection> Check(const StoredSelection& selection, absl::Time now);

// As the collector's questions take it, of the kind and without.
Parameters ParametersOf(const StoredSelection& selection, const TimeSpan& span);

// The page's address that shows the selection.
std::string PageUrl(const StoredSelection& selection, const CheckedSelection& checked);

}  // namespace sonde::agentctl
