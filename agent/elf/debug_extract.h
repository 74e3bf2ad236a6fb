#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/byte_source.h"

namespace sonde::elf {

// Bytes [offset, offset + size) of a file that is made of another one; they are at `from` there.
struct ExtractPiece {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t from = 0;
};

// How a file is made of another one: headers of its own, and behind them pieces of that, by offset. What is between two
// pieces is zero. PlanExtract() makes one.
struct ExtractPlan {
  std::vector<std::byte> headers;
  std::vector<ExtractPiece> pieces;
};

// A file made by such a plan. It is never whole in memory: headers are, and contents are read from the source as they
// are asked for. Parses nothing. Immutable; thread-safe.
class DebugExtract {
 public:
  // Whose descriptor or memory must outlive it. kInvalidArgument: pieces are out of order, overlap, or lie outside of
  // the source; kResourceExhausted: it would be larger than kMaxFileBytes.
  static absl::StatusOr<DebugExtract> Of(ExtractPlan plan, ByteSource source);

  uint64_t SizeBytes() const { return size_; }
  // Fills all of `out`; false when that lies outside of it, or when the source is not readable any more.
  bool ReadAt(uint64_t offset, std::span<std::byte> out) const;

 private:
  DebugExtract(ExtractPlan plan, ByteSource source, uint64_t size)
      : plan_(std::move(plan)), source_(source), size_(size) {}

  void ReadHeaders(uint64_t offset, std::span<std::byte> out) const;

  ExtractPlan plan_;
  ByteSource source_;
  uint64_t size_ = 0;
};

}  // namespace sonde::elf
