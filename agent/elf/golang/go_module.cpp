#include "agent/elf/golang/go_module.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// Words of runtime.moduledata: src/runtime/symtab.go of each version.
constexpr size_t kNamesWord = 1;
constexpr size_t kUnitsWord = 4;
constexpr size_t kTextWord = 22;
constexpr size_t kFunctionsWordOfGo118 = 38;
constexpr size_t kFunctionsWordOfGo120 = 40;
constexpr size_t kModuleWords = 41;
using ModuleWords = std::array<uint64_t, kModuleWords>;

constexpr uint64_t kSearchedAtOnce = uint64_t{1} << 20;

bool IsRelative(const ElfFile& file, const Elf64_Rela& relocation) {
  constexpr uint64_t kRelativeOnArm = 1027;
  return ELF64_R_TYPE(relocation.r_info) == (file.Machine() == EM_X86_64 ? R_X86_64_RELATIVE : kRelativeOnArm);
}

std::optional<uint64_t> FileOffsetOf(const ElfFile& file, uint64_t vaddr, uint64_t size) {
  for (const LoadSegment& segment : file.LoadedSegments()) {
    if (vaddr < segment.vaddr || vaddr - segment.vaddr >= segment.file_size) continue;
    uint64_t into = vaddr - segment.vaddr;
    if (size <= segment.file_size - into) return segment.file_offset + into;
  }
  return std::nullopt;
}

// Calls `visit` with each relative relocation of the program until that returns false.
template <typename Visit>
void VisitRelocations(const ElfFile& file, Visit visit) {
  for (const Section& section : file.Sections()) {
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0 || section.size > kMaxSectionBytes) continue;
    std::vector<Elf64_Rela> chunk(std::min<uint64_t>(section.size, kSearchedAtOnce) / sizeof(Elf64_Rela));
    if (chunk.empty()) continue;
    for (uint64_t done = 0; section.size - done >= sizeof(Elf64_Rela); done += chunk.size() * sizeof(Elf64_Rela)) {
      chunk.resize(std::min<uint64_t>(chunk.size(), (section.size - done) / sizeof(Elf64_Rela)));
      if (!file.Source().ReadAt(section.file_offset + done, std::as_writable_bytes(std::span(chunk)))) return;
      for (const Elf64_Rela& one : chunk) {
        if (IsRelative(file, one) && !visit(one.r_offset, static_cast<uint64_t>(one.r_addend))) return;
      }
    }
  }
}

class ModuleSearch {
 public:
  ModuleSearch(const ElfFile& file, const PclntabPlace& table, uint64_t names, uint64_t units)
      : file_(file), table_(table.vaddr), names_(table.vaddr + names), units_(table.vaddr + units) {}

  std::optional<ModuleWords> Find() const {
    if (auto found = FindInData()) return found;
    return FindInRelocations();
  }

 private:
  bool IsModule(const ModuleWords& words) const {
    return words[0] == table_ && words[kNamesWord] == names_ && words[kUnitsWord] == units_;
  }

  std::optional<ModuleWords> FindInData() const {
    uint64_t budget = kMaxPclntabSearchBytes;
    for (const LoadSegment& segment : file_.LoadedSegments()) {
      bool is_code = std::ranges::find(file_.ExecutableSegments(), segment.vaddr, &LoadSegment::vaddr) !=
                     file_.ExecutableSegments().end();
      uint64_t size = is_code ? 0 : std::min(segment.file_size, budget);
      budget -= size;
      if (auto found = FindInSegment(segment.file_offset, size)) return found;
    }
    return std::nullopt;
  }

  std::optional<ModuleWords> FindInSegment(uint64_t file_offset, uint64_t size) const {
    std::vector<uint64_t> chunk(std::min(size, kSearchedAtOnce) / sizeof(uint64_t));
    for (uint64_t done = 0; !chunk.empty() && size - done >= sizeof(uint64_t);
         done += chunk.size() * sizeof(uint64_t)) {
      chunk.resize(std::min<uint64_t>(chunk.size(), (size - done) / sizeof(uint64_t)));
      if (!file_.Source().ReadAt(file_offset + done, std::as_writable_bytes(std::span(chunk)))) return std::nullopt;
      for (auto at = chunk.begin(); (at = std::find(at, chunk.end(), table_)) != chunk.end(); ++at) {
        ModuleWords words;
        uint64_t place = file_offset + done + (at - chunk.begin()) * sizeof(uint64_t);
        bool is_read = file_.Source().ReadAt(place, std::as_writable_bytes(std::span(words)));
        if (is_read && IsModule(words)) return words;
      }
    }
    return std::nullopt;
  }

  std::optional<ModuleWords> FindInRelocations() const {
    std::vector<uint64_t> places;
    VisitRelocations(file_, [&](uint64_t place, uint64_t value) {
      if (value == table_) places.push_back(place);
      return places.size() < 64;
    });
    for (uint64_t place : places) {
      ModuleWords words{};
      auto in_file = FileOffsetOf(file_, place, sizeof(words));
      if (in_file) file_.Source().ReadAt(*in_file, std::as_writable_bytes(std::span(words)));
      VisitRelocations(file_, [&](uint64_t at, uint64_t value) {
        if (at >= place && at - place < sizeof(words)) words[(at - place) / sizeof(uint64_t)] = value;
        return true;
      });
      if (IsModule(words)) return words;
    }
    return std::nullopt;
  }

  const ElfFile& file_;
  const uint64_t table_, names_, units_;
};

}  // namespace

std::optional<GoModule> FindGoModule(const ElfFile& file, const PclntabPlace& table, uint32_t magic,
                                     uint64_t names_offset, uint64_t units_offset) {
  if (magic == kPclntabOfGo12) return std::nullopt;
  auto words = ModuleSearch(file, table, names_offset, units_offset).Find();
  if (!words) return std::nullopt;
  GoModule module{(*words)[kTextWord], 0};
  if (magic == kPclntabOfGo118) module.functions = (*words)[kFunctionsWordOfGo118];
  if (magic == kPclntabOfGo120) module.functions = (*words)[kFunctionsWordOfGo120];
  return module;
}

}  // namespace sonde::elf
