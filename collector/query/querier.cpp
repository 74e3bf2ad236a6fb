#include "collector/query/querier.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "profile/kind.h"
#include "profile/merge.h"
#include "profile/pprof_file.h"
#include "profile/reason.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

constexpr size_t kMaxSumBytes = size_t{512} << 20;
// What is in the store was checked when it came in, under whatever limit held then.
constexpr size_t kMaxStoredBytes = size_t{1} << 30;
constexpr store::TimeRange kAllTime = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
constexpr size_t kMaxNamesInAdvice = 8;

std::string Time(int64_t unix_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(unix_ns), absl::UTCTimeZone());
}

std::vector<store::Series> Matching(std::vector<store::Series> series, const profile::Selector& selector) {
  std::erase_if(series, [&selector](const store::Series& one) { return !selector.Matches(one.labels); });
  return series;
}

store::TimeRange SpanOf(const std::vector<store::Series>& series) {
  store::TimeRange span = {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  for (const auto& one : series) {
    span.from_ns = std::min(span.from_ns, one.first_ns);
    span.to_ns = std::max(span.to_ns, one.last_ns);
  }
  return span;
}

std::string ServiceOf(const profile::Labels& labels) {
  const std::string_view service = profile::LabelOf(labels, profile::kServiceName);
  return !service.empty() ? std::string(service) : "unknown_service";
}

std::string Listed(const std::set<std::string>& names) {
  std::vector<std::string> first(
      names.begin(), std::next(names.begin(), static_cast<ptrdiff_t>(std::min(names.size(), kMaxNamesInAdvice))));
  return absl::StrCat(absl::StrJoin(first, ", "), names.size() > first.size() ? ", ..." : "");
}

// Why a selection is empty, in one line: no such kind, no such series, or no window in the range.
absl::Status Nothing(store::Reader* reader, const Selection& selection) {
  auto all = reader->ListSeries("", kAllTime);
  if (!all.ok()) return all.status();
  if (all->empty()) return absl::NotFoundError("nothing is stored yet: is an agent pushing to this collector?");
  std::set<std::string> kinds, services;
  std::vector<store::Series> of_kind;
  for (const auto& series : *all) {
    kinds.insert(series.kind);
    if (series.kind == selection.kind) of_kind.push_back(series);
  }
  if (of_kind.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no profile of kind '", selection.kind, "' is stored; stored kinds: ", Listed(kinds)));
  }
  for (const auto& series : of_kind) services.insert(ServiceOf(series.labels));
  auto matching = Matching(std::move(of_kind), selection.selector);
  if (matching.empty()) {
    return absl::NotFoundError(absl::StrCat("no ", selection.kind, " profile matches ", selection.selector.ToString(),
                                            "; services that have one: ", Listed(services)));
  }
  store::TimeRange span = SpanOf(matching);
  return absl::NotFoundError(absl::StrCat(
      "no ", selection.kind, " profile of ", selection.selector.ToString(), " between ", Time(selection.range.from_ns),
      " and ", Time(selection.range.to_ns), "; there are some from ", Time(span.from_ns), " to ", Time(span.to_ns)));
}

profile::Labels Wanted(const profile::Labels& labels, const std::optional<std::string>& only_label) {
  if (!only_label.has_value()) return labels;
  auto found = labels.find(*only_label);
  return found == labels.end() ? profile::Labels() : profile::Labels{*found};
}

absl::Status AddTo(profile::Merger* merger, std::string_view bytes, const profile::Labels& labels) {
  auto pprof = profile::Decode(bytes, kMaxStoredBytes);
  if (!pprof.ok()) {
    return absl::DataLossError(absl::StrCat("a stored profile is damaged: ", pprof.status().message()));
  }
  if (auto status = merger->Add(*pprof, labels); !status.ok()) return status;
  if (merger->Bytes() <= kMaxSumBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the selected profiles together need more than ", kMaxSumBytes >> 20,
                                                   " MiB; ask for a shorter time or fewer services"));
}

const std::string* ReasonOf(const profile::Pprof& pprof, const ::perftools::profiles::Sample& sample) {
  for (const auto& label : sample.label()) {
    if (pprof.string_table(static_cast<int>(label.key())) != profile::kReason || label.str() == 0) continue;
    return &pprof.string_table(static_cast<int>(label.str()));
  }
  return nullptr;
}

int64_t* PartOf(ServiceTime* time, const std::string* name) {
  const std::optional<profile::Reason> reason = name != nullptr ? profile::ParseReason(*name) : std::nullopt;
  return &time->group_ns[reason ? std::string(profile::GroupName(profile::GroupOf(*reason))) : "unknown"];
}

absl::Status AddTo(ServiceTime* time, std::string_view bytes) {
  auto pprof = profile::Decode(bytes, kMaxStoredBytes);
  if (!pprof.ok()) {
    return absl::DataLossError(absl::StrCat("a stored profile is damaged: ", pprof.status().message()));
  }
  for (const auto& sample : pprof->sample()) {
    int64_t value = sample.value(sample.value_size() - 1);
    int64_t* part = PartOf(time, ReasonOf(*pprof, sample));
    *part = profile::SaturatingAdd(*part, value);
    time->wall_ns = profile::SaturatingAdd(time->wall_ns, value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Querier::Ping() const {
  auto reader = store::Reader::Open(directory_);
  if (!reader.ok()) return reader.status();
  // A range after all time: touches the tables, reads no profile.
  return reader->ListSeries("", {kAllTime.to_ns, kAllTime.to_ns}).status();
}

absl::StatusOr<std::vector<store::Series>> Querier::ListSeries(const Selection& selection) const {
  auto reader = store::Reader::Open(directory_);
  if (!reader.ok()) return reader.status();
  auto series = reader->ListSeries(selection.kind, selection.range);
  if (!series.ok()) return series.status();
  return Matching(*std::move(series), selection.selector);
}

absl::StatusOr<Merged> Querier::Merge(const Selection& selection, const std::optional<std::string>& only_label) const {
  auto reader = store::Reader::Open(directory_);
  if (!reader.ok()) return reader.status();
  auto series = reader->ListSeries(selection.kind, selection.range);
  if (!series.ok()) return series.status();
  Merged merged;
  profile::Merger merger;
  for (const auto& one : Matching(*std::move(series), selection.selector)) {
    const profile::Labels labels = Wanted(one.labels, only_label);
    auto status = reader->Visit(one.id, selection.range, [&merger, &merged, &labels](std::string_view bytes) {
      ++merged.profiles;
      return AddTo(&merger, bytes, labels);
    });
    if (!status.ok()) return status;
  }
  if (merged.profiles == 0) return Nothing(&*reader, selection);
  auto pprof = std::move(merger).Finish();
  if (!pprof.ok()) return pprof.status();
  merged.pprof = *std::move(pprof);
  return merged;
}

absl::StatusOr<Overview> Querier::SumByService(const Selection& selection) const {
  auto reader = store::Reader::Open(directory_);
  if (!reader.ok()) return reader.status();
  auto series = reader->ListSeries(std::string(profile::KindName(profile::Kind::kWall)), selection.range);
  if (!series.ok()) return series.status();
  auto matching = Matching(*std::move(series), selection.selector);
  Overview overview;
  overview.span = matching.empty() ? selection.range : SpanOf(matching);
  std::map<std::string, ServiceTime> services;
  for (const auto& one : matching) {
    ServiceTime* time = &services[ServiceOf(one.labels)];
    overview.profiles += one.profiles;
    auto add = [time](std::string_view bytes) { return AddTo(time, bytes); };
    if (auto status = reader->Visit(one.id, selection.range, add); !status.ok()) return status;
  }
  for (auto& [service, time] : services) {
    time.service = service;
    overview.services.push_back(std::move(time));
  }
  std::ranges::stable_sort(overview.services, std::ranges::greater(), &ServiceTime::wall_ns);
  return overview;
}

}  // namespace sonde::query
