#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/symbol_table.h"
#include "agent/names/name_source.h"
#include "base/unique_fd.h"

namespace sonde::names {

// An ELF image with what it was read from.
struct ElfImage {
  base::UniqueFd fd;              // of a file
  std::vector<std::byte> memory;  // of one that was packed in another
  std::optional<elf::ElfFile> elf;

  // Errors as of elf::ElfFile.
  static absl::StatusOr<std::unique_ptr<ElfImage>> OfFile(base::UniqueFd fd, uint64_t size_bytes);
  static absl::StatusOr<std::unique_ptr<ElfImage>> OfMemory(std::vector<std::byte> memory);
};

// Names of an ELF program or library: by its own symbols and those of .gnu_debugdata, and by what a separate debug file
// has. What costs is read at the first question. Nothing in any of these files is trusted.
class ElfNames : public NameSource {
 public:
  static absl::StatusOr<std::unique_ptr<ElfNames>> OfFile(base::UniqueFd fd, uint64_t size_bytes);
  // Of the image that the kernel maps into every process.
  static absl::StatusOr<std::unique_ptr<ElfNames>> OfVdso();

  FileReply Describe() const override;
  Place At(uint64_t offset) override;
  size_t MemoryBytes() const override;

  // Takes a separate debug file, in place of one that it had. kFailedPrecondition: it is of another build; others as of
  // elf::ElfFile.
  absl::Status AttachDebugFile(base::UniqueFd fd, const Request& request);

 private:
  explicit ElfNames(std::unique_ptr<ElfImage> image) : own_(std::move(image)) {}
  void Load();
  std::optional<elf::Symbol> SymbolAt(uint64_t vaddr) const;

  std::unique_ptr<ElfImage> own_;
  std::unique_ptr<ElfImage> debug_;   // null: none
  std::unique_ptr<ElfImage> packed_;  // null: none
  bool is_loaded_ = false;
  std::vector<elf::SymbolTable> symbols_;  // the best first
};

}  // namespace sonde::names
