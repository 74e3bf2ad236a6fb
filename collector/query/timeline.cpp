#include <algorithm>
#include <map>
#include <utility>

#include "collector/query/querier.h"
#include "collector/query/selecting.h"
#include "collector/query/stack_sums.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

// One window's sum of one row.
struct Piece {
  int32_t group;
  int64_t begin_ns;
  int64_t end_ns;
  int64_t value;
};

void AddTo(int64_t* sum, int64_t value) { *sum = profile::SaturatingAdd(*sum, value); }

Timeline::Row& RowOf(std::vector<Timeline::Row>* rows, int32_t group) { return (*rows)[static_cast<size_t>(group)]; }

// Keeps the heaviest rows and sums up the rest.
void KeepHeaviest(size_t limit, Timeline* timeline) {
  std::ranges::stable_sort(timeline->rows, std::ranges::greater(), &Timeline::Row::total);
  timeline->rest.values.assign(timeline->axis.steps, 0);
  for (size_t i = limit; i < timeline->rows.size(); ++i) {
    AddTo(&timeline->rest.total, timeline->rows[i].total);
    for (size_t step = 0; step < timeline->axis.steps; ++step) {
      AddTo(&timeline->rest.values[step], timeline->rows[i].values[step]);
    }
  }
  if (timeline->rows.size() > limit) timeline->rows.resize(limit);
}

}  // namespace

absl::StatusOr<Timeline> Querier::TimelineOf(const TimelineQuery& query) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  LabelGroups groups(query.selection.selector, query.by.empty() ? By::kNothing : By::kLabel, query.by);
  Summary summary;
  std::vector<Piece> pieces;
  int value = -1;
  int64_t row_seen = -1;
  auto take = [&](const SelectedTotals& totals) -> absl::Status {
    const store::StoredProfile& profile = totals.profile;
    if (std::exchange(row_seen, profile.id) != profile.id) {
      if (auto status = summary.Add(profile, totals.dictionary); !status.ok()) return status;
    }
    if (value < 0) {
      auto index = ValueIndexOf(summary.Shape(), query.sample_type);
      if (!index.ok()) return index.status();
      value = *index;
    }
    pieces.push_back({totals.group, profile.start_ns, profile.end_ns, totals.values[static_cast<size_t>(value)]});
    return absl::OkStatus();
  };
  auto windows = VisitTotals(&*reader, query.selection, &groups, take);
  if (!windows.ok()) return windows.status();
  if (*windows == 0) return NothingSelected(&*reader, query.selection);
  Timeline timeline;
  timeline.heading = HeadingOf(query.selection.kind, summary, value);
  auto axis = AxisOver({summary.FromNs(), summary.ToNs()}, query.selection.range, query.step_ns);
  if (!axis.ok()) return axis.status();
  timeline.axis = *axis;
  for (size_t i = 0; i < groups.Size(); ++i) {
    timeline.rows.push_back({groups.At(static_cast<int32_t>(i)).value, 0, std::vector<int64_t>(axis->steps, 0)});
  }
  for (const Piece& piece : pieces) {
    Timeline::Row& row = RowOf(&timeline.rows, piece.group);
    AddTo(&row.total, piece.value);
    AddTo(&timeline.heading.total, piece.value);
    Spread(*axis, piece.begin_ns, piece.end_ns, piece.value,
           [&row](size_t step, int64_t share) { AddTo(&row.values[step], share); });
  }
  KeepHeaviest(query.limit, &timeline);
  return timeline;
}

}  // namespace sonde::query
