#pragma once

#include <cstdint>

namespace sonde::elf {

// What machine code that was read from its first byte on has made of its frame, in bytes below the CFA, the caller's
// rsp.
struct CodeFrame {
  static constexpr int32_t kUnknown = INT32_MIN;

  int32_t rsp = 8;          // CFA - rsp; or kUnknown
  int32_t rbp = kUnknown;   // CFA - rbp where rbp points into the frame
  int32_t saved_rbp = 0;    // the caller's rbp is at CFA - this; 0: nowhere
  bool is_rbp_kept = true;  // rbp is the caller's

  bool HasFramePointer() const { return rbp != kUnknown; }
  friend bool operator==(const CodeFrame&, const CodeFrame&) = default;
};

// Where both ways to one instruction agree; kUnknown where they do not.
inline CodeFrame Merge(const CodeFrame& a, const CodeFrame& b) {
  return {.rsp = a.rsp == b.rsp ? a.rsp : CodeFrame::kUnknown,
          .rbp = a.rbp == b.rbp ? a.rbp : CodeFrame::kUnknown,
          .saved_rbp = a.saved_rbp == b.saved_rbp ? a.saved_rbp : 0,
          .is_rbp_kept = a.is_rbp_kept && b.is_rbp_kept};
}

}  // namespace sonde::elf
