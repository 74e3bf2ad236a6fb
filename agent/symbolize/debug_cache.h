#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::symbolize {

// Debug files in a folder that is ours alone, by build id, within a limit: those that were used longest ago go. For use
// by one thread that writes and others that open.
class DebugCache {
 public:
  // Makes the folder if it is not there. kFailedPrecondition: it is another user's, or others may write to it.
  static absl::StatusOr<DebugCache> Open(const std::string& folder, uint64_t max_bytes);

  // The file of this build id; invalid when there is none. REQUIRES for all: IsBuildId(build_id).
  base::UniqueFd Find(const std::string& build_id) const;
  std::string PathOf(const std::string& build_id) const;

  // A file to write to, which Keep() makes the one of `build_id`.
  absl::StatusOr<base::UniqueFd> Begin(const std::string& build_id) const;
  absl::Status Keep(const std::string& build_id) const;
  // Removes what is over the limit, but not the file of `newest`, and what is unfinished.
  void MakeRoom(const std::string& newest = "") const;

  // Hexadecimal and of a length that can be one: fit to be a file's name.
  static bool IsBuildId(const std::string& text);

 private:
  DebugCache(base::UniqueFd fd, std::string folder, uint64_t max_bytes)
      : fd_(std::move(fd)), folder_(std::move(folder)), max_bytes_(max_bytes) {}

  base::UniqueFd fd_;
  std::string folder_;
  uint64_t max_bytes_;
};

}  // namespace sonde::symbolize
