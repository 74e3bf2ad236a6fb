#include "collector/query/wait_lengths.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "collector/query/kept_stacks.h"
#include "profile/kind.h"
#include "profile/pprof_builder.h"

namespace sonde::query {
namespace {

using profile::Kind;
using profile::kWaitLengthBuckets;

int64_t EndOf(size_t bucket) {
  return bucket + 1 < kWaitLengthBuckets ? profile::ShortestWaitNs(bucket + 1) : profile::ShortestWaitNs(bucket);
}

// False when there is no such entry, or it is damaged.
template <typename Message>
bool ReadEntry(const store::Dictionary& dictionary, store::Table table, uint64_t id, Message* message) {
  if (id == 0 || id > dictionary.Size(table)) return false;
  const std::string_view bytes = dictionary.Bytes(table, static_cast<uint32_t>(id));
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string_view FunctionName(const store::Dictionary& dictionary, uint32_t location) {
  perftools::profiles::Location place;
  perftools::profiles::Function function;
  if (!ReadEntry(dictionary, store::Table::kLocation, location, &place) || place.line().empty()) return {};
  if (!ReadEntry(dictionary, store::Table::kFunction, place.line(0).function_id(), &function)) return {};
  const auto name = static_cast<uint64_t>(function.name());
  if (name > dictionary.Size(store::Table::kString)) return {};
  return dictionary.Bytes(store::Table::kString, static_cast<uint32_t>(name));
}

// The lengths that stacks stand for; each looked up once, without the frames of its whole volume.
class Buckets {
 public:
  // None: the stack is no length.
  std::optional<size_t> Of(int64_t volume, const store::Dictionary& dictionary, uint32_t node) {
    auto [known, is_new] = known_.try_emplace(std::pair(volume, node));
    if (is_new && node > 0) {
      known->second = profile::ParseWaitLengthFrame(FunctionName(dictionary, dictionary.Node(node).location));
    }
    return known->second;
  }

 private:
  absl::flat_hash_map<std::pair<int64_t, uint32_t>, std::optional<size_t>> known_;
};

}  // namespace

void WaitHistogram::Add(size_t bucket, int64_t waits) {
  buckets_[bucket] = profile::SaturatingAdd(buckets_[bucket], waits);
  waits_ = profile::SaturatingAdd(waits_, waits);
}

int64_t WaitHistogram::Percentile(double part) const {
  const double wanted = part * static_cast<double>(waits_);
  double below = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    const auto here = static_cast<double>(buckets_[i]);
    if (here > 0 && below + here >= wanted) {
      const auto floor = static_cast<double>(profile::ShortestWaitNs(i)), ceiling = static_cast<double>(EndOf(i));
      return static_cast<int64_t>(floor + (ceiling - floor) * (wanted - below) / here);
    }
    below += here;
  }
  return LongestAtMost();
}

int64_t WaitHistogram::LongestAtMost() const {
  for (size_t i = buckets_.size(); i-- > 0;) {
    if (buckets_[i] > 0) return EndOf(i);
  }
  return 0;
}

absl::Status VisitWaitLengths(store::Reader* reader, const StackQuery& query, LabelGroups* groups,
                              absl::FunctionRef<void(const MeasuredWaits&)> visit) {
  const bool is_of_all_stacks = query.focus.empty() && query.ignore.empty();
  if (!is_of_all_stacks || query.selection.kind != profile::KindName(Kind::kOffCpu)) return absl::OkStatus();
  Selection selection = query.selection;
  selection.kind = profile::KindName(Kind::kWaitLengths);
  Buckets buckets;
  return VisitKept(reader, selection, "", "", groups, [&](const KeptSamples& samples) {
    const store::StoredProfile& profile = samples.profile;
    for (size_t i = 0; i < samples.samples.nodes.size(); ++i) {
      const auto bucket = buckets.Of(profile.volume, samples.dictionary, samples.samples.nodes[i]);
      const int64_t waits = samples.Value(0, i);
      if (bucket && waits > 0) visit({samples.group, profile.start_ns, profile.end_ns, *bucket, waits});
    }
    return absl::OkStatus();
  });
}

}  // namespace sonde::query
