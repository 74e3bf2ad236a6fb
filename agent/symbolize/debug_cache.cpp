#include "agent/symbolize/debug_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

constexpr size_t kFewestDigits = 8, kMostDigits = 128;
constexpr char kKept[] = ".debug", kUnfinished[] = ".part";

struct CachedFile {
  std::string name;
  uint64_t size_bytes = 0;
  int64_t used_ns = 0;
};

std::vector<CachedFile> FilesIn(int folder) {
  std::vector<CachedFile> files;
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  if (list == nullptr) return files;
  while (const dirent* entry = ::readdir(list.get())) {
    struct stat info {};
    if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) continue;
    files.push_back({entry->d_name, static_cast<uint64_t>(info.st_size),
                     info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec});
  }
  return files;
}

}  // namespace

bool DebugCache::IsBuildId(const std::string& text) {
  return text.size() >= kFewestDigits && text.size() <= kMostDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

absl::StatusOr<DebugCache> DebugCache::Open(const std::string& folder, uint64_t max_bytes) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the folder ", folder));
  }
  base::UniqueFd fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", folder));
  if (info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is not this user's alone: chown it to uid ", ::geteuid(), " and chmod it to 0700"));
  }
  return DebugCache(std::move(fd), folder, max_bytes);
}

std::string DebugCache::PathOf(const std::string& build_id) const {
  return absl::StrCat(folder_, "/", build_id, kKept);
}

base::UniqueFd DebugCache::Find(const std::string& build_id) const {
  const std::string name = build_id + kKept;
  base::UniqueFd fd(::openat(fd_.Get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  // The time of change is when it was used last. Where it cannot be set, the file goes earlier than it might.
  if (fd.IsValid()) ::futimens(fd.Get(), nullptr);
  return fd;
}

absl::StatusOr<base::UniqueFd> DebugCache::Begin(const std::string& build_id) const {
  const std::string name = build_id + kUnfinished;
  base::UniqueFd fd(::openat(fd_.Get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.IsValid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", folder_));
  return fd;
}

absl::Status DebugCache::Keep(const std::string& build_id) const {
  const std::string from = build_id + kUnfinished, to = build_id + kKept;
  if (::renameat(fd_.Get(), from.c_str(), fd_.Get(), to.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot keep ", PathOf(build_id)));
}

void DebugCache::MakeRoom(const std::string& newest) const {
  std::vector<CachedFile> files = FilesIn(fd_.Get());
  std::ranges::sort(files, {}, &CachedFile::used_ns);
  uint64_t bytes = 0;
  for (const CachedFile& file : files) bytes += file.size_bytes;
  for (const CachedFile& file : files) {
    const bool is_kept = file.name == newest + kKept || bytes <= max_bytes_;
    if (is_kept && !file.name.ends_with(kUnfinished)) continue;
    ::unlinkat(fd_.Get(), file.name.c_str(), 0);
    bytes -= file.size_bytes;
  }
}

}  // namespace sonde::symbolize
