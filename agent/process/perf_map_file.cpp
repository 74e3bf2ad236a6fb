#include "agent/process/perf_map_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/local_file.h"
#include "base/read_file.h"

namespace sonde::process {
namespace {

constexpr size_t kMaxStatusBytes = 65'536;

bool IsTrusted(int fd, uint32_t uid) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return false;
  return (info.st_uid == uid || info.st_uid == 0) && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 && info.st_nlink == 1;
}

}  // namespace

absl::StatusOr<ProcessIds> ParseIds(std::string_view status) {
  ProcessIds ids;
  bool has_pid = false, has_uid = false;
  for (const absl::string_view line : absl::StrSplit(absl::string_view(status.data(), status.size()), '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, '\t');
    if (fields[0] == "NSpid:" && fields.size() >= 2) has_pid = absl::SimpleAtoi(fields.back(), &ids.innermost_pid);
    if (fields[0] == "Uid:" && fields.size() >= 3) has_uid = absl::SimpleAtoi(fields[2], &ids.effective_uid);
  }
  if (!has_pid || !has_uid) return absl::InvalidArgumentError("a process's status without its ids");
  return ids;
}

model::ExecutableFilePtr OpenPerfMap(int process_fd) {
  const base::UniqueFd root(::openat(process_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const base::UniqueFd status(::openat(process_fd, "status", O_RDONLY | O_CLOEXEC));
  if (!root.IsValid() || !status.IsValid()) return nullptr;
  const auto text = base::ReadFd(status.Get(), "status", kMaxStatusBytes);
  const auto ids = text.ok() ? ParseIds(*text) : absl::StatusOr<ProcessIds>(text.status());
  if (!ids.ok()) return nullptr;
  const std::string path = absl::StrCat("/tmp/perf-", ids->innermost_pid, ".map");
  base::UniqueFd map = base::OpenRegularFileBelow(root.Get(), path, /*follow_links=*/false);
  if (!map.IsValid() || !IsTrusted(map.Get(), ids->effective_uid)) return nullptr;
  return std::make_shared<const model::ExecutableFile>(
      model::ExecutableFile{model::CodeKind::kJit, {}, "[anon]", std::move(map)});
}

}  // namespace sonde::process
