#include "profile/kind.h"

#include <algorithm>
#include <array>

namespace sonde::profile {
namespace {

struct KindFacts {
  Kind kind;
  std::string_view name;
  std::string_view pyroscope_name;
  std::array<SampleType, 2> sample_types;
  size_t sample_type_count;
  SampleType period_type;
};

constexpr Kind kAll[] = {Kind::kCpu, Kind::kOffCpu, Kind::kWall, Kind::kFaults, Kind::kWaitLengths};

constexpr KindFacts kFacts[] = {
    {Kind::kCpu, "cpu", "process_cpu", {{{"samples", "count"}, {"cpu", "nanoseconds"}}}, 2, {"cpu", "nanoseconds"}},
    {Kind::kOffCpu, "offcpu", "off_cpu", {{{"waits", "count"}, {"delay", "nanoseconds"}}}, 2, {"waits", "count"}},
    {Kind::kWall, "wall", "wall", {{{"wall", "nanoseconds"}, {}}}, 1, {"wall", "nanoseconds"}},
    {Kind::kFaults, "faults", "page_faults", {{{"faults", "count"}, {"bytes", "bytes"}}}, 2, {"faults", "count"}},
    {Kind::kWaitLengths,
     "wait_lengths",
     "wait_lengths",
     {{{"wait_lengths", "count"}, {}}},
     1,
     {"wait_lengths", "count"}},
};

const KindFacts& Facts(Kind kind) { return kFacts[static_cast<size_t>(kind)]; }

}  // namespace

std::string_view KindName(Kind kind) { return Facts(kind).name; }

std::optional<Kind> ParseKind(std::string_view name) {
  const auto* found = std::ranges::find(kFacts, name, &KindFacts::name);
  if (found == std::end(kFacts)) return std::nullopt;
  return found->kind;
}

std::span<const Kind> AllKinds() { return kAll; }

std::string_view KindNames() { return "cpu, offcpu, wall, faults or wait_lengths"; }

std::span<const SampleType> SampleTypes(Kind kind) {
  return {Facts(kind).sample_types.data(), Facts(kind).sample_type_count};
}

SampleType PeriodType(Kind kind) { return Facts(kind).period_type; }

std::string_view PyroscopeName(Kind kind) { return Facts(kind).pyroscope_name; }

}  // namespace sonde::profile
