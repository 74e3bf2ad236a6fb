#pragma once

#include <string>
#include <vector>

#include "collector/query/querier.h"
#include "profile/flame.h"
#include "profile/top.h"

namespace sonde::web {

// The JSON of the API. Values in the unit of the sample type, instants in Unix milliseconds. Strings are data: whoever
// shows them escapes them.
std::string SeriesJson(const std::vector<store::Series>& series);
std::string FlameJson(const std::string& kind, const query::Merged& merged, const profile::Flame& flame);
std::string OverviewJson(const query::Overview& overview);
std::string TopJson(const std::string& kind, const query::Merged& merged,
                    const std::vector<profile::FunctionValue>& functions);
std::string ErrorJson(const std::string& reason);

}  // namespace sonde::web
