#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/unique_fd.h"

namespace sonde::exporting {

// A folder that files are put into, of which the oldest are removed. Only what it wrote itself, now or in an earlier
// run, is ever touched: files whose names begin with kPrefix. Of one thread.
class ProfileFolder {
 public:
  static constexpr char kPrefix[] = "sonde-";

  struct Retention {
    uint64_t max_bytes = 0;  // of all files
    absl::Duration max_age;  // since they were written
  };

  ProfileFolder(std::string path, Retention retention) : path_(std::move(path)), retention_(retention) {}

  // Puts a file into the folder, whole or not at all: it has its name only after its content is on the disk. Replaces
  // one of the same name. Makes the folder if there is none; removes what an earlier run left half-written.
  // kResourceExhausted: the disk is full. kUnavailable: anything else, for the moment (no such disk, read-only).
  // REQUIRES: `name` begins with kPrefix, holds no '/', and sorts after the names of earlier files.
  absl::Status Write(const std::string& name, std::string_view bytes);

  // Returns when the names of all that was written are on the disk, too. Errors as Write().
  absl::Status Sync();

  // Removes what is too old at `now`, then the oldest until the rest is within max_bytes. The newest always stays.
  absl::Status RemoveOld(absl::Time now);

  uint64_t Bytes() const { return bytes_; }

 private:
  struct Kept {
    uint64_t bytes = 0;
    absl::Time written;
  };

  // The folder may be another one, or gone, by the next time: looks anew then.
  absl::Status Failed(absl::Status status);
  absl::Status Open();
  absl::Status Scan();
  absl::Status WriteTemporary(const std::string& name, std::string_view bytes);
  void Keep(const std::string& name, Kept kept);

  const std::string path_;
  const Retention retention_;
  base::UniqueFd folder_;
  std::map<std::string, Kept> files_;  // by name: the oldest first
  uint64_t bytes_ = 0;
};

}  // namespace sonde::exporting
