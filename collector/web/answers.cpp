#include "collector/web/answers.h"

#include <nlohmann/json.hpp>

#include "profile/table_key.h"

namespace sonde::web {
namespace {

using nlohmann::json;

constexpr int64_t kNsPerMs = 1'000'000;

// All strings in the store are valid UTF-8; what a client sent us in a URL may not be.
std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

const std::string& Text(const profile::Pprof& pprof, int64_t index) {
  return pprof.string_table(static_cast<int>(index));
}

// What the values mean and which time they cover: the windows that were merged, which may reach beyond the range.
json Header(const std::string& kind, const query::Merged& merged) {
  const profile::Pprof& pprof = merged.pprof;
  const auto& type = pprof.sample_type(pprof.sample_type_size() - 1);
  json comments = json::array();
  for (int64_t comment : pprof.comment()) comments.push_back(Text(pprof, comment));
  return {{"kind", kind},
          {"unit", Text(pprof, type.unit())},
          {"sample_type", Text(pprof, type.type())},
          {"from_ms", pprof.time_nanos() / kNsPerMs},
          {"to_ms", profile::SaturatingAdd(pprof.time_nanos(), pprof.duration_nanos()) / kNsPerMs},
          {"profiles", merged.profiles},
          {"comments", comments}};
}

}  // namespace

std::string SeriesJson(const std::vector<store::Series>& series) {
  json all = json::array();
  for (const auto& one : series) {
    all.push_back({{"kind", one.kind},
                   {"labels", one.labels},
                   {"profiles", one.profiles},
                   {"first_ms", one.first_ns / kNsPerMs},
                   {"last_ms", one.last_ns / kNsPerMs}});
  }
  return Dump({{"series", all}});
}

std::string FlameJson(const std::string& kind, const query::Merged& merged, const profile::Flame& flame) {
  json answer = Header(kind, merged);
  answer["total"] = flame.total.front();
  answer["dropped"] = flame.dropped;
  answer["names"] = flame.names;
  answer["files"] = flame.files;
  answer["depth"] = flame.depth;
  answer["total_values"] = flame.total;
  answer["self_values"] = flame.self;
  if (!flame.waits.empty()) answer["waits"] = flame.waits;
  answer["name"] = flame.name;
  answer["file"] = flame.file;
  if (!flame.inlined.empty()) answer["inlined"] = flame.inlined;
  return Dump(answer);
}

std::string OverviewJson(const query::Overview& overview) {
  json services = json::array();
  for (const auto& service : overview.services) {
    services.push_back({{"service", service.service},
                        {"groups", service.group_ns},
                        {"wall_ns", service.wall_ns}});
  }
  return Dump({{"services", services},
               {"from_ms", overview.span.from_ns / kNsPerMs},
               {"to_ms", overview.span.to_ns / kNsPerMs},
               {"profiles", overview.profiles}});
}

std::string TopJson(const std::string& kind, const query::Merged& merged,
                    const std::vector<profile::FunctionValue>& functions) {
  json answer = Header(kind, merged);
  int64_t total = 0;
  for (const auto& sample : merged.pprof.sample()) {
    total = profile::SaturatingAdd(total, sample.value(sample.value_size() - 1));
  }
  answer["total"] = total;
  answer["functions"] = json::array();
  for (const auto& one : functions) {
    answer["functions"].push_back(
        {{"function", one.function}, {"file", one.file}, {"self", one.self}, {"total", one.total}});
  }
  return Dump(answer);
}

std::string ErrorJson(const std::string& reason) { return Dump({{"error", reason}}); }

}  // namespace sonde::web
