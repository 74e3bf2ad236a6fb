#pragma once

#include "agent/control/config.h"

namespace sonde::control {

// What an agent that runs with `in_force` goes on with when its settings become `wanted`: those that can change while
// it runs are as wanted, all others stay. That can: log.level; overhead_budget; relabel and labels.max_series, from the
// next window's end on; and of each target that keeps its place, type and address what it is shown and how it is
// trusted (auth, tls, tenant, headers, compression), from the next push on.
Config WithReloadable(const Config& in_force, const Config& wanted);

}  // namespace sonde::control
