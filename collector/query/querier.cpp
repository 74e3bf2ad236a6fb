#include "collector/query/querier.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "collector/query/frame_trie.h"
#include "collector/query/selecting.h"
#include "collector/query/stack_sums.h"
#include "profile/flame.h"
#include "profile/kind.h"
#include "profile/reason.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

std::vector<store::Series> MatchingSeries(std::vector<store::Series> series, const profile::Selector& selector) {
  std::erase_if(series, [&selector](const store::Series& one) { return !selector.Matches(one.labels); });
  return series;
}

absl::StatusOr<StackSums> SumStacks(store::Reader* reader, const Selection& selection, By by,
                                    const std::string& label) {
  StackSums sums(LabelGroups(selection.selector, by, label));
  int64_t series_id = -1;
  auto add = [&](const store::Series& series, const store::StoredProfile& profile) {
    if (std::exchange(series_id, series.id) != series.id) sums.StartSeries(series.labels);
    return sums.Add(reader, profile);
  };
  auto status = VisitSamples(reader, selection, add);
  if (!status.ok()) return status;
  if (sums.Facts().Profiles() == 0) return NothingSelected(reader, selection);
  return sums;
}

// Takes out the samples of stacks that are not asked for.
absl::Status Filter(const StackQuery& query, profile::Pprof* pprof) {
  auto focus = FrameFilter(query.focus, "focus"), ignore = FrameFilter(query.ignore, "ignore");
  if (!focus.ok()) return focus.status();
  if (!ignore.ok()) return ignore.status();
  if (*focus == nullptr && *ignore == nullptr) return absl::OkStatus();
  const profile::FrameTable frames(*pprof);
  auto has = [&frames](const auto& sample, const std::function<bool(const profile::Frame&)>& is_it) {
    return std::ranges::any_of(sample.location_id(), [&](uint64_t id) {
      return std::ranges::any_of(frames.Of(id), [&](int32_t frame) { return is_it(frames.At(frame)); });
    });
  };
  auto unwanted = [&](const auto& sample) {
    return (*focus != nullptr && !has(sample, *focus)) || (*ignore != nullptr && has(sample, *ignore));
  };
  auto* samples = pprof->mutable_sample();
  samples->erase(std::remove_if(samples->begin(), samples->end(), unwanted), samples->end());
  return absl::OkStatus();
}

int64_t* PartOf(ServiceTime* time, const std::string& name) {
  const std::optional<profile::Reason> reason = profile::ParseReason(name);
  return &time->group_ns[reason ? std::string(profile::GroupName(profile::GroupOf(*reason))) : "unknown"];
}

}  // namespace

Querier::Querier(std::string directory)
    : directory_(std::move(directory)),
      cache_(std::make_shared<store::VolumeCache>()),
      trie_(std::make_shared<FrameTrie>()) {}

absl::Status Querier::Ping() const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  // A range after all time: touches the tables, reads no profile.
  return reader->ListSeries("", {kAllTime.to_ns, kAllTime.to_ns}).status();
}

absl::StatusOr<std::vector<store::Series>> Querier::ListSeries(const Selection& selection) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  auto series = reader->ListSeries(selection.kind, selection.range);
  if (!series.ok()) return series.status();
  return MatchingSeries(*std::move(series), selection.selector);
}

absl::StatusOr<std::vector<KindFacts>> Querier::Kinds(store::TimeRange range) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  auto all = reader->ListSeries("", range);
  if (!all.ok()) return all.status();
  std::map<std::string, KindFacts> kinds;
  for (const store::Series& series : *all) {
    auto [entry, is_new] = kinds.try_emplace(series.kind);
    KindFacts& facts = entry->second;
    facts.kind = series.kind;
    facts.first_ns = is_new ? series.first_ns : std::min(facts.first_ns, series.first_ns);
    facts.last_ns = is_new ? series.last_ns : std::max(facts.last_ns, series.last_ns);
    facts.profiles += series.profiles;
    ++facts.series;
    if (!is_new) continue;
    auto shape = reader->LatestShape(series.id, range);
    if (!shape.ok()) return shape.status();
    auto words = [&shape](const perftools::profiles::ValueType& type) {
      return std::pair(shape->string_table(static_cast<int>(type.type())),
                       shape->string_table(static_cast<int>(type.unit())));
    };
    for (const auto& type : shape->sample_type()) facts.sample_types.push_back(words(type));
    facts.period_type = words(shape->period_type());
  }
  std::vector<KindFacts> sorted;
  for (auto& [kind, facts] : kinds) sorted.push_back(std::move(facts));
  return sorted;
}

absl::StatusOr<std::vector<std::string>> Querier::LabelNames(const Selection& selection) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  auto sets = SelectedLabels(&*reader, selection);
  if (!sets.ok()) return sets.status();
  std::set<std::string> names;
  for (const profile::Labels& labels : *sets) {
    for (const auto& [name, value] : labels) names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<std::vector<std::string>> Querier::LabelValues(const Selection& selection,
                                                              const std::string& label) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  auto sets = SelectedLabels(&*reader, selection);
  if (!sets.ok()) return sets.status();
  std::set<std::string> values;
  for (const profile::Labels& labels : *sets) {
    if (auto found = labels.find(label); found != labels.end()) values.insert(found->second);
  }
  return std::vector<std::string>(values.begin(), values.end());
}

absl::StatusOr<Merged> Querier::Merge(const StackQuery& query) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  auto sums = SumStacks(&*reader, query.selection, By::kAllLabels, "");
  if (!sums.ok()) return sums.status();
  auto pprof = sums->ToPprof();
  if (!pprof.ok()) return pprof.status();
  if (auto status = Filter(query, &*pprof); !status.ok()) return status;
  return Merged{*std::move(pprof), sums->Facts().Profiles()};
}

absl::StatusOr<Stacks> Querier::StacksOf(const StackQuery& query) const {
  auto focus = FrameFilter(query.focus, "focus"), ignore = FrameFilter(query.ignore, "ignore");
  if (!focus.ok()) return focus.status();
  if (!ignore.ok()) return ignore.status();
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  auto sums = SumStacks(&*reader, query.selection, query.root.empty() ? By::kNothing : By::kLabel, query.root);
  if (!sums.ok()) return sums.status();
  auto value = ValueIndexOf(sums->Facts().Shape(), query.sample_type);
  if (!value.ok()) return value.status();
  const int count = CountIndexOf(sums->Facts().Shape(), *value);
  auto tree = sums->ToTree(*value, count, query.root, trie_.get());
  if (!tree.ok()) return tree.status();
  Stacks stacks{HeadingOf(query.selection.kind, sums->Facts(), *value), count >= 0,
                count >= 0 && count == profile::WaitsIndex(sums->Facts().Shape()), *std::move(tree)};
  stacks.tree.KeepStacks(*focus, *ignore);
  stacks.heading.total = stacks.tree.Nodes().front().total[0];
  return stacks;
}

absl::StatusOr<Overview> Querier::SumByService(const Selection& selection) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  Selection wall = selection;
  wall.kind = profile::KindName(profile::Kind::kWall);
  LabelGroups groups(wall.selector, By::kLabel, profile::kReason);
  Overview overview;
  overview.span = {kAllTime.to_ns, kAllTime.from_ns};
  std::map<std::string, ServiceTime> services;
  auto add = [&](const SelectedTotals& totals) {
    overview.span.from_ns = std::min(overview.span.from_ns, totals.profile.start_ns);
    overview.span.to_ns = std::max(overview.span.to_ns, totals.profile.end_ns);
    ServiceTime& time = services[ServiceOf(totals.series.labels)];
    int64_t* part = PartOf(&time, groups.At(totals.group).value);
    *part = profile::SaturatingAdd(*part, totals.values.back());
    time.wall_ns = profile::SaturatingAdd(time.wall_ns, totals.values.back());
    return absl::OkStatus();
  };
  auto windows = VisitTotals(&*reader, wall, &groups, add);
  if (!windows.ok()) return windows.status();
  overview.profiles = *windows;
  if (services.empty()) overview.span = selection.range;
  for (auto& [service, time] : services) {
    time.service = service;
    overview.services.push_back(std::move(time));
  }
  std::ranges::stable_sort(overview.services, std::ranges::greater(), &ServiceTime::wall_ns);
  return overview;
}

}  // namespace sonde::query
