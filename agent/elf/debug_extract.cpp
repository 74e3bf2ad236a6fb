#include "agent/elf/debug_extract.h"

#include <algorithm>
#include <cstring>

#include "agent/elf/limits.h"

namespace sonde::elf {

absl::StatusOr<DebugExtract> DebugExtract::Of(ExtractPlan plan, ByteSource source) {
  uint64_t end = plan.headers.size();
  for (const ExtractPiece& piece : plan.pieces) {
    if (piece.offset < end) return absl::InvalidArgumentError("pieces of an extract overlap");
    if (piece.from > source.SizeBytes() || piece.size > source.SizeBytes() - piece.from) {
      return absl::InvalidArgumentError("a piece of an extract lies outside of the file");
    }
    if (piece.offset > kMaxFileBytes || piece.size > kMaxFileBytes - piece.offset) {
      return absl::ResourceExhaustedError("an extract is larger than any file");
    }
    end = piece.offset + piece.size;
  }
  return DebugExtract(std::move(plan), source, end);
}

void DebugExtract::ReadHeaders(uint64_t offset, std::span<std::byte> out) const {
  if (offset >= plan_.headers.size()) return;
  std::memcpy(out.data(), plan_.headers.data() + offset, std::min<uint64_t>(out.size(), plan_.headers.size() - offset));
}

bool DebugExtract::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) return false;
  std::ranges::fill(out, std::byte{0});
  ReadHeaders(offset, out);
  const uint64_t end = offset + out.size();
  auto piece = std::ranges::upper_bound(plan_.pieces, offset, {}, &ExtractPiece::offset);
  // Several may begin at one place, of which the last alone may have bytes.
  if (piece != plan_.pieces.begin()) --piece;
  for (; piece != plan_.pieces.end() && piece->offset < end; ++piece) {
    const uint64_t first = std::max(offset, piece->offset);
    const uint64_t last = std::min(end, piece->offset + piece->size);
    if (first >= last) continue;
    if (!source_.ReadAt(piece->from + (first - piece->offset), out.subspan(first - offset, last - first))) return false;
  }
  return true;
}

}  // namespace sonde::elf
