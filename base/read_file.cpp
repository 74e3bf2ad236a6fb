#include "base/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace sonde::base {

absl::StatusOr<std::string> ReadFd(int fd, const std::string& name, size_t max_bytes) {
  // Most files read here are of /proc and short: through the stack, a short one costs one small allocation, and not a
  // large one for each, which has the allocator tidy all that it holds when it is freed.
  std::array<char, 4096> chunk;
  std::string text;
  while (text.size() <= max_bytes) {
    ssize_t got = ::read(fd, chunk.data(), std::min(chunk.size(), max_bytes + 1 - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", name));
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<size_t>(got));
  }
  return absl::ResourceExhaustedError(absl::StrCat(name, " is longer than the ", max_bytes, " bytes read of it"));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.IsValid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return ReadFd(fd.Get(), path, max_bytes);
}

}  // namespace sonde::base
