#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "agent/export/spool_record.h"

namespace sonde::exporting {

// A stretch of a segment.
struct SpoolPiece {
  enum class What {
    kRecord,    // intact
    kRepeated,  // intact, but its number was there before
    kDamaged,   // not a record, whatever it was
    kTorn,      // the end of the file, where a record was begun and never finished
  };
  What what = What::kRecord;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  SpoolHeader header;  // of a record
};

// Goes through a segment piece by piece, with one record in memory, and comes to its end whatever the bytes are: after
// damage it goes on at the next intact record. Not thread-safe.
class SpoolScanner {
 public:
  // `fd` stays the caller's. Numbers up to `last_number` were there before.
  SpoolScanner(int fd, uint64_t file_bytes, uint64_t last_number)
      : fd_(fd), file_bytes_(file_bytes), last_number_(last_number) {}

  // The next piece; the pieces cover the file. Empty at its end. kUnavailable when the disk does not give the bytes.
  absl::StatusOr<std::optional<SpoolPiece>> Next();

 private:
  // The header at `offset`, when it is intact.
  absl::StatusOr<std::optional<SpoolHeader>> HeaderAt(uint64_t offset);
  absl::StatusOr<bool> IsIntactAt(uint64_t offset, const SpoolHeader& header);
  // Where the first intact record from `from` on begins; the file's end when there is none.
  absl::StatusOr<uint64_t> FindRecord(uint64_t from);
  absl::StatusOr<uint64_t> FindDamageEnd(const std::optional<SpoolHeader>& header);
  absl::StatusOr<SpoolPiece> Damage(const std::optional<SpoolHeader>& header);
  absl::StatusOr<bool> IsUnfinished(const std::optional<SpoolHeader>& header);

  const int fd_;
  const uint64_t file_bytes_;
  uint64_t last_number_;
  uint64_t at_ = 0;
  std::string buffer_;
};

}  // namespace sonde::exporting
