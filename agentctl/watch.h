#pragma once

#include <functional>

#include "absl/time/time.h"

namespace sonde::agentctl {

// Shows the same again and again with a pause between, until an interrupt or, unless it `goes_on`, until `show` gives
// an exit code other than 0, which is then this one's. On a terminal each takes the place of the one before, whole.
int Watch(absl::Duration pause, bool goes_on, const std::function<int()>& show);

}  // namespace sonde::agentctl
