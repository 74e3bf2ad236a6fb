#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/symbol_table.h"
#include "agent/model/executable_file.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::symbolize {

// What symbolizing needs of one file: segments, build id, symbols. Of a file that could not be read: nothing, and why.
class FileSymbols {
 public:
  // Of a file's descriptor, which `file` keeps open, or of the vdso that the kernel gave this process itself.
  static FileSymbols OfFile(model::ExecutableFilePtr file, size_t max_bytes);
  static FileSymbols OfVdso();

  std::span<const elf::LoadSegment> Segments() const { return segments_; }
  const elf::LoadSegment* SegmentOfOffset(uint64_t file_offset) const;
  // The mangled name of the function at an ELF address.
  std::optional<std::string> NameAt(uint64_t vaddr) const;

  const std::string& BuildId() const { return build_id_; }
  // Why there are no names. kInvalidArgument: the file is no ELF file (or a broken one).
  const absl::Status& Status() const { return status_; }
  bool IsOpen() const { return file_ == nullptr || file_->fd.IsValid(); }
  size_t MemoryBytes() const;

 private:
  void Read(const absl::StatusOr<elf::ElfFile>& elf, size_t max_bytes);

  model::ExecutableFilePtr file_;
  absl::Status status_;
  std::string build_id_;
  std::vector<elf::LoadSegment> segments_;
  std::optional<elf::SymbolTable> symbols_;
};

// FileSymbols by file identity; over `max_bytes` or 1,024 files (each holds a descriptor) the least recently asked for
// go. A file whose symbols alone would take more than that has none. Single-threaded.
class FileSymbolsCache {
 public:
  FileSymbolsCache(size_t max_bytes, telemetry::LossLedger* ledger) : max_bytes_(max_bytes), ledger_(ledger) {}

  // REQUIRES: `file` is of kind kFile or kVdso. The answer stays valid until the next Get().
  const FileSymbols& Get(const model::ExecutableFilePtr& file);

  size_t MemoryBytes() const { return bytes_; }
  size_t Size() const { return by_use_.size(); }

 private:
  struct Entry {
    model::FileIdentity identity;
    FileSymbols symbols;
    size_t bytes = 0;
  };

  void Add(const model::ExecutableFilePtr& file);
  void Remove(std::list<Entry>::iterator entry);

  const size_t max_bytes_;
  telemetry::LossLedger* const ledger_;
  size_t bytes_ = 0;
  std::list<Entry> by_use_;  // most recent first
  absl::flat_hash_map<model::FileIdentity, std::list<Entry>::iterator> entries_;
};

}  // namespace sonde::symbolize
