#include "agent/elf/dwarf/decompression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace sonde::elf {
namespace {

// Hands out a range of the source piece by piece.
class Pieces {
 public:
  Pieces(const ByteSource& source, uint64_t offset, uint64_t size) : source_(source), at_(offset), left_(size) {}

  // The next bytes; empty at the end, or when they cannot be read.
  std::span<const std::byte> Next() {
    std::span<std::byte> piece(buffer_.data(), std::min<uint64_t>(left_, buffer_.size()));
    if (!source_.ReadAt(at_, piece)) return {};
    at_ += piece.size();
    left_ -= piece.size();
    return piece;
  }

 private:
  const ByteSource& source_;
  uint64_t at_;
  uint64_t left_;
  std::array<std::byte, size_t{64} << 10> buffer_;
};

absl::Status Unsound() { return absl::InvalidArgumentError("a compressed debug section is broken"); }

struct EndInflate {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};
struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

}  // namespace

absl::Status DecompressZlib(const ByteSource& source, uint64_t offset, uint64_t size, std::span<std::byte> out) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return absl::ResourceExhaustedError("there is no memory for zlib");
  std::unique_ptr<z_stream, EndInflate> end(&stream);
  Pieces pieces(source, offset, size);
  // An avail_out of 32 bits: sections are capped far below.
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  for (int result = Z_OK; result == Z_OK;) {
    std::span<const std::byte> piece = pieces.Next();
    if (piece.empty()) return Unsound();
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    result = inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END) return Unsound();
  }
  return stream.avail_out == 0 ? absl::OkStatus() : Unsound();
}

absl::Status DecompressZstd(const ByteSource& source, uint64_t offset, uint64_t size, std::span<std::byte> out) {
  constexpr int kMostWindowLog = 27;  // 128 MiB
  std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  if (stream == nullptr) return absl::ResourceExhaustedError("there is no memory for zstd");
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kMostWindowLog);
  Pieces pieces(source, offset, size);
  ZSTD_outBuffer into{out.data(), out.size(), 0};
  for (size_t hint = 1; hint != 0;) {
    std::span<const std::byte> piece = pieces.Next();
    if (piece.empty()) return Unsound();
    ZSTD_inBuffer from{piece.data(), piece.size(), 0};
    while (from.pos < from.size && hint != 0) {
      size_t before = from.pos + into.pos;
      hint = ZSTD_decompressStream(stream.get(), &into, &from);
      if (ZSTD_isError(hint) != 0 || (hint != 0 && from.pos + into.pos == before)) return Unsound();
    }
  }
  return into.pos == into.size ? absl::OkStatus() : Unsound();
}

}  // namespace sonde::elf
