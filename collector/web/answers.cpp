#include "collector/web/answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

namespace sonde::web {
namespace {

using nlohmann::json;

constexpr int64_t kMillisecondNs = 1'000'000;

// All strings in the store are valid UTF-8; what a client sent us in a URL may not be.
std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// What the values mean and which time they cover.
json Header(const query::Heading& heading) {
  return {{"kind", heading.kind},
          {"unit", heading.unit},
          {"sample_type", heading.sample_type},
          {"from_ms", heading.from_ns / kMillisecondNs},
          {"to_ms", heading.to_ns / kMillisecondNs},
          {"profiles", heading.profiles},
          {"comments", heading.comments},
          {"total", heading.total}};
}

void PutColumns(const profile::Flame& flame, json* answer) {
  json& to = *answer;
  to["dropped"] = flame.dropped;
  to["names"] = flame.names;
  to["files"] = flame.files;
  to["depth"] = flame.depth;
  to["total_values"] = flame.total;
  to["self_values"] = flame.self;
  if (!flame.waits.empty()) to["waits"] = flame.waits;
  if (!flame.base_total.empty()) {
    to["base_values"] = flame.base_total;
    to["base_self_values"] = flame.base_self;
  }
  to["name"] = flame.name;
  to["file"] = flame.file;
  if (!flame.inlined.empty()) to["inlined"] = flame.inlined;
}

json Columns(const profile::Flame& flame) {
  json columns;
  PutColumns(flame, &columns);
  return columns;
}

void PutAxis(const query::TimeAxis& axis, json* answer) {
  json times = json::array();
  for (size_t step = 0; step < axis.steps; ++step) {
    times.push_back((axis.begin_ns + static_cast<int64_t>(step) * axis.step_ns) / kMillisecondNs);
  }
  (*answer)["step_ms"] = axis.step_ns / kMillisecondNs;
  (*answer)["times_ms"] = std::move(times);
}

json OrNull(const std::optional<int64_t>& value) { return value.has_value() ? json(*value) : json(nullptr); }

}  // namespace

std::string KindsJson(const std::vector<query::KindFacts>& kinds) {
  json all = json::array();
  for (const auto& one : kinds) {
    json types = json::array();
    for (const auto& [type, unit] : one.sample_types) types.push_back({{"type", type}, {"unit", unit}});
    all.push_back({{"kind", one.kind},
                   {"sample_types", types},
                   {"series", one.series},
                   {"profiles", one.profiles},
                   {"first_ms", one.first_ns / kMillisecondNs},
                   {"last_ms", one.last_ns / kMillisecondNs}});
  }
  return Dump({{"kinds", all}});
}

std::string LabelsJson(const std::vector<std::string>& names) { return Dump({{"labels", names}}); }

std::string ValuesJson(const std::string& label, const std::vector<std::string>& values) {
  return Dump({{"label", label}, {"values", values}});
}

std::string SeriesJson(const std::vector<store::Series>& series) {
  json all = json::array();
  for (const auto& one : series) {
    all.push_back({{"kind", one.kind},
                   {"labels", one.labels},
                   {"profiles", one.profiles},
                   {"first_ms", one.first_ns / kMillisecondNs},
                   {"last_ms", one.last_ns / kMillisecondNs}});
  }
  return Dump({{"series", all}});
}

std::string FlameJson(const query::Heading& heading, const profile::Flame& flame) {
  json answer = Header(heading);
  PutColumns(flame, &answer);
  return Dump(answer);
}

std::string SandwichJson(const query::Heading& heading, const std::string& function, const profile::Sandwich& sandwich,
                         size_t max_nodes, profile::Second second) {
  json answer = Header(heading);
  answer["function"] = function;
  answer["self"] = sandwich.self[0];
  answer["function_total"] = sandwich.total[0];
  answer["callers"] = Columns(profile::LayOut(sandwich.callers, max_nodes, second));
  answer["callees"] = Columns(profile::LayOut(sandwich.callees, max_nodes, second));
  return Dump(answer);
}

std::string DiffJson(const query::Comparison& comparison, size_t max_nodes, size_t limit) {
  json answer = Header(comparison.heading);
  answer["base"] = Header(comparison.base);
  answer["scale"] = comparison.scale;
  PutColumns(profile::LayOut(comparison.tree, max_nodes, profile::Second::kBase), &answer);
  answer["functions"] = json::array();
  for (size_t i = 0; i < std::min(limit, comparison.functions.size()); ++i) {
    const query::Comparison::Function& one = comparison.functions[i];
    const profile::Frame& frame = comparison.tree.Frames().At(one.frame);
    answer["functions"].push_back({{"function", frame.name},
                                   {"file", frame.file},
                                   {"self", one.self},
                                   {"total", one.total},
                                   {"base_self", one.base_self},
                                   {"base_total", one.base_total},
                                   {"self_noise", OrNull(one.self_noise)},
                                   {"total_noise", OrNull(one.total_noise)}});
  }
  return Dump(answer);
}

std::string TimelineJson(const std::string& by, const query::Timeline& timeline) {
  json answer = Header(timeline.heading);
  answer["by"] = by;
  PutAxis(timeline.axis, &answer);
  answer["series"] = json::array();
  for (const auto& row : timeline.rows) {
    answer["series"].push_back({{"value", row.value}, {"total", row.total}, {"values", row.values}});
  }
  answer["rest"] = {{"total", timeline.rest.total}, {"values", timeline.rest.values}};
  return Dump(answer);
}

std::string WaitsJson(const std::string& by, const query::Waits& waits, size_t limit) {
  json answer = Header(waits.heading);
  answer["by"] = by;
  answer["rows"] = json::array();
  for (size_t i = 0; i < std::min(limit, waits.rows.size()); ++i) {
    const query::Waits::Row& row = waits.rows[i];
    answer["rows"].push_back({{"value", row.value},
                              {"waits", row.waits},
                              {"total", row.total},
                              {"mean", row.total / row.waits},
                              {"counted", row.is_counted},
                              {"p50", row.p50},
                              {"p90", row.p90},
                              {"p99", row.p99},
                              {"max", row.max}});
  }
  return Dump(answer);
}

std::string HeatmapJson(const query::Heatmap& map) {
  json answer = Header(map.heading);
  PutAxis(map.axis, &answer);
  answer["counted"] = map.is_counted;
  answer["low"] = map.low;
  answer["waits"] = map.waits;
  answer["values"] = map.values;
  return Dump(answer);
}

std::string OverviewJson(const query::Overview& overview) {
  json services = json::array();
  for (const auto& service : overview.services) {
    services.push_back({{"service", service.service}, {"groups", service.group_ns}, {"wall_ns", service.wall_ns}});
  }
  return Dump({{"services", services},
               {"from_ms", overview.span.from_ns / kMillisecondNs},
               {"to_ms", overview.span.to_ns / kMillisecondNs},
               {"profiles", overview.profiles}});
}

std::string TopJson(const query::Heading& heading, const profile::FrameTree& tree, size_t limit) {
  json answer = Header(heading);
  answer["functions"] = json::array();
  std::vector<profile::FunctionWeight> functions = profile::FunctionWeights(tree);
  const auto frame = [&tree](const profile::FunctionWeight& one) -> const profile::Frame& {
    return tree.Frames().At(one.frame);
  };
  std::ranges::sort(functions, [&frame](const auto& a, const auto& b) {
    return std::tie(b.self[0], b.total[0], frame(a).name, frame(a).file) <
           std::tie(a.self[0], a.total[0], frame(b).name, frame(b).file);
  });
  if (functions.size() > limit) functions.resize(limit);
  for (const auto& one : functions) {
    answer["functions"].push_back(
        {{"function", frame(one).name}, {"file", frame(one).file}, {"self", one.self[0]}, {"total", one.total[0]}});
  }
  return Dump(answer);
}

std::string ConnectErrorJson(const std::string& code, const std::string& reason) {
  return Dump({{"code", code}, {"message", reason}});
}

std::string ErrorJson(const std::string& reason) { return Dump({{"error", reason}}); }

}  // namespace sonde::web
