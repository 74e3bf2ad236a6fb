#include "profile/wait_length.h"

#include <array>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "profile/units.h"

namespace sonde::profile {
namespace {

using Frames = std::array<std::string, kWaitLengthBuckets>;

const Frames& AllFrames() {
  static const Frames frames = [] {
    Frames made;
    for (size_t i = 0; i < made.size(); ++i) {
      const std::string from = HumanDuration(ShortestWaitNs(i));
      made[i] = i + 1 == made.size()
                    ? absl::StrCat("[waits of ", from, " and more]")
                    : absl::StrCat("[waits of ", from, " to ", HumanDuration(ShortestWaitNs(i + 1)), "]");
    }
    return made;
  }();
  return frames;
}

}  // namespace

int64_t ShortestWaitNs(size_t bucket) { return bucket == 0 ? 0 : int64_t{1} << (bucket + 8); }

const std::string& WaitLengthFrame(size_t bucket) { return AllFrames().at(bucket); }

std::optional<size_t> ParseWaitLengthFrame(std::string_view function) {
  static const auto buckets = [] {
    absl::flat_hash_map<std::string_view, size_t> made;
    for (size_t i = 0; i < kWaitLengthBuckets; ++i) made.emplace(AllFrames()[i], i);
    return made;
  }();
  auto found = buckets.find(function);
  return found != buckets.end() ? std::optional(found->second) : std::nullopt;
}

}  // namespace sonde::profile
