#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/export/spool_clock.h"
#include "agent/export/spool_directory.h"
#include "agent/export/spool_index.h"

namespace sonde::exporting {

inline constexpr char kQuarantineName[] = "quarantine";
// What was damaged is kept for whoever wants to know, as much as this; beyond it is counted only.
inline constexpr uint64_t kMaxQuarantineBytes = uint64_t{16} << 20;

struct RecoveredSpool {
  SpoolIndex index;
  uint64_t last_number = 0;
  uint64_t damaged_pieces = 0;  // each one record or more
  uint64_t damaged_bytes = 0;
  uint64_t torn_bytes = 0;  // records that a crash kept from being finished: nobody was promised these
};

// Reads through all segments, one record in memory at a time, and mends what is broken: a torn end is cut, damage is
// moved to the quarantine file, so that the next start does not find it again. What cannot be mended now (a full disk)
// is left as it is, and found again. A segment that the disk does not give back is removed. An error only when the
// folder itself cannot be read.
absl::StatusOr<RecoveredSpool> RecoverSpool(const SpoolDirectory& directory, const SpoolClock& clock);

}  // namespace sonde::exporting
