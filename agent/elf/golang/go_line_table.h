#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/elf/dwarf/debug_section.h"
#include "agent/elf/dwarf/work_budget.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// The names, files, lines and inlined calls in a Go program's pclntab: of Go 1.2 and later, inlined calls of Go 1.16
// and later. (Pclntab, which unwinds, knows the same table's stack deltas.) Nothing of it is believed unchecked, and
// only the parts that are asked for are read.
class GoLineTable {
 public:
  struct Function {
    uint64_t begin = 0;  // ELF address
    uint64_t end = 0;
    uint64_t name = 0;  // for NameAt
    uint32_t start_line = 0;
    uint32_t files = 0, lines = 0;  // tables of values by address, for ValueAt
    uint32_t inlined_index = 0;     // the same; 0: nothing was inlined
    uint32_t unit = 0;              // for FileAt
    uint64_t calls = 0;             // where its inlined calls are described; 0: nowhere
  };
  // A call that was inlined.
  struct InlinedCall {
    uint64_t name = 0;
    uint32_t start_line = 0;
    uint64_t caller = 0;  // an address in the code around it, of the line of the call
  };

  // Errors: kNotFound (no Go, or nothing says where its code is), kInvalidArgument, kResourceExhausted.
  static absl::StatusOr<GoLineTable> Open(const ElfFile& file);

  std::optional<Function> FunctionOf(uint64_t vaddr);
  // The value that a table has at an address; nothing where it has none.
  std::optional<uint32_t> ValueAt(uint32_t table, const Function& function, uint64_t vaddr, WorkBudget* budget);
  std::string_view NameAt(uint64_t name) { return bytes_.Text(names_ + name); }
  std::string_view FileAt(const Function& function, uint32_t number);
  std::optional<InlinedCall> CallAt(const Function& function, uint32_t index) const;

  size_t MemoryBytes() const { return sizeof(*this) + bytes_.MemoryBytes(); }

 private:
  explicit GoLineTable(const ElfFile& file) : source_(file.Source()) {}
  absl::Status ReadHeader(const ElfFile& file, uint64_t vaddr, uint64_t size);
  bool HasOffsets() const { return version_ >= 118; }  // of 4 bytes from the begin of code, instead of addresses
  uint64_t EntryBytes() const { return HasOffsets() ? 4 : 8; }
  std::optional<uint64_t> BeginAt(uint64_t index);
  std::optional<Function> ReadFunction(uint64_t index);
  void ReadInlining(uint64_t at, uint32_t values, uint32_t tables, Function* function);
  uint64_t ReadNumber(uint64_t offset, size_t bytes);

  ByteSource source_;
  std::vector<LoadSegment> segments_;
  DebugSection bytes_;
  unsigned version_ = 0;  // of Go that began this layout: 12, 116, 118 or 120
  uint8_t quantum_ = 1;   // bytes that a step of a table's addresses means
  uint64_t count_ = 0;
  uint64_t text_ = 0;
  uint64_t function_data_ = 0;
  uint64_t names_ = 0, units_ = 0, files_ = 0, values_ = 0, functions_ = 0;  // offsets in the table
};

}  // namespace sonde::elf
