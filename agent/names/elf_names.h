#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/source_lines.h"
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
  // Of one that only has to hold debug information.
  static absl::StatusOr<std::unique_ptr<ElfImage>> OfDebugFile(base::UniqueFd fd, uint64_t size_bytes);
  static absl::StatusOr<std::unique_ptr<ElfImage>> OfMemory(std::vector<std::byte> memory);
};

// Names of an ELF program or library: functions, inlined ones too, with files and lines by DWARF or Go's table, its own
// or of a separate debug file; else functions by the symbols of both and those of .gnu_debugdata. What costs is read at
// the first question. Nothing in any of these files is trusted; where memory runs out over debug information, symbols
// remain.
class ElfNames : public NameSource {
 public:
  static absl::StatusOr<std::unique_ptr<ElfNames>> OfFile(base::UniqueFd fd, uint64_t size_bytes);
  // Of the image that the kernel maps into every process.
  static absl::StatusOr<std::unique_ptr<ElfNames>> OfVdso();

  FileReply Describe() const override;
  std::vector<Place> At(std::span<const uint64_t> offsets, bool only_symbols) override;
  void Shrink() override;
  size_t MemoryBytes() const override;
  size_t Descriptors() const override;
  bool LacksFiles() const override { return !missing_.empty(); }
  std::vector<MissingFile> TakeMissing() override { return std::exchange(missing_, {}); }

  // Takes a separate debug file, in place of one that it had. kFailedPrecondition: it is of another build; others as of
  // elf::ElfFile.
  absl::Status AttachDebugFile(base::UniqueFd fd, const Request& request);
  // Takes what .gnu_debugaltlink of its debug information names. Errors as before.
  absl::Status AttachSupplement(base::UniqueFd fd, const Request& request);

  // Takes a .dwo or .dwp file beside those that it has, 256 at most. kFailedPrecondition: nothing of it is of this
  // program; kResourceExhausted, and others as before.
  absl::Status AttachSplitFile(base::UniqueFd fd, const Request& request);

 private:
  explicit ElfNames(std::unique_ptr<ElfImage> image) : own_(std::move(image)) {}
  // The file that its debug information is in.
  const elf::ElfFile& LinesFile() const;
  void Load();
  void LoadLines();
  Place SymbolAt(uint64_t vaddr) const;
  void AddMissing(const elf::SplitFile& file);
  void AddLines(std::span<const uint64_t> vaddrs, std::span<const size_t> indices, std::vector<Place>* places);

  std::unique_ptr<ElfImage> own_;
  std::unique_ptr<ElfImage> debug_;       // null: none
  std::unique_ptr<ElfImage> packed_;      // null: none
  std::unique_ptr<ElfImage> supplement_;  // null: none
  std::vector<std::unique_ptr<ElfImage>> split_;
  std::vector<MissingFile> missing_;
  bool is_loaded_ = false;
  bool has_no_lines_ = false;                // none that can be read
  std::vector<elf::SymbolTable> symbols_;    // the best first
  std::unique_ptr<elf::SourceLines> lines_;  // null: there are none
};

}  // namespace sonde::names
