#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// One function that an address stands in, as the programmer wrote it. The texts belong to the SourceAnswers.
struct SourceFrame {
  // As linkers know it (mangled); its plain name where there is no such; empty where the file does not say: the symbol
  // table may know. At most kMaxNameBytes, any bytes but 0.
  std::string_view function;
  // Joined of what the compiler wrote: absolute as a rule. Empty: unknown.
  std::string_view file;
  uint32_t line = 0;        // of the address, or of the call of the frame before it; 0: unknown
  uint32_t start_line = 0;  // where the function is declared; 0: unknown
  bool is_inlined = false;  // into the frame after it
};

// A .dwo file that holds what an address needed (split DWARF). It lies at `name`, from `folder` on when that is
// relative, or is part of PROGRAM.dwp.
struct SplitFile {
  std::string_view folder;
  std::string_view name;
  uint64_t id = 0;
};

// Frames by address, and their texts, each once. Moves, does not copy.
class SourceAnswers {
 public:
  SourceAnswers() = default;
  SourceAnswers(SourceAnswers&&) = default;
  SourceAnswers& operator=(SourceAnswers&&) = default;

  // In the order of the addresses that were asked for.
  size_t Size() const { return chains_.size(); }
  // The innermost inlined callee first, the function that has the code of its own last. Empty: nothing is known.
  std::span<const SourceFrame> FramesOf(size_t index) const {
    return std::span(frames_).subspan(chains_[index].first, chains_[index].count);
  }
  // Whatever was missing for better answers, each once, at most kMaxMissingSplitFiles.
  std::span<const SplitFile> MissingSplitFiles() const { return missing_; }
  // OK, or why some addresses have no answer, or less of one than the file holds: kResourceExhausted (over limits.h:
  // fewer addresses may be answered), kInvalidArgument (the file contradicts itself).
  const absl::Status& Status() const { return status_; }

  // For readers of a kind of debug information.
  void Resize(size_t count) { chains_.resize(count); }
  void SetFrames(size_t index, std::span<const SourceFrame> frames);
  void AddMissing(SplitFile file);
  void Fail(absl::Status status) { status_.Update(status); }
  // `text` for as long as this object lives, cut to kMaxNameBytes.
  std::string_view Keep(std::string_view text);

 private:
  struct Chain {
    uint32_t first = 0;
    uint32_t count = 0;
  };
  std::vector<SourceFrame> frames_;
  std::vector<Chain> chains_;
  std::vector<SplitFile> missing_;
  absl::Status status_;
  std::deque<std::string> texts_;
  size_t text_bytes_ = 0;
  absl::flat_hash_set<std::string_view> known_;
};

// Where code comes from: functions, lines and inlined calls by ELF address, out of a file that is not trusted: from the
// table that every Go program carries (Go 1.2 and later; inlined calls since 1.16), or else from DWARF 2 to 5.
// An index of the file's units, and the parts of sections that answers needed, are kept for as long as the object
// lives: for what it costs see MemoryBytes(). Single-threaded, like all readers of this room.
class SourceLines {
 public:
  virtual ~SourceLines() = default;

  // `file` is the program itself or its debug file (see debug_file_places.h); of separate debug files the addresses are
  // the same. `alternate` is what its .gnu_debugaltlink names, null when there is none or it is not at hand: names that
  // it holds are missing then. Both sources, and all that are added later, must outlive this; the ElfFiles need not.
  // Debug files are opened by ElfFile::OpenDebug().
  // Errors: kNotFound (the file has neither DWARF lines nor Go's table), kInvalidArgument, kResourceExhausted.
  static absl::StatusOr<std::unique_ptr<SourceLines>> Open(const ElfFile& file, const ElfFile* alternate = nullptr);

  // Adds a .dwo or .dwp file for the answers to come. Errors as above; kNotFound also for a file whose units nobody
  // waits for, and for all but DWARF.
  virtual absl::Status AddSplitFile(const ElfFile& file) = 0;

  // Frames of ELF addresses, in any order: the cheaper by the address the more are asked for at once. A return
  // address is to be lowered by one before. Never fails as a whole: see SourceAnswers::Status().
  virtual SourceAnswers Answer(std::span<const uint64_t> vaddrs) = 0;

  // What is held now, without the answers. Answer() may go over it by what one batch needs; see kMaxDebugBytes.
  virtual size_t MemoryBytes() const = 0;
};

}  // namespace sonde::elf
