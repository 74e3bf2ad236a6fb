#include "collector/query/kept_stacks.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "collector/query/selecting.h"

namespace sonde::query {
namespace {

using FrameTest = std::function<bool(const profile::Frame&)>;

std::vector<bool> MatchingLocations(const store::Dictionary& dictionary, const profile::FrameTable& frames,
                                    const FrameTest& is_it) {
  std::vector<bool> matching(size_t{dictionary.Size(store::Table::kLocation)} + 1, false);
  if (is_it == nullptr) return matching;
  for (uint32_t location = 1; location < matching.size(); ++location) {
    matching[location] =
        std::ranges::any_of(frames.Of(location), [&](int32_t frame) { return is_it(frames.At(frame)); });
  }
  return matching;
}

// By node of the volume, whether its stack is asked for.
absl::StatusOr<std::vector<bool>> KeptNodes(const store::VolumeView& view, const FrameTest& focus,
                                            const FrameTest& ignore) {
  const store::Dictionary& dictionary = view.Entries();
  const size_t nodes = size_t{dictionary.Size(store::Table::kNode)} + 1;
  if (focus == nullptr && ignore == nullptr) return std::vector<bool>(nodes, true);
  auto frames = view.Frames();
  if (!frames.ok()) return frames.status();
  const std::vector<bool> wanted = MatchingLocations(dictionary, **frames, focus);
  const std::vector<bool> unwanted = MatchingLocations(dictionary, **frames, ignore);
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

struct KeptVolume {
  std::shared_ptr<const store::VolumeView> view;
  std::vector<bool> kept;
};

// Volumes that were met, with what is kept of each.
class KeptVolumes {
 public:
  KeptVolumes(store::Reader* reader, FrameTest focus, FrameTest ignore)
      : reader_(*reader), focus_(std::move(focus)), ignore_(std::move(ignore)) {}

  absl::StatusOr<const KeptVolume*> Of(int64_t id) {
    KeptVolume& volume = volumes_[id];
    if (volume.view != nullptr) return &volume;
    auto view = reader_.Volume(id);
    if (!view.ok()) return view.status();
    auto kept = KeptNodes(**view, focus_, ignore_);
    if (!kept.ok()) return kept.status();
    volume = {*std::move(view), *std::move(kept)};
    return &volume;
  }

 private:
  store::Reader& reader_;
  FrameTest focus_, ignore_;
  std::map<int64_t, KeptVolume> volumes_;
};

absl::Status GiveGroup(const KeptVolume& volume, const store::StoredProfile& profile, const store::SampleGroup& samples,
                       LabelGroups* groups, absl::FunctionRef<absl::Status(const KeptSamples&)> visit) {
  const store::Dictionary& dictionary = volume.view->Entries();
  if (samples.labels > dictionary.Size(store::Table::kLabels) ||
      (!samples.nodes.empty() && samples.nodes.back() >= volume.kept.size())) {
    return absl::DataLossError("a stored profile is damaged; see sonde-collector check");
  }
  auto group = groups->Of(profile.volume, dictionary, samples.labels);
  if (!group.ok() || *group == LabelGroups::kLeftOut) return group.status();
  return visit({profile, dictionary, *group, samples, volume.kept});
}

}  // namespace

absl::Status VisitKept(store::Reader* reader, const Selection& selection, const std::string& focus,
                       const std::string& ignore, LabelGroups* groups,
                       absl::FunctionRef<absl::Status(const KeptSamples&)> visit) {
  auto wanted = FrameFilter(focus, "focus"), unwanted = FrameFilter(ignore, "ignore");
  if (!wanted.ok()) return wanted.status();
  if (!unwanted.ok()) return unwanted.status();
  KeptVolumes volumes(reader, *std::move(wanted), *std::move(unwanted));
  int64_t series_id = -1;
  auto take = [&](const store::Series& series, const store::StoredProfile& profile) -> absl::Status {
    if (std::exchange(series_id, series.id) != series.id) groups->StartSeries(series.labels);
    auto volume = volumes.Of(profile.volume);
    if (!volume.ok()) return volume.status();
    absl::Status status;
    auto give = [&](const store::SampleGroup& samples) {
      if (status.ok()) status = GiveGroup(**volume, profile, samples, groups, visit);
    };
    auto decoded = store::DecodeSamples(profile.samples, profile.value_count, give);
    return decoded.ok() ? status : decoded;
  };
  return VisitSamples(reader, selection, take);
}

}  // namespace sonde::query
