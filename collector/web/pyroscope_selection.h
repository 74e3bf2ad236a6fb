#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/query/querier.h"

namespace sonde::web {

// How questions in Pyroscope's terms name profiles and samples.

// A label of series in questions alone: which value of which kind.
inline constexpr char kProfileType[] = "__profile_type__";

// NAME:TYPE:UNIT:PERIOD_TYPE:PERIOD_UNIT, the name being the one that our agent gives Pyroscope, taken apart.
struct TypeId {
  std::string kind;  // ours
  std::string sample_type;
};
absl::StatusOr<TypeId> ParseTypeId(const std::string& id);
// The name of a kind in it.
std::string NameOfKind(const std::string& kind);
// The types of all kinds in that time, by kind.
absl::StatusOr<std::map<std::string, std::vector<std::string>>> TypeIdsByKind(const query::Querier& querier,
                                                                              store::TimeRange range);

// Of milliseconds; neither is all time, as old clients mean it.
store::TimeRange RangeOfMs(int64_t start, int64_t end);

// Of `matchers`, the profile type among which wins over `kind`.
absl::StatusOr<query::Selection> Selected(std::string matchers, std::string kind, store::TimeRange range);

// `selector` of only those samples whose `label` is one of these ids, of so many hexadecimal digits; itself when there
// are none.
absl::StatusOr<std::string> WithIds(const std::string& selector, const std::string& label, size_t digits,
                                    const std::vector<std::string>& ids);

}  // namespace sonde::web
