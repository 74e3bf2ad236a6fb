#include "base/unique_fd.h"

#include <unistd.h>

#include <utility>

namespace sonde::base {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  Reset(other.Release());
  return *this;
}

int UniqueFd::Release() { return std::exchange(fd_, -1); }

void UniqueFd::Reset(int fd) {
  int old = std::exchange(fd_, fd);
  // After EINTR Linux has closed the descriptor all the same: calling again could close a stranger's.
  if (old >= 0 && old != fd) ::close(old);
}

}  // namespace sonde::base
