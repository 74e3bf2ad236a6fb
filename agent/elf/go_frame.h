#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/elf/code_map.h"
#include "agent/elf/pclntab.h"

namespace sonde::elf {

// Code bytes by ELF address, read through a window: made for rising addresses. The file is borrowed.
class CodeWindow {
 public:
  CodeWindow(const ByteSource& source, const CodeMap& code) : source_(source), code_(code) {}

  // `size` bytes at `vaddr`; empty where there is no such code. Valid until the next call. REQUIRES: size <= 64.
  std::span<const std::byte> At(uint64_t vaddr, size_t size);

 private:
  ByteSource source_;
  const CodeMap& code_;
  uint64_t begin_ = 0;
  std::vector<std::byte> bytes_;
};

// How a Go function sets up its frame. Addresses counted as the function's.
struct GoFrame {
  uint64_t saved_from = 0;    // from here on, while rsp is below the entry's, the caller's rbp is at CFA - 16
  uint64_t pointer_from = 0;  // ... and rbp is CFA - 16; 0: it never is
};

// The first step of a function's deltas that is not 0: where its frame would be set up. Empty when it has none.
std::optional<StackDeltas::Step> FirstFrameStep(StackDeltas deltas);

// Go pushes rbp first (since 1.21: push, move), or stores it at the frame's top right after lowering rsp (move, lea).
// Empty where the code at `step`, given the bytes from one before it on, does neither, as in assembly.
inline constexpr size_t kGoPrologueBytes = 24;
std::optional<GoFrame> RecognizeGoFrame(const StackDeltas::Step& step, std::span<const std::byte> from_one_before);

// The ELF address of runtime.text. Newer linkers do not say it, and position-independent programs say it by relocation;
// so this is the stated one, the .text section, or the first address of code, at which functions begin their frames
// where the table says so. Empty when there is none, or too few functions to tell.
std::optional<uint64_t> FindGoText(const ElfFile& file, const Pclntab& table, const CodeMap& code);

}  // namespace sonde::elf
