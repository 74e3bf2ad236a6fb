#include "profile/top.h"

#include <algorithm>
#include <span>
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
  std::vector<bool> is_inlined(functions.size()), is_called(functions.size());
  int index = ValueIndex(profile, sample_index);
  for (int s = 0; s < profile.sample_size(); ++s) {
    const auto& sample = profile.sample(s);
    int64_t value = sample.value(index);
    bool is_leaf = true;
    for (uint64_t id : sample.location_id()) {
      const std::span<const int32_t> at_location = frames.Of(id);
      for (const int32_t& frame : at_location) {
        auto at = static_cast<size_t>(frame);
        (&frame == &at_location.back() ? is_called : is_inlined)[at] = true;
        if (is_leaf) functions[at].self = SaturatingAdd(functions[at].self, value);
        is_leaf = false;
        if (last_sample[at] == s) continue;
        last_sample[at] = s;
        functions[at].total = SaturatingAdd(functions[at].total, value);
      }
    }
  }
  for (size_t i = 0; i < functions.size(); ++i) {
    if (is_inlined[i]) functions[i].inlining = is_called[i] ? Inlining::kPartial : Inlining::kAll;
  }
  std::erase_if(functions, [](const FunctionValue& f) { return f.self == 0 && f.total == 0; });
  std::ranges::sort(functions, [](const FunctionValue& a, const FunctionValue& b) {
    return std::tie(b.self, b.total, a.function, a.file) < std::tie(a.self, a.total, b.function, b.file);
  });
  if (functions.size() > limit) functions.resize(limit);
  return functions;
}

}  // namespace sonde::profile
