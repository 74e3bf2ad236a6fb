#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "collector/store/reader.h"
#include "profile/frame_table.h"
#include "profile/frame_tree.h"

namespace sonde::query {

// The frames of every stack that a question has asked for, equal beginnings once, whatever day they are of: the next
// question makes its tree out of numbers alone. (Of a tree of a million nodes, hashing frames was four fifths of the
// time.) A stack's number in its volume never changes its meaning, so nothing in here gets old; with about 128 MiB it
// begins anew. Thread-safe: one TreeMaker at a time has it, others wait.
class FrameTrie {
 public:
  FrameTrie() { Clear(); }

 private:
  friend class TreeMaker;
  static constexpr int32_t kUnknown = INT32_MIN;
  struct Node {
    int32_t parent;
    int32_t frame;  // of frames_
  };

  // All for whoever holds mutex_.
  void Clear();
  size_t Bytes() const;
  // As FrameTree's: beyond `limit_` nodes, ~place.
  int32_t Child(int32_t place, int32_t frame);

  absl::Mutex mutex_;
  profile::FrameTable frames_;
  std::vector<Node> nodes_;
  size_t limit_ = 0;
  absl::flat_hash_map<uint64_t, int32_t> children_;
  std::map<int64_t, std::vector<int32_t>> stacks_;  // by volume, then by stack: its node
};

// Hangs stacks of volumes into one tree. Single-threaded; holds the trie as long as it lives.
class TreeMaker {
 public:
  explicit TreeMaker(FrameTrie* trie);

  // First, of all stacks and roots that the tree will have. kDataLoss when a dictionary is damaged.
  // REQUIRES: the stacks are in the dictionary, which is of one state of its volume for as long as this lives.
  absl::Status Learn(int64_t volume, const store::VolumeView& view, std::span<const uint32_t> stacks);
  void LearnRoot(const std::string& name);

  // Then: what follows hangs below this frame, or the tree's own root for an empty name; of one name all at once.
  void StartRoot(const std::string& name);
  // And is of this volume.
  void StartVolume(int64_t volume, const store::VolumeView& view);
  void Add(uint32_t stack, const profile::FrameTree::Weight& weight) { tree_->Add(PlaceOf(stack), weight); }

  profile::FrameTree Finish() &&;

 private:
  profile::FrameTree& Tree();
  void LearnStack(uint32_t stack, const profile::FrameTable& frames);
  int32_t PlaceOf(uint32_t stack);
  int32_t Below(uint32_t parent, uint32_t stack);

  FrameTrie& trie_;
  absl::MutexLock lock_;
  std::optional<profile::FrameTree> tree_;  // has the frames of the trie, under their numbers
  size_t root_count_ = 0;
  std::optional<std::string> root_name_;
  int32_t root_ = profile::FrameTree::kRoot;
  const store::Dictionary* dictionary_ = nullptr;
  std::vector<int32_t>* known_ = nullptr;  // of the volume: node of each stack, or kUnknown
  std::vector<int32_t> tree_nodes_;        // by node of the trie, below this root
  std::vector<int32_t> places_;            // by stack of the volume, below this root
  std::vector<int32_t> used_nodes_;        // what is set in tree_nodes_
  std::vector<uint32_t> used_stacks_;      // what is set in places_
  std::vector<uint32_t> path_;
  std::vector<int32_t> chain_;
};

}  // namespace sonde::query
