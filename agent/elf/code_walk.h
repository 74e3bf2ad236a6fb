#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "agent/elf/code_frame.h"

namespace sonde::elf {

// From here on until the next, counted from the function's first byte, the frame is this.
struct FrameChange {
  uint32_t begin = 0;
  std::optional<CodeFrame> frame;  // empty: execution was not seen to come here
};

// Follows a function's machine code from its first byte along all jumps and tells what the frame is at each
// instruction. Where only tables of cases lead, the frame is taken to be that at the jump through such a table; where
// ways with different frames meet, what they agree on; what follows a call, which may never return, believes those who
// jump there.
//
// Time and memory are linear in the code's size, but for a logarithm: an instruction is looked at again only when less
// is known of its frame than before. Not for concurrent use; keep one for many functions.
class CodeWalk {
 public:
  // Of `code`, in order. Valid until the next call.
  std::span<const FrameChange> Follow(std::span<const std::byte> code);

 private:
  struct Seen {
    CodeFrame frame;
    bool is_reached = false;
    bool is_queued = false;
    bool is_from_call = false;  // nobody had jumped here when the call before it was followed
    uint8_t length = 0;         // of the instruction; 0: there is none, or none was seen
  };

  void Reach(uint64_t at, const CodeFrame& frame);
  void FollowAll();
  void FollowOne(uint32_t at);
  void FollowCases();
  bool IsThroughTable(uint32_t at, const CodeFrame& frame) const;
  const CodeFrame* FrameOfCase(uint32_t at) const;
  void CollectChanges();

  std::span<const std::byte> code_;
  std::vector<Seen> seen_;  // by offset
  std::vector<uint32_t> queue_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> after_calls_;  // offsets of the calls
  std::map<uint32_t, CodeFrame> dispatches_;  // jumps to where a register or memory says, by offset
  uint32_t first_change_ = 0;                 // of the frame
  std::vector<FrameChange> changes_;
};

}  // namespace sonde::elf
