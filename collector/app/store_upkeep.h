#pragma once

#include "absl/functional/function_ref.h"
#include "collector/app/collector.h"
#include "collector/store/writer.h"

namespace sonde::app {

// Once a minute: deletes what `config` does not keep, forgets old requests, sums up old profiles. Leaves off between
// two steps when `go_on` says so. Failures are told in the log, and tried again the next time.
void KeepStore(store::Writer* writer, const Config& config, absl::FunctionRef<bool()> go_on);

}  // namespace sonde::app
