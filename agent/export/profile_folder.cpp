#include "agent/export/profile_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sonde::exporting {
namespace {

constexpr char kTemporarySuffix[] = ".part";
constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Every trouble with a disk may pass, so that none of it makes the sender give a profile up.
absl::Status DiskError(int error, const std::string& what) {
  const std::string text = absl::StrCat("cannot ", what, ": ", std::strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(text) : absl::UnavailableError(text);
}

absl::Status WriteWhole(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return DiskError(errno, absl::StrCat("write ", name));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(fd) == 0 ? absl::OkStatus() : DiskError(errno, absl::StrCat("sync ", name));
}

}  // namespace

absl::Status ProfileFolder::Open() {
  if (folder_.IsValid()) return absl::OkStatus();
  const bool is_made = ::mkdir(path_.c_str(), kFolderMode) == 0 || errno == EEXIST;
  if (!is_made) return DiskError(errno, absl::StrCat("make ", path_));
  base::UniqueFd folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.IsValid()) return DiskError(errno, absl::StrCat("open ", path_));
  folder_ = std::move(folder);
  const absl::Status scanned = Scan();
  if (!scanned.ok()) folder_.Reset();
  return scanned;
}

absl::Status ProfileFolder::Scan() {
  files_.clear();
  bytes_ = 0;
  // Another open file: a listing moves its position.
  base::UniqueFd listed(::openat(folder_.Get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, CloseFolder> listing(listed.IsValid() ? ::fdopendir(listed.Get()) : nullptr);
  if (listing == nullptr) return DiskError(errno, absl::StrCat("list ", path_));
  listed.Release();  // the listing's now
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    struct stat facts {};
    if (!absl::StartsWith(name, kPrefix) || ::fstatat(folder_.Get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(facts.st_mode)) {
      continue;
    }
    if (absl::EndsWith(name, kTemporarySuffix)) {
      ::unlinkat(folder_.Get(), name.c_str(), 0);
    } else {
      Keep(name, {.bytes = static_cast<uint64_t>(facts.st_size), .written = absl::TimeFromTimespec(facts.st_mtim)});
    }
  }
  return absl::OkStatus();
}

void ProfileFolder::Keep(const std::string& name, Kept kept) {
  Kept& file = files_[name];
  bytes_ += kept.bytes - file.bytes;
  file = kept;
}

absl::Status ProfileFolder::WriteTemporary(const std::string& name, std::string_view bytes) {
  const base::UniqueFd fd(
      ::openat(folder_.Get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!fd.IsValid()) return DiskError(errno, absl::StrCat("create ", path_, "/", name));
  absl::Status written = WriteWhole(fd.Get(), bytes, absl::StrCat(path_, "/", name));
  if (!written.ok()) ::unlinkat(folder_.Get(), name.c_str(), 0);
  return written;
}

absl::Status ProfileFolder::Write(const std::string& name, std::string_view bytes) {
  if (absl::Status opened = Open(); !opened.ok()) return opened;
  const std::string temporary = name + kTemporarySuffix;
  if (absl::Status written = WriteTemporary(temporary, bytes); !written.ok()) return Failed(written);
  if (::renameat(folder_.Get(), temporary.c_str(), folder_.Get(), name.c_str()) != 0) {
    return Failed(DiskError(errno, absl::StrCat("rename ", path_, "/", temporary)));
  }
  Keep(name, {.bytes = bytes.size(), .written = absl::Now()});
  return absl::OkStatus();
}

absl::Status ProfileFolder::Failed(absl::Status status) {
  folder_.Reset();
  return status;
}

absl::Status ProfileFolder::Sync() {
  if (absl::Status opened = Open(); !opened.ok()) return opened;
  return ::fsync(folder_.Get()) == 0 ? absl::OkStatus() : Failed(DiskError(errno, absl::StrCat("sync ", path_)));
}

absl::Status ProfileFolder::RemoveOld(absl::Time now) {
  if (absl::Status opened = Open(); !opened.ok()) return opened;
  while (files_.size() > 1) {
    const auto oldest = files_.begin();
    if (bytes_ <= retention_.max_bytes && now - oldest->second.written <= retention_.max_age) break;
    if (::unlinkat(folder_.Get(), oldest->first.c_str(), 0) != 0 && errno != ENOENT) {
      return DiskError(errno, absl::StrCat("remove ", path_, "/", oldest->first));
    }
    bytes_ -= oldest->second.bytes;
    files_.erase(oldest);
  }
  return absl::OkStatus();
}

}  // namespace sonde::exporting
