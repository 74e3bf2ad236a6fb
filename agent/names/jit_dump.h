#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "agent/names/file_pieces.h"
#include "agent/names/jit_lines.h"
#include "agent/names/name_source.h"
#include "base/unique_fd.h"

namespace sonde::names {

// Code that a process made while it ran, by the dump that it writes for `perf inject --jit` (jitdump, of our byte
// order): records of code that came to be, with its bytes and name, before it the lines of its source if the process
// tells these, and of code that moved. The last record of an address counts. A record without an end, which is being
// written, is read later; half a million pieces of code are kept at most, some 80 bytes each: names and lines stay in
// the file. Unwinding tables are passed over. Such code has no inlined functions: a line is that of whatever is there.
class JitDump : public NameSource {
 public:
  // Whether the file begins as such a dump does.
  static bool IsOne(int fd);
  // kInvalidArgument: it is no dump of code. kDataLoss: it cannot be read.
  static absl::StatusOr<std::unique_ptr<JitDump>> Read(base::UniqueFd fd, uint64_t size_bytes);

  bool ReadOn(uint64_t size_bytes) override;
  FileReply Describe() const override;
  std::vector<Place> At(std::span<const uint64_t> addresses, bool only_symbols) override;
  size_t MemoryBytes() const override;

 private:
  struct Code {
    uint64_t size = 0;
    uint64_t order = 0;     // the higher, the later
    uint64_t name_at = 0;   // in the file
    uint64_t lines_at = 0;  // where the record with its lines begins; 0: there is none
  };
  using Codes = absl::btree_map<uint64_t, Code>;  // by start
  // A record with lines whose code is to come.
  struct PendingLines {
    uint64_t code_begin = 0;
    uint64_t at = 0;  // 0: there is none
    uint64_t At(uint64_t code) const { return code == code_begin ? at : 0; }
  };

  explicit JitDump(base::UniqueFd fd) : fd_(std::move(fd)) {}
  void ReadRecords(uint64_t size_bytes);
  void NoteLines(FilePieces* pieces, uint64_t bytes);
  void Add(uint64_t start, Code code);
  void Move(uint64_t from, uint64_t to, uint64_t size);
  Codes::const_iterator CodeAt(uint64_t address) const;
  Place NameOf(const Code& code) const;
  // None: they cannot be read.
  std::vector<JitLine> LinesOf(FilePieces* pieces, const Code& code, std::span<const uint64_t> offsets,
                               uint64_t* read_bytes) const;

  base::UniqueFd fd_;
  uint64_t next_ = 0;  // where the record to be read next begins
  uint64_t order_ = 0;
  uint64_t size_bytes_ = 0;
  bool is_broken_ = false;  // what follows `next_` is no record
  bool has_lines_ = false;
  bool has_plain_lines_ = false;  // their addresses are those of the code
  PendingLines lines_of_next_;
  Codes codes_;
};

}  // namespace sonde::names
