#include "agent/names/mini_debug_info.h"

#include <lzma.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sonde::names {
namespace {

constexpr uint64_t kMaxUnpackedBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxRatio = 8;  // to the whole file
constexpr uint64_t kMaxDecoderBytes = uint64_t{128} << 20;
constexpr size_t kFirstBytes = size_t{256} << 10;

class XzDecoder {
 public:
  XzDecoder() { is_ready_ = ::lzma_stream_decoder(&stream_, kMaxDecoderBytes, 0) == LZMA_OK; }
  ~XzDecoder() { ::lzma_end(&stream_); }
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;

  absl::StatusOr<std::vector<std::byte>> Unpack(std::span<const std::byte> packed, uint64_t max_bytes) {
    if (!is_ready_) return absl::ResourceExhaustedError("no memory to unpack .gnu_debugdata");
    std::vector<std::byte> out(std::min<uint64_t>(kFirstBytes, max_bytes));
    stream_.next_in = reinterpret_cast<const uint8_t*>(packed.data());
    stream_.avail_in = packed.size();
    while (true) {
      stream_.next_out = reinterpret_cast<uint8_t*>(out.data()) + stream_.total_out;
      stream_.avail_out = out.size() - stream_.total_out;
      const lzma_ret result = ::lzma_code(&stream_, LZMA_FINISH);
      if (result == LZMA_STREAM_END) break;
      if (result != LZMA_OK && result != LZMA_BUF_ERROR) return absl::InvalidArgumentError(".gnu_debugdata is broken");
      if (stream_.avail_out != 0) return absl::InvalidArgumentError(".gnu_debugdata ends too early");
      if (out.size() >= max_bytes) {
        return absl::ResourceExhaustedError(absl::StrCat(".gnu_debugdata is over ", max_bytes, " bytes"));
      }
      out.resize(std::min<uint64_t>(2 * out.size(), max_bytes));
    }
    out.resize(stream_.total_out);
    return out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool is_ready_ = false;
};

}  // namespace

absl::StatusOr<std::vector<std::byte>> UnpackMiniDebugInfo(const elf::ElfFile& file) {
  const elf::Section* section = file.FindSection(".gnu_debugdata");
  if (section == nullptr) return absl::NotFoundError("no .gnu_debugdata");
  auto packed = file.ReadSection(*section, kMaxUnpackedBytes);
  if (!packed.ok()) return packed.status();
  const uint64_t size = file.Source().SizeBytes();
  return XzDecoder().Unpack(*packed, size < kMaxUnpackedBytes / kMaxRatio ? kMaxRatio * size : kMaxUnpackedBytes);
}

}  // namespace sonde::names
