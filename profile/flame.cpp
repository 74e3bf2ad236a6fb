#include "profile/flame.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "profile/frame_table.h"
#include "profile/table_key.h"

namespace sonde::profile {
namespace {

// Nodes of one tree at most; stacks beyond them end in "(other)". Keeps a hostile profile within 200 MB.
constexpr size_t kMaxTreeNodes = 2'000'000;
constexpr int32_t kRoot = 0;

struct Node {
  int32_t parent = 0;
  int32_t frame = 0;
  int64_t total = 0;
  int64_t self = 0;
  int64_t waits = 0;
  bool is_called = false;  // in some of its stacks at least, it is not inlined into its parent
  int64_t other = 0;  // value of descendants that have no node of their own
};

// What a sample adds to the nodes of its stack.
struct Weight {
  int64_t value = 0;
  int64_t waits = 0;
};

// The tree of all stacks. A parent's position is always below its children's.
class Tree {
 public:
  Tree(FrameTable* frames) : frames_(*frames) {
    nodes_.push_back({.parent = -1, .frame = frames->Intern("all", ""), .is_called = true});
  }

  void Add(const ::perftools::profiles::Sample& sample, Weight weight, const std::string* root_value) {
    int32_t at = kRoot;
    Grow(weight, &nodes_[kRoot]);
    if (root_value != nullptr) {
      if (!Descend(&at, frames_.Intern(*root_value, ""), weight)) return;
      nodes_[static_cast<size_t>(at)].is_called = true;
    }
    for (int i = sample.location_id_size() - 1; i >= 0; --i) {
      auto frames = frames_.Of(sample.location_id(i));
      for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
        if (!Descend(&at, *frame, weight)) return;
        if (frame == frames.rbegin()) nodes_[static_cast<size_t>(at)].is_called = true;
      }
    }
    Grow(&nodes_[static_cast<size_t>(at)].self, weight.value);
  }

  // Cuts all but the heaviest `max_nodes` nodes, into their parents' `other`. Returns the value of what was folded.
  int64_t Prune(size_t max_nodes);

  const std::vector<Node>& Nodes() const { return nodes_; }
  bool IsKept(int32_t node) const { return kept_[static_cast<size_t>(node)]; }

 private:
  static void Grow(int64_t* sum, int64_t value) { *sum = SaturatingAdd(*sum, value); }
  static void Grow(Weight weight, Node* node) {
    Grow(&node->total, weight.value);
    Grow(&node->waits, weight.waits);
  }

  bool Descend(int32_t* at, int32_t frame, Weight weight) {
    auto key = (static_cast<uint64_t>(*at) << 32) | static_cast<uint32_t>(frame);
    auto child = children_.find(key);
    if (child == children_.end()) {
      if (nodes_.size() >= kMaxTreeNodes) {
        Grow(&nodes_[static_cast<size_t>(*at)].other, weight.value);
        return false;
      }
      child = children_.emplace(key, static_cast<int32_t>(nodes_.size())).first;
      nodes_.push_back({.parent = *at, .frame = frame});
    }
    *at = child->second;
    Grow(weight, &nodes_[static_cast<size_t>(*at)]);
    return true;
  }

  FrameTable& frames_;
  std::vector<Node> nodes_;
  std::vector<bool> kept_;
  absl::flat_hash_map<uint64_t, int32_t> children_;
};

int64_t Tree::Prune(size_t max_nodes) {
  std::vector<int32_t> order(nodes_.size());
  std::iota(order.begin(), order.end(), 0);
  // A parent is at least as heavy as its child and stands before it, so what is kept hangs together.
  std::ranges::stable_sort(order, [this](int32_t a, int32_t b) {
    return nodes_[static_cast<size_t>(a)].total > nodes_[static_cast<size_t>(b)].total;
  });
  kept_.assign(nodes_.size(), false);
  for (size_t i = 0; i < order.size() && i < std::max<size_t>(max_nodes, 1); ++i) {
    kept_[static_cast<size_t>(order[i])] = true;
  }
  kept_[kRoot] = true;
  int64_t folded = 0;
  for (size_t i = 1; i < nodes_.size(); ++i) {
    auto parent = static_cast<size_t>(nodes_[i].parent);
    if (!kept_[i] && kept_[parent]) Grow(&nodes_[parent].other, nodes_[i].total);
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (kept_[i]) Grow(&folded, nodes_[i].other);
  }
  return folded;
}

// Turns the kept part of a tree into columns.
class Columns {
 public:
  Columns(const Tree& tree, const FrameTable& frames, bool with_waits)
      : tree_(tree), frames_(frames), with_waits_(with_waits) {
    children_.resize(tree.Nodes().size());
    for (size_t i = 1; i < children_.size(); ++i) {
      if (tree.IsKept(static_cast<int32_t>(i))) {
        children_[static_cast<size_t>(tree.Nodes()[i].parent)].push_back(static_cast<int32_t>(i));
      }
    }
  }

  Flame Write() {
    std::vector<std::pair<int32_t, int32_t>> open = {{kRoot, 0}};  // node, depth; not recursive: stacks may be deep
    while (!open.empty()) {
      auto [at, depth] = open.back();
      open.pop_back();
      const Node& node = tree_.Nodes()[static_cast<size_t>(at < 0 ? ~at : at)];
      if (at < 0) {
        Put(depth, {.total = node.other, .self = node.other, .is_called = true}, "(other)", "");
        continue;
      }
      const Frame& frame = frames_.At(node.frame);
      Put(depth, node, frame.name, frame.file);
      OpenChildren(at, depth + 1, &open);
    }
    return std::move(flame_);
  }

 private:
  // Lightest first, because the last one opened is written next. `~at` stands for the "(other)" child of `at`.
  void OpenChildren(int32_t at, int32_t depth, std::vector<std::pair<int32_t, int32_t>>* open) {
    std::vector<std::tuple<int64_t, std::string_view, int32_t>> order;
    for (int32_t child : children_[static_cast<size_t>(at)]) {
      const Node& node = tree_.Nodes()[static_cast<size_t>(child)];
      order.emplace_back(-node.total, frames_.At(node.frame).name, child);
    }
    int64_t other = tree_.Nodes()[static_cast<size_t>(at)].other;
    if (other > 0) order.emplace_back(-other, "(other)", ~at);
    std::ranges::sort(order);
    for (auto child = order.rbegin(); child != order.rend(); ++child) open->emplace_back(std::get<2>(*child), depth);
  }

  void Put(int32_t depth, const Node& node, const std::string& name, const std::string& file) {
    if (!node.is_called) flame_.inlined.push_back(static_cast<int32_t>(flame_.depth.size()));
    flame_.depth.push_back(depth);
    flame_.total.push_back(node.total);
    flame_.self.push_back(node.self);
    if (with_waits_) flame_.waits.push_back(node.waits);
    flame_.name.push_back(Number(name, &names_, &flame_.names));
    flame_.file.push_back(Number(file, &files_, &flame_.files));
  }

  static int32_t Number(const std::string& text, absl::flat_hash_map<std::string, int32_t>* numbers,
                        std::vector<std::string>* texts) {
    auto [entry, is_new] = numbers->try_emplace(text, static_cast<int32_t>(texts->size()));
    if (is_new) texts->push_back(text);
    return entry->second;
  }

  const Tree& tree_;
  const FrameTable& frames_;
  const bool with_waits_;
  std::vector<std::vector<int32_t>> children_;
  absl::flat_hash_map<std::string, int32_t> names_;
  absl::flat_hash_map<std::string, int32_t> files_;
  Flame flame_;
};

// Of the number of waits among a sample's values; negative when there is none.
int WaitsIndex(const Pprof& profile) {
  const std::string_view wanted = SampleTypes(Kind::kOffCpu).front().type;
  for (int i = 0; i < profile.sample_type_size(); ++i) {
    if (profile.string_table(static_cast<int>(profile.sample_type(i).type())) == wanted) return i;
  }
  return -1;
}

}  // namespace

Flame LayOut(const Pprof& profile, int sample_index, size_t max_nodes, const std::string& root_label) {
  FrameTable frames(profile);
  Tree tree(&frames);
  const int index = ValueIndex(profile, sample_index);
  const int waits_index = WaitsIndex(profile);
  for (const auto& sample : profile.sample()) {
    int64_t value = sample.value(index);
    if (value <= 0) continue;  // has no width
    const Weight weight{.value = value, .waits = waits_index < 0 ? 0 : std::max<int64_t>(sample.value(waits_index), 0)};
    if (root_label.empty()) {
      tree.Add(sample, weight, nullptr);
    } else {
      std::string root_value = LabelFrame(profile, sample, root_label);
      tree.Add(sample, weight, &root_value);
    }
  }
  int64_t folded = tree.Prune(max_nodes);
  Flame flame = Columns(tree, frames, waits_index >= 0).Write();
  flame.dropped = folded;
  return flame;
}

}  // namespace sonde::profile
