#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// What an ELF file has for debuggers, as an ELF file of its own: symbol tables, DWARF, Go's table of functions and notes
// keep their bytes, all other sections their headers alone (SHT_NOBITS), so that neither code nor constants of the program
// are in it. Sections have the numbers, names and addresses that they had; segments have no bytes. It is never whole in
// memory: headers are, and contents are read from the source as they are asked for. Immutable; thread-safe.
//
// A file that shares its DWARF with others (dwz) goes without any DWARF: who reads it alone would find functions without
// names there, and never look at its symbol table.
class DebugExtract {
 public:
  // Of `file`, whose source must outlive it. Errors: kNotFound (it names no function beyond those that it exports),
  // kInvalidArgument and kResourceExhausted as ElfFile::Open().
  static absl::StatusOr<DebugExtract> Of(const ElfFile& file);

  uint64_t SizeBytes() const { return size_; }
  // Fills all of `out`; false when that lies outside of it, or when the source is not readable any more.
  bool ReadAt(uint64_t offset, std::span<std::byte> out) const;

 private:
  // Bytes [offset, offset + size) of this file; those between two pieces are zero.
  struct Piece {
    uint64_t offset = 0;
    uint64_t size = 0;
    bool is_header = false;  // of headers_, else of the source
    uint64_t from = 0;
  };
  explicit DebugExtract(ByteSource source) : source_(source) {}

  void Append(Piece piece, uint64_t align);
  bool ReadPiece(const Piece& piece, uint64_t offset, std::span<std::byte> out) const;

  ByteSource source_;
  std::vector<std::byte> headers_;
  std::vector<Piece> pieces_;  // by offset
  uint64_t size_ = 0;
};

}  // namespace sonde::elf
