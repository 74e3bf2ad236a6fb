#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "agent/control/config.h"

namespace sonde::app {

// How a run of the agent ended.
struct ServiceEnd {
  absl::Status status;
  bool had_started = false;  // false: `status` says why it could not
};

// Runs the agent until SIGTERM or SIGINT, or until it fails. Tells the service manager (base/service_notifier.h) when
// it is ready, how it goes, and that it is alive as long as its own threads come on, whatever its targets do. SIGHUP
// has it ask `reload` for the settings anew: it takes those that can change while it runs, and says which others want a
// new start. Call from main, before any thread starts.
ServiceEnd RunService(control::Config config, const std::string& version,
                      const std::function<absl::StatusOr<control::Config>()>& reload);

}  // namespace sonde::app
