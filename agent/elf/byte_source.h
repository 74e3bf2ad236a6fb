#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sonde::elf {

// Bytes of an image that somebody else owns: an open file, read by pread and never mapped (a target that truncates
// its file must not kill the agent), or memory such as the vdso. A small value; what it names must outlive it.
class ByteSource {
 public:
  // REQUIRES: `fd` is a regular file opened for reading; `size_bytes` as fstat told it.
  ByteSource(int fd, uint64_t size_bytes) : fd_(fd), size_(size_bytes) {}
  explicit ByteSource(std::span<const std::byte> memory) : memory_(memory), size_(memory.size()) {}
  // The image that the kernel maps into every 64-bit process, this one included; empty where there is none.
  static ByteSource OfVdso();

  // Fills all of `out` from `offset` on, or returns false: out of range, shorter than it said, or unreadable.
  bool ReadAt(uint64_t offset, std::span<std::byte> out) const;

  uint64_t SizeBytes() const { return size_; }

 private:
  int fd_ = -1;
  std::span<const std::byte> memory_;
  uint64_t size_ = 0;
};

}  // namespace sonde::elf
