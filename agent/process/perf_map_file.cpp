#include "agent/process/perf_map_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/process/memory_map.h"
#include "base/local_file.h"
#include "base/read_file.h"

namespace sonde::process {
namespace {

constexpr size_t kMaxStatusBytes = 65'536, kMaxMapLines = 65'536;

absl::Status CheckTrust(int fd, uint32_t uid) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, "it cannot be looked at");
  if (info.st_uid != uid && info.st_uid != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("it belongs to uid ", info.st_uid, ", neither to the process's, ", uid, ", nor to root"));
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return absl::PermissionDeniedError("others than its owner may write to it");
  if (info.st_nlink != 1) return absl::PermissionDeniedError("it has another name beside this one (a hard link)");
  return absl::OkStatus();
}

absl::Status At(const std::string& path, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(path, ": ", why.message()));
}

absl::StatusOr<MadeCodeFile> OpenTrusted(int root, const std::string& path, const ProcessIds& ids) {
  absl::StatusOr<base::UniqueFd> fd = base::OpenRegularFileBelow(root, path, /*follow_links=*/false);
  if (!fd.ok()) return At(path, fd.status());
  if (absl::Status trust = CheckTrust(fd->Get(), ids.effective_uid); !trust.ok()) return At(path, trust);
  return MadeCodeFile{path, std::make_shared<const model::ExecutableFile>(
                                model::ExecutableFile{model::CodeKind::kJit, {}, "[anon]", *std::move(fd)})};
}

// The path of the dump that the process has mapped as code; empty: none.
std::string MarkedDump(int process_fd, uint32_t pid) {
  const base::UniqueFd maps(::openat(process_fd, "maps", O_RDONLY | O_CLOEXEC));
  if (!maps.IsValid()) return "";
  const auto map = ReadMemoryMap(maps.Get(), kMaxMapLines);
  if (!map.ok()) return "";
  const std::string name = absl::StrCat("/jit-", pid, ".dump");
  for (const MapLine& line : map->executable) {
    if (line.inode != 0 && line.name.ends_with(name)) return line.name;
  }
  return "";
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

absl::StatusOr<MadeCodeFile> OpenMadeCodeFile(int process_fd) {
  const base::UniqueFd root(::openat(process_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const base::UniqueFd status(::openat(process_fd, "status", O_RDONLY | O_CLOEXEC));
  if (!root.IsValid() || !status.IsValid()) return absl::NotFoundError("the process is gone");
  const auto text = base::ReadFd(status.Get(), "status", kMaxStatusBytes);
  const auto ids = text.ok() ? ParseIds(*text) : absl::StatusOr<ProcessIds>(text.status());
  if (!ids.ok()) return ids.status();
  auto map = OpenTrusted(root.Get(), absl::StrCat("/tmp/perf-", ids->innermost_pid, ".map"), *ids);
  if (map.ok() || !absl::IsNotFound(map.status())) return map;
  const std::string dump = MarkedDump(process_fd, ids->innermost_pid);
  return dump.empty() ? map : OpenTrusted(root.Get(), dump, *ids);
}

}  // namespace sonde::process
