#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/query/kept_stacks.h"
#include "collector/query/querier.h"
#include "collector/query/selecting.h"
#include "collector/query/stack_sums.h"
#include "collector/query/wait_lengths.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

// Numbers of waits by their length as estimated, in 32 steps from each power of two to the next.
class Lengths {
 public:
  void Add(int64_t length, int64_t waits) {
    int64_t& bucket = buckets_[BucketOf(length)];
    bucket = profile::SaturatingAdd(bucket, waits);
    waits_ = profile::SaturatingAdd(waits_, waits);
    max_ = std::max(max_, length);
  }

  // The length that a share of `part` of all waits does not exceed.
  int64_t Percentile(double part) const {
    const double wanted = part * static_cast<double>(waits_);
    double seen = 0;
    for (const auto& [bucket, waits] : buckets_) {
      seen += static_cast<double>(waits);
      if (seen >= wanted) return std::min(MiddleOf(bucket), max_);
    }
    return max_;
  }

  int64_t Count() const { return waits_; }
  int64_t Max() const { return max_; }

 private:
  static constexpr int kSubBits = 5;

  static uint32_t BucketOf(int64_t length) {
    const auto value = static_cast<uint64_t>(length);
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - 1 - kSubBits);
    return (static_cast<uint32_t>(shift) << (kSubBits + 1)) + static_cast<uint32_t>(value >> shift);
  }
  static int64_t MiddleOf(uint32_t bucket) {
    const uint32_t shift = bucket >> (kSubBits + 1);
    const uint64_t low = uint64_t{bucket & ((2U << kSubBits) - 1)} << shift;
    return static_cast<int64_t>(low + ((uint64_t{1} << shift) >> 1));
  }

  std::map<uint32_t, int64_t> buckets_;
  int64_t waits_ = 0;
  int64_t max_ = 0;
};

// The waits of one stack and one set of labels in one window.
struct WaitGroup {
  int32_t group;
  int64_t begin_ns;
  int64_t end_ns;
  int64_t waits;
  int64_t total;
};

// Goes over everything that a question about waits selects.
class WaitVisitor {
 public:
  WaitVisitor(store::Reader* reader, const StackQuery& query, By by)
      : reader_(*reader), query_(query), groups_(query.selection.selector, by, query.root) {}

  absl::Status Visit(absl::FunctionRef<void(const WaitGroup&)> visit) {
    auto status = VisitKept(&reader_, query_.selection, query_.focus, query_.ignore, &groups_,
                            [&](const KeptSamples& samples) { return Take(samples, visit); });
    if (!status.ok()) return status;
    return summary_.Profiles() == 0 ? NothingSelected(&reader_, query_.selection) : absl::OkStatus();
  }

  const Summary& Facts() const { return summary_; }
  const LabelGroups& Groups() const { return groups_; }
  int TimeIndex() const { return time_; }

 private:
  // The values that are a count and a time.
  absl::Status FindValues() {
    const profile::Pprof& shape = summary_.Shape();
    for (int i = 0; i < shape.sample_type_size(); ++i) {
      if (shape.string_table(static_cast<int>(shape.sample_type(i).unit())) == "nanoseconds") time_ = i;
    }
    count_ = CountIndexOf(shape, time_);
    if (time_ >= 0 && count_ >= 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("profiles of kind '", query_.selection.kind, "' have no count and time of events; offcpu has"));
  }

  absl::Status Take(const KeptSamples& samples, absl::FunctionRef<void(const WaitGroup&)> visit) {
    const store::StoredProfile& profile = samples.profile;
    if (std::exchange(row_seen_, profile.id) != profile.id) {
      if (auto status = summary_.Add(profile, samples.dictionary); !status.ok()) return status;
      if (auto status = FindValues(); !status.ok()) return status;
    }
    for (size_t i = 0; i < samples.samples.nodes.size(); ++i) {
      const int64_t waits = samples.Value(static_cast<size_t>(count_), i);
      const int64_t total = samples.Value(static_cast<size_t>(time_), i);
      if (waits <= 0 || total < 0 || !samples.IsKept(i)) continue;
      visit({samples.group, profile.start_ns, profile.end_ns, waits, total});
    }
    return absl::OkStatus();
  }

  store::Reader& reader_;
  const StackQuery& query_;
  LabelGroups groups_;
  Summary summary_;
  int64_t row_seen_ = -1;
  int time_ = -1;
  int count_ = -1;
};

// By window and row, the power of two above all lengths in it: waits and time.
using HeatRows = std::map<int, std::pair<int64_t, int64_t>>;
using HeatWindows = std::map<std::pair<int64_t, int64_t>, HeatRows>;

void AddTo(HeatWindows* windows, std::pair<int64_t, int64_t> window, int row, int64_t waits, int64_t total) {
  auto& [waits_there, total_there] = (*windows)[window][row];
  waits_there = profile::SaturatingAdd(waits_there, waits);
  total_there = profile::SaturatingAdd(total_there, total);
}

// The same as counted, and of how many waits.
struct CountedHeat {
  HeatWindows windows{};
  WaitHistogram all{};
};

absl::StatusOr<CountedHeat> CountedHeatOf(store::Reader* reader, const StackQuery& query) {
  LabelGroups groups(query.selection.selector, By::kNothing, query.root);
  CountedHeat counted;
  auto status = VisitWaitLengths(reader, query, &groups, [&counted](const MeasuredWaits& waits) {
    const int64_t shortest = profile::ShortestWaitNs(waits.bucket), next = profile::ShortestWaitNs(1) << waits.bucket;
    int64_t total = 0;
    if (__builtin_mul_overflow(waits.waits, shortest + (next - shortest) / 2, &total)) total = INT64_MAX;
    const auto row = static_cast<int>(std::bit_width(static_cast<uint64_t>(next - 1)));
    AddTo(&counted.windows, {waits.begin_ns, waits.end_ns}, row, waits.waits, total);
    counted.all.Add(waits.bucket, waits.waits);
  });
  if (!status.ok()) return status;
  return counted;
}

// By value of the label.
absl::StatusOr<std::map<std::string, WaitHistogram>> CountedLengthsOf(store::Reader* reader, const StackQuery& query) {
  LabelGroups groups(query.selection.selector, By::kLabel, query.root);
  std::map<std::string, WaitHistogram> counted;
  auto status = VisitWaitLengths(reader, query, &groups, [&](const MeasuredWaits& waits) {
    counted[groups.At(waits.group).value].Add(waits.bucket, waits.waits);
  });
  if (!status.ok()) return status;
  return counted;
}

template <typename Of>
void SetLengths(const Of& lengths, int64_t max, Waits::Row* row) {
  row->p50 = lengths.Percentile(0.5);
  row->p90 = lengths.Percentile(0.9);
  row->p99 = lengths.Percentile(0.99);
  row->max = max;
}

}  // namespace

absl::StatusOr<Waits> Querier::WaitsOf(const StackQuery& query) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  WaitVisitor visitor(&*reader, query, By::kLabel);
  struct Sum {
    Lengths lengths;
    int64_t total = 0;
  };
  std::map<int32_t, Sum> sums;
  auto status = visitor.Visit([&sums](const WaitGroup& waits) {
    Sum& sum = sums[waits.group];
    sum.lengths.Add(waits.total / waits.waits, waits.waits);
    sum.total = profile::SaturatingAdd(sum.total, waits.total);
  });
  if (!status.ok()) return status;
  auto counted = CountedLengthsOf(&*reader, query);
  if (!counted.ok()) return counted.status();
  Waits answer{HeadingOf(query.selection.kind, visitor.Facts(), visitor.TimeIndex()), {}};
  for (const auto& [group, sum] : sums) {
    answer.heading.total = profile::SaturatingAdd(answer.heading.total, sum.total);
    Waits::Row row{.value = visitor.Groups().At(group).value, .waits = sum.lengths.Count(), .total = sum.total};
    const WaitHistogram& exact = (*counted)[row.value];
    row.is_counted = exact.AreOf(row.waits);
    if (row.is_counted) {
      SetLengths(exact, exact.LongestAtMost(), &row);
    } else {
      SetLengths(sum.lengths, sum.lengths.Max(), &row);
    }
    answer.rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(answer.rows, std::ranges::greater(), &Waits::Row::total);
  return answer;
}

absl::StatusOr<Heatmap> Querier::HeatmapOf(const StackQuery& query, int64_t step_ns) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  WaitVisitor visitor(&*reader, query, By::kNothing);
  HeatWindows windows;
  int64_t all_waits = 0;
  auto status = visitor.Visit([&](const WaitGroup& waits) {
    const auto row = static_cast<int>(std::bit_width(static_cast<uint64_t>(waits.total / waits.waits)));
    AddTo(&windows, {waits.begin_ns, waits.end_ns}, row, waits.waits, waits.total);
    all_waits = profile::SaturatingAdd(all_waits, waits.waits);
  });
  if (!status.ok()) return status;
  auto counted = CountedHeatOf(&*reader, query);
  if (!counted.ok()) return counted.status();
  const bool is_counted = counted->all.AreOf(all_waits);
  if (is_counted) windows = std::move(counted->windows);
  auto axis = AxisOver({visitor.Facts().FromNs(), visitor.Facts().ToNs()}, query.selection.range, step_ns);
  if (!axis.ok()) return axis.status();
  Heatmap map{HeadingOf(query.selection.kind, visitor.Facts(), visitor.TimeIndex()), is_counted, *axis, {}, {}, {}};
  int lowest = 64, highest = -1;
  for (const auto& [window, rows] : windows) {
    lowest = std::min(lowest, rows.begin()->first);
    highest = std::max(highest, rows.rbegin()->first);
  }
  for (int row = lowest; row <= highest; ++row) {
    map.low.push_back(row == 0 ? 0 : int64_t{1} << (row - 1));
    map.waits.emplace_back(axis->steps, 0);
    map.values.emplace_back(axis->steps, 0);
  }
  auto add = [&axis](const std::pair<int64_t, int64_t>& window, int64_t total, std::vector<int64_t>* row) {
    Spread(*axis, window.first, window.second, total,
           [row](size_t step, int64_t share) { (*row)[step] = profile::SaturatingAdd((*row)[step], share); });
  };
  for (const auto& [window, rows] : windows) {
    for (const auto& [row, cell] : rows) {
      add(window, cell.first, &map.waits[static_cast<size_t>(row - lowest)]);
      add(window, cell.second, &map.values[static_cast<size_t>(row - lowest)]);
      map.heading.total = profile::SaturatingAdd(map.heading.total, cell.second);
    }
  }
  return map;
}

}  // namespace sonde::query
