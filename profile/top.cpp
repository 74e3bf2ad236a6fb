#include "profile/top.h"

#include <algorithm>
#include <tuple>

#include "profile/frame_table.h"
#include "profile/table_key.h"

namespace sonde::profile {

std::vector<FunctionValue> TopFunctions(const Pprof& profile, int sample_index, size_t limit) {
  FrameTable frames(profile);
  std::vector<FunctionValue> functions(frames.Size());
  for (size_t i = 0; i < functions.size(); ++i) {
    const Frame& frame = frames.At(static_cast<int32_t>(i));
    functions[i].function = frame.name;
    functions[i].file = frame.file;
  }
  std::vector<int> last_sample(functions.size(), -1);
  int index = ValueIndex(profile, sample_index);
  for (int s = 0; s < profile.sample_size(); ++s) {
    const auto& sample = profile.sample(s);
    int64_t value = sample.value(index);
    bool is_leaf = true;
    for (uint64_t id : sample.location_id()) {
      for (int32_t frame : frames.Of(id)) {
        auto at = static_cast<size_t>(frame);
        if (is_leaf) functions[at].self = SaturatingAdd(functions[at].self, value);
        is_leaf = false;
        if (last_sample[at] == s) continue;
        last_sample[at] = s;
        functions[at].total = SaturatingAdd(functions[at].total, value);
      }
    }
  }
  std::erase_if(functions, [](const FunctionValue& f) { return f.self == 0 && f.total == 0; });
  std::ranges::sort(functions, [](const FunctionValue& a, const FunctionValue& b) {
    return std::tie(b.self, b.total, a.function, a.file) < std::tie(a.self, a.total, b.function, b.file);
  });
  if (functions.size() > limit) functions.resize(limit);
  return functions;
}

}  // namespace sonde::profile
