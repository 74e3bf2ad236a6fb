#include "profile/flame.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "profile/frame_table.h"
#include "profile/table_key.h"

namespace sonde::profile {
namespace {

using Weight = FrameTree::Weight;
constexpr int32_t kRoot = FrameTree::kRoot;

// Turns the heaviest nodes of a tree into columns.
class Columns {
 public:
  Columns(const FrameTree& tree, size_t max_nodes, Second second) : tree_(tree), second_(second) {
    Keep(std::max<size_t>(max_nodes, 1));
    NoteChildren();
  }

  Flame Write() {
    std::vector<std::pair<int32_t, int32_t>> open = {{kRoot, 0}};  // node, depth; not recursive: stacks may be deep
    while (!open.empty()) {
      auto [at, depth] = open.back();
      open.pop_back();
      if (at < 0) {
        const Weight& other = other_[Kept(~at)];
        flame_.dropped = SaturatingAdd(flame_.dropped, other[0]);
        Put(depth, other, other, true, "(other)", "");
        continue;
      }
      const FrameTree::Node& node = Node(at);
      const Frame& frame = tree_.Frames().At(node.frame);
      Put(depth, node.total, node.self, node.is_called, frame.name, frame.file);
      OpenChildren(at, depth + 1, &open);
    }
    return std::move(flame_);
  }

 private:
  const FrameTree::Node& Node(int32_t at) const { return tree_.Nodes()[static_cast<size_t>(at)]; }
  // A kept node's place among the kept ones.
  size_t Kept(int32_t at) const { return static_cast<size_t>(kept_[static_cast<size_t>(at)]); }

  int64_t Rank(const Weight& weight) const {
    return second_ == Second::kBase ? SaturatingAdd(weight[0], weight[1]) : weight[0];
  }

  // The lightest total that is kept, and how many nodes of just that weight are.
  std::pair<int64_t, size_t> Threshold(size_t max_nodes) const {
    std::vector<int64_t> totals;
    totals.reserve(tree_.Nodes().size());
    for (const FrameTree::Node& node : tree_.Nodes()) totals.push_back(Rank(node.total));
    if (totals.size() <= max_nodes) return {1, totals.size()};
    auto last = totals.begin() + static_cast<ptrdiff_t>(max_nodes - 1);
    std::nth_element(totals.begin(), last, totals.end(), std::greater<>());
    const auto heavier = std::count_if(totals.begin(), last, [&last](int64_t total) { return total > *last; });
    return {*last, max_nodes - static_cast<size_t>(heavier)};
  }

  // A parent is at least as heavy as its child and stands before it, so what is kept hangs together.
  void Keep(size_t max_nodes) {
    auto [least, of_least] = Threshold(max_nodes);
    kept_.assign(tree_.Nodes().size(), -1);
    for (size_t i = 0; i < kept_.size(); ++i) {
      const int64_t rank = Rank(tree_.Nodes()[i].total);
      if (i != kRoot && (rank <= 0 || rank < least || (rank == least && of_least == 0))) continue;
      if (rank == least && of_least > 0) --of_least;
      kept_[i] = static_cast<int32_t>(other_.size());
      other_.push_back(tree_.OtherOf(static_cast<int32_t>(i)));
    }
  }

  void NoteChildren() {
    children_.resize(other_.size());
    for (size_t i = 1; i < kept_.size(); ++i) {
      const FrameTree::Node& node = tree_.Nodes()[i];
      if (kept_[static_cast<size_t>(node.parent)] < 0) continue;
      if (kept_[i] >= 0) {
        children_[Kept(node.parent)].push_back(static_cast<int32_t>(i));
        continue;
      }
      Weight& other = other_[Kept(node.parent)];
      for (size_t lane = 0; lane < other.size(); ++lane) other[lane] = SaturatingAdd(other[lane], node.total[lane]);
    }
  }

  // Lightest first, because the last one opened is written next. `~at` stands for the "(other)" child of `at`.
  void OpenChildren(int32_t at, int32_t depth, std::vector<std::pair<int32_t, int32_t>>* open) {
    std::vector<std::tuple<int64_t, std::string_view, int32_t>> order;
    for (int32_t child : children_[Kept(at)]) {
      const FrameTree::Node& node = Node(child);
      order.emplace_back(-Rank(node.total), tree_.Frames().At(node.frame).name, child);
    }
    const int64_t other = Rank(other_[Kept(at)]);
    if (other > 0) order.emplace_back(-other, "(other)", ~at);
    std::ranges::sort(order);
    for (auto child = order.rbegin(); child != order.rend(); ++child) open->emplace_back(std::get<2>(*child), depth);
  }

  void Put(int32_t depth, const Weight& total, const Weight& self, bool is_called, const std::string& name,
           const std::string& file) {
    if (!is_called) flame_.inlined.push_back(static_cast<int32_t>(flame_.depth.size()));
    flame_.depth.push_back(depth);
    flame_.total.push_back(total[0]);
    flame_.self.push_back(self[0]);
    if (second_ == Second::kWaits) flame_.waits.push_back(name == "(other)" ? 0 : total[1]);
    if (second_ == Second::kBase) {
      flame_.base_total.push_back(total[1]);
      flame_.base_self.push_back(self[1]);
    }
    flame_.name.push_back(Number(name, &names_, &flame_.names));
    flame_.file.push_back(Number(file, &files_, &flame_.files));
  }

  static int32_t Number(const std::string& text, absl::flat_hash_map<std::string, int32_t>* numbers,
                        std::vector<std::string>* texts) {
    auto [entry, is_new] = numbers->try_emplace(text, static_cast<int32_t>(texts->size()));
    if (is_new) texts->push_back(text);
    return entry->second;
  }

  const FrameTree& tree_;
  const Second second_;
  std::vector<int32_t> kept_;                   // by node: its place in the next two; negative: folded
  std::vector<Weight> other_;                   // of descendants that have no node of their own
  std::vector<std::vector<int32_t>> children_;  // that are kept
  absl::flat_hash_map<std::string, int32_t> names_;
  absl::flat_hash_map<std::string, int32_t> files_;
  Flame flame_;
};

}  // namespace

int WaitsIndex(const Pprof& profile) {
  const std::string_view wanted = SampleTypes(Kind::kOffCpu).front().type;
  for (int i = 0; i < profile.sample_type_size(); ++i) {
    if (profile.string_table(static_cast<int>(profile.sample_type(i).type())) == wanted) return i;
  }
  return -1;
}

Flame LayOut(const FrameTree& tree, size_t max_nodes, Second second) {
  return Columns(tree, max_nodes, second).Write();
}

Flame LayOut(const Pprof& profile, int sample_index, size_t max_nodes, const std::string& root_label) {
  const int waits = WaitsIndex(profile);
  return LayOut(FrameTree::Of(profile, ValueIndex(profile, sample_index), waits, root_label), max_nodes,
                waits < 0 ? Second::kNothing : Second::kWaits);
}

}  // namespace sonde::profile
