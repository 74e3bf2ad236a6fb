#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/frame_trie.h"
#include "collector/query/label_groups.h"
#include "collector/store/reader.h"
#include "collector/store/sample_columns.h"
#include "profile/frame_tree.h"
#include "profile/loss_comment.h"
#include "profile/pprof_builder.h"

namespace sonde::query {

// What the profiles of a selection have in common, and what they are of.
class Summary {
 public:
  // kInvalidArgument when its types are others than those of the profiles before.
  absl::Status Add(const store::StoredProfile& profile, const store::Dictionary& dictionary);

  // Types of values alone. REQUIRES: Profiles() > 0.
  const profile::Pprof& Shape() const { return *shape_; }
  int64_t Profiles() const { return profiles_; }  // windows
  int64_t FromNs() const { return from_ns_; }
  int64_t ToNs() const { return to_ns_; }
  int64_t Period() const { return period_; }
  std::vector<std::string> Comments() const { return comments_.Comments(); }

 private:
  std::optional<profile::Pprof> shape_;
  std::string types_;
  std::set<std::pair<int64_t, uint32_t>> known_;          // shapes found equal, by volume and number
  std::set<std::pair<int64_t, uint32_t>> seen_comments_;  // likewise
  profile::CommentSum comments_;
  int64_t profiles_ = 0;
  int64_t from_ns_ = 0;
  int64_t to_ns_ = 0;
  int64_t period_ = 0;
};

// Sums samples by stack and group of labels. What it takes in memory is bounded. Single-threaded.
class StackSums {
 public:
  explicit StackSums(LabelGroups groups) : groups_(std::move(groups)) {}

  void StartSeries(const profile::Labels& labels) { groups_.StartSeries(labels); }
  // Of the series that was started; with its samples. kResourceExhausted when the sum gets too large; otherwise errors
  // as Summary::Add() and Reader's.
  absl::Status Add(store::Reader* reader, const store::StoredProfile& profile);

  // Of profiles that had samples which were selected.
  const Summary& Facts() const { return summary_; }

  // The value of index `value`, and as second weight that of index `second` unless that is negative; with the label by
  // which groups are told apart as first frame if that is wanted. REQUIRES: Facts().Profiles() > 0; likewise below.
  absl::StatusOr<profile::FrameTree> ToTree(int value, int second, const std::string& root_label,
                                            FrameTrie* trie) const;
  // With all labels. REQUIRES: groups By::kAllLabels.
  absl::StatusOr<profile::Pprof> ToPprof() const;

 private:
  // The stacks of one group in one volume.
  struct Group {
    std::vector<uint32_t> dense;  // by node: place + 1 in `nodes`; for the first few groups, the faster way
    absl::flat_hash_map<uint32_t, uint32_t> sparse;
    std::vector<uint32_t> nodes;
    std::vector<int64_t> values;
  };
  struct Volume {
    std::shared_ptr<const store::VolumeView> view;
    std::map<int32_t, Group> groups;
  };

  absl::Status AddGroup(Volume* volume, int32_t group, const store::SampleGroup& samples, size_t value_count);
  // Each group's first frame, empty without a label; groups of one frame stand together.
  std::vector<std::pair<std::string, int32_t>> Roots(const std::string& label) const;
  absl::StatusOr<profile::Pprof> VolumeToPprof(const Volume& volume) const;

  LabelGroups groups_;
  Summary summary_;
  std::map<int64_t, Volume> volumes_;
  size_t bytes_ = 0;
};

}  // namespace sonde::query
