#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "profile/frame_tree.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// A flame graph as columns, nodes in depth-first order (a parent before its children, siblings heaviest first).
// Node 0 is the root of all, at depth 0, with the grand total.
struct Flame {
  std::vector<std::string> names;
  std::vector<std::string> files;  // mapping file names
  std::vector<int32_t> depth;      // of each node
  std::vector<int64_t> total;      // value of the node and all below it
  std::vector<int64_t> self;       // value that ends in the node
  std::vector<int64_t> waits;      // off-CPU profiles only: ended in the node and all below it; 0 of "(other)" nodes
  std::vector<int64_t> base_total = {};  // of a comparison only: the same in what it is compared with
  std::vector<int64_t> base_self = {};
  std::vector<int32_t> name;  // index into names
  std::vector<int32_t> file;  // index into files
  std::vector<int32_t> inlined =
      {};               // the nodes whose code the compiler put into that of their parents, in rising order
  int64_t dropped = 0;  // value of the nodes folded into "(other)" nodes
};

// Lays out the value of index `sample_index` (negative = the last). Keeps the heaviest `max_nodes` nodes; what is cut
// becomes a child "(other)" of its parent, so that every parent's children and self add up to its total.
// `root_label`, when not empty, puts that sample label's value as the first frame under the root (pprof's -tagroot).
Flame LayOut(const Pprof& profile, int sample_index, size_t max_nodes, const std::string& root_label);

// What the second weight of a tree's nodes is.
enum class Second : uint8_t { kNothing, kWaits, kBase };

// Of a tree that is summed up, likewise; of a comparison it keeps the nodes that are heaviest in both together.
Flame LayOut(const FrameTree& tree, size_t max_nodes, Second second);

// Of the number of waits among a sample's values; negative when there is none.
int WaitsIndex(const Pprof& profile);

}  // namespace sonde::profile
