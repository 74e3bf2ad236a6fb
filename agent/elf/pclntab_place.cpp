#include "agent/elf/pclntab_place.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

constexpr size_t kPclntabAlign = 16;

// The magic number, two zeros, the size of instructions, that of addresses.
bool MayBeginPclntab(std::span<const std::byte> bytes) {
  uint32_t magic = 0;
  std::array<uint8_t, 4> rest;
  std::memcpy(&magic, bytes.data(), sizeof(magic));
  std::memcpy(rest.data(), bytes.data() + sizeof(magic), rest.size());
  bool is_magic =
      magic == kPclntabOfGo12 || magic == kPclntabOfGo116 || magic == kPclntabOfGo118 || magic == kPclntabOfGo120;
  return is_magic && rest[0] == 0 && rest[1] == 0 && (rest[2] == 1 || rest[2] == 4) && rest[3] == 8;
}

const Section* PclntabSection(const ElfFile& file) {
  const Section* section = file.FindSection(".gopclntab");
  if (section == nullptr) section = file.FindSection(".data.rel.ro.gopclntab");
  return section != nullptr && section->type != SHT_NOBITS ? section : nullptr;
}

bool MayHideGo(const ElfFile& file) {
  return file.Sections().empty() || file.FindSection(".go.buildinfo") != nullptr ||
         file.FindSection(".note.go.buildid") != nullptr;
}

// File offset of the first place in the segment's first `budget` bytes that looks like a table.
std::optional<uint64_t> FindMagic(const ByteSource& source, const LoadSegment& segment, uint64_t budget) {
  uint64_t size = std::min(segment.file_size, budget);
  std::vector<std::byte> chunk(std::min<uint64_t>(size, uint64_t{1} << 20));
  for (uint64_t done = 0; done < size; done += chunk.size()) {
    chunk.resize(std::min<uint64_t>(chunk.size(), size - done));
    if (!source.ReadAt(segment.file_offset + done, chunk)) return std::nullopt;
    for (size_t at = 0; at + kPclntabAlign <= chunk.size(); at += kPclntabAlign) {
      if (MayBeginPclntab(std::span(chunk).subspan(at))) return segment.file_offset + done + at;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<PclntabPlace> FindPclntab(const ElfFile& file) {
  if (const Section* section = PclntabSection(file); section != nullptr) {
    if (section->size > kMaxPclntabBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("a pclntab of ", section->size, " bytes"));
    }
    const uint64_t file_size = file.Source().SizeBytes();
    if (section->file_offset > file_size || section->size > file_size - section->file_offset) {
      return absl::InvalidArgumentError("the pclntab lies outside of the file");
    }
    return PclntabPlace{section->file_offset, section->size, section->vaddr};
  }
  uint64_t budget = MayHideGo(file) ? kMaxPclntabSearchBytes : 0;
  for (const LoadSegment& segment : file.LoadedSegments()) {
    if (budget == 0) break;
    std::optional<uint64_t> found = FindMagic(file.Source(), segment, budget);
    budget -= std::min(budget, segment.file_size);
    if (!found) continue;
    uint64_t into = *found - segment.file_offset;
    return PclntabPlace{*found, std::min(segment.file_size - into, kMaxPclntabBytes), segment.vaddr + into};
  }
  return absl::NotFoundError("no pclntab");
}

}  // namespace sonde::elf
