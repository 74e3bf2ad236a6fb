#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// A section of debug information, of which only the parts that are asked for are read: a program's debug information is
// many times its code, and few of its units run. A compressed one (zlib, zstd) is read whole at the first question.
// Whatever it gives stays where it is for as long as the section lives. Moves, does not copy.
class DebugSection {
 public:
  DebugSection() = default;  // an empty one
  // The section of this name; empty when there is none.
  DebugSection(const ElfFile& file, std::string_view name);
  // Any range of a file. REQUIRES: `size` is capped by the caller.
  DebugSection(ByteSource source, uint64_t file_offset, uint64_t size);

  uint64_t SizeBytes() const { return size_; }
  // Why nothing can be read of a section that is there.
  const absl::Status& Status() const { return status_; }

  // Exactly these bytes; empty when they are not all there or cannot be read.
  std::span<const std::byte> At(uint64_t offset, uint64_t size);
  // From `offset` on, at most `most` bytes.
  std::span<const std::byte> UpTo(uint64_t offset, uint64_t most);
  // Copies these bytes without keeping what lies around them; false where they are not.
  bool Peek(uint64_t offset, std::span<std::byte> out);
  // The text at `offset`, cut after kMaxNameBytes.
  std::string_view Text(uint64_t offset);

  size_t MemoryBytes() const { return loaded_bytes_; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  enum class Packing : uint8_t { kNone, kZlib, kZstd, kUnpacked };

  void ReadCompressionHeader();
  bool Load(uint64_t offset, uint64_t size);
  bool LoadChunk(size_t chunk);
  bool Unpack();
  bool Refuse(absl::Status status);

  ByteSource source_{std::span<const std::byte>()};
  uint64_t file_offset_ = 0;
  uint64_t stored_size_ = 0;
  uint64_t size_ = 0;
  Packing packing_ = Packing::kNone;
  absl::Status status_;
  // Zeros that the kernel does not back with memory before they are written to.
  std::unique_ptr<std::byte[], Free> bytes_;
  std::vector<bool> has_chunk_;
  size_t loaded_bytes_ = 0;
};

}  // namespace sonde::elf
