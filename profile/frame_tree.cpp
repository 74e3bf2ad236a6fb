#include "profile/frame_tree.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "profile/table_key.h"

namespace sonde::profile {
namespace {

// Keeps a hostile profile within 250 MB.
constexpr size_t kMaxTreeNodes = 2'000'000;

using TreeWeight = FrameTree::Weight;

void AddTo(TreeWeight* sum, const TreeWeight& more) {
  for (size_t i = 0; i < sum->size(); ++i) (*sum)[i] = SaturatingAdd((*sum)[i], more[i]);
}

uint64_t ChildKey(int32_t node, int32_t frame) {
  return (static_cast<uint64_t>(node) << 32) | static_cast<uint32_t>(frame);
}

bool IsZero(const TreeWeight& weight) { return weight == TreeWeight{}; }

// Whether each frame of the tree is one; its table may have many more, which are not looked at.
std::vector<bool> Matching(const FrameTree& tree, const std::function<bool(const Frame&)>& is_it) {
  std::vector<bool> matching(tree.Frames().Size()), is_known(matching.size());
  for (const FrameTree::Node& node : tree.Nodes()) {
    const auto frame = static_cast<size_t>(node.frame);
    if (is_known[frame]) continue;
    is_known[frame] = true;
    matching[frame] = is_it(tree.Frames().At(node.frame));
  }
  return matching;
}

int64_t Scaled(int64_t value, double scale) {
  // Unscaled values stay exact, also beyond a double's 53 bits.
  return scale == 1 ? value : static_cast<int64_t>(std::llround(static_cast<double>(value) * scale));
}

}  // namespace

FrameTree::FrameTree(FrameTable frames) : frames_(std::move(frames)) {
  nodes_.push_back({.parent = -1, .frame = frames_.Intern("all", ""), .is_called = true});
}

FrameTree FrameTree::Of(const Pprof& profile, int value, int second, const std::string& root_label) {
  FrameTree tree{FrameTable(profile)};
  for (const auto& sample : profile.sample()) {
    if (sample.value(value) <= 0) continue;
    int32_t at = kRoot;
    if (!root_label.empty()) {
      at = tree.Child(at, tree.frames_.Intern(LabelFrame(profile, sample, root_label), ""), true);
    }
    for (int i = sample.location_id_size() - 1; i >= 0; --i) {
      auto frames = tree.frames_.Of(sample.location_id(i));
      for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
        at = tree.Child(at, *frame, frame == frames.rbegin());
      }
    }
    tree.Add(at, {sample.value(value), second < 0 ? 0 : std::max<int64_t>(sample.value(second), 0)});
  }
  tree.SumUp();
  return tree;
}

int32_t FrameTree::Child(int32_t node, int32_t frame, bool is_called) {
  if (node < 0) return node;
  for (; indexed_ < nodes_.size(); ++indexed_) {
    children_.emplace(ChildKey(nodes_[indexed_].parent, nodes_[indexed_].frame), static_cast<int32_t>(indexed_));
  }
  const auto child = children_.find(ChildKey(node, frame));
  if (child == children_.end()) return Append(node, frame, is_called);
  if (is_called) MarkCalled(child->second);
  return child->second;
}

int32_t FrameTree::Append(int32_t node, int32_t frame, bool is_called) {
  if (node < 0) return node;
  if (nodes_.size() >= kMaxTreeNodes) return ~node;
  nodes_.push_back({.parent = node, .frame = frame, .is_called = is_called});
  return static_cast<int32_t>(nodes_.size()) - 1;
}

void FrameTree::Reserve(size_t nodes) { nodes_.reserve(std::min(nodes, kMaxTreeNodes)); }

void FrameTree::MarkCalled(int32_t place) {
  if (place >= 0) nodes_[static_cast<size_t>(place)].is_called = true;
}

void FrameTree::Add(int32_t place, const Weight& weight) {
  AddTo(place < 0 ? &others_[~place] : &nodes_[static_cast<size_t>(place)].self, weight);
}

void FrameTree::SumUp() {
  for (Node& node : nodes_) node.total = node.self;
  for (const auto& [node, weight] : others_) AddTo(&nodes_[static_cast<size_t>(node)].total, weight);
  for (size_t i = nodes_.size() - 1; i > 0; --i) {
    AddTo(&nodes_[static_cast<size_t>(nodes_[i].parent)].total, nodes_[i].total);
  }
}

void FrameTree::DropSecond() {
  for (Node& node : nodes_) node.self[1] = node.total[1] = 0;
  for (auto& [node, weight] : others_) weight[1] = 0;
}

FrameTree::Weight FrameTree::OtherOf(int32_t node) const {
  const auto found = others_.find(node);
  return found == others_.end() ? Weight{} : found->second;
}

void FrameTree::Walk(const std::function<void(int32_t)>& enter, const std::function<void(int32_t)>& leave) const {
  std::vector<int32_t> first(nodes_.size(), -1), next(nodes_.size(), -1);
  for (size_t i = nodes_.size() - 1; i > 0; --i) {
    int32_t& head = first[static_cast<size_t>(nodes_[i].parent)];
    next[i] = std::exchange(head, static_cast<int32_t>(i));
  }
  int32_t at = kRoot;
  enter(at);
  while (true) {
    if (first[static_cast<size_t>(at)] >= 0) {
      at = first[static_cast<size_t>(at)];
    } else {
      leave(at);
      while (at != kRoot && next[static_cast<size_t>(at)] < 0) {
        at = nodes_[static_cast<size_t>(at)].parent;
        leave(at);
      }
      if (at == kRoot) return;
      at = next[static_cast<size_t>(at)];
    }
    enter(at);
  }
}

void FrameTree::KeepStacks(const std::function<bool(const Frame&)>& wanted,
                           const std::function<bool(const Frame&)>& unwanted) {
  if (wanted == nullptr && unwanted == nullptr) return;
  const std::vector<bool> is_wanted = wanted == nullptr ? std::vector<bool>() : Matching(*this, wanted);
  const std::vector<bool> is_unwanted = unwanted == nullptr ? std::vector<bool>() : Matching(*this, unwanted);
  struct Seen {
    bool wanted = false;
    bool unwanted = false;
  };
  std::vector<Seen> seen(nodes_.size());  // in the stack that ends at the node
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    if (i == kRoot) {
      seen[i].wanted = is_wanted.empty();
    } else {
      const auto frame = static_cast<size_t>(node.frame);
      const Seen above = seen[static_cast<size_t>(node.parent)];
      seen[i].wanted = above.wanted || (!is_wanted.empty() && is_wanted[frame]);
      seen[i].unwanted = above.unwanted || (!is_unwanted.empty() && is_unwanted[frame]);
    }
    if (seen[i].wanted && !seen[i].unwanted) continue;
    node.self = {};
    others_.erase(static_cast<int32_t>(i));
  }
  SumUp();
}

std::vector<FunctionWeight> FunctionWeights(const FrameTree& tree) {
  std::vector<FunctionWeight> functions(tree.Frames().Size());
  for (size_t i = 0; i < functions.size(); ++i) functions[i].frame = static_cast<int32_t>(i);
  std::vector<int32_t> open(functions.size(), 0);  // how often the frame is in the stack that is walked
  auto enter = [&](int32_t at) {
    if (at == FrameTree::kRoot) return;
    const FrameTree::Node& node = tree.Nodes()[static_cast<size_t>(at)];
    FunctionWeight& function = functions[static_cast<size_t>(node.frame)];
    AddTo(&function.self, node.self);
    if (open[static_cast<size_t>(node.frame)]++ == 0) AddTo(&function.total, node.total);
  };
  auto leave = [&](int32_t at) { --open[static_cast<size_t>(tree.Nodes()[static_cast<size_t>(at)].frame)]; };
  tree.Walk(enter, leave);
  std::erase_if(functions, [](const FunctionWeight& one) { return IsZero(one.self) && IsZero(one.total); });
  return functions;
}

Sandwich SandwichOf(const FrameTree& tree, const std::function<bool(const Frame&)>& is_it) {
  Sandwich sandwich{FrameTree(tree.Frames()), FrameTree(tree.Frames())};
  const std::vector<bool> matching = Matching(tree, is_it);
  std::vector<int32_t> below;  // places in callees, from the outermost call on
  auto node_at = [&tree](int32_t at) -> const FrameTree::Node& { return tree.Nodes()[static_cast<size_t>(at)]; };
  auto begin = [&](int32_t at) {
    const FrameTree::Node& node = node_at(at);
    AddTo(&sandwich.total, node.total);
    int32_t caller = FrameTree::kRoot;
    for (int32_t up = at; up != FrameTree::kRoot; up = node_at(up).parent) {
      caller = sandwich.callers.Child(caller, node_at(up).frame, node_at(up).is_called);
    }
    sandwich.callers.Add(caller, node.total);
  };
  auto enter = [&](int32_t at) {
    const FrameTree::Node& node = node_at(at);
    const bool is_match = at != FrameTree::kRoot && matching[static_cast<size_t>(node.frame)];
    if (below.empty() && !is_match) return;
    if (below.empty()) begin(at);
    if (is_match) AddTo(&sandwich.self, node.self);
    below.push_back(
        sandwich.callees.Child(below.empty() ? FrameTree::kRoot : below.back(), node.frame, node.is_called));
    sandwich.callees.Add(below.back(), node.self);
    const FrameTree::Weight other = tree.OtherOf(at);
    if (!IsZero(other)) sandwich.callees.Add(below.back() < 0 ? below.back() : ~below.back(), other);
  };
  auto leave = [&](int32_t) {
    if (!below.empty()) below.pop_back();
  };
  tree.Walk(enter, leave);
  sandwich.callers.SumUp();
  sandwich.callees.SumUp();
  return sandwich;
}

FrameTree Compared(const FrameTree& tree, const FrameTree& base, double scale) {
  FrameTree both = tree;
  both.DropSecond();
  std::vector<int32_t> places(base.Nodes().size(), FrameTree::kRoot);
  for (size_t i = 0; i < base.Nodes().size(); ++i) {
    const FrameTree::Node& node = base.Nodes()[i];
    if (i != FrameTree::kRoot) {
      const Frame& frame = base.Frames().At(node.frame);
      places[i] = both.Child(places[static_cast<size_t>(node.parent)], both.Frames().Intern(frame.name, frame.file),
                             node.is_called);
    }
    both.Add(places[i], {0, Scaled(node.self[0], scale)});
    const int64_t other = base.OtherOf(static_cast<int32_t>(i))[0];
    if (other != 0) both.Add(places[i] < 0 ? places[i] : ~places[i], {0, Scaled(other, scale)});
  }
  both.SumUp();
  return both;
}

}  // namespace sonde::profile
