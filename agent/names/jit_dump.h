#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "agent/names/name_source.h"
#include "base/unique_fd.h"

namespace sonde::names {

// Code that a process made while it ran, by the dump that it writes for `perf inject --jit` (jitdump, of our byte
// order): records of code that came to be, with its bytes and name, and of code that moved. The last record of an
// address counts. A record without an end, which is being written, is read later; half a million pieces of code are
// kept at most, some 70 bytes each: names stay in the file. What else is in it (lines, unwinding tables) is passed
// over.
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
    uint64_t order = 0;    // the higher, the later
    uint64_t name_at = 0;  // in the file
  };

  explicit JitDump(base::UniqueFd fd) : fd_(std::move(fd)) {}
  void ReadRecords(uint64_t size_bytes);
  void Add(uint64_t start, uint64_t size, uint64_t name_at);
  void Move(uint64_t from, uint64_t to, uint64_t size);
  Place PlaceAt(uint64_t address) const;

  base::UniqueFd fd_;
  uint64_t next_ = 0;  // where the record to be read next begins
  uint64_t order_ = 0;
  bool is_broken_ = false;                 // what follows `next_` is no record
  absl::btree_map<uint64_t, Code> codes_;  // by start
};

}  // namespace sonde::names
