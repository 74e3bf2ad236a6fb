#include "base/local_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace sonde::base {
namespace {

// Magic numbers that <linux/magic.h> of some distributions leaves out.
constexpr int64_t kFuse = 0x65735546, kCifs = 0xFF534D42, kSmb2 = 0xFE534D42, kCeph = 0x00C36400, kNfs = 0x6969,
                  kProc = 0x9FA0, kSysfs = 0x62656572;
constexpr std::array kRefused = {
    kFuse, kCifs, kSmb2, kCeph, kNfs, kProc, kSysfs, int64_t{AFS_SUPER_MAGIC}, int64_t{AUTOFS_SUPER_MAGIC}};

// What is known of it already: a network file system is not gone to.
bool IsRegular(int place) {
  struct statx info {};
  constexpr int kFlags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  return ::statx(place, "", kFlags, STATX_TYPE, &info) == 0 && S_ISREG(info.stx_mode);
}

absl::Status WhyNot(int error) {
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError("it is not there");
  if (error == ELOOP) return absl::FailedPreconditionError("it lies behind a symbolic link");
  return absl::ErrnoToStatus(error, "it cannot be opened");
}

}  // namespace

bool MayBlockReaders(int fd) {
  struct statfs info {};
  return ::fstatfs(fd, &info) != 0 || std::ranges::find(kRefused, int64_t{info.f_type}) != kRefused.end();
}

absl::StatusOr<UniqueFd> OpenRegularFileBelow(int root, const std::string& path, bool follow_links) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (follow_links ? 0 : RESOLVE_NO_SYMLINKS);
  const UniqueFd place(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
  if (!place.IsValid()) return WhyNot(errno);
  if (!IsRegular(place.Get())) return absl::FailedPreconditionError("it is no plain file");
  if (MayBlockReaders(place.Get())) return absl::FailedPreconditionError("its file system may hold readers up");
  const std::string link = absl::StrCat("/proc/self/fd/", place.Get());
  UniqueFd fd(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.IsValid()) return WhyNot(errno);
  return fd;
}

}  // namespace sonde::base
