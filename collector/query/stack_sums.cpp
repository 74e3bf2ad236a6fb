#include "collector/query/stack_sums.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "collector/store/profile_packing.h"
#include "profile/merge.h"
#include "profile/table_key.h"

namespace sonde::query {
namespace {

constexpr size_t kMaxSumBytes = size_t{512} << 20;
constexpr size_t kMaxDenseGroups = 8;

// "samples/count cpu/nanoseconds with period cpu/nanoseconds"
std::string TypesOf(const profile::Pprof& shape) {
  auto name = [&shape](const auto& type) {
    return absl::StrCat(profile::TextAt(shape, type.type()), "/", profile::TextAt(shape, type.unit()));
  };
  std::string types;
  for (const auto& type : shape.sample_type()) absl::StrAppend(&types, name(type), " ");
  return absl::StrCat(types, "with period ", name(shape.period_type()));
}

absl::Status DamagedStack() {
  return absl::DataLossError(
      "a stored profile is damaged: it has a stack that there is not; see sonde-collector check");
}

}  // namespace

absl::Status Summary::Add(const store::StoredProfile& profile, const store::Dictionary& dictionary) {
  if (known_.emplace(profile.volume, profile.shape).second) {
    auto shape = store::ShapeOf(dictionary, profile.shape);
    if (!shape.ok()) return shape.status();
    const std::string types = TypesOf(*shape);
    if (shape_.has_value() && types != types_) {
      return absl::InvalidArgumentError(
          absl::StrCat("profiles of different types cannot be summed: ", types_, ", and ", types));
    }
    if (!shape_.has_value()) shape_ = *std::move(shape);
    types_ = types;
  }
  auto comments = store::DecodeComments(profile.comments);
  if (!comments.ok()) return comments.status();
  for (uint32_t comment : *comments) {
    if (comment > dictionary.Size(store::Table::kString)) return DamagedStack();
    if (!seen_comments_.emplace(profile.volume, comment).second) continue;
    comments_.Add(std::string(dictionary.Bytes(store::Table::kString, comment)));
  }
  from_ns_ = profiles_ == 0 ? profile.start_ns : std::min(from_ns_, profile.start_ns);
  to_ns_ = profiles_ == 0 ? profile.end_ns : std::max(to_ns_, profile.end_ns);
  period_ = std::max(period_, profile.period);
  profiles_ += profile.windows;
  return absl::OkStatus();
}

absl::Status StackSums::Add(store::Reader* reader, const store::StoredProfile& profile) {
  Volume& volume = volumes_[profile.volume];
  if (volume.view == nullptr) {
    auto view = reader->Volume(profile.volume);
    if (!view.ok()) return view.status();
    volume.view = *std::move(view);
  }
  const store::Dictionary& dictionary = volume.view->Entries();
  absl::Status status;
  bool is_selected = false;
  auto add = [&](const store::SampleGroup& samples) {
    if (!status.ok()) return;
    if (samples.labels > dictionary.Size(store::Table::kLabels)) status = DamagedStack();
    if (!status.ok()) return;
    auto group = groups_.Of(profile.volume, dictionary, samples.labels);
    status = group.status();
    if (!status.ok() || *group == LabelGroups::kLeftOut) return;
    is_selected = true;
    status = AddGroup(&volume, *group, samples, profile.value_count);
  };
  auto decoded = store::DecodeSamples(profile.samples, profile.value_count, add);
  if (!decoded.ok()) return decoded;
  if (!status.ok() || !is_selected) return status;
  return summary_.Add(profile, dictionary);
}

absl::Status StackSums::AddGroup(Volume* volume, int32_t group, const store::SampleGroup& samples, size_t value_count) {
  const size_t nodes = size_t{volume->view->Entries().Size(store::Table::kNode)} + 1;
  if (!samples.nodes.empty() && samples.nodes.back() >= nodes) return DamagedStack();
  auto [entry, is_new] = volume->groups.try_emplace(group);
  Group& sum = entry->second;
  if (is_new && volume->groups.size() <= kMaxDenseGroups) sum.dense.resize(nodes, 0);
  const size_t count = samples.nodes.size(), before = sum.nodes.size();
  for (size_t i = 0; i < count; ++i) {
    const uint32_t node = samples.nodes[i];
    uint32_t& place = sum.dense.empty() ? sum.sparse[node] : sum.dense[node];
    if (place == 0) {
      sum.nodes.push_back(node);
      place = static_cast<uint32_t>(sum.nodes.size());
      sum.values.resize(sum.values.size() + value_count, 0);
    }
    int64_t* values = &sum.values[(place - 1) * value_count];
    for (size_t v = 0; v < value_count; ++v) {
      values[v] = profile::SaturatingAdd(values[v], samples.values[v * count + i]);
    }
  }
  bytes_ += (is_new ? sum.dense.size() * sizeof(uint32_t) : 0) +
            (sum.nodes.size() - before) * (sizeof(uint32_t) * 4 + value_count * sizeof(int64_t));
  if (bytes_ <= kMaxSumBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the selected profiles together need more than ", kMaxSumBytes >> 20,
                                                   " MiB; ask for a shorter time or fewer services"));
}

std::vector<std::pair<std::string, int32_t>> StackSums::Roots(const std::string& label) const {
  std::vector<std::pair<std::string, int32_t>> roots;
  for (int32_t group = 0; group < static_cast<int32_t>(groups_.Size()); ++group) {
    const std::string& text = groups_.At(group).value;
    roots.emplace_back(label.empty() || !text.empty() ? text : absl::StrCat("(no ", label, ")"), group);
  }
  std::ranges::sort(roots);  // a value may be "(no reason)"
  return roots;
}

absl::StatusOr<profile::FrameTree> StackSums::ToTree(int value, int second, const std::string& root_label,
                                                     FrameTrie* trie) const {
  TreeMaker maker(trie);
  for (const auto& [id, volume] : volumes_) {
    for (const auto& [number, sum] : volume.groups) {
      if (auto status = maker.Learn(id, *volume.view, sum.nodes); !status.ok()) return status;
    }
  }
  const auto roots = Roots(root_label);
  for (const auto& [root, number] : roots) maker.LearnRoot(root);
  const auto value_count = static_cast<size_t>(summary_.Shape().sample_type_size());
  for (const auto& [root, number] : roots) {
    maker.StartRoot(root);
    for (const auto& [id, volume] : volumes_) {
      const auto group = volume.groups.find(number);
      if (group == volume.groups.end()) continue;
      const Group& sum = group->second;
      maker.StartVolume(id, *volume.view);
      for (size_t i = 0; i < sum.nodes.size(); ++i) {
        const int64_t* values = &sum.values[i * value_count];
        if (values[value] <= 0) continue;  // has no width
        maker.Add(sum.nodes[i], {values[value], second < 0 ? 0 : std::max<int64_t>(values[second], 0)});
      }
    }
  }
  return std::move(maker).Finish();
}

absl::StatusOr<profile::Pprof> StackSums::VolumeToPprof(const Volume& volume) const {
  store::Unpacker unpacker(volume.view->Entries(), summary_.Shape());
  const auto value_count = static_cast<size_t>(summary_.Shape().sample_type_size());
  for (const auto& [number, sum] : volume.groups) {
    const LabelGroups::Group& group = groups_.At(number);
    for (size_t i = 0; i < sum.nodes.size(); ++i) {
      auto status =
          unpacker.AddSample(group.labels, sum.nodes[i], {&sum.values[i * value_count], value_count}, group.series);
      if (!status.ok()) return status;
    }
  }
  return std::move(unpacker).Finish();
}

absl::StatusOr<profile::Pprof> StackSums::ToPprof() const {
  profile::Merger merger;
  profile::Pprof sum;
  for (const auto& [id, volume] : volumes_) {
    auto part = VolumeToPprof(volume);
    if (!part.ok()) return part.status();
    if (volumes_.size() == 1) {
      sum = *std::move(part);
      break;
    }
    if (auto status = merger.Add(*part); !status.ok()) return status;
    if (merger.Bytes() > kMaxSumBytes) {
      return absl::ResourceExhaustedError("the selected profiles together are too large; ask for a shorter time");
    }
  }
  if (volumes_.size() > 1) {
    auto merged = std::move(merger).Finish();
    if (!merged.ok()) return merged.status();
    sum = *std::move(merged);
  }
  sum.set_period(summary_.Period());
  sum.set_time_nanos(summary_.FromNs());
  sum.set_duration_nanos(profile::SaturatingAdd(summary_.ToNs(), -summary_.FromNs()));
  for (const std::string& comment : summary_.Comments()) {
    sum.add_comment(sum.string_table_size());
    sum.add_string_table(comment);
  }
  return sum;
}

}  // namespace sonde::query
