#include "agent/app/settings.h"

#include <utility>

#include "agent/control/reload.h"
#include "base/clock.h"

namespace sonde::app {

Reloaded Settings::Take(const absl::StatusOr<control::Config>& read) {
  absl::MutexLock lock(&mutex_);
  last_ = {.unix_ns = base::WallNs(), .taken = {}, .wants_restart = {}, .error = {}};
  if (!read.ok()) {
    last_.error = std::string(read.status().message());
    return last_;
  }
  control::Config next = control::WithReloadable(in_force_, *read);
  last_.taken = control::KeysThatDiffer(in_force_, next);
  last_.wants_restart = control::KeysThatDiffer(next, *read);
  in_force_ = std::move(next);
  return last_;
}

}  // namespace sonde::app
