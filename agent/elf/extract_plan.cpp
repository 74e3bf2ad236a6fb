#include "agent/elf/extract_plan.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kMaxExtractAlign = 4'096;

bool IsDwarf(const Section& section) {
  return section.type == SHT_PROGBITS &&
         (absl::StartsWith(section.name, ".debug_") || absl::StartsWith(section.name, ".zdebug_"));
}

bool IsGoTable(const Section& section) {
  return section.type == SHT_PROGBITS &&
         (absl::EndsWith(section.name, ".gopclntab") || absl::EndsWith(section.name, ".gosymtab"));
}

bool IsKept(const Section& section, bool keeps_dwarf) {
  switch (section.type) {
    case SHT_SYMTAB:
    case SHT_SYMTAB_SHNDX:
    case SHT_DYNSYM:
    case SHT_STRTAB:
    case SHT_NOTE:
      return true;
    default:
      return (IsDwarf(section) && keeps_dwarf) || IsGoTable(section);
  }
}

// Whether it tells more names than those that a loader needs.
bool HasOwnNames(const ElfFile& file, bool keeps_dwarf) {
  return std::ranges::any_of(file.Sections(), [&](const Section& section) {
    // The first symbol of every table is none.
    const bool is_table =
        (section.type == SHT_SYMTAB && section.size > sizeof(Elf64_Sym)) || absl::EndsWith(section.name, ".gopclntab");
    const bool is_dwarf = keeps_dwarf && IsDwarf(section) && absl::EndsWith(section.name, "debug_info");
    return section.size > 0 && section.type != SHT_NOBITS && (is_table || is_dwarf);
  });
}

template <typename T>
bool ReadInto(const ByteSource& source, uint64_t offset, std::span<T> out) {
  return source.ReadAt(offset, std::as_writable_bytes(out));
}

// The raw headers, of which ElfFile has checked that they lie in the file.
struct RawHeaders {
  Elf64_Ehdr file{};
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections;
};

absl::StatusOr<RawHeaders> ReadRawHeaders(const ElfFile& file) {
  RawHeaders raw;
  raw.sections.resize(file.Sections().size());
  if (!ReadInto(file.Source(), 0, std::span(&raw.file, 1)) ||
      !ReadInto(file.Source(), raw.file.e_shoff, std::span(raw.sections))) {
    return absl::InvalidArgumentError("its headers cannot be read any more");
  }
  // 65,535 means that they are counted in a section header: more than any program has.
  if (raw.file.e_phnum > kMaxSegments) return absl::ResourceExhaustedError("too many segments");
  raw.segments.resize(raw.file.e_phnum);
  if (!ReadInto(file.Source(), raw.file.e_phoff, std::span(raw.segments))) {
    return absl::InvalidArgumentError("its program headers cannot be read any more");
  }
  return raw;
}

// Behind what is there already; `end` is where that ends.
void Append(ExtractPiece piece, uint64_t align, uint64_t* end, std::vector<ExtractPiece>* pieces) {
  align = std::clamp<uint64_t>(align, 1, kMaxExtractAlign);
  piece.offset = (*end + align - 1) / align * align;
  *end = piece.offset + piece.size;
  pieces->push_back(piece);
}

}  // namespace

absl::StatusOr<ExtractPlan> PlanExtract(const ElfFile& file) {
  if (!file.SectionStatus().ok()) return file.SectionStatus();
  const bool keeps_dwarf = file.FindSection(".gnu_debugaltlink") == nullptr;
  if (!HasOwnNames(file, keeps_dwarf)) return absl::NotFoundError("it names no function beyond those that it exports");
  absl::StatusOr<RawHeaders> raw = ReadRawHeaders(file);
  if (!raw.ok()) return raw.status();

  // The headers stand in front; where they begin does not depend on what they say.
  ExtractPlan plan;
  const size_t segment_bytes = raw->segments.size() * sizeof(Elf64_Phdr);
  const size_t header_bytes = sizeof(Elf64_Ehdr) + segment_bytes + raw->sections.size() * sizeof(Elf64_Shdr);
  uint64_t end = header_bytes;
  for (size_t i = 1; i < raw->sections.size(); ++i) {
    Elf64_Shdr& section = raw->sections[i];
    if (section.sh_type == SHT_NOBITS) continue;
    if (!IsKept(file.Sections()[i], keeps_dwarf)) {
      section.sh_type = SHT_NOBITS;
      section.sh_offset = header_bytes;
      continue;
    }
    const uint64_t from = section.sh_offset;
    if (from > file.Source().SizeBytes() || section.sh_size > file.Source().SizeBytes() - from) {
      return absl::InvalidArgumentError("a section lies outside of the file");
    }
    Append({.size = section.sh_size, .from = from}, section.sh_addralign, &end, &plan.pieces);
    section.sh_offset = plan.pieces.back().offset;
    // What is kept may be named many times by a crafted file.
    if (end > kMaxFileBytes) return absl::ResourceExhaustedError("its sections are larger than any file");
  }
  for (Elf64_Phdr& segment : raw->segments) {
    segment.p_filesz = 0;
    segment.p_offset = header_bytes;
  }
  raw->file.e_phoff = raw->segments.empty() ? 0 : sizeof(Elf64_Ehdr);
  raw->file.e_shoff = sizeof(Elf64_Ehdr) + segment_bytes;
  plan.headers.resize(header_bytes);
  std::memcpy(plan.headers.data(), &raw->file, sizeof(Elf64_Ehdr));
  std::memcpy(plan.headers.data() + sizeof(Elf64_Ehdr), raw->segments.data(), segment_bytes);
  std::memcpy(plan.headers.data() + raw->file.e_shoff, raw->sections.data(), raw->sections.size() * sizeof(Elf64_Shdr));
  return plan;
}

}  // namespace sonde::elf
