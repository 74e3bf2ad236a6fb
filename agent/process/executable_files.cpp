#include "agent/process/executable_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/local_file.h"

namespace sonde::process {
namespace {

using base::UniqueFd;
using model::CodeKind;
using model::ExecutableFile;
using model::ExecutableFilePtr;
using model::FileIdentity;

constexpr size_t kMaxDevices = 4'096;
constexpr size_t kMaxLines = 16'384;

struct RegularFile {
  FileIdentity identity;
  bool has_name = false;  // a link somewhere
};

// Asks for what is known already (AT_STATX_DONT_SYNC): a network file system is not gone to.
std::optional<RegularFile> RegularFileAt(const UniqueFd& place) {
  struct statx info {};
  constexpr int kFlags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (::statx(place.Get(), "", kFlags, STATX_BASIC_STATS, &info) != 0 || !S_ISREG(info.stx_mode)) return std::nullopt;
  FileIdentity identity{makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino,
                        static_cast<int64_t>(info.stx_size),
                        info.stx_mtime.tv_sec * 1'000'000'000 + info.stx_mtime.tv_nsec};
  return RegularFile{identity, info.stx_nlink != 0};
}

bool IsSameFile(const FileIdentity& identity, const MapLine& line) {
  return identity.device == line.device && identity.inode == line.inode;
}

// Whether what is mapped now can be the file of the record. Overlays show the numbers of what lies below in one place
// and their own in the other; btrfs and others show a device of each subvolume.
bool CanBeSameFile(const UniqueFd& place, const MapLine& line) {
  auto file = RegularFileAt(place);
  if (!file || file->identity.inode == line.inode) return file.has_value();
  struct statfs info {};
  return ::fstatfs(place.Get(), &info) == 0 && int64_t{info.f_type} == OVERLAYFS_SUPER_MAGIC;
}

bool IsElf(const UniqueFd& fd) {
  std::array<char, 4> magic{};
  return ::pread(fd.Get(), magic.data(), magic.size(), 0) == 4 && std::string_view(magic.data(), 4) == "\177ELF";
}

bool IsOnOurRoot(uint64_t device) {
  static const uint64_t kRootDevice = [] {
    struct stat info {};
    return ::stat("/", &info) == 0 ? uint64_t{info.st_dev} : 0;
  }();
  return device == kRootDevice;
}

// The mapped file itself, whatever its name leads to now.
UniqueFd PlaceOfMapping(int process_fd, const MapLine& line) {
  std::string link = absl::StrCat("map_files/", absl::Hex(line.start), "-", absl::Hex(line.limit));
  return UniqueFd(::openat(process_fd, link.c_str(), O_PATH | O_CLOEXEC));
}

// Without the right to use map_files: by name below the process's root, if that still leads to the same file.
UniqueFd PlaceByName(int process_fd, const MapLine& line) {
  UniqueFd root(::openat(process_fd, "root", O_PATH | O_CLOEXEC | O_DIRECTORY));
  if (!root.IsValid()) return UniqueFd();
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd place(static_cast<int>(::syscall(SYS_openat2, root.Get(), line.name.c_str(), &how, sizeof(how))));
  if (!place.IsValid()) return UniqueFd();
  auto file = RegularFileAt(place);
  return file && IsSameFile(file->identity, line) ? std::move(place) : UniqueFd();
}

// Memory that has an inode for the kernel's own reasons, and JIT code inside.
bool IsSharedMemory(const std::string& name) {
  return name == "/dev/zero" || name.starts_with("/SYSV") || name.starts_with("/anon_hugepage");
}

// What a process maps as code to tell perf(1) where it writes of the code that it makes.
bool IsJitDump(const std::string& path) {
  return path.substr(path.rfind('/') + 1).starts_with("jit-") && path.ends_with(".dump");
}

// Names of file-less memory are kept only where they are few and the kernel's own.
std::string PseudoName(const MapLine& line) {
  for (const char* kept : {"[vdso]", "[vsyscall]", "[heap]", "[stack]"}) {
    if (line.name == kept) return line.name;
  }
  return "[anon]";
}

}  // namespace

ExecutableFiles::ExecutableFiles(size_t max_open, telemetry::LossLedger* ledger)
    : max_open_(max_open), ledger_(ledger) {}

ExecutableFilePtr ExecutableFiles::FileOf(int process_fd, const MapLine& line) {
  if (auto known = Known(line); known != nullptr) return known;
  UniqueFd place = PlaceOfMapping(process_fd, line);
  if (!place.IsValid()) place = PlaceByName(process_fd, line);
  return OpenAt(place, line, process_fd);
}

ExecutableFilePtr ExecutableFiles::FileOfRecord(const MapLine& line, absl::FunctionRef<UniqueFd()> open_process) {
  if (auto known = Known(line); known != nullptr) return known;
  UniqueFd process = open_process();
  if (!process.IsValid()) return nullptr;
  UniqueFd place = PlaceOfMapping(process.Get(), line);
  if (!place.IsValid() || !CanBeSameFile(place, line)) place = PlaceByName(process.Get(), line);
  return OpenAt(place, line, process.Get());
}

ExecutableFilePtr ExecutableFiles::Known(const MapLine& line) {
  if (line.inode == 0 || IsSharedMemory(line.name)) return Pseudo(line.inode == 0 ? PseudoName(line) : "[anon]");
  auto found = by_line_.find({line.device, line.inode, line.name});
  if (found == by_line_.end()) return nullptr;
  // An open file keeps its inode number; only its content may have been replaced.
  ExecutableFilePtr file = found->second.lock();
  auto now = file != nullptr ? RegularFileAt(file->fd) : std::nullopt;
  if (now && now->identity == file->identity) return file;
  by_line_.erase(found);
  return nullptr;
}

ExecutableFilePtr ExecutableFiles::OpenAt(const UniqueFd& place, const MapLine& line, int process_fd) {
  ExecutableFilePtr file = place.IsValid() ? FileAt(place, line.name, process_fd) : nullptr;
  if (file != nullptr) {
    // What is mapped now need not be what the line said: only what surely is may answer for the line again.
    if (by_line_.size() >= kMaxLines) by_line_.clear();
    if (file->fd.IsValid() && IsSameFile(file->identity, line)) by_line_[{line.device, line.inode, line.name}] = file;
    return file;
  }
  ledger_->Add("open_refused", "executable file", "its frames are named by file and offset only", 1);
  return Remember(FileIdentity{line.device, line.inode, 0, 0}, line.name, UniqueFd(), nullptr);
}

ExecutableFilePtr ExecutableFiles::Pseudo(const std::string& name) {
  ExecutableFilePtr& file = pseudo_[name];
  if (file == nullptr) {
    CodeKind kind = name == "[vdso]" ? CodeKind::kVdso : CodeKind::kAnonymous;
    file = std::make_shared<const ExecutableFile>(ExecutableFile{kind, {}, name, UniqueFd()});
  }
  return file;
}

ExecutableFilePtr ExecutableFiles::FileAt(const UniqueFd& place, const std::string& path, int process_fd) {
  std::optional<RegularFile> at = RegularFileAt(place);
  if (!at) return nullptr;
  if (auto known = files_.find(at->identity); known != files_.end()) {
    if (auto file = known->second.lock(); file != nullptr && file->fd.IsValid()) return file;
  }
  if (!MayRead(place, at->identity.device)) return nullptr;
  UniqueFd fd = OpenForReading(place);
  // Compilers at run time write their code to files without a name, to map it twice; and map what they write of it as
  // code.
  if (fd.IsValid() && (!at->has_name || IsJitDump(path)) && !IsElf(fd)) return Pseudo("[anon]");
  return Remember(at->identity, path, std::move(fd), RootOf(process_fd));
}

std::shared_ptr<const UniqueFd> ExecutableFiles::RootOf(int process_fd) {
  UniqueFd root(::openat(process_fd, "root", O_PATH | O_CLOEXEC | O_DIRECTORY));
  struct stat theirs {
  }, ours{};
  if (!root.IsValid() || ::fstat(root.Get(), &theirs) != 0 || ::stat("/", &ours) != 0) return nullptr;
  if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) return nullptr;
  std::weak_ptr<const UniqueFd>& known = roots_[{theirs.st_dev, theirs.st_ino}];
  std::shared_ptr<const UniqueFd> shared = known.lock();
  if (shared == nullptr) known = shared = std::make_shared<const UniqueFd>(std::move(root));
  return shared;
}

bool ExecutableFiles::MayRead(const UniqueFd& place, uint64_t device) {
  if (may_read_.size() >= kMaxDevices) may_read_.clear();
  auto [found, is_new] = may_read_.try_emplace(device, true);
  if (!is_new) return found->second;
  found->second = IsOnOurRoot(device) || !base::MayBlockReaders(place.Get());
  return found->second;
}

UniqueFd ExecutableFiles::OpenForReading(const UniqueFd& place) {
  if (open_count_->load() >= max_open_) {
    ledger_->Add("files_full", "executable file", "its frames are named by file and offset only", 1);
    return UniqueFd();
  }
  std::string link = absl::StrCat("/proc/self/fd/", place.Get());
  UniqueFd fd(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.IsValid()) ledger_->Add("open_failed", "executable file", "its frames are named by file and offset only", 1);
  return fd;
}

ExecutableFilePtr ExecutableFiles::Remember(const FileIdentity& identity, const std::string& path, UniqueFd fd,
                                            std::shared_ptr<const UniqueFd> root) {
  std::weak_ptr<const ExecutableFile>& slot = files_[identity];
  if (!fd.IsValid()) {
    if (auto known = slot.lock(); known != nullptr) return known;
  } else {
    open_count_->fetch_add(1);
  }
  auto close_counted = [count = open_count_](const ExecutableFile* file) {
    if (file->fd.IsValid()) count->fetch_sub(1);
    delete file;
  };
  ExecutableFilePtr file(new ExecutableFile{CodeKind::kFile, identity, path, std::move(fd), std::move(root)},
                         close_counted);
  slot = file;
  return file;
}

void ExecutableFiles::Expire() {
  absl::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
  absl::erase_if(by_line_, [](const auto& entry) { return entry.second.expired(); });
  absl::erase_if(roots_, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace sonde::process
