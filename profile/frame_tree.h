#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "profile/frame_table.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// All stacks of a profile as one tree of frames, each with two weights. What the second weight is, is its maker's
// matter: the number of waits, or the value in another profile. Single-threaded.
class FrameTree {
 public:
  using Weight = std::array<int64_t, 2>;
  struct Node {
    int32_t parent = 0;
    int32_t frame = 0;
    bool is_called = false;  // in some of its stacks at least, it is not inlined into its parent
    Weight self{};           // of stacks that end here
    Weight total{};          // after SumUp(): with all below
  };
  static constexpr int32_t kRoot = 0;

  // Just the root. Nodes are numbers of frames in `frames`.
  explicit FrameTree(FrameTable frames);
  // Of a whole profile: the values of index `value` and, unless it is negative, `second`. Samples whose value is not
  // above zero have no width and are left out. `root_label`, when not empty, puts that sample label's value as the
  // first frame.
  static FrameTree Of(const Pprof& profile, int value, int second, const std::string& root_label);

  FrameTable& Frames() { return frames_; }
  const FrameTable& Frames() const { return frames_; }

  // The child of `node` with that frame. In a tree that is full (two million nodes), a negative place that stands for
  // all stacks that should go on from `node`; its children are itself.
  int32_t Child(int32_t node, int32_t frame, bool is_called);
  // The same for a frame that `node` has no child with yet, which is not looked for.
  int32_t Append(int32_t node, int32_t frame, bool is_called);
  // That the place's frame is not inlined in one more stack at least.
  void MarkCalled(int32_t place);
  // At a node, or at a negative place of Child().
  void Add(int32_t place, const Weight& weight);

  // That there will be about so many nodes.
  void Reserve(size_t nodes);

  // After the last Add(): totals. What follows needs them.
  void SumUp();

  // Second weights become 0.
  void DropSecond();

  // In order of their making: a parent before its children.
  const std::vector<Node>& Nodes() const { return nodes_; }
  // Of stacks that go on from a node, but not in the tree; it has such when it is full.
  Weight OtherOf(int32_t node) const;

  // Depth first: `enter` before a node's children, `leave` after them.
  void Walk(const std::function<void(int32_t)>& enter, const std::function<void(int32_t)>& leave) const;

  // Takes the weight off every stack that has no `wanted` frame, or an `unwanted` one; null: all are wanted, none is
  // not. Sums up anew.
  void KeepStacks(const std::function<bool(const Frame&)>& wanted, const std::function<bool(const Frame&)>& unwanted);

 private:
  FrameTable frames_;
  std::vector<Node> nodes_;
  absl::flat_hash_map<int32_t, Weight> others_;      // by node
  absl::flat_hash_map<uint64_t, int32_t> children_;  // of nodes before `indexed_`
  size_t indexed_ = 1;
};

// One function in all stacks of a tree.
struct FunctionWeight {
  int32_t frame = 0;
  FrameTree::Weight self{};
  FrameTree::Weight total{};  // each stack once, however often the function stands in it
};

// Of every frame that has any weight; the root is none.
std::vector<FunctionWeight> FunctionWeights(const FrameTree& tree);

// The stacks of `tree` that have a frame which `is_it`, each once, by its outermost such frame.
struct Sandwich {
  FrameTree callers;  // inverted: under the root the function, under that who calls it
  FrameTree callees;  // under the root the function, under that whom it calls
  FrameTree::Weight self{};
  FrameTree::Weight total{};
};
Sandwich SandwichOf(const FrameTree& tree, const std::function<bool(const Frame&)>& is_it);

// `tree`'s first weights, and as second ones those of `base`, multiplied by `scale`.
FrameTree Compared(const FrameTree& tree, const FrameTree& base, double scale);

}  // namespace sonde::profile
