#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/export/number_set.h"
#include "agent/export/spool_directory.h"

namespace sonde::exporting {

// How far each target is, in one file "cursor": magic "SNDC", CRC-32C of what follows, a sonde.spool.v1.Cursors.
struct SpoolCursors {
  std::map<std::string, NumberSet> settled;  // by target: the records that it needs no more
  uint64_t next = 1;                         // number of the next record
  int64_t last_profile_unix_ns = 0;          // when the last profile came
  bool is_closed = false;                    // the agent that wrote it had ended in good order
};

std::string EncodeCursors(const SpoolCursors& cursors);
// kDataLoss when these bytes are not such a file.
absl::StatusOr<SpoolCursors> DecodeCursors(std::string_view bytes);

// kNotFound when there is no file, kDataLoss when it is damaged, else as SpoolDirectory.
absl::StatusOr<SpoolCursors> ReadCursors(const SpoolDirectory& directory);

// Durably, or not at all. A file "spare" keeps the room that this takes, so that a full disk does not stand in the way.
absl::Status WriteCursors(const SpoolDirectory& directory, const SpoolCursors& cursors);

}  // namespace sonde::exporting
