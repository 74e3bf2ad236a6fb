#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/disk.h"

namespace sonde::capture {

// The kernel's own books of what block devices did, as differences of two readings. Single-threaded.
class DiskStatistics {
 public:
  // What counts so far no longer does.
  absl::Status Begin();
  // What every whole disk did since the last reading; those that did nothing are left out.
  absl::StatusOr<std::vector<model::DiskActivity>> Take();

 private:
  std::vector<model::DiskActivity> before_;
};

// Reads /proc/diskstats: every line since boot, partitions too. kInvalidArgument for a line that is not one of it.
absl::StatusOr<std::vector<model::DiskActivity>> ParseDiskStatistics(absl::string_view text);

// What was done from one reading of a device to the next.
model::DiskActivity Difference(const model::DiskActivity& before, const model::DiskActivity& after);

// That nothing was done, and nothing is under way.
bool IsIdle(const model::DiskActivity& disk);

}  // namespace sonde::capture
