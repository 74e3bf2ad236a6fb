#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sonde::store {

struct StoreReport {
  int64_t series = 0;
  int64_t profiles = 0;  // rows: windows, and sums of windows
  int64_t windows = 0;
  int64_t days = 0;
  std::vector<std::string> faults;  // the first few; none: every profile can be read
};

// Reads all of the store in `directory`, which a collector may have open meanwhile: SQLite's own checks, every name and
// stack, every sample, and whether totals are what samples add up to. Errors as Database's.
absl::StatusOr<StoreReport> CheckStore(const std::string& directory);

// Writes the store as it is now to `file`, which must not exist, and syncs it; a collector may go on meanwhile. The
// copy is a store once it lies under the name of one. kUnavailable when it cannot be written.
absl::Status BackUpStore(const std::string& directory, const std::string& file);

}  // namespace sonde::store
