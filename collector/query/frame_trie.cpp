#include "collector/query/frame_trie.h"

#include <algorithm>
#include <utility>

namespace sonde::query {
namespace {

constexpr size_t kMaxKeptBytes = size_t{128} << 20;
// What one question may add: as much as a tree can hold.
constexpr size_t kMaxNewNodes = 2'000'000;

// A place's node, also when it stands for what should go on from there.
int32_t NodeAt(int32_t place) { return place < 0 ? ~place : place; }

}  // namespace

void FrameTrie::Clear() {
  frames_ = profile::FrameTable();
  frames_.Intern("all", "");  // which every tree has
  nodes_ = {{.parent = -1, .frame = -1}};
  children_.clear();
  stacks_.clear();
}

size_t FrameTrie::Bytes() const {
  constexpr size_t kNodeBytes = sizeof(Node) + 2 * sizeof(std::pair<uint64_t, int32_t>), kFrameBytes = 256;
  size_t bytes = nodes_.size() * kNodeBytes + frames_.Size() * kFrameBytes;
  for (const auto& [volume, stacks] : stacks_) bytes += stacks.capacity() * sizeof(int32_t);
  return bytes;
}

int32_t FrameTrie::Child(int32_t place, int32_t frame) {
  if (place < 0) return place;
  const uint64_t key = (static_cast<uint64_t>(place) << 32) | static_cast<uint32_t>(frame);
  if (auto found = children_.find(key); found != children_.end()) return found->second;
  if (nodes_.size() >= limit_) return ~place;
  children_.emplace(key, static_cast<int32_t>(nodes_.size()));
  nodes_.push_back({.parent = place, .frame = frame});
  return static_cast<int32_t>(nodes_.size()) - 1;
}

TreeMaker::TreeMaker(FrameTrie* trie) : trie_(*trie), lock_(&trie->mutex_) {
  if (trie_.Bytes() > kMaxKeptBytes) trie_.Clear();
  trie_.limit_ = trie_.nodes_.size() + kMaxNewNodes;
}

absl::Status TreeMaker::Learn(int64_t volume, const store::VolumeView& view, std::span<const uint32_t> stacks) {
  dictionary_ = &view.Entries();
  known_ = &trie_.stacks_[volume];
  const size_t size = size_t{dictionary_->Size(store::Table::kNode)} + 1;
  if (known_->size() < size) known_->resize(size, FrameTrie::kUnknown);
  known_->front() = 0;
  const profile::FrameTable* frames = nullptr;
  for (uint32_t stack : stacks) {
    if ((*known_)[stack] != FrameTrie::kUnknown) continue;
    if (frames == nullptr) {
      auto all = view.Frames();
      if (!all.ok()) return all.status();
      frames = *all;
    }
    LearnStack(stack, *frames);
  }
  return absl::OkStatus();
}

void TreeMaker::LearnRoot(const std::string& name) {
  trie_.frames_.Intern(name, "");
  ++root_count_;
}

profile::FrameTree& TreeMaker::Tree() {
  if (!tree_.has_value()) {
    tree_.emplace(trie_.frames_);
    tree_->Reserve(trie_.nodes_.size() * std::max<size_t>(root_count_, 1));  // what it does not use takes no memory
    tree_nodes_.resize(trie_.nodes_.size(), FrameTrie::kUnknown);
  }
  return *tree_;
}

void TreeMaker::StartRoot(const std::string& name) {
  constexpr int32_t kRoot = profile::FrameTree::kRoot;
  profile::FrameTree& tree = Tree();
  if (root_name_ == name) return;
  root_name_ = name;
  for (int32_t node : used_nodes_) tree_nodes_[static_cast<size_t>(node)] = FrameTrie::kUnknown;
  used_nodes_.clear();
  root_ = name.empty() ? kRoot : tree.Append(kRoot, tree.Frames().Intern(name, ""), true);
}

void TreeMaker::StartVolume(int64_t volume, const store::VolumeView& view) {
  for (uint32_t stack : used_stacks_) places_[stack] = FrameTrie::kUnknown;
  used_stacks_.clear();
  dictionary_ = &view.Entries();
  known_ = &trie_.stacks_[volume];
  if (places_.size() < known_->size()) places_.resize(known_->size(), FrameTrie::kUnknown);
  places_[0] = root_;
}

profile::FrameTree TreeMaker::Finish() && {
  Tree().SumUp();
  return *std::move(tree_);
}

void TreeMaker::LearnStack(uint32_t stack, const profile::FrameTable& frames) {
  uint32_t up = stack;
  for (; (*known_)[up] == FrameTrie::kUnknown; up = dictionary_->Node(up).parent) path_.push_back(up);
  int32_t place = (*known_)[up];
  for (; !path_.empty(); path_.pop_back()) {
    const auto inner = frames.Of(dictionary_->Node(path_.back()).location);
    for (auto frame = inner.rbegin(); frame != inner.rend(); ++frame) {
      const profile::Frame& one = frames.At(*frame);
      place = trie_.Child(place, trie_.frames_.Intern(one.name, one.file));
    }
    (*known_)[path_.back()] = place;
  }
}

int32_t TreeMaker::Below(uint32_t parent, uint32_t stack) {
  const int32_t from = NodeAt((*known_)[parent]), to = (*known_)[stack];
  for (int32_t node = NodeAt(to); node != from; node = trie_.nodes_[static_cast<size_t>(node)].parent)
    chain_.push_back(node);
  int32_t place = places_[parent];
  // The outermost frame of a location is called, the others are inlined into it.
  for (bool is_called = true; !chain_.empty(); chain_.pop_back(), is_called = false) {
    const auto node = static_cast<size_t>(chain_.back());
    int32_t& at = tree_nodes_[node];
    if (at == FrameTrie::kUnknown) {
      at = tree_->Append(place, trie_.nodes_[node].frame, is_called);
      used_nodes_.push_back(chain_.back());
    } else if (is_called) {
      tree_->MarkCalled(at);
    }
    place = at;
  }
  return to < 0 && place >= 0 ? ~place : place;
}

int32_t TreeMaker::PlaceOf(uint32_t stack) {
  uint32_t up = stack;
  for (; places_[up] == FrameTrie::kUnknown; up = dictionary_->Node(up).parent) path_.push_back(up);
  for (; !path_.empty(); path_.pop_back()) {
    places_[path_.back()] = Below(up, path_.back());
    up = path_.back();
    used_stacks_.push_back(up);
  }
  return places_[stack];
}

}  // namespace sonde::query
