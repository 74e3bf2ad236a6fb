#include "agent/elf/code_walk.h"

#include <algorithm>
#include <iterator>

#include "agent/elf/code_ranges.h"
#include "agent/elf/code_step.h"

namespace sonde::elf {
namespace {

// How many jumps are asked whether they lead to a case.
constexpr int kMostTables = 16;

}  // namespace

std::span<const FrameChange> CodeWalk::Follow(std::span<const std::byte> code) {
  code_ = code;
  seen_.assign(code.size(), {});
  dispatches_.clear();
  changes_.clear();
  Reach(0, CodeFrame{});
  FollowAll();
  FollowCases();
  CollectChanges();
  return changes_;
}

void CodeWalk::Reach(uint64_t at, const CodeFrame& frame) {
  if (at >= code_.size()) return;
  Seen& there = seen_[at];
  const CodeFrame merged = there.is_reached ? Merge(there.frame, frame) : frame;
  if (there.is_reached && merged == there.frame) return;
  there.is_reached = true;
  there.frame = merged;
  if (!there.is_queued) queue_.push_back(static_cast<uint32_t>(at));
  there.is_queued = true;
}

// What is behind calls comes last, from the front to the back: by then most of what is jumped to has been reached.
void CodeWalk::FollowAll() {
  for (;;) {
    while (!queue_.empty()) {
      const uint32_t at = queue_.back();
      queue_.pop_back();
      seen_[at].is_queued = false;
      FollowOne(at);
    }
    if (after_calls_.empty()) return;
    const Seen& call = seen_[after_calls_.top()];
    const uint64_t behind = uint64_t{after_calls_.top()} + call.length;
    after_calls_.pop();
    if (behind >= seen_.size() || (seen_[behind].is_reached && !seen_[behind].is_from_call)) continue;
    seen_[behind].is_from_call = true;
    Reach(behind, CodeFrame(call.frame));
  }
}

void CodeWalk::FollowOne(uint32_t at) {
  Seen& here = seen_[at];
  const auto step = StepOver(code_.subspan(at), here.frame);
  if (!step) return;
  here.length = static_cast<uint8_t>(step->bytes);
  const bool is_filled_up_to = step->is_filler && step->goes_on && here.is_from_call;
  if (step->is_call || is_filled_up_to) return after_calls_.push(at);
  if (step->is_dispatch) dispatches_.insert_or_assign(at, step->after);
  if (step->target && (*step->target >= 0 || static_cast<uint64_t>(-*step->target) <= at)) {
    Reach(static_cast<uint64_t>(int64_t{at} + *step->target), step->after);
  }
  if (step->goes_on) Reach(uint64_t{at} + step->bytes, step->after);
}

// Behind the first change of the frame, a jump to where a register says, with the frame given up, is a call as the last
// act.
bool CodeWalk::IsThroughTable(uint32_t at, const CodeFrame& frame) const {
  return frame != CodeFrame{} || at < first_change_;
}

// That of the last jump through a table before `at`; else of the first one.
const CodeFrame* CodeWalk::FrameOfCase(uint32_t at) const {
  auto after = dispatches_.upper_bound(at);
  auto before = after;
  for (int tries = 0; before != dispatches_.begin() && tries < kMostTables; ++tries) {
    --before;
    if (IsThroughTable(before->first, before->second)) return &before->second;
  }
  const bool has_first = after != dispatches_.end() && IsThroughTable(after->first, after->second);
  return has_first ? &after->second : nullptr;
}

// Cases may have tables of their own, so from the front to the back.
void CodeWalk::FollowCases() {
  auto is_changed = [](const Seen& seen) { return seen.is_reached && seen.frame != CodeFrame{}; };
  first_change_ = static_cast<uint32_t>(std::ranges::find_if(seen_, is_changed) - seen_.begin());
  for (uint32_t at = 0; at < code_.size();) {
    if (seen_[at].length != 0) {
      at += seen_[at].length;
      continue;
    }
    const auto code = StepOver(code_.subspan(at), CodeFrame{});
    const CodeFrame* frame = FrameOfCase(at);
    if (code && !code->is_filler && frame != nullptr) {
      Reach(at, CodeFrame(*frame));
      FollowAll();
    }
    at += code ? code->bytes : 1;
  }
}

// Padding goes with what is before it.
void CodeWalk::CollectChanges() {
  uint32_t known_until = 0;
  for (uint32_t at = 0; at < code_.size(); at += std::max<uint32_t>(seen_[at].length, 1)) {
    const Seen& here = seen_[at];
    if (here.length == 0) continue;
    if (at - known_until > kMaxPaddingBytes || (at > 0 && changes_.empty()))
      changes_.push_back({known_until, std::nullopt});
    if (changes_.empty() || here.frame != changes_.back().frame) changes_.push_back({at, here.frame});
    known_until = at + here.length;
  }
  if (code_.size() > uint64_t{known_until} + kMaxPaddingBytes) changes_.push_back({known_until, std::nullopt});
}

}  // namespace sonde::elf
