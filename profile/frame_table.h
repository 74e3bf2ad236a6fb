#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// The file of the kernel's own mapping.
inline constexpr std::string_view kKernelFile = "[kernel.kallsyms]";

// What a reader sees of a location: function name and mapping file. Unnamed places show as file+0xaddress.
struct Frame {
  std::string name;
  std::string file;
};

// Numbers the distinct frames of a profile from 0 and expands locations into them, inlined ones included.
// Does not refer to the profile after construction. Single-threaded; a copy may go to another thread. Copies share what
// they have until one of them gets a frame that it has not: most never do, and have a hundred thousand.
class FrameTable {
 public:
  FrameTable() : contents_(std::make_shared<Contents>()) {}  // no frames
  FrameTable(const FrameTable& other) : contents_(other.Share()) {}
  FrameTable& operator=(const FrameTable& other) {
    contents_ = other.Share();
    return *this;
  }
  FrameTable(FrameTable&&) = default;
  FrameTable& operator=(FrameTable&&) = default;
  ~FrameTable() = default;
  // REQUIRES: `profile` passed Check().
  explicit FrameTable(const Pprof& profile);

  // Frames of one location, innermost inlined callee first. REQUIRES: the profile has this location.
  std::span<const int32_t> Of(uint64_t location_id) const { return contents_->by_location.at(location_id); }
  const Frame& At(int32_t frame) const { return contents_->frames[static_cast<size_t>(frame)]; }
  // The number of a frame that is no location, such as a label's value; `file` may be empty.
  int32_t Intern(const std::string& name, const std::string& file);
  size_t Size() const { return contents_->frames.size(); }

 private:
  struct Contents {
    bool is_shared = false;  // was once: then it does not change any more
    std::vector<Frame> frames{};
    absl::flat_hash_map<std::string, int32_t> numbers{};
    absl::flat_hash_map<uint64_t, std::vector<int32_t>> by_location{};
  };
  std::shared_ptr<Contents> Share() const {
    // Not written again: of what is shared, others may be making copies.
    if (!contents_->is_shared) contents_->is_shared = true;
    return contents_;
  }

  std::shared_ptr<Contents> contents_;
};

// The value of the sample's string label `name`, as a frame; "(no NAME)" when it has none.
std::string LabelFrame(const Pprof& profile, const perftools::profiles::Sample& sample, const std::string& name);

// Position of the value meant by `sample_index`: negative or too large means the last.
int ValueIndex(const Pprof& profile, int sample_index);

// What that value is; both empty when the profile has none. Good as long as `profile` is.
SampleType TypeOfValue(const Pprof& profile, int sample_index);

}  // namespace sonde::profile
