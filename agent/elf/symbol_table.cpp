#include "agent/elf/symbol_table.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// Entry::name, from the top: from .dynsym, local, weak, states no size; then the offset. In this order a plain
// comparison of the flags prefers what should be preferred.
constexpr uint32_t kDynamic = 1U << 31;
constexpr uint32_t kLocal = 1U << 30;
constexpr uint32_t kWeak = 1U << 29;
constexpr uint32_t kSizeless = 1U << 28;
constexpr uint32_t kNameMask = kSizeless - 1;
static_assert(kMaxSectionBytes <= uint64_t{kNameMask} + 1);

constexpr size_t kSymbolsAtOnce = 4'096;
// How many symbols before an address are asked whether they reach over it: functions seldom nest deeper.
constexpr int kMaxNesting = 16;

bool IsFunction(const Elf64_Sym& symbol) {
  unsigned type = ELF64_ST_TYPE(symbol.st_info);
  return type == STT_FUNC || type == STT_GNU_IFUNC;
}

uint32_t Flags(const Elf64_Sym& symbol, bool is_dynamic) {
  unsigned binding = ELF64_ST_BIND(symbol.st_info);
  return (is_dynamic ? kDynamic : 0) | (binding == STB_LOCAL ? kLocal : 0) | (binding == STB_WEAK ? kWeak : 0) |
         (symbol.st_size == 0 ? kSizeless : 0);
}

// How many bytes of its executable section lie from the symbol on; 0 when it is in none.
uint64_t ReachInSection(const Elf64_Sym& symbol, std::span<const Section> sections) {
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE || symbol.st_shndx >= sections.size()) return 0;
  const Section& section = sections[symbol.st_shndx];
  if ((section.flags & SHF_EXECINSTR) == 0 || symbol.st_value < section.vaddr) return 0;
  uint64_t into = symbol.st_value - section.vaddr;
  return into < section.size ? section.size - into : 0;
}

uint64_t LowestVaddr(const ElfFile& file) {
  uint64_t lowest = std::numeric_limits<uint64_t>::max();
  for (const LoadSegment& segment : file.ExecutableSegments()) lowest = std::min(lowest, segment.vaddr);
  return lowest;
}

absl::Status CheckTable(const Section& table, std::span<const Section> sections) {
  if (table.entry_size != sizeof(Elf64_Sym) || table.link >= sections.size()) {
    return absl::InvalidArgumentError(absl::StrCat("symbol table ", table.name, " has broken headers"));
  }
  if (table.size / sizeof(Elf64_Sym) > kMaxSymbols || sections[table.link].size > kMaxSectionBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("symbol table ", table.name, " has ", table.size, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SymbolTable> SymbolTable::Read(const ElfFile& file) {
  if (!file.SectionStatus().ok()) return file.SectionStatus();
  SymbolTable table(file.Source());
  table.base_ = LowestVaddr(file);
  bool have_static = false, have_dynamic = false;
  for (const Section& section : file.Sections()) {
    bool is_dynamic = section.type == SHT_DYNSYM;
    if (section.type != SHT_SYMTAB && !is_dynamic) continue;
    if (std::exchange(is_dynamic ? have_dynamic : have_static, true)) continue;
    if (absl::Status status = table.AddTable(file, section, is_dynamic); !status.ok()) return status;
  }
  table.SortAndPrune();
  return table;
}

absl::Status SymbolTable::AddTable(const ElfFile& file, const Section& table, bool is_dynamic) {
  if (absl::Status status = CheckTable(table, file.Sections()); !status.ok()) return status;
  const Section& strings = file.Sections()[table.link];
  strings_[is_dynamic ? 1 : 0] = {strings.file_offset, strings.size};
  std::vector<std::byte> chunk(kSymbolsAtOnce * sizeof(Elf64_Sym));
  uint64_t left = table.size / sizeof(Elf64_Sym) * sizeof(Elf64_Sym);
  for (uint64_t at = table.file_offset; left > 0; at += chunk.size(), left -= chunk.size()) {
    chunk.resize(std::min<uint64_t>(chunk.size(), left));
    if (!source_.ReadAt(at, chunk)) {
      return absl::InvalidArgumentError(absl::StrCat("symbol table ", table.name, " lies outside of the file"));
    }
    AddSymbols(chunk, file.Sections(), is_dynamic);
  }
  return absl::OkStatus();
}

void SymbolTable::AddSymbols(std::span<const std::byte> raw, std::span<const Section> sections, bool is_dynamic) {
  constexpr uint64_t kMax32 = std::numeric_limits<uint32_t>::max();
  for (; raw.size() >= sizeof(Elf64_Sym); raw = raw.subspan(sizeof(Elf64_Sym))) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, raw.data(), sizeof(symbol));
    if (!IsFunction(symbol) || symbol.st_name == 0 || symbol.st_name > kNameMask) continue;
    uint64_t reach = ReachInSection(symbol, sections);
    if (reach == 0 || symbol.st_value < base_ || symbol.st_value - base_ > kMax32) continue;
    uint64_t size = symbol.st_size == 0 ? reach : std::min<uint64_t>(symbol.st_size, reach);
    entries_.push_back({static_cast<uint32_t>(symbol.st_value - base_), static_cast<uint32_t>(std::min(size, kMax32)),
                        symbol.st_name | Flags(symbol, is_dynamic)});
  }
}

void SymbolTable::SortAndPrune() {
  std::ranges::sort(entries_, {}, [](const Entry& entry) { return std::pair(entry.start, entry.name); });
  auto is_same = [](const Entry& a, const Entry& b) { return a.start == b.start; };
  auto rest = std::unique(entries_.begin(), entries_.end(), is_same);
  entries_.erase(rest, entries_.end());
  for (size_t i = 0; i + 1 < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if ((entry.name & kSizeless) != 0) entry.size = std::min(entry.size, entries_[i + 1].start - entry.start);
  }
  entries_.shrink_to_fit();
}

std::optional<Symbol> SymbolTable::Find(uint64_t vaddr) const {
  if (vaddr < base_) return std::nullopt;
  uint64_t at = vaddr - base_;
  auto next = std::ranges::upper_bound(entries_, at, {}, &Entry::start);
  for (int tries = 0; next != entries_.begin() && tries < kMaxNesting; ++tries) {
    const Entry& entry = *--next;
    if (at - entry.start >= entry.size) continue;
    auto name = ReadName(entry);
    if (!name) return std::nullopt;
    return Symbol{base_ + entry.start, entry.size, *std::move(name)};
  }
  return std::nullopt;
}

std::optional<std::string> SymbolTable::ReadName(const Entry& entry) const {
  const StringTable& strings = strings_[(entry.name & kDynamic) != 0 ? 1 : 0];
  uint64_t offset = entry.name & kNameMask;
  if (offset >= strings.size || strings.file_offset > source_.SizeBytes()) return std::nullopt;
  uint64_t at = strings.file_offset + offset;
  if (at >= source_.SizeBytes()) return std::nullopt;
  uint64_t available = std::min(strings.size - offset, source_.SizeBytes() - at);
  // Most names are short: read little first.
  std::string name;
  for (size_t want : std::array<size_t, 2>{256, kMaxNameBytes}) {
    name.resize(std::min<uint64_t>(want, available));
    if (!source_.ReadAt(at, std::as_writable_bytes(std::span(name)))) return std::nullopt;
    if (size_t end = name.find('\0'); end != std::string::npos) return name.erase(end);
  }
  return name;
}

}  // namespace sonde::elf
