#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sonde::model {

// How the user part of a stack ended. Only at its bottom is it complete. Values are those of bpf/abi/unwind.h.
enum class StackEnd : uint8_t {
  kNone,  // no user part
  kBottom,
  kTruncated,
  kNoProcess,
  kNoMapping,
  kNoTable,
  kFileRefused,
  kNoRow,
  kBadRule,
  kReadFault,
  kStackPointerNotRising,
  kBadRegisters,
  kBadFramePointer,
};
inline constexpr size_t kStackEnds = 13;

// In a few words, as profiles and `agentctl status` say it: why the callers are not known, but for the first two.
constexpr const char* TextOf(StackEnd end) {
  constexpr std::array<const char*, kStackEnds> kTexts = {"kernel threads",
                                                          "complete",
                                                          "deeper than 1024 frames",
                                                          "process not known yet",
                                                          "address in no executable mapping",
                                                          "unwinding table not ready",
                                                          "file could not be read",
                                                          "no unwinding information for this code",
                                                          "unwinding information not understood",
                                                          "stack memory not there",
                                                          "caller would lie below its callee",
                                                          "needs a register that is not known",
                                                          "no chain of frame pointers"};
  const auto index = static_cast<size_t>(end);
  return index < kTexts.size() ? kTexts[index] : "unknown";
}

}  // namespace sonde::model
