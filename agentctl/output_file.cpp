#include "agentctl/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::agentctl {
namespace {

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteError(int error, const std::string& path) {
  const std::string what = absl::StrCat("cannot write ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(absl::StrCat(what, ". Free some space or choose another folder with -o."));
  }
  return absl::FailedPreconditionError(absl::StrCat(what, ". Choose another folder with -o."));
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return WriteError(errno, path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// mkostemp() makes files for the owner alone; this one is as any other new file of the user.
mode_t NewFileMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

absl::StatusOr<profile::FileFormat> FormatOfOutput(const std::string& path) {
  if (const std::optional<profile::FileFormat> format = profile::FormatOfFile(path)) return *format;
  return absl::InvalidArgumentError(
      absl::StrCat("-o '", path, "' must end in ", profile::SuffixesForText(), ", which tells the format."));
}

absl::StatusOr<OutputFile> OutputFile::Open(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder: name a file in it with -o."));
  }
  // A file-size limit must come back as an error of write(), not as a signal.
  signal(SIGXFSZ, SIG_IGN);
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  base::UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.IsValid()) {
    const int error = errno;
    return absl::FailedPreconditionError(absl::StrCat("cannot create a file in ", FolderOf(path), ": ",
                                                      std::strerror(error), ". Choose another folder with -o."));
  }
  return OutputFile(path, std::move(temporary), std::move(fd));
}

OutputFile::OutputFile(std::string path, std::string temporary, base::UniqueFd fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

OutputFile::~OutputFile() {
  if (fd_.IsValid()) unlink(temporary_.c_str());
}

absl::Status OutputFile::Commit(std::string_view bytes) {
  if (absl::Status written = WriteAll(fd_.Get(), bytes, path_); !written.ok()) return written;
  if (fchmod(fd_.Get(), NewFileMode()) != 0 || fsync(fd_.Get()) != 0) return WriteError(errno, path_);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return WriteError(errno, path_);
  fd_.Reset();
  return absl::OkStatus();
}

}  // namespace sonde::agentctl
