#pragma once

#include <string>
#include <vector>

#include "collector/query/querier.h"
#include "profile/flame.h"
#include "profile/frame_tree.h"

namespace sonde::web {

// The JSON of the API. Values in the unit of the sample type, instants in Unix milliseconds. Strings are data: whoever
// shows them escapes them.
std::string KindsJson(const std::vector<query::KindFacts>& kinds);
std::string SeriesJson(const std::vector<store::Series>& series);
std::string LabelsJson(const std::vector<std::string>& names);
std::string ValuesJson(const std::string& label, const std::vector<std::string>& values);
std::string OverviewJson(const query::Overview& overview);
std::string TimelineJson(const std::string& by, const query::Timeline& timeline);
// The `limit` heaviest functions by first weight of what ends in them.
std::string TopJson(const query::Heading& heading, const profile::FrameTree& tree, size_t limit);
std::string FlameJson(const query::Heading& heading, const profile::Flame& flame);
std::string SandwichJson(const query::Heading& heading, const std::string& function, const profile::Sandwich& sandwich,
                         size_t max_nodes, profile::Second second);
// With `limit` functions.
std::string DiffJson(const query::Comparison& comparison, size_t max_nodes, size_t limit);
std::string WaitsJson(const std::string& by, const query::Waits& waits, size_t limit);
std::string HeatmapJson(const query::Heatmap& map);
std::string ErrorJson(const std::string& reason);
// An error of the Connect protocol.
std::string ConnectErrorJson(const std::string& code, const std::string& reason);

}  // namespace sonde::web
