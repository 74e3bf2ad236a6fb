#include <algorithm>
#include <map>
#include <utility>

#include "collector/query/kept_stacks.h"
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

// What a timeline is made of.
class Pieces {
 public:
  // Of whole windows, by the sums of their sets of labels.
  absl::Status AddTotals(store::Reader* reader, const TimelineQuery& query, LabelGroups* groups) {
    auto take = [&](const SelectedTotals& totals) -> absl::Status {
      if (auto status = Meet(query, totals.profile, totals.dictionary); !status.ok()) return status;
      Add(totals.group, totals.profile, totals.values[static_cast<size_t>(value_)]);
      return absl::OkStatus();
    };
    return VisitTotals(reader, query.selection, groups, take).status();
  }

  // Of the stacks that are asked for.
  absl::Status AddStacks(store::Reader* reader, const TimelineQuery& query, LabelGroups* groups) {
    auto take = [&](const KeptSamples& samples) -> absl::Status {
      if (auto status = Meet(query, samples.profile, samples.dictionary); !status.ok()) return status;
      int64_t sum = 0;
      for (size_t i = 0; i < samples.samples.nodes.size(); ++i) {
        if (samples.IsKept(i)) AddTo(&sum, samples.Value(static_cast<size_t>(value_), i));
      }
      Add(samples.group, samples.profile, sum);
      return absl::OkStatus();
    };
    return VisitKept(reader, query.selection, query.focus, query.ignore, groups, take);
  }

  const Summary& Facts() const { return summary_; }
  int ValueIndex() const { return value_; }  // REQUIRES: Facts().Profiles() > 0
  const std::vector<Piece>& All() const { return pieces_; }

 private:
  absl::Status Meet(const TimelineQuery& query, const store::StoredProfile& profile,
                    const store::Dictionary& dictionary) {
    if (std::exchange(row_seen_, profile.id) == profile.id) return absl::OkStatus();
    if (auto status = summary_.Add(profile, dictionary); !status.ok()) return status;
    if (value_ >= 0) return absl::OkStatus();
    auto index = ValueIndexOf(summary_.Shape(), query.sample_type);
    if (index.ok()) value_ = *index;
    return index.status();
  }

  void Add(int32_t group, const store::StoredProfile& profile, int64_t value) {
    pieces_.push_back({group, profile.start_ns, profile.end_ns, value});
  }

  Summary summary_;
  std::vector<Piece> pieces_;
  int value_ = -1;
  int64_t row_seen_ = -1;
};

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
  LabelGroups groups(query.selection.selector, query.by.empty() ? By::kNothing : By::kLabel, query.by, query.further);
  Pieces found;
  const bool of_all_stacks = query.focus.empty() && query.ignore.empty();
  auto status = of_all_stacks ? found.AddTotals(&*reader, query, &groups) : found.AddStacks(&*reader, query, &groups);
  if (!status.ok()) return status;
  if (found.Facts().Profiles() == 0) return NothingSelected(&*reader, query.selection);
  Timeline timeline;
  timeline.heading = HeadingOf(query.selection.kind, found.Facts(), found.ValueIndex());
  auto axis = AxisOver({found.Facts().FromNs(), found.Facts().ToNs()}, query.selection.range, query.step_ns);
  if (!axis.ok()) return axis.status();
  timeline.axis = *axis;
  for (size_t i = 0; i < groups.Size(); ++i) {
    const LabelGroups::Group& group = groups.At(static_cast<int32_t>(i));
    timeline.rows.push_back({group.value, 0, std::vector<int64_t>(axis->steps, 0), group.further});
  }
  for (const Piece& piece : found.All()) {
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
