#pragma once

#include "profile/flame.h"
#include "proto/querier/v1/querier.pb.h"

namespace sonde::web {

// A flame graph as Pyroscope tells it: levels from the root down, each frame by its distance from the one to its left.
::querier::v1::FlameGraph LevelsOf(const profile::Flame& flame);

}  // namespace sonde::web
