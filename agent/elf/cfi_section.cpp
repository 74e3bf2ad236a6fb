#include "agent/elf/cfi_section.h"

#include <elf.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "agent/elf/byte_cursor.h"
#include "agent/elf/limits.h"
#include "agent/elf/pointer_encoding.h"

namespace sonde::elf {
namespace {

absl::StatusOr<CfiSection> ReadCfi(const ElfFile& file, const Section& section, bool is_debug_frame) {
  auto bytes = file.ReadSection(section, kMaxCfiBytes);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty()) return absl::NotFoundError(absl::StrCat(section.name, " is empty"));
  return CfiSection{*std::move(bytes), is_debug_frame ? 0 : section.vaddr, is_debug_frame};
}

// What .eh_frame_hdr says of where .eh_frame is: version 1, three encodings, then the pointer.
std::optional<uint64_t> FramePointerOfHeader(const ElfFile& file, const FrameHeaderSegment& header) {
  std::array<std::byte, 16> raw{};
  size_t size = std::min<uint64_t>(raw.size(), header.file_size);
  std::span<std::byte> bytes = std::span(raw).first(size);
  if (!file.Source().ReadAt(header.file_offset, bytes)) return std::nullopt;
  ByteCursor cursor{bytes};
  uint8_t version = cursor.Byte();
  uint8_t encoding = cursor.Byte();
  cursor.Skip(2);
  auto vaddr = ReadEncodedPointer(encoding, header.vaddr + 4, header.vaddr, &cursor);
  if (version != 1 || encoding == kPointerOmitted || !cursor.Ok()) return std::nullopt;
  return vaddr;
}

absl::StatusOr<CfiSection> ReadToEndOfSegment(const ElfFile& file, uint64_t vaddr) {
  for (const LoadSegment& segment : file.LoadedSegments()) {
    if (vaddr < segment.vaddr || vaddr - segment.vaddr >= segment.file_size) continue;
    uint64_t into = vaddr - segment.vaddr;
    uint64_t offset = segment.file_offset + into;
    if (offset >= file.Source().SizeBytes()) break;
    uint64_t size = std::min({segment.file_size - into, file.Source().SizeBytes() - offset, kMaxCfiBytes});
    CfiSection section{std::vector<std::byte>(size), vaddr, false};
    if (!file.Source().ReadAt(offset, section.bytes)) break;
    return section;
  }
  return absl::InvalidArgumentError(absl::StrCat(".eh_frame_hdr points to ", vaddr, ", which is not in the file"));
}

}  // namespace

absl::StatusOr<CfiSection> ReadEhFrame(const ElfFile& file) {
  if (const Section* section = file.FindSection(".eh_frame")) return ReadCfi(file, *section, false);
  auto header = file.FrameHeader();
  if (!header) return absl::NotFoundError("no .eh_frame");
  auto vaddr = FramePointerOfHeader(file, *header);
  if (!vaddr) return absl::InvalidArgumentError(".eh_frame_hdr does not say where .eh_frame is");
  return ReadToEndOfSegment(file, *vaddr);
}

absl::StatusOr<CfiSection> ReadDebugFrame(const ElfFile& file) {
  const Section* section = file.FindSection(".debug_frame");
  if (section == nullptr) return absl::NotFoundError("no .debug_frame");
  if ((section->flags & SHF_COMPRESSED) != 0) return absl::UnimplementedError(".debug_frame is compressed");
  return ReadCfi(file, *section, true);
}

}  // namespace sonde::elf
