#include "agent/process/environment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/unique_fd.h"

namespace sonde::process {

std::map<std::string, std::string> ParseEnvironment(std::string_view text, const std::vector<std::string>& wanted) {
  std::map<std::string, std::string> found;
  for (size_t end = text.find('\0'); end != std::string_view::npos; end = text.find('\0')) {
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = std::ranges::find(wanted, entry.substr(0, equals));
    if (name != wanted.end()) found.try_emplace(*name, entry.substr(equals + 1));
  }
  return found;
}

absl::StatusOr<std::map<std::string, std::string>> ReadEnvironment(int folder, const std::vector<std::string>& wanted) {
  const base::UniqueFd fd(::openat(folder, "environ", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.IsValid()) return absl::ErrnoToStatus(errno, "cannot open environ");
  std::array<char, kMaxEnvironmentBytes> text;
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t more = ::read(fd.Get(), text.data() + size, text.size() - size);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return absl::ErrnoToStatus(errno, "cannot read environ");
    if (more == 0) break;
    size += static_cast<size_t>(more);
  }
  return ParseEnvironment({text.data(), size}, wanted);
}

}  // namespace sonde::process
