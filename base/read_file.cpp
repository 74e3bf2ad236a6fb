#include "base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace sonde::base {

absl::StatusOr<std::string> ReadFd(int fd, const std::string& name, size_t max_bytes) {
  constexpr size_t kChunk = size_t{64} << 10;
  std::string text;
  while (text.size() <= max_bytes) {
    size_t have = text.size();
    text.resize(have + std::min(kChunk, max_bytes + 1 - have));
    ssize_t got = ::read(fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) got = 0, text.resize(have);
    else if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", name));
    else if (got == 0) return text.resize(have), text;
    else text.resize(have + static_cast<size_t>(got));
  }
  return absl::ResourceExhaustedError(absl::StrCat(name, " is longer than the ", max_bytes, " bytes read of it"));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.IsValid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return ReadFd(fd.Get(), path, max_bytes);
}

}  // namespace sonde::base
