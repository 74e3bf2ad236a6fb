#include "collector/web/flame_levels.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace sonde::web {

::querier::v1::FlameGraph LevelsOf(const profile::Flame& flame) {
  ::querier::v1::FlameGraph graph;
  for (const std::string& name : flame.names) graph.add_names(name);
  graph.set_names(flame.name[0], "total");
  graph.set_total(flame.total[0]);
  std::vector<int64_t> next, end;  // by depth: where the next frame begins, and where the last one ended
  for (size_t i = 0; i < flame.depth.size(); ++i) {
    const auto depth = static_cast<size_t>(flame.depth[i]);
    if (next.size() < depth + 2) next.resize(depth + 2, 0), end.resize(depth + 2, 0);
    while (graph.levels_size() <= flame.depth[i]) graph.add_levels();
    const int64_t begin = next[depth];
    auto* values = graph.mutable_levels(flame.depth[i])->mutable_values();
    values->Add(begin - end[depth]);
    values->Add(flame.total[i]);
    values->Add(flame.self[i]);
    values->Add(flame.name[i]);
    graph.set_max_self(std::max(graph.max_self(), flame.self[i]));
    next[depth] = end[depth] = begin + flame.total[i];
    next[depth + 1] = begin;
  }
  return graph;
}

}  // namespace sonde::web
