#include "agent/control/control_socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sonde::control {
namespace {

absl::Status SystemError(const std::string& what) {
  const int error = errno;
  return absl::ErrnoToStatus(error, what);
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("socket path '", path, "' must have 1 to ", sizeof(address.sun_path) - 1, " bytes"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Only the last folder: a wrong path should not grow a tree.
absl::Status MakeFolder(const std::string& path, std::optional<gid_t> group) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return absl::OkStatus();
  const std::string folder = path.substr(0, slash);
  if (mkdir(folder.c_str(), 0750) != 0) {
    return errno == EEXIST ? absl::OkStatus() : SystemError(absl::StrCat("cannot create folder ", folder));
  }
  // mkdir() obeyed the umask of the moment.
  if (chmod(folder.c_str(), 0750) != 0) return SystemError(absl::StrCat("cannot set the mode of ", folder));
  if (group && chown(folder.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return SystemError(absl::StrCat("cannot give ", folder, " to group ", *group));
  }
  return absl::OkStatus();
}

// Removes what a dead agent left at `path`; an error when it is alive or no socket.
absl::Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError(absl::StrCat("cannot look at ", path));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(absl::StrCat(path, " exists and is no socket: remove it or set control.socket"));
  }
  // Non-blocking: a live agent whose backlog is full answers EAGAIN instead of keeping us.
  const base::UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.IsValid()) return SystemError("cannot create a Unix socket");
  if (connect(probe.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno != ECONNREFUSED) {
    return absl::AlreadyExistsError(absl::StrCat("another sonde-agent is running: it answers on ", path,
                                                 ". Stop it or set another control.socket."));
  }
  return unlink(path.c_str()) == 0 ? absl::OkStatus() : SystemError(absl::StrCat("cannot remove stale ", path));
}

absl::Status BindPrivately(int fd, const std::string& path, const sockaddr_un& address) {
  const mode_t old_mask = umask(077);
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  umask(old_mask);
  return bound == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("cannot create socket ", path));
}

absl::Status OpenToGroup(const std::string& path, std::optional<gid_t> group) {
  if (group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return SystemError(absl::StrCat("cannot give ", path, " to group ", *group));
  }
  return chmod(path.c_str(), 0660) == 0 ? absl::OkStatus() : SystemError(absl::StrCat("cannot set the mode of ", path));
}

}  // namespace

absl::StatusOr<ControlSocket> ControlSocket::Listen(const std::string& path, std::optional<gid_t> group) {
  absl::StatusOr<sockaddr_un> address = AddressOf(path);
  if (!address.ok()) return address.status();
  if (absl::Status made = MakeFolder(path, group); !made.ok()) return made;
  if (absl::Status removed = RemoveStale(path, *address); !removed.ok()) return removed;
  base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.IsValid()) return SystemError("cannot create a Unix socket");
  if (absl::Status bound = BindPrivately(fd.Get(), path, *address); !bound.ok()) return bound;
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return SystemError(absl::StrCat("cannot look at ", path));
  ControlSocket listener(path, std::move(fd), info.st_dev, info.st_ino);
  if (absl::Status opened = OpenToGroup(path, group); !opened.ok()) return opened;
  if (listen(listener.Fd(), SOMAXCONN) != 0) return SystemError(absl::StrCat("cannot listen on ", path));
  return listener;
}

ControlSocket::ControlSocket(std::string path, base::UniqueFd fd, dev_t device, ino_t inode)
    : path_(std::move(path)), fd_(std::move(fd)), device_(device), inode_(inode) {}

ControlSocket::~ControlSocket() {
  struct stat info {};
  if (!fd_.IsValid() || lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) unlink(path_.c_str());
}

absl::StatusOr<gid_t> FindGroup(const std::string& name) {
  gid_t number = 0;
  if (absl::SimpleAtoi(name, &number)) return number;
  std::vector<char> buffer(1 << 16);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("no group is called '", name, "': create it (groupadd --system ", name, ") or set control.group"));
  }
  return found->gr_gid;
}

}  // namespace sonde::control
