#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/query/querier.h"
#include "collector/query/selecting.h"
#include "collector/query/stack_sums.h"
#include "collector/store/sample_columns.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

// Numbers of waits by their length, in 32 steps from each power of two to the next.
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

// The stacks of a volume that are asked for.
class StackFilter {
 public:
  using FrameTest = std::function<bool(const profile::Frame&)>;

  static absl::StatusOr<std::vector<bool>> Of(const store::VolumeView& view, const FrameTest& focus,
                                              const FrameTest& ignore) {
    auto frames = view.Frames();
    if (!frames.ok()) return frames.status();
    const store::Dictionary& dictionary = view.Entries();
    const std::vector<bool> wanted = Locations(dictionary, **frames, focus);
    const std::vector<bool> unwanted = Locations(dictionary, **frames, ignore);
    const size_t nodes = size_t{dictionary.Size(store::Table::kNode)} + 1;
    std::vector<bool> has_wanted(nodes, focus == nullptr), has_unwanted(nodes, false), kept(nodes);
    kept[0] = has_wanted[0];
    for (uint32_t node = 1; node < nodes; ++node) {
      const store::StackNode one = dictionary.Node(node);  // its parent stands before it
      has_wanted[node] = has_wanted[one.parent] || (focus != nullptr && wanted[one.location]);
      has_unwanted[node] = has_unwanted[one.parent] || (ignore != nullptr && unwanted[one.location]);
      kept[node] = has_wanted[node] && !has_unwanted[node];
    }
    return kept;
  }

 private:
  static std::vector<bool> Locations(const store::Dictionary& dictionary, const profile::FrameTable& frames,
                                     const FrameTest& is_it) {
    std::vector<bool> matching(size_t{dictionary.Size(store::Table::kLocation)} + 1, false);
    if (is_it == nullptr) return matching;
    for (uint32_t location = 1; location < matching.size(); ++location) {
      matching[location] =
          std::ranges::any_of(frames.Of(location), [&](int32_t frame) { return is_it(frames.At(frame)); });
    }
    return matching;
  }
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
    auto focus = FrameFilter(query_.focus, "focus"), ignore = FrameFilter(query_.ignore, "ignore");
    if (!focus.ok()) return focus.status();
    if (!ignore.ok()) return ignore.status();
    focus_ = *focus;
    ignore_ = *ignore;
    auto take = [&](const store::Series& series, const store::StoredProfile& profile) {
      if (std::exchange(series_id_, series.id) != series.id) groups_.StartSeries(series.labels);
      return Take(profile, visit);
    };
    auto status = VisitSamples(&reader_, query_.selection, take);
    if (!status.ok()) return status;
    return summary_.Profiles() == 0 ? NothingSelected(&reader_, query_.selection) : absl::OkStatus();
  }

  const Summary& Facts() const { return summary_; }
  const LabelGroups& Groups() const { return groups_; }
  int TimeIndex() const { return time_; }

 private:
  struct Volume {
    std::shared_ptr<const store::VolumeView> view;
    std::vector<bool> kept;  // by node
  };

  absl::StatusOr<const Volume*> VolumeOf(int64_t id) {
    Volume& volume = volumes_[id];
    if (volume.view != nullptr) return &volume;
    auto view = reader_.Volume(id);
    if (!view.ok()) return view.status();
    auto kept = StackFilter::Of(**view, focus_, ignore_);
    if (!kept.ok()) return kept.status();
    volume = {*std::move(view), *std::move(kept)};
    return &volume;
  }

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

  absl::Status Take(const store::StoredProfile& profile, absl::FunctionRef<void(const WaitGroup&)> visit) {
    auto volume = VolumeOf(profile.volume);
    if (!volume.ok()) return volume.status();
    absl::Status status;
    bool is_selected = false;
    auto add = [&](const store::SampleGroup& samples) {
      if (status.ok()) status = AddGroup(**volume, profile, samples, &is_selected, visit);
    };
    auto decoded = store::DecodeSamples(profile.samples, profile.value_count, add);
    return decoded.ok() ? status : decoded;
  }

  absl::Status AddGroup(const Volume& volume, const store::StoredProfile& profile, const store::SampleGroup& samples,
                        bool* is_selected, absl::FunctionRef<void(const WaitGroup&)> visit) {
    const store::Dictionary& dictionary = volume.view->Entries();
    const size_t count = samples.nodes.size();
    if (samples.labels > dictionary.Size(store::Table::kLabels) ||
        (count > 0 && samples.nodes.back() >= volume.kept.size())) {
      return absl::DataLossError("a stored profile is damaged; see sonde-collector check");
    }
    auto group = groups_.Of(profile.volume, dictionary, samples.labels);
    if (!group.ok() || *group == LabelGroups::kLeftOut) return group.status();
    if (!std::exchange(*is_selected, true)) {
      if (auto status = summary_.Add(profile, dictionary); !status.ok()) return status;
      if (auto status = FindValues(); !status.ok()) return status;
    }
    for (size_t i = 0; i < count; ++i) {
      const int64_t waits = samples.values[static_cast<size_t>(count_) * count + i];
      const int64_t total = samples.values[static_cast<size_t>(time_) * count + i];
      if (waits <= 0 || total < 0 || !volume.kept[samples.nodes[i]]) continue;
      visit({*group, profile.start_ns, profile.end_ns, waits, total});
    }
    return absl::OkStatus();
  }

  store::Reader& reader_;
  const StackQuery& query_;
  LabelGroups groups_;
  Summary summary_;
  StackFilter::FrameTest focus_, ignore_;
  std::map<int64_t, Volume> volumes_;
  int64_t series_id_ = -1;
  int time_ = -1;
  int count_ = -1;
};

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
  Waits answer{HeadingOf(query.selection.kind, visitor.Facts(), visitor.TimeIndex()), {}};
  for (const auto& [group, sum] : sums) {
    answer.heading.total = profile::SaturatingAdd(answer.heading.total, sum.total);
    answer.rows.push_back({.value = visitor.Groups().At(group).value,
                           .waits = sum.lengths.Count(),
                           .total = sum.total,
                           .p50 = sum.lengths.Percentile(0.5),
                           .p90 = sum.lengths.Percentile(0.9),
                           .p99 = sum.lengths.Percentile(0.99),
                           .max = sum.lengths.Max()});
  }
  std::ranges::stable_sort(answer.rows, std::ranges::greater(), &Waits::Row::total);
  return answer;
}

absl::StatusOr<Heatmap> Querier::HeatmapOf(const StackQuery& query, int64_t step_ns) const {
  auto reader = Open();
  if (!reader.ok()) return reader.status();
  WaitVisitor visitor(&*reader, query, By::kNothing);
  // By window and power of two: waits and time.
  std::map<std::pair<int64_t, int64_t>, std::map<int, std::pair<int64_t, int64_t>>> windows;
  auto status = visitor.Visit([&windows](const WaitGroup& waits) {
    const auto row = static_cast<int>(std::bit_width(static_cast<uint64_t>(waits.total / waits.waits)));
    auto& cell = windows[{waits.begin_ns, waits.end_ns}][row];
    cell.first = profile::SaturatingAdd(cell.first, waits.waits);
    cell.second = profile::SaturatingAdd(cell.second, waits.total);
  });
  if (!status.ok()) return status;
  auto axis = AxisOver({visitor.Facts().FromNs(), visitor.Facts().ToNs()}, query.selection.range, step_ns);
  if (!axis.ok()) return axis.status();
  Heatmap map{HeadingOf(query.selection.kind, visitor.Facts(), visitor.TimeIndex()), *axis, {}, {}, {}};
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
