#include "agent/process/mapping_tracker.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace sonde::process {
namespace {

constexpr uint64_t kMs = 1'000'000, kSecond = 1'000'000'000;
// Walks that began before a process ended are over long before.
constexpr uint64_t kKeptAfterEnd = kSecond;
// Those that ended within this time are forgotten together: the thread need not wake for each.
constexpr uint64_t kForgetTogether = 250 * kMs;
constexpr uint64_t kFirstThreadCheck = 5 * kSecond;
constexpr uint64_t kFirstRescan = 100 * kMs, kLastRescan = 25 * kSecond;
constexpr uint64_t kFirstScan = kSecond, kLastScan = 25 * kSecond;
constexpr uint64_t kSweep = 300 * kSecond;
constexpr uint32_t kKernelThreads = 2;  // the parent of all of them

}  // namespace

MappingTracker::MappingTracker(MappingTrackerOptions options, telemetry::LossLedger* ledger)
    : options_(std::move(options)),
      ledger_(ledger),
      files_(options_.max_open_files, ledger),
      reader_(options_.proc_root, options_.max_map_lines, &files_, ledger),
      scan_interval_ns_(kFirstScan),
      next_sweep_ns_(options_.now_ns() + kSweep) {}

absl::Status MappingTracker::ScanAll() {
  auto there = reader_.ListProcesses();
  if (!there.ok()) return there.status();
  absl::flat_hash_set<uint32_t> living(there->begin(), there->end());
  for (auto& [tgid, process] : processes_) {
    process.threads = kUnknown;
    if (!living.contains(tgid)) End(tgid, &process);
  }
  for (uint32_t tgid : *there) Read(tgid);
  return absl::OkStatus();
}

void MappingTracker::Apply(const model::ProcessEvent& event) {
  std::visit([&](const auto& what) { On(what, event.time_ns); }, event.what);
}

MappingTracker::Process* MappingTracker::Find(uint32_t tgid, uint64_t time_ns) {
  auto found = processes_.find(tgid);
  return found == processes_.end() || time_ns < found->second.read_ns ? nullptr : &found->second;
}

MappingTracker::Process* MappingTracker::Add(uint32_t tgid) {
  auto found = processes_.find(tgid);
  if (found == processes_.end() && processes_.size() >= options_.max_processes) {
    ledger_->Add("table_full", "process", "its stacks end at their first frame", 1);
    return nullptr;
  }
  Process& process = processes_[tgid];
  process = Process{};
  process.mappings = std::make_shared<MappingList>();
  return &process;
}

void MappingTracker::On(const model::MappingEvent& event, uint64_t time_ns) {
  if (!processes_.contains(event.tgid)) return MeetLate(event.tgid);
  Process* process = Find(event.tgid, time_ns);
  if (process == nullptr) return;
  const uint64_t limit = event.start + event.length;
  const MapLine line{event.start, limit, event.file_offset, event.device, event.inode, true, event.path};
  // When the first thread has ended, its folder shows no memory.
  const uint32_t shown_by = process->first_thread_ended ? event.tid : event.tgid;
  model::ExecutableFilePtr file =
      files_.FileOfRecord(line, [&] { return reader_.OpenFolder(shown_by).value_or(base::UniqueFd()); });
  if (file == nullptr) return;  // it has ended
  if (process->mappings.use_count() > 1) process->mappings = std::make_shared<MappingList>(*process->mappings);
  switch (process->mappings->Insert({event.start, limit, event.file_offset, file}, options_.max_mappings)) {
    case MappingList::Outcome::kChanged:
      changed_.insert(event.tgid);
      break;
    case MappingList::Outcome::kFull:
      ledger_->Add("mappings_full", "mapping", "stacks end at frames in it", 1);
      break;
    case MappingList::Outcome::kUnchanged:
      break;
  }
}

void MappingTracker::On(const model::ExecEvent& event, uint64_t time_ns) {
  Process* process = Find(event.tgid, time_ns);
  if (process == nullptr && processes_.contains(event.tgid)) return;
  process = Add(event.tgid);
  if (process == nullptr) return;
  process->threads = 1;
  changed_.insert(event.tgid);
}

void MappingTracker::On(const model::ForkEvent& event, uint64_t time_ns) {
  Process* known = Find(event.tgid, time_ns);
  if (event.tgid == event.parent_tgid) {
    if (known != nullptr && known->threads != kUnknown) ++known->threads;
    return;
  }
  if (event.parent_tgid == kKernelThreads || (known == nullptr && processes_.contains(event.tgid))) return;
  auto parent = processes_.find(event.parent_tgid);
  if (parent == processes_.end()) return MeetLate(event.tgid);
  std::shared_ptr<MappingList> mappings = parent->second.mappings;
  Process* process = Add(event.tgid);
  if (process == nullptr) return;
  process->mappings = std::move(mappings);
  process->threads = 1;
  changed_.insert(event.tgid);
}

void MappingTracker::On(const model::ExitEvent& event, uint64_t time_ns) {
  Process* process = Find(event.tgid, time_ns);
  if (process == nullptr) return;
  process->first_thread_ended = process->first_thread_ended || event.tid == event.tgid;
  if (process->threads > 0 && --process->threads == 0) {
    End(event.tgid, process);
  } else if (process->threads == kUnknown && event.tid == event.tgid) {
    due_.emplace(options_.now_ns() + kKeptAfterEnd, event.tgid);
  }
}

void MappingTracker::On(const model::LostEvent& event, uint64_t) {
  ledger_->Add("side_band_lost", "event of a process", "all processes are read again", event.count);
  has_lost_ = true;
}

// Its beginning was missed, or it is a kernel thread that became a process.
void MappingTracker::MeetLate(uint32_t tgid) {
  if (processes_.size() < options_.max_processes) Read(tgid);
}

void MappingTracker::Read(uint32_t tgid) {
  const uint64_t now = options_.now_ns();
  auto mappings = reader_.ReadMappings(tgid);
  auto found = processes_.find(tgid);
  Process* process = found == processes_.end() ? nullptr : &found->second;
  if (!mappings.ok()) {
    if (process != nullptr) End(tgid, process);
    return;
  }
  // A kernel thread, or a process about to be reaped: the latter is still known as it was.
  if (mappings->empty()) return;
  if (process == nullptr) process = Add(tgid);
  if (process == nullptr) return;
  process->read_ns = now;
  process->ended_ns = 0;
  Take(tgid, process, *std::move(mappings));
}

void MappingTracker::Take(uint32_t tgid, Process* process, std::vector<model::Mapping> mappings) {
  auto list = std::make_shared<MappingList>();
  size_t left_out = list->Assign(std::move(mappings), options_.max_mappings);
  ledger_->Add("mappings_full", "mapping", "stacks end at frames in it", left_out);
  if (*list == *process->mappings) return;
  process->mappings = std::move(list);
  changed_.insert(tgid);
}

absl::StatusOr<std::vector<model::Mapping>> MappingTracker::MappingsOf(uint32_t tgid) const {
  auto found = processes_.find(tgid);
  if (found == processes_.end() || found->second.ended_ns != 0) return absl::NotFoundError("no such process is known");
  const std::span<const model::Mapping> mappings = found->second.mappings->Mappings();
  return std::vector<model::Mapping>(mappings.begin(), mappings.end());
}

void MappingTracker::RequestRescan(uint32_t tgid) {
  auto found = processes_.find(tgid);
  if (found == processes_.end()) return Read(tgid);
  Process& process = found->second;
  const uint64_t now = options_.now_ns();
  if (process.ended_ns != 0 || process.awaits_rescan) return;
  if (now < process.next_rescan_ns) {
    process.awaits_rescan = true;
    due_.emplace(process.next_rescan_ns, tgid);
    return;
  }
  const bool was_quiet = now - process.next_rescan_ns > kLastRescan;
  process.rescan_interval_ns =
      was_quiet ? kFirstRescan : std::clamp(process.rescan_interval_ns * 2, kFirstRescan, kLastRescan);
  process.next_rescan_ns = now + process.rescan_interval_ns;
  Read(tgid);
}

void MappingTracker::End(uint32_t tgid, Process* process) {
  if (process->ended_ns != 0) return;
  process->ended_ns = options_.now_ns();
  const uint64_t until = process->ended_ns + kKeptAfterEnd;
  due_.emplace((until + kForgetTogether - 1) / kForgetTogether * kForgetTogether, tgid);
}

void MappingTracker::Forget(uint32_t tgid) {
  processes_.erase(tgid);
  changed_.insert(tgid);
}

// Due entries may be out of date: what the process is now counts.
void MappingTracker::Attend(uint32_t tgid) {
  auto found = processes_.find(tgid);
  if (found == processes_.end()) return;
  Process& process = found->second;
  const uint64_t now = options_.now_ns();
  if (process.ended_ns != 0) {
    if (now >= process.ended_ns + kKeptAfterEnd) Forget(tgid);
    return;
  }
  if (process.first_thread_ended && process.threads == kUnknown) {
    if (!reader_.IsRunning(tgid)) return Forget(tgid);
    due_.emplace(now + kFirstThreadCheck, tgid);
  }
  if (process.awaits_rescan && now >= process.next_rescan_ns) {
    process.awaits_rescan = false;
    RequestRescan(tgid);
  }
}

void MappingTracker::Tick() {
  const uint64_t now = options_.now_ns();
  while (!due_.empty() && due_.begin()->first <= now) {
    uint32_t tgid = due_.begin()->second;
    due_.erase(due_.begin());
    Attend(tgid);
  }
  if (has_lost_ && now >= next_scan_ns_) ScanAfterLoss();
  if (now >= next_sweep_ns_) Sweep();
}

uint64_t MappingTracker::NextTickNs() const {
  uint64_t next = next_sweep_ns_;
  if (!due_.empty()) next = std::min(next, due_.begin()->first);
  if (has_lost_) next = std::min(next, next_scan_ns_);
  return next;
}

void MappingTracker::ScanAfterLoss() {
  const uint64_t now = options_.now_ns();
  const bool was_quiet = now - next_scan_ns_ > kLastScan;
  scan_interval_ns_ = was_quiet ? kFirstScan : std::clamp(scan_interval_ns_ * 2, kFirstScan, kLastScan);
  next_scan_ns_ = now + scan_interval_ns_;
  has_lost_ = false;
  if (!ScanAll().ok()) ledger_->Add("proc_unreadable", "list of processes", "mappings may be out of date", 1);
}

// Should an end have been missed without anybody saying so.
void MappingTracker::Sweep() {
  next_sweep_ns_ = options_.now_ns() + kSweep;
  for (auto& [tgid, process] : processes_) {
    if (!reader_.OpenFolder(tgid).ok()) End(tgid, &process);
  }
  files_.Expire();
}

void MappingTracker::TakeChanges(absl::FunctionRef<void(const MappingChange&)> visit) {
  for (uint32_t tgid : changed_) {
    auto found = processes_.find(tgid);
    if (found == processes_.end())
      visit({tgid, true, {}});
    else
      visit({tgid, false, found->second.mappings->Mappings()});
  }
  changed_.clear();
}

}  // namespace sonde::process
