#include "agent/process/process_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/process/environment.h"
#include "agent/process/memory_map.h"
#include "base/read_file.h"

namespace sonde::process {
namespace {

using base::UniqueFd;

constexpr size_t kMaxStatBytes = 4'096;
constexpr size_t kMaxCgroupBytes = size_t{64} << 10;
constexpr uint64_t kKernelThreadFlag = 0x00200000;  // PF_KTHREAD of <linux/sched.h>

absl::StatusOr<std::string> ReadAt(const UniqueFd& folder, const char* name, size_t max_bytes) {
  UniqueFd fd(::openat(folder.Get(), name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.IsValid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", name, " of a process"));
  return base::ReadFd(fd.Get(), name, max_bytes);
}

absl::StatusOr<ProcessStat> StatIn(const UniqueFd& folder) {
  auto text = ReadAt(folder, "stat", kMaxStatBytes);
  if (!text.ok()) return text.status();
  return ParseStat(*text);
}

// The blank-separated word of this index, 0 first; empty when there are fewer.
std::string_view Word(std::string_view text, int index) {
  for (; index > 0; --index) {
    size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return {};
    text.remove_prefix(blank + 1);
  }
  return text.substr(0, text.find_first_of(" \n"));
}

bool ToNumber(std::string_view text, uint64_t* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

// A program started from memory has no base name worth showing: it shows by its comm.
std::string ExecutableName(const UniqueFd& folder) {
  std::array<char, PATH_MAX> target;
  ssize_t length = ::readlinkat(folder.Get(), "exe", target.data(), target.size());
  if (length <= 0) return "";
  std::string_view path(target.data(), static_cast<size_t>(length));
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.starts_with("/memfd:")) return "";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return std::string(path.substr(path.rfind('/') + 1));
}

bool IsAlive(char state) { return state != 'Z' && state != 'X'; }

}  // namespace

absl::StatusOr<ProcessStat> ParseStat(std::string_view text) {
  size_t open = text.find(" ("), close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return absl::InvalidArgumentError("a process's stat has no name in parentheses");
  }
  ProcessStat stat;
  stat.comm = text.substr(open + 2, close - open - 2);
  std::string_view rest = text.substr(close + 2);  // from field 3 on
  uint64_t flags = 0;
  if (!ToNumber(Word(rest, 6), &flags) || !ToNumber(Word(rest, 19), &stat.start_ticks)) {
    return absl::InvalidArgumentError("a process's stat has too few fields");
  }
  stat.state = rest.front();
  stat.is_kernel_thread = (flags & kKernelThreadFlag) != 0;
  return stat;
}

ProcessReader::ProcessReader(std::string proc_root, size_t max_map_lines, ExecutableFiles* files,
                             telemetry::LossLedger* ledger)
    : proc_root_(std::move(proc_root)), max_map_lines_(max_map_lines), files_(files), ledger_(ledger) {}

absl::StatusOr<UniqueFd> ProcessReader::OpenFolder(uint32_t tgid) const {
  std::string path = absl::StrCat(proc_root_, "/", tgid);
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.IsValid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return folder;
}

absl::StatusOr<ProcessStat> ProcessReader::ReadStat(uint32_t tgid) const {
  auto folder = OpenFolder(tgid);
  if (!folder.ok()) return folder.status();
  return StatIn(*folder);
}

// When the main thread has ended, its folder shows no memory; that of any other thread does.
UniqueFd ProcessReader::OpenLiveThread(uint32_t tgid, const UniqueFd& folder) const {
  int tasks = ::openat(folder.Get(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> list(tasks < 0 ? nullptr : ::fdopendir(tasks), ::closedir);
  if (list == nullptr) return UniqueFd();
  while (const dirent* entry = ::readdir(list.get())) {
    uint64_t tid = 0;
    if (!ToNumber(entry->d_name, &tid) || tid == tgid) continue;
    auto thread = OpenFolder(static_cast<uint32_t>(tid));
    if (!thread.ok()) continue;
    auto stat = StatIn(*thread);
    if (stat.ok() && IsAlive(stat->state)) return *std::move(thread);
  }
  return UniqueFd();
}

std::vector<model::Mapping> ProcessReader::ReadMappingsIn(const UniqueFd& folder) {
  std::vector<model::Mapping> mappings;
  UniqueFd fd(::openat(folder.Get(), "maps", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  auto map = fd.IsValid() ? ReadMemoryMap(fd.Get(), max_map_lines_)
                          : absl::StatusOr<MemoryMap>(absl::ErrnoToStatus(errno, "cannot open maps"));
  if (!map.ok()) {
    ledger_->Add("maps_unreadable", "memory map", "frames of the process are not named", 1);
    return mappings;
  }
  if (map->is_cut) ledger_->Add("maps_too_long", "memory map", "frames in its later part are not named", 1);
  ledger_->Add("maps_bad_line", "mapping", "frames in it are not named", map->bad_lines);
  mappings.reserve(map->executable.size());
  for (const MapLine& line : map->executable) {
    mappings.push_back({line.start, line.limit, line.file_offset, files_->FileOf(folder.Get(), line)});
  }
  return mappings;
}

absl::StatusOr<std::vector<model::Mapping>> ProcessReader::ReadMappings(uint32_t tgid) {
  auto folder = OpenFolder(tgid);
  if (!folder.ok()) return folder.status();
  auto stat = StatIn(*folder);
  if (!stat.ok()) return stat.status();
  if (stat->is_kernel_thread) return std::vector<model::Mapping>();
  if (IsAlive(stat->state)) return ReadMappingsIn(*folder);
  UniqueFd thread = OpenLiveThread(tgid, *folder);
  return thread.IsValid() ? ReadMappingsIn(thread) : std::vector<model::Mapping>();
}

bool ProcessReader::IsRunning(uint32_t tgid) const {
  auto folder = OpenFolder(tgid);
  auto stat = folder.ok() ? StatIn(*folder) : folder.status();
  return stat.ok() && (IsAlive(stat->state) || OpenLiveThread(tgid, *folder).IsValid());
}

absl::StatusOr<std::vector<uint32_t>> ProcessReader::ListProcesses() const {
  std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(proc_root_.c_str()), ::closedir);
  if (list == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot list ", proc_root_));
  std::vector<uint32_t> processes;
  while (const dirent* entry = ::readdir(list.get())) {
    uint64_t tgid = 0;
    if (ToNumber(entry->d_name, &tgid)) processes.push_back(static_cast<uint32_t>(tgid));
  }
  return processes;
}

void ProcessReader::ReadWorkloadIn(const UniqueFd& folder, const std::vector<std::string>& environment,
                                   ProcessSnapshot* snapshot) {
  snapshot->executable = ExecutableName(folder);
  if (auto text = ReadAt(folder, "cgroup", kMaxCgroupBytes); text.ok())
    snapshot->cgroup = ParseCgroup(*text);
  else
    ledger_->Add("cgroup_unreadable", "control group", "the process is labelled by its executable", 1);
  if (environment.empty()) return;
  if (auto read = ReadEnvironment(folder.Get(), environment); read.ok())
    snapshot->environment = *std::move(read);
  else
    ledger_->Add("environment_unreadable", "environment", "its variables name no service and serve no rule", 1);
}

absl::StatusOr<ProcessSnapshot> ProcessReader::Read(uint32_t tgid, const std::vector<std::string>& environment) {
  auto folder = OpenFolder(tgid);
  if (!folder.ok()) return folder.status();
  auto before = StatIn(*folder);
  if (!before.ok()) return before.status();
  ProcessSnapshot snapshot;
  snapshot.stat = *std::move(before);
  if (snapshot.stat.is_kernel_thread) return snapshot;

  UniqueFd thread = IsAlive(snapshot.stat.state) ? UniqueFd() : OpenLiveThread(tgid, *folder);
  const UniqueFd& source = thread.IsValid() ? thread : *folder;
  ReadWorkloadIn(source, environment, &snapshot);
  if (IsAlive(snapshot.stat.state) || thread.IsValid()) snapshot.mappings = ReadMappingsIn(source);

  auto after = StatIn(*folder);
  if (!after.ok()) return after.status();
  if (after->start_ticks != snapshot.stat.start_ticks) {
    return absl::AbortedError(absl::StrCat("pid ", tgid, " was given to another process while it was read"));
  }
  return snapshot;
}

}  // namespace sonde::process
