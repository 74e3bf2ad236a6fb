#include "profile/speedscope.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "profile/escape.h"
#include "profile/frame_table.h"
#include "profile/table_key.h"

namespace sonde::profile {
namespace {

// speedscope knows few units; what it does not know is none.
std::string_view SpeedscopeUnit(std::string_view unit) {
  return unit == "nanoseconds" || unit == "bytes" ? unit : "none";
}

// Frame numbers of each sample, root first.
std::vector<std::vector<int32_t>> StacksOf(const Pprof& profile, const std::string& root_label, FrameTable* frames) {
  std::vector<std::vector<int32_t>> stacks;
  for (const auto& sample : profile.sample()) {
    std::vector<int32_t>& stack = stacks.emplace_back();
    if (!root_label.empty()) stack.push_back(frames->Intern(LabelFrame(profile, sample, root_label), ""));
    for (int i = sample.location_id_size() - 1; i >= 0; --i) {
      const auto inlined = frames->Of(sample.location_id(i));
      stack.insert(stack.end(), inlined.rbegin(), inlined.rend());
    }
  }
  return stacks;
}

std::string SampledProfile(const Pprof& profile, int index, const std::vector<std::vector<int32_t>>& stacks) {
  std::vector<std::string> samples;
  std::vector<int64_t> weights;
  int64_t total = 0;
  for (int i = 0; i < profile.sample_size(); ++i) {
    const int64_t value = profile.sample(i).value(index);
    if (value <= 0) continue;
    samples.push_back(absl::StrCat("[", absl::StrJoin(stacks[static_cast<size_t>(i)], ","), "]"));
    weights.push_back(value);
    total = SaturatingAdd(total, value);
  }
  const auto& type = profile.sample_type(index);
  const std::string name = JsonString(profile.string_table(static_cast<int>(type.type())));
  const std::string_view unit = SpeedscopeUnit(profile.string_table(static_cast<int>(type.unit())));
  return absl::StrCat("{\"type\":\"sampled\",\"name\":", name, ",\"unit\":\"", std::string(unit),
                      "\",\"startValue\":0,\"endValue\":", total, ",\"samples\":[", absl::StrJoin(samples, ","),
                      "],\"weights\":[", absl::StrJoin(weights, ","), "]}");
}

}  // namespace

std::string WriteSpeedscope(const Pprof& profile, const std::string& name, const std::string& root_label) {
  FrameTable frames(profile);
  const std::vector<std::vector<int32_t>> stacks = StacksOf(profile, root_label, &frames);
  std::vector<std::string> shared;
  for (size_t i = 0; i < frames.Size(); ++i) {
    const Frame& frame = frames.At(static_cast<int32_t>(i));
    const std::string file = frame.file.empty() ? "" : absl::StrCat(",\"file\":", JsonString(frame.file));
    shared.push_back(absl::StrCat("{\"name\":", JsonString(frame.name), file, "}"));
  }
  std::vector<std::string> profiles;
  for (int i = 0; i < profile.sample_type_size(); ++i) profiles.push_back(SampledProfile(profile, i, stacks));
  return absl::StrCat("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"sonde\",",
                      "\"name\":", JsonString(name), ",\"activeProfileIndex\":", ValueIndex(profile, -1),
                      ",\"shared\":{\"frames\":[", absl::StrJoin(shared, ","), "]},\"profiles\":[",
                      absl::StrJoin(profiles, ",\n"), "]}\n");
}

}  // namespace sonde::profile
