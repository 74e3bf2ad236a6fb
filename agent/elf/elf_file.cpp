#include "agent/elf/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "agent/elf/build_id.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

template <typename T>
bool ReadStruct(const ByteSource& source, uint64_t offset, T* out) {
  return source.ReadAt(offset, std::as_writable_bytes(std::span(out, 1)));
}

// `count` structs in a row. REQUIRES: `count` is capped by the caller.
template <typename T>
absl::StatusOr<std::vector<T>> ReadTable(const ByteSource& source, uint64_t offset, size_t count, const char* what) {
  if (offset > source.SizeBytes() || count > (source.SizeBytes() - offset) / sizeof(T)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " lie outside of the file"));
  }
  std::vector<T> table(count);
  if (!source.ReadAt(offset, std::as_writable_bytes(std::span(table)))) {
    return absl::InvalidArgumentError(absl::StrCat(what, " cannot be read"));
  }
  return table;
}

absl::Status CheckHeader(const Elf64_Ehdr& header, bool is_debug) {
  const unsigned char* ident = header.e_ident;
  if (std::memcmp(ident, ELFMAG, SELFMAG) != 0) return absl::InvalidArgumentError("not an ELF file");
  if (ident[EI_CLASS] != ELFCLASS64) return absl::UnimplementedError("not a 64-bit ELF file");
  if (ident[EI_DATA] != ELFDATA2LSB) return absl::UnimplementedError("not a little-endian ELF file");
  if (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64) {
    return absl::UnimplementedError(absl::StrCat("ELF machine ", header.e_machine, " is neither x86-64 nor aarch64"));
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN && !is_debug) {
    return absl::UnimplementedError(absl::StrCat("ELF type ", header.e_type, " is no program or shared object"));
  }
  return absl::OkStatus();
}

// Counts that did not fit their 16 bits are in section header 0.
struct Counts {
  size_t segments = 0;
  size_t sections = 0;
  size_t name_section = 0;
};

Counts ReadCounts(const ByteSource& source, const Elf64_Ehdr& header) {
  Counts counts{header.e_phnum, header.e_shnum, header.e_shstrndx};
  Elf64_Shdr first{};
  bool has_first = header.e_shoff != 0 && ReadStruct(source, header.e_shoff, &first);
  if (counts.segments == PN_XNUM && has_first) counts.segments = first.sh_info;
  if (counts.sections == 0 && has_first) counts.sections = first.sh_size;
  if (counts.name_section == SHN_XINDEX && has_first) counts.name_section = first.sh_link;
  return counts;
}

absl::StatusOr<std::vector<Elf64_Phdr>> ReadProgramHeaders(const ByteSource& source, const Elf64_Ehdr& header,
                                                           size_t count) {
  if (count > kMaxSegments) return absl::ResourceExhaustedError(absl::StrCat(count, " program headers"));
  if (count > 0 && header.e_phentsize != sizeof(Elf64_Phdr)) {
    return absl::InvalidArgumentError(absl::StrCat("program headers of ", header.e_phentsize, " bytes"));
  }
  return ReadTable<Elf64_Phdr>(source, header.e_phoff, count, "program headers");
}

// A segment whose ranges wrap around would make every later subtraction lie.
bool IsSound(const Elf64_Phdr& segment) {
  return segment.p_offset + segment.p_filesz >= segment.p_offset &&
         segment.p_vaddr + std::max(segment.p_memsz, segment.p_filesz) >= segment.p_vaddr;
}

// The PT_LOADs that have all of `flags`.
std::vector<LoadSegment> LoadsWith(const std::vector<Elf64_Phdr>& headers, Elf64_Word flags) {
  std::vector<LoadSegment> segments;
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_LOAD || (header.p_flags & flags) != flags || !IsSound(header)) continue;
    segments.push_back({header.p_offset, header.p_filesz, header.p_vaddr, header.p_memsz});
  }
  std::ranges::stable_sort(segments, {}, &LoadSegment::file_offset);
  return segments;
}

std::optional<FrameHeaderSegment> FindFrameHeader(const std::vector<Elf64_Phdr>& headers) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type == PT_GNU_EH_FRAME && IsSound(header)) {
      return FrameHeaderSegment{header.p_offset, header.p_filesz, header.p_vaddr};
    }
  }
  return std::nullopt;
}

std::string ReadBuildId(const ByteSource& source, uint64_t offset, uint64_t size, uint64_t align) {
  std::vector<std::byte> notes(std::min<uint64_t>(size, kMaxNoteBytes));
  if (!source.ReadAt(offset, notes)) return "";
  return FindBuildId(notes, align);
}

std::string BuildIdOfSegments(const ByteSource& source, const std::vector<Elf64_Phdr>& headers) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_NOTE) continue;
    std::string id = ReadBuildId(source, header.p_offset, header.p_filesz, header.p_align);
    if (!id.empty()) return id;
  }
  return "";
}

std::string NameAt(const std::vector<std::byte>& names, uint64_t offset) {
  if (offset >= names.size()) return "";
  const char* begin = reinterpret_cast<const char*>(names.data()) + offset;
  return std::string(begin, strnlen(begin, std::min<size_t>(names.size() - offset, kMaxSectionNameBytes)));
}

std::vector<std::byte> ReadNameTable(const ByteSource& source, const std::vector<Elf64_Shdr>& headers, size_t index) {
  if (index >= headers.size() || headers[index].sh_type != SHT_STRTAB) return {};
  std::vector<std::byte> names(std::min<uint64_t>(headers[index].sh_size, kMaxSectionNameTableBytes));
  if (!source.ReadAt(headers[index].sh_offset, names)) names.clear();
  return names;
}

absl::StatusOr<std::vector<Section>> ReadSections(const ByteSource& source, const Elf64_Ehdr& header,
                                                  const Counts& counts) {
  if (header.e_shoff == 0 || counts.sections == 0) return std::vector<Section>();
  if (counts.sections > kMaxSections) return absl::ResourceExhaustedError(absl::StrCat(counts.sections, " sections"));
  if (header.e_shentsize != sizeof(Elf64_Shdr)) {
    return absl::InvalidArgumentError(absl::StrCat("section headers of ", header.e_shentsize, " bytes"));
  }
  auto headers = ReadTable<Elf64_Shdr>(source, header.e_shoff, counts.sections, "section headers");
  if (!headers.ok()) return headers.status();
  std::vector<std::byte> names = ReadNameTable(source, *headers, counts.name_section);
  std::vector<Section> sections;
  sections.reserve(headers->size());
  for (const Elf64_Shdr& raw : *headers) {
    sections.push_back({NameAt(names, raw.sh_name), raw.sh_type, raw.sh_link, raw.sh_flags, raw.sh_addr, raw.sh_offset,
                        raw.sh_size, raw.sh_entsize});
  }
  return sections;
}

}  // namespace

absl::StatusOr<ElfFile> ElfFile::Open(int fd, int64_t size_bytes) {
  if (fd < 0 || size_bytes < 0) return absl::InvalidArgumentError("no open file");
  return Open(ByteSource(fd, static_cast<uint64_t>(size_bytes)));
}

absl::StatusOr<ElfFile> ElfFile::Open(ByteSource source) { return Read(source, /*is_debug=*/false); }

absl::StatusOr<ElfFile> ElfFile::OpenDebug(ByteSource source) { return Read(source, /*is_debug=*/true); }

absl::StatusOr<ElfFile> ElfFile::Read(ByteSource source, bool is_debug) {
  if (source.SizeBytes() > kMaxFileBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("file of ", source.SizeBytes(), " bytes is too large to read"));
  }
  Elf64_Ehdr header;
  if (!ReadStruct(source, 0, &header)) return absl::InvalidArgumentError("not an ELF file: shorter than its header");
  if (absl::Status status = CheckHeader(header, is_debug); !status.ok()) return status;
  Counts counts = ReadCounts(source, header);
  auto program_headers = ReadProgramHeaders(source, header, counts.segments);
  if (!program_headers.ok()) return program_headers.status();

  ElfFile file(source);
  file.machine_ = header.e_machine;
  file.entry_ = header.e_entry;
  file.segments_ = LoadsWith(*program_headers, PF_X);
  file.loaded_ = LoadsWith(*program_headers, 0);
  file.frame_header_ = FindFrameHeader(*program_headers);
  auto sections = ReadSections(source, header, counts);
  if (sections.ok())
    file.sections_ = *std::move(sections);
  else
    file.section_status_ = sections.status();
  file.build_id_ = BuildIdOfSegments(source, *program_headers);
  if (const Section* note = file.FindSection(".note.gnu.build-id"); file.build_id_.empty() && note != nullptr) {
    file.build_id_ = ReadBuildId(source, note->file_offset, note->size, 4);
  }
  return file;
}

const LoadSegment* ElfFile::SegmentOfOffset(uint64_t file_offset) const {
  for (const LoadSegment& segment : segments_) {
    if (file_offset >= segment.file_offset && file_offset - segment.file_offset < segment.file_size) return &segment;
  }
  return nullptr;
}

std::optional<uint64_t> ElfFile::VaddrOfOffset(uint64_t file_offset) const {
  const LoadSegment* segment = SegmentOfOffset(file_offset);
  if (segment == nullptr) return std::nullopt;
  return file_offset - segment->file_offset + segment->vaddr;
}

const Section* ElfFile::FindSection(std::string_view name) const {
  auto found = std::ranges::find(sections_, name, &Section::name);
  return found == sections_.end() ? nullptr : &*found;
}

absl::StatusOr<std::vector<std::byte>> ElfFile::ReadSection(const Section& section, uint64_t max_bytes) const {
  if (section.type == SHT_NOBITS) return std::vector<std::byte>();
  if (section.size > std::min(max_bytes, kMaxSectionBytes)) {
    return absl::ResourceExhaustedError(absl::StrCat("section ", section.name, " has ", section.size, " bytes"));
  }
  return ReadTable<std::byte>(source_, section.file_offset, section.size, "the section's bytes");
}

}  // namespace sonde::elf
