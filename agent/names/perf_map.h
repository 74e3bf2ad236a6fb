#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/names/name_source.h"
#include "base/unique_fd.h"

namespace sonde::names {

// Code that a process made while it ran, by the map that it writes for perf(1): lines "START SIZE NAME", hexadecimal
// numbers, the name to the end of the line. The last line of an address counts. 64 MB of the file's end and 2 million
// lines are read at most; lines that are otherwise are passed over, and so is a last one without an end, which is being
// written. Names stay in the file: 24 bytes a line.
class PerfMap : public NameSource {
 public:
  // kInvalidArgument: there is no such line in it. kDataLoss: it cannot be read.
  static absl::StatusOr<std::unique_ptr<PerfMap>> Read(base::UniqueFd fd, uint64_t size_bytes);

  // False, and nothing is read: it has become shorter.
  bool ReadOn(uint64_t size_bytes) override;
  FileReply Describe() const override;
  std::vector<Place> At(std::span<const uint64_t> addresses, bool only_symbols) override;
  size_t MemoryBytes() const override { return sizeof(*this) + codes_.capacity() * sizeof(Code); }

  uint64_t BadLines() const { return bad_lines_; }

 private:
  struct Code {
    uint64_t start = 0;
    uint32_t size = 0;
    uint32_t name_size = 0;
    uint64_t name_at = 0;  // in the file
  };

  explicit PerfMap(base::UniqueFd fd) : fd_(std::move(fd)) {}
  // From where it came to on.
  absl::Status ReadLines(uint64_t size_bytes);
  void Take(std::string_view line, uint64_t at);
  void SortAndPrune();
  Place PlaceAt(uint64_t address) const;

  base::UniqueFd fd_;
  uint64_t begin_ = 0;       // of the line to be read next, in the file
  std::vector<Code> codes_;  // sorted by start
  uint64_t bad_lines_ = 0;
};

}  // namespace sonde::names
