#include "base/credential_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/read_file.h"
#include "base/unique_fd.h"

namespace sonde::base {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxTokenBytes = size_t{16} << 10;
constexpr mode_t kOthersMayRead = S_IRGRP | S_IROTH;

}  // namespace

absl::StatusOr<std::string> ReadCredentialFile(const std::string& path, Secrecy secrecy) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.IsValid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat facts {};
  if (::fstat(fd.Get(), &facts) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  if (!S_ISREG(facts.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is no regular file"));
  if (secrecy == Secrecy::kSecret && (facts.st_mode & kOthersMayRead) != 0) {
    return absl::PermissionDeniedError(absl::StrFormat(
        "%s may be read by its group or others (mode %04o): chmod 600 it", path, facts.st_mode & 07777));
  }
  absl::StatusOr<std::string> text = ReadFd(fd.Get(), path, kMaxBytes);
  if (text.ok() && text->empty()) return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  return text;
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadCredentialFile(path, Secrecy::kPublic);
  if (!text.ok()) return text.status();
  std::string token(absl::StripAsciiWhitespace(*text));
  if (token.empty()) return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  if (token.size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no token or password: it is longer than ", kMaxTokenBytes, " bytes"));
  }
  // A line break would end the header.
  if (!std::ranges::all_of(token, [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::InvalidArgumentError(absl::StrCat(path, " holds more than one line of printable ASCII characters"));
  }
  return token;
}

}  // namespace sonde::base
