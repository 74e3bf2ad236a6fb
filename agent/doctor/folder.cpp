#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agent/doctor/checks.h"
#include "agent/export/spool.h"
#include "agent/export/spool_directory.h"
#include "base/unique_fd.h"

namespace sonde::doctor {
namespace {

using State = base::Finding::State;

// `path`, or the folder in which it would be made.
std::string ExistingPart(std::filesystem::path path) {
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

// A file in `folder` that has no name any more.
base::UniqueFd NamelessFile(const std::string& folder) {
  base::UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.IsValid() || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return fd;
  // Not all file systems can do that.
  std::string path = folder + "/.sonde-doctor-XXXXXX";
  fd.Reset(::mkostemp(path.data(), O_CLOEXEC));
  if (fd.IsValid()) ::unlink(path.c_str());
  return fd;
}

// Writes a block into `folder` and lets it go. Empty, or why it cannot.
std::string WhyNotWritable(const std::string& folder) {
  const base::UniqueFd fd = NamelessFile(folder);
  if (!fd.IsValid()) return std::strerror(errno);
  const std::string block(4096, 'x');
  const bool is_written = ::write(fd.Get(), block.data(), block.size()) == static_cast<ssize_t>(block.size());
  return is_written && ::fdatasync(fd.Get()) == 0 ? "" : std::strerror(errno);
}

uid_t OwnerOf(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_uid : 0;
}

std::string Mebibytes(uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

base::Finding CheckRoom(const Folder& folder, const std::string& existing) {
  struct statvfs space {};
  if (::statvfs(existing.c_str(), &space) != 0) {
    return {folder.key, State::kFailed, absl::StrCat(existing, ": ", std::strerror(errno)), "see to its file system"};
  }
  const uint64_t free = uint64_t{space.f_bavail} * space.f_frsize, total = uint64_t{space.f_blocks} * space.f_frsize;
  const uint64_t kept = folder.is_spool ? exporting::KeptFreeBytes({}, total) : 0;
  const std::string words =
      absl::StrCat("the file system of ", folder.path, " has ", Mebibytes(free), " free",
                   kept > 0 ? absl::StrCat(", of which ", Mebibytes(kept), " stay free for others") : "");
  constexpr char kAdvice[] = "make room, or choose a folder on another disk";
  if (free <= kept) return {folder.key, State::kFailed, absl::StrCat(words, ": nothing can be kept there"), kAdvice};
  if (free - kept >= folder.wanted_bytes) return {folder.key, State::kOk, absl::StrCat("it can be written; ", words)};
  return {folder.key, State::kWarning,
          absl::StrCat(words, ", and it may come to hold ", Mebibytes(folder.wanted_bytes)), kAdvice};
}

}  // namespace

base::Findings CheckFolder(const Folder& folder) {
  if (const absl::Status ours = folder.is_spool ? exporting::CheckSpoolFolder(folder.path) : absl::OkStatus();
      !ours.ok()) {
    // root may look at what is right for the user that the service has.
    const bool may_be_right = ::geteuid() == 0 && OwnerOf(folder.path) != 0;
    return {{folder.key, may_be_right ? State::kWarning : State::kFailed, std::string(ours.message()),
             may_be_right ? "right if the agent runs as that user, as a service" : ""}};
  }
  const std::string existing = ExistingPart(folder.path);
  if (const std::string why = WhyNotWritable(existing); !why.empty()) {
    return {{folder.key, State::kFailed,
             absl::StrCat(existing == folder.path ? "" : folder.path + " does not exist, and ", existing,
                          " cannot be written by uid ", ::geteuid(), ": ", why),
             "give it to the agent's user, make room, or choose another folder"}};
  }
  return {CheckRoom(folder, existing)};
}

}  // namespace sonde::doctor
