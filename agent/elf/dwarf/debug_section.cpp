#include "agent/elf/dwarf/debug_section.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/elf/dwarf/decompression.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kChunkBytes = uint64_t{64} << 10;

uint64_t MostUnpackedBytes(const ByteSource& source) {
  return std::clamp(source.SizeBytes() * kMaxDecompressionRatio, kMinDecompressedBytes, kMaxDebugBytes);
}

}  // namespace

DebugSection::DebugSection(const ElfFile& file, std::string_view name) : source_(file.Source()) {
  const Section* section = file.FindSection(name);
  if (section == nullptr || section->type == SHT_NOBITS || section->size == 0) return;
  file_offset_ = section->file_offset;
  stored_size_ = size_ = section->size;
  if (file_offset_ > source_.SizeBytes() || stored_size_ > source_.SizeBytes() - file_offset_) {
    Refuse(absl::InvalidArgumentError("it lies outside of the file"));
  } else if ((section->flags & SHF_COMPRESSED) != 0) {
    ReadCompressionHeader();
  } else if (size_ > kMaxDebugBytes) {
    Refuse(absl::ResourceExhaustedError(absl::StrCat("it has ", size_, " bytes")));
  }
  if (!status_.ok()) status_ = absl::Status(status_.code(), absl::StrCat(std::string(name), ": ", status_.message()));
}

DebugSection::DebugSection(ByteSource source, uint64_t file_offset, uint64_t size)
    : source_(source), file_offset_(file_offset), stored_size_(size), size_(size) {}

void DebugSection::ReadCompressionHeader() {
  constexpr Elf64_Word kZstd = 2;  // ELFCOMPRESS_ZSTD of newer headers
  Elf64_Chdr header;
  if (stored_size_ < sizeof(header) || !source_.ReadAt(file_offset_, std::as_writable_bytes(std::span(&header, 1)))) {
    Refuse(absl::InvalidArgumentError("its compression header is cut off"));
  } else if (header.ch_type != ELFCOMPRESS_ZLIB && header.ch_type != kZstd) {
    Refuse(absl::UnimplementedError(absl::StrCat("it is compressed by method ", header.ch_type)));
  } else if (header.ch_size > MostUnpackedBytes(source_)) {
    Refuse(absl::ResourceExhaustedError(absl::StrCat("it unpacks to ", header.ch_size, " bytes")));
  } else {
    packing_ = header.ch_type == kZstd ? Packing::kZstd : Packing::kZlib;
    file_offset_ += sizeof(header);
    stored_size_ -= sizeof(header);
    size_ = header.ch_size;
  }
}

bool DebugSection::Refuse(absl::Status status) {
  size_ = 0;
  status_ = std::move(status);
  return false;
}

std::span<const std::byte> DebugSection::At(uint64_t offset, uint64_t size) {
  if (offset > size_ || size > size_ - offset || size == 0 || !Load(offset, size)) return {};
  return {bytes_.get() + offset, static_cast<size_t>(size)};
}

std::span<const std::byte> DebugSection::UpTo(uint64_t offset, uint64_t most) {
  return offset < size_ ? At(offset, std::min(most, size_ - offset)) : std::span<const std::byte>();
}

bool DebugSection::Peek(uint64_t offset, std::span<std::byte> out) {
  if (offset > size_ || out.size() > size_ - offset) return false;
  if (packing_ == Packing::kNone) return source_.ReadAt(file_offset_ + offset, out);
  std::span<const std::byte> bytes = At(offset, out.size());
  std::ranges::copy(bytes, out.begin());
  return bytes.size() == out.size();
}

std::string_view DebugSection::Text(uint64_t offset) {
  std::span<const std::byte> bytes = UpTo(offset, kMaxNameBytes);
  if (bytes.empty()) return {};
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  return {begin, strnlen(begin, bytes.size())};
}

bool DebugSection::Load(uint64_t offset, uint64_t size) {
  if (bytes_ == nullptr) {
    bytes_.reset(static_cast<std::byte*>(std::calloc(size_, 1)));
    if (bytes_ == nullptr) return Refuse(absl::ResourceExhaustedError("there is no memory for a debug section"));
    has_chunk_.resize(size_ / kChunkBytes + 1);
  }
  if (packing_ == Packing::kUnpacked) return true;
  if (packing_ != Packing::kNone) return Unpack();
  for (uint64_t chunk = offset / kChunkBytes; chunk <= (offset + size - 1) / kChunkBytes; ++chunk) {
    if (!has_chunk_[chunk] && !LoadChunk(chunk)) return false;
  }
  return true;
}

bool DebugSection::LoadChunk(size_t chunk) {
  uint64_t begin = chunk * kChunkBytes;
  std::span<std::byte> into(bytes_.get() + begin, std::min(kChunkBytes, size_ - begin));
  if (!source_.ReadAt(file_offset_ + begin, into)) {
    return Refuse(absl::InvalidArgumentError("a debug section can no longer be read"));
  }
  has_chunk_[chunk] = true;
  loaded_bytes_ += into.size();
  return true;
}

bool DebugSection::Unpack() {
  std::span<std::byte> into(bytes_.get(), size_);
  absl::Status status = packing_ == Packing::kZlib ? DecompressZlib(source_, file_offset_, stored_size_, into)
                                                   : DecompressZstd(source_, file_offset_, stored_size_, into);
  if (!status.ok()) return Refuse(std::move(status));
  packing_ = Packing::kUnpacked;
  loaded_bytes_ = size_;
  return true;
}

}  // namespace sonde::elf
