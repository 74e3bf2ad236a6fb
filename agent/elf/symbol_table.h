#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// A function as a symbol table names it (mangled).
struct Symbol {
  uint64_t vaddr = 0;
  uint64_t size = 0;
  std::string name;
};

// The functions (also ifuncs) of .symtab and .dynsym by ELF address. Of several symbols at one address .symtab wins
// over .dynsym, then global over weak over local. 12 bytes a symbol: names stay in the file, and Find() reads the one
// it needs, so a program with a million symbols costs 12 MB while its names would cost 60. Immutable after Read().
class SymbolTable {
 public:
  // The source of `file` is kept: it must stay readable as long as the table is asked for names. A file without
  // symbols gives an empty table. Errors: kResourceExhausted over limits.h, kInvalidArgument for a broken table.
  static absl::StatusOr<SymbolTable> Read(const ElfFile& file);

  // The function that covers `vaddr`: by its size, or up to the next symbol when it states none, and never past its
  // section. Empty also when the name can no longer be read.
  std::optional<Symbol> Find(uint64_t vaddr) const;

  size_t Size() const { return entries_.size(); }
  // The address and size of the one at `index`, rising; without its name.
  Symbol ExtentAt(size_t index) const { return {base_ + entries_[index].start, entries_[index].size, {}}; }
  // Its name; empty when it can no longer be read.
  std::optional<std::string> NameAt(size_t index) const { return ReadName(entries_[index]); }
  size_t MemoryBytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    uint32_t start;  // relative to base_
    uint32_t size;
    uint32_t name;  // offset in its string table, and flags in the top bits
  };
  struct StringTable {
    uint64_t file_offset = 0;
    uint64_t size = 0;
  };

  explicit SymbolTable(ByteSource source) : source_(source) {}
  absl::Status AddTable(const ElfFile& file, const Section& table, bool is_dynamic);
  void AddSymbols(std::span<const std::byte> raw, std::span<const Section> sections, bool is_dynamic);
  void SortAndPrune();
  std::optional<std::string> ReadName(const Entry& entry) const;

  ByteSource source_;
  uint64_t base_ = 0;
  StringTable strings_[2];  // of .symtab, of .dynsym
  std::vector<Entry> entries_;
};

}  // namespace sonde::elf
