#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "agent/model/slice.h"

namespace sonde::capture {

// Frames by stack id. Frames are sent when a stack is first seen in a slice; a thread that stays blocked at one for
// several slices does not send it again, so a stack is kept as long as each slice still names it.
// Single-threaded.
class StackTable {
 public:
  // Frames that arrived while `slice` was the current one.
  void Add(model::StackId id, std::shared_ptr<const model::RawStack> stack, uint32_t slice);

  // The frames of a stack that `slice` names; null when they were lost.
  std::shared_ptr<const model::RawStack> Use(model::StackId id, uint32_t slice);

  // The frames of a stack, as long as they are kept; null afterwards.
  std::shared_ptr<const model::RawStack> Find(model::StackId id) const;

  // Forgets every stack that was neither sent nor named in `slice` or later.
  void ForgetUnusedSince(uint32_t slice);

  size_t Size() const { return stacks_.size(); }

 private:
  struct Entry {
    std::shared_ptr<const model::RawStack> stack;
    uint32_t last_slice = 0;
  };
  absl::flat_hash_map<model::StackId, Entry> stacks_;
};

}  // namespace sonde::capture
