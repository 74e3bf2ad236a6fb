#include "profile/folded.h"

#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "profile/frame_table.h"
#include "profile/table_key.h"

namespace sonde::profile {
namespace {

// What separates frames, values and lines cannot be within a name.
std::string FoldedName(const std::string& name) {
  std::string folded = name;
  for (char& c : folded) {
    if (c == ';') c = ':';
    if (c == '\n' || c == '\r') c = ' ';
  }
  return folded;
}

void AppendFrame(const std::string& frame, std::string* stack) {
  absl::StrAppend(stack, stack->empty() ? "" : ";", frame);
}

}  // namespace

std::string WriteFolded(const Pprof& profile, int sample_index, const std::string& root,
                        const std::string& root_label) {
  const FrameTable frames(profile);
  const int index = ValueIndex(profile, sample_index);
  std::map<std::string, int64_t> stacks;
  for (const auto& sample : profile.sample()) {
    if (sample.value(index) <= 0) continue;
    std::string stack = FoldedName(root);
    if (!root_label.empty()) AppendFrame(FoldedName(LabelFrame(profile, sample, root_label)), &stack);
    for (int i = sample.location_id_size() - 1; i >= 0; --i) {
      const auto inlined = frames.Of(sample.location_id(i));
      for (auto frame = inlined.rbegin(); frame != inlined.rend(); ++frame) {
        const Frame& shown = frames.At(*frame);
        const char* mark = shown.file == kKernelFile ? "_[k]" : frame != inlined.rbegin() ? "_[i]" : "";
        AppendFrame(FoldedName(shown.name) + mark, &stack);
      }
    }
    int64_t& sum = stacks[stack];
    sum = SaturatingAdd(sum, sample.value(index));
  }
  std::string text;
  for (const auto& [stack, value] : stacks) absl::StrAppend(&text, stack, " ", value, "\n");
  return text;
}

}  // namespace sonde::profile
