#include "agent/export/spool_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/read_file.h"

namespace sonde::exporting {
namespace {

constexpr char kLockName[] = "lock";
constexpr mode_t kForUsAlone = 0700;

absl::Status MakeFolder(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (::mkdir(path.c_str(), kForUsAlone) == 0 || errno == EEXIST) return absl::OkStatus();
  return DiskTrouble(errno, absl::StrCat("making the spool's folder ", path));
}

absl::Status CheckOwner(int fd, const std::string& path) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return DiskTrouble(errno, absl::StrCat("looking at the spool's folder ", path));
  if (found.st_uid != ::geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the spool's folder ", path, " belongs to uid ", found.st_uid, " and this agent runs as uid ",
                     ::geteuid(), ": give it to this user (chown) or set spool.directory to another"));
  }
  if ((found.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the spool's folder %s may be entered by others (mode %04o), and profiles tell what runs on "
                        "this host: make it this user's alone (chmod 0700) or set spool.directory to another",
                        path, found.st_mode & 07777));
  }
  return absl::OkStatus();
}

absl::StatusOr<base::UniqueFd> OpenFolder(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.IsValid() && (errno == ENOTDIR || errno == ELOOP || errno == EACCES)) {
    return absl::FailedPreconditionError(absl::StrCat("spool.directory ", path, " is no folder of this user (",
                                                      std::strerror(errno), "): set it to another"));
  }
  if (!fd.IsValid()) return DiskTrouble(errno, absl::StrCat("opening the spool's folder ", path));
  if (absl::Status checked = CheckOwner(fd.Get(), path); !checked.ok()) return checked;
  return fd;
}

absl::StatusOr<base::UniqueFd> TakeSpoolLock(int directory, const std::string& path) {
  base::UniqueFd lock(::openat(directory, kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock.IsValid()) return DiskTrouble(errno, absl::StrCat("locking the spool in ", path));
  if (::flock(lock.Get(), LOCK_EX | LOCK_NB) != 0) {
    const absl::StatusOr<std::string> holder = base::ReadFd(lock.Get(), kLockName, 64);
    const std::string pid(holder.ok() ? absl::StripAsciiWhitespace(*holder) : "");
    return absl::AbortedError(absl::StrCat("the spool in ", path, " is in use by another agent, pid ",
                                           pid.empty() ? "unknown" : pid,
                                           ": stop that one, or set spool.directory to another folder"));
  }
  // Only for the words above: a full disk is no reason to go without the lock.
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(lock.Get(), 0) == 0) (void)WriteAllAt(lock.Get(), pid, 0);
  return lock;
}

}  // namespace

absl::Status CheckSpoolFolder(const std::string& path) {
  const absl::Status opened = OpenFolder(path).status();
  return absl::IsNotFound(opened) ? absl::OkStatus() : opened;
}

absl::Status DiskTrouble(int error, std::string_view doing) {
  const std::string text = absl::StrCat(std::string(doing), ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(text);
  return error == ENOENT ? absl::NotFoundError(text) : absl::UnavailableError(text);
}

absl::Status WriteAllAt(int fd, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return DiskTrouble(written < 0 ? errno : EIO, "writing to the spool");
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

absl::Status ReadAllAt(int fd, uint64_t offset, size_t bytes, std::string* into) {
  into->resize(bytes);
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = ::pread(fd, into->data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return DiskTrouble(errno, "reading from the spool");
    if (got == 0) return absl::UnavailableError("reading from the spool: the file is shorter than it was");
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SpoolDirectory>> SpoolDirectory::Open(const std::string& path) {
  if (absl::Status made = MakeFolder(path); !made.ok()) return made;
  absl::StatusOr<base::UniqueFd> directory = OpenFolder(path);
  if (!directory.ok()) return directory.status();
  absl::StatusOr<base::UniqueFd> lock = TakeSpoolLock(directory->Get(), path);
  if (!lock.ok()) return lock.status();
  return std::unique_ptr<SpoolDirectory>(new SpoolDirectory(path, *std::move(directory), *std::move(lock)));
}

bool SpoolDirectory::IsGone() const {
  struct stat found {};
  return ::fstat(directory_.Get(), &found) == 0 && found.st_nlink == 0;
}

absl::StatusOr<base::UniqueFd> SpoolDirectory::OpenFile(const std::string& name, int flags) const {
  base::UniqueFd fd(::openat(directory_.Get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.IsValid()) return DiskTrouble(errno, absl::StrCat("opening ", path_, "/", name));
  return fd;
}

absl::StatusOr<base::UniqueFd> SpoolDirectory::Create(const std::string& name) const {
  return OpenFile(name, O_RDWR | O_CREAT | O_TRUNC);
}

absl::StatusOr<base::UniqueFd> SpoolDirectory::OpenToRead(const std::string& name) const {
  return OpenFile(name, O_RDONLY);
}

absl::StatusOr<base::UniqueFd> SpoolDirectory::OpenToChange(const std::string& name) const {
  return OpenFile(name, O_RDWR);
}

absl::Status SpoolDirectory::Remove(const std::string& name) const {
  if (::unlinkat(directory_.Get(), name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  return DiskTrouble(errno, absl::StrCat("removing ", path_, "/", name));
}

absl::Status SpoolDirectory::Rename(const std::string& from, const std::string& to) const {
  if (::renameat(directory_.Get(), from.c_str(), directory_.Get(), to.c_str()) == 0) return absl::OkStatus();
  return DiskTrouble(errno, absl::StrCat("renaming ", path_, "/", from));
}

absl::Status SpoolDirectory::Sync() const {
  if (::fsync(directory_.Get()) == 0) return absl::OkStatus();
  return DiskTrouble(errno, absl::StrCat("syncing ", path_));
}

absl::Status SpoolDirectory::Replace(const std::string& name, std::string_view bytes) const {
  const std::string fresh = name + ".new";
  absl::StatusOr<base::UniqueFd> fd = Create(fresh);
  if (!fd.ok()) return fd.status();
  if (absl::Status written = WriteAllAt(fd->Get(), bytes, 0); !written.ok()) return written;
  if (::fsync(fd->Get()) != 0) return DiskTrouble(errno, absl::StrCat("syncing ", path_, "/", fresh));
  if (absl::Status renamed = Rename(fresh, name); !renamed.ok()) return renamed;
  return Sync();
}

absl::StatusOr<std::vector<std::string>> SpoolDirectory::List() const {
  // A descriptor of its own: reading moves its position.
  const int fd = ::openat(directory_.Get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const folder = fd < 0 ? nullptr : ::fdopendir(fd);
  if (folder == nullptr) {
    const int error = errno;
    base::UniqueFd closed(fd);
    return DiskTrouble(error, absl::StrCat("listing ", path_));
  }
  const absl::Cleanup close = [folder] { ::closedir(folder); };
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) names.emplace_back(entry->d_name);
  if (errno != 0) return DiskTrouble(errno, absl::StrCat("listing ", path_));
  return names;
}

absl::StatusOr<DiskSpace> SpoolDirectory::Space() const {
  struct statvfs found {};
  if (::fstatvfs(directory_.Get(), &found) != 0) return DiskTrouble(errno, absl::StrCat("asking for room in ", path_));
  return DiskSpace{.free_bytes = uint64_t{found.f_bavail} * found.f_frsize,
                   .total_bytes = uint64_t{found.f_blocks} * found.f_frsize};
}

}  // namespace sonde::exporting
