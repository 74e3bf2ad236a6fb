#include "collector/store/packing.h"

#include <zstd.h>

#include <memory>

namespace sonde::store {
namespace {

// Twice as fast to pack as zstd's default, and within a few percent as small for columns of numbers.
constexpr int kLevel = 3;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

void PutVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void PutSigned(int64_t value, std::string* out) {
  PutVarint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63), out);
}

std::string Compress(std::string_view plain) {
  thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const size_t size =
      ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), plain.data(), plain.size(), kLevel);
  // Only a context that could not be made fails here; such a frame is refused by Decompress().
  packed.resize(ZSTD_isError(size) ? 0 : size);
  return packed;
}

absl::StatusOr<std::string> Decompress(std::string_view packed, size_t max_bytes) {
  const absl::Status broken = absl::DataLossError("store: a compressed block cannot be read; the database is damaged");
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size > max_bytes) return broken;  // both error values, too
  std::string plain(size, '\0');
  const size_t got = ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) || got != size) return broken;
  return plain;
}

}  // namespace sonde::store
