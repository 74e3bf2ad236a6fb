#include "collector/query/selecting.h"

#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "collector/store/sample_columns.h"

namespace sonde::query {
namespace {

constexpr size_t kMaxNamesInAdvice = 8;
constexpr int64_t kMaxRegexBytes = 1 << 20;  // of a compiled one

std::string TimeText(int64_t unix_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(unix_ns), absl::UTCTimeZone());
}

std::string Listed(const std::set<std::string>& names) {
  std::vector<std::string> first(
      names.begin(), std::next(names.begin(), static_cast<ptrdiff_t>(std::min(names.size(), kMaxNamesInAdvice))));
  return absl::StrCat(absl::StrJoin(first, ", "), names.size() > first.size() ? ", ..." : "");
}

}  // namespace

std::string ServiceOf(const profile::Labels& labels) {
  const std::string_view service = profile::LabelOf(labels, profile::kServiceName);
  return !service.empty() ? std::string(service) : "unknown_service";
}

store::TimeRange SpanOf(const std::vector<store::Series>& series) {
  store::TimeRange span = {kAllTime.to_ns, kAllTime.from_ns};
  for (const auto& one : series) {
    span.from_ns = std::min(span.from_ns, one.first_ns);
    span.to_ns = std::max(span.to_ns, one.last_ns);
  }
  return span;
}

absl::Status NothingSelected(store::Reader* reader, const Selection& selection) {
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
  Selection ever = selection;
  ever.range = kAllTime;
  LabelGroups groups(selection.selector, By::kNothing, "");
  for (const auto& series : of_kind) services.insert(ServiceOf(series.labels));
  store::TimeRange span = {kAllTime.to_ns, kAllTime.from_ns};
  auto note = [&span](const SelectedTotals& totals) {
    span.from_ns = std::min(span.from_ns, totals.profile.start_ns);
    span.to_ns = std::max(span.to_ns, totals.profile.end_ns);
    return absl::OkStatus();
  };
  if (auto visited = VisitTotals(reader, ever, &groups, note); !visited.ok()) return visited.status();
  if (span.from_ns > span.to_ns) {
    return absl::NotFoundError(absl::StrCat("no ", selection.kind, " profile matches ", selection.selector.ToString(),
                                            "; services that have one: ", Listed(services)));
  }
  return absl::NotFoundError(absl::StrCat("no ", selection.kind, " profile of ", selection.selector.ToString(),
                                          " between ", TimeText(selection.range.from_ns), " and ",
                                          TimeText(selection.range.to_ns), "; there are some from ",
                                          TimeText(span.from_ns), " to ", TimeText(span.to_ns)));
}

absl::Status VisitRows(store::Reader* reader, const Selection& selection, store::Reader::Depth depth,
                       absl::FunctionRef<absl::Status(const store::Series&, const store::StoredProfile&)> visit) {
  auto all = reader->ListSeries(selection.kind, selection.range);
  if (!all.ok()) return all.status();
  for (const store::Series& series : *all) {
    auto status = reader->Visit(series.id, selection.range, depth,
                                [&](const store::StoredProfile& profile) { return visit(series, profile); });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> VisitTotals(store::Reader* reader, const Selection& selection, LabelGroups* groups,
                                    absl::FunctionRef<absl::Status(const SelectedTotals&)> visit) {
  std::map<int64_t, std::shared_ptr<const store::VolumeView>> volumes;
  int64_t windows = 0, series_id = -1;
  auto take = [&](const store::Series& series, const store::StoredProfile& profile) -> absl::Status {
    if (std::exchange(series_id, series.id) != series.id) groups->StartSeries(series.labels);
    auto& view = volumes[profile.volume];
    if (view == nullptr) {
      auto loaded = reader->Volume(profile.volume);
      if (!loaded.ok()) return loaded.status();
      view = *std::move(loaded);
    }
    absl::Status status;
    bool has_any = false;
    auto add = [&](uint32_t labels, std::span<const int64_t> values) {
      if (!status.ok()) return;
      auto group = groups->Of(profile.volume, view->Entries(), labels);
      status = group.status();
      if (!status.ok() || *group == LabelGroups::kLeftOut) return;
      has_any = true;
      status = visit({series, profile, view->Entries(), *group, values});
    };
    auto decoded = store::DecodeTotals(profile.totals, profile.value_count, add);
    if (has_any) windows += profile.windows;
    return decoded.ok() ? status : decoded;
  };
  if (auto status = VisitRows(reader, selection, store::Reader::Depth::kTotals, take); !status.ok()) return status;
  return windows;
}

absl::Status VisitSamples(store::Reader* reader, const Selection& selection,
                          absl::FunctionRef<absl::Status(const store::Series&, const store::StoredProfile&)> visit) {
  if (selection.selector.MatchesAll()) return VisitRows(reader, selection, store::Reader::Depth::kSamples, visit);
  LabelGroups groups(selection.selector, By::kNothing, "");
  int64_t row_seen = -1;
  auto take = [&](const SelectedTotals& totals) -> absl::Status {
    if (std::exchange(row_seen, totals.profile.id) == totals.profile.id) return absl::OkStatus();
    auto samples = reader->SamplesOf(totals.profile.id);
    if (!samples.ok()) return samples.status();
    store::StoredProfile profile = totals.profile;
    profile.samples = *samples;
    return visit(totals.series, profile);
  };
  return VisitTotals(reader, selection, &groups, take).status();
}

absl::StatusOr<std::vector<profile::Labels>> SelectedLabels(store::Reader* reader, const Selection& selection) {
  LabelGroups groups(selection.selector, By::kAllLabels, "");
  auto visited = VisitTotals(reader, selection, &groups, [](const SelectedTotals&) { return absl::OkStatus(); });
  if (!visited.ok()) return visited.status();
  std::vector<profile::Labels> sets;
  for (size_t i = 0; i < groups.Size(); ++i) sets.push_back(groups.At(static_cast<int32_t>(i)).all);
  return sets;
}

absl::StatusOr<int> ValueIndexOf(const profile::Pprof& shape, const std::string& sample_type) {
  std::set<std::string> names;
  for (int i = 0; i < shape.sample_type_size(); ++i) {
    if (profile::TextAt(shape, shape.sample_type(i).type()) == sample_type) return i;
    names.insert(profile::TextAt(shape, shape.sample_type(i).type()));
  }
  if (sample_type.empty()) return shape.sample_type_size() - 1;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no value '", sample_type, "' in these profiles; they have: ", Listed(names)));
}

int CountIndexOf(const profile::Pprof& shape, int value) {
  for (int i = 0; i < shape.sample_type_size(); ++i) {
    if (i != value && profile::TextAt(shape, shape.sample_type(i).unit()) == "count") return i;
  }
  return -1;
}

absl::StatusOr<std::function<bool(const profile::Frame&)>> FrameFilter(const std::string& regex,
                                                                       const char* parameter) {
  if (regex.empty()) return std::function<bool(const profile::Frame&)>();
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMaxRegexBytes);
  auto compiled = std::make_shared<const re2::RE2>(regex, options);
  if (!compiled->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", parameter, "' is no regular expression of RE2: ", compiled->error()));
  }
  return [compiled](const profile::Frame& frame) {
    return re2::RE2::PartialMatch(frame.name, *compiled) || re2::RE2::PartialMatch(frame.file, *compiled);
  };
}

Heading HeadingOf(const std::string& kind, const Summary& summary, int value) {
  const auto& type = summary.Shape().sample_type(value);
  return {.kind = kind,
          .sample_type = profile::TextAt(summary.Shape(), type.type()),
          .unit = profile::TextAt(summary.Shape(), type.unit()),
          .from_ns = summary.FromNs(),
          .to_ns = summary.ToNs(),
          .profiles = summary.Profiles(),
          .comments = summary.Comments()};
}

}  // namespace sonde::query
