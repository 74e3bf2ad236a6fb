#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::exporting {

struct DiskSpace {
  uint64_t free_bytes = 0;  // for us, who may not take what is reserved for root
  uint64_t total_bytes = 0;
};

// The spool's folder, of this user alone (0700) and locked as long as the object lives: two agents that append to one
// log or advance one cursor would lose what the other was promised. Names are of files in it; no link is followed.
// Thread-safe.
//
// Errors: kResourceExhausted when the disk or quota is full, kNotFound when there is no such file, kUnavailable for
// every other trouble of the disk (read-only, I/O error), which may pass.
class SpoolDirectory {
 public:
  // Makes it if it is not there. kFailedPrecondition when it is not ours alone or no folder, kAborted when another
  // process has its lock, which is named by its pid; both say what to do.
  static absl::StatusOr<std::unique_ptr<SpoolDirectory>> Open(const std::string& path);

  const std::string& Path() const { return path_; }
  // Whether somebody has removed the folder while we had it open.
  bool IsGone() const;

  // An empty file to read and write, whatever was there.
  absl::StatusOr<base::UniqueFd> Create(const std::string& name) const;
  absl::StatusOr<base::UniqueFd> OpenToRead(const std::string& name) const;
  absl::StatusOr<base::UniqueFd> OpenToChange(const std::string& name) const;
  // No error when it is not there.
  absl::Status Remove(const std::string& name) const;
  absl::Status Rename(const std::string& from, const std::string& to) const;
  // Makes names durable: files made, renamed and removed.
  absl::Status Sync() const;
  // At every instant, also of a power cut, `name` has the old bytes or `bytes`; the latter durably when this is OK.
  absl::Status Replace(const std::string& name, std::string_view bytes) const;

  absl::StatusOr<std::vector<std::string>> List() const;
  absl::StatusOr<DiskSpace> Space() const;

 private:
  SpoolDirectory(std::string path, base::UniqueFd directory, base::UniqueFd lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  absl::StatusOr<base::UniqueFd> OpenFile(const std::string& name, int flags) const;

  const std::string path_;
  const base::UniqueFd directory_;
  const base::UniqueFd lock_;
};

// Whether the spool's folder at `path`, if it is there, is of this user alone. Makes nothing. Errors as Open()'s.
absl::Status CheckSpoolFolder(const std::string& path);

// The trouble that `error` (of errno) is: see SpoolDirectory.
absl::Status DiskTrouble(int error, std::string_view doing);

// Writes or reads all of it at `offset`. A file that ends before is kUnavailable.
absl::Status WriteAllAt(int fd, std::string_view bytes, uint64_t offset);
absl::Status ReadAllAt(int fd, uint64_t offset, size_t bytes, std::string* into);

}  // namespace sonde::exporting
