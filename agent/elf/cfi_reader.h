#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "agent/elf/cfi_section.h"
#include "agent/elf/compile_statistics.h"

namespace sonde::elf {

// What is common to many FDEs.
struct Cie {
  bool is_usable = false;
  bool has_augmentation = false;  // 'z': FDEs have augmentation bytes before their instructions
  bool is_signal_frame = false;   // 'S'
  uint8_t address_encoding = 0;   // 'R'
  uint64_t code_align = 0;
  int64_t data_align = 0;
  uint64_t return_column = 0;
  std::span<const std::byte> instructions;
};

// The unwinding instructions of the code at ELF addresses [vaddr, vaddr + size).
struct Fde {
  uint32_t position = 0;  // of its record in the section
  uint32_t cie = 0;       // index for CfiReader::CieAt
  uint64_t vaddr = 0;
  uint64_t size = 0;
  std::span<const std::byte> instructions;
};

// Reads the records of a section that is not trusted, in one pass that is linear in its bytes; CIEs are parsed once,
// when an FDE first names them. What is malformed is counted into the statistics and skipped. Both are borrowed.
class CfiReader {
 public:
  CfiReader(const CfiSection& section, CompileStatistics* statistics) : section_(section), statistics_(*statistics) {}

  // The next FDE in file order, until there are no more or the terminator is met.
  std::optional<Fde> Next();
  // An FDE that Next() gave, once more. REQUIRES: `position` is of one.
  Fde FdeAt(uint32_t position);
  const Cie& CieAt(uint32_t index) const { return cies_[index]; }

 private:
  // The frame of a record: [position, end), what follows the id begins at `body`.
  struct Record {
    uint32_t position = 0;
    uint32_t end = 0;
    uint32_t body = 0;
    bool is_cie = false;
    uint64_t cie_position = 0;
  };

  std::optional<Record> RecordAt(uint64_t position) const;
  std::optional<Fde> ParseFde(const Record& record, CfiSkip* cause);
  std::optional<uint32_t> CieIndex(uint64_t position);
  Cie ParseCie(uint64_t position) const;
  std::span<const std::byte> Bytes(uint64_t begin, uint64_t end) const;

  const CfiSection& section_;
  CompileStatistics& statistics_;
  uint64_t next_ = 0;
  std::vector<Cie> cies_;
  std::unordered_map<uint64_t, uint32_t> cie_indexes_;
  std::optional<uint64_t> last_cie_position_;
  uint32_t last_cie_ = 0;
};

}  // namespace sonde::elf
