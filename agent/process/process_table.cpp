#include "agent/process/process_table.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "agent/process/perf_map_file.h"
#include "agent/process/process_labels.h"
#include "profile/labels.h"

namespace sonde::process {
namespace {

constexpr int kReadAttempts = 3;
constexpr int kExpiriesKept = 2;
// A process that was read as it began may have no code of its own making yet.
constexpr int kLooksForJit = 3;

// No process of /proc.
const model::ProcessInfoPtr kIdleTask = [] {
  model::ProcessInfo info;
  info.comm = "idle task";
  info.executable = "idle task";
  info.is_kernel_thread = true;
  info.labels = {{profile::kServiceName, "kernel"}, {profile::kProcess, "idle task"}};
  return std::make_shared<const model::ProcessInfo>(std::move(info));
}();

bool MakesCode(const model::ProcessInfo& info) {
  return std::ranges::any_of(
      info.mappings, [](const model::Mapping& mapping) { return mapping.file->kind == model::CodeKind::kAnonymous; });
}

}  // namespace

ProcessTable::ProcessTable(ProcessTableOptions options, telemetry::LossLedger* ledger)
    : options_(std::move(options)),
      ledger_(ledger),
      files_(options_.max_open_files, ledger),
      reader_(options_.proc_root, options_.max_map_lines, &files_, ledger) {}

model::ProcessInfoPtr ProcessTable::Find(uint32_t tgid, const std::string& comm_hint) {
  if (tgid == 0) return kIdleTask;
  auto found = processes_.find(tgid);
  if (found == processes_.end()) {
    if (!MakeRoom()) return MakeUnread(tgid, comm_hint);
    found = processes_.try_emplace(tgid).first;
  }
  Entry& entry = found->second;
  if (entry.info != nullptr && !entry.is_checked) CheckIdentity(tgid, &entry);
  if (entry.info == nullptr || MayRetry(entry)) ReadInto(tgid, comm_hint, &entry);
  LabelAnew(&entry);
  return entry.info;
}

model::ProcessInfoPtr ProcessTable::Refresh(uint32_t tgid) {
  auto found = processes_.find(tgid);
  if (found == processes_.end() || found->second.info == nullptr) return Find(tgid, "");
  Entry& entry = found->second;
  if (entry.has_ended || options_.now_ns() - entry.read_ns < options_.refresh_interval_ns) return entry.info;
  entry.read_ns = options_.now_ns();
  auto snapshot = ReadSteadily(tgid);
  // A process that ended meanwhile, or waits to be reaped, is still known as it was.
  if (!snapshot.ok() || snapshot->mappings.empty()) return entry.info;
  entry.start_ticks = snapshot->stat.start_ticks;
  FillIn(tgid, *std::move(snapshot), &entry);
  return entry.info;
}

void ProcessTable::OnExec(uint32_t tgid) {
  if (auto found = processes_.find(tgid); found != processes_.end()) found->second = Entry{};
}

void ProcessTable::OnExit(uint32_t tgid) {
  auto found = processes_.find(tgid);
  if (found == processes_.end()) return;
  found->second.has_ended = true;
  found->second.is_checked = false;
}

void ProcessTable::Expire() {
  for (auto& [tgid, entry] : processes_) {
    // Those nobody asked for in this window may have ended unnoticed.
    if (!entry.has_ended && !entry.is_checked && entry.info != nullptr) CheckIdentity(tgid, &entry);
    entry.is_checked = false;
    if (entry.has_ended) ++entry.expiries_since_end;
  }
  absl::erase_if(processes_, [](const auto& one) { return one.second.expiries_since_end >= kExpiriesKept; });
  files_.Expire();
}

// Is the pid still that of the process we know? A start time tells.
void ProcessTable::CheckIdentity(uint32_t tgid, Entry* entry) {
  entry->is_checked = true;
  auto stat = reader_.ReadStat(tgid);
  if (!stat.ok())
    entry->has_ended = true;
  else if (stat->start_ticks != entry->start_ticks)
    *entry = Entry{};
  else
    LookForJit(tgid, entry);
}

// Once a window, as long as it may have any.
void ProcessTable::LookForJit(uint32_t tgid, Entry* entry) const {
  if (entry->info == nullptr || entry->info->jit != nullptr || entry->info->is_kernel_thread) return;
  if (!MakesCode(*entry->info) && entry->looks_for_jit++ >= kLooksForJit) return;
  auto folder = reader_.OpenFolder(tgid);
  auto jit = folder.ok() ? OpenMadeCodeFile(folder->Get()) : absl::StatusOr<MadeCodeFile>(folder.status());
  if (!jit.ok()) return;
  // Is it still the process whose folder this was?
  auto stat = reader_.ReadStat(tgid);
  if (!stat.ok() || stat->start_ticks != entry->start_ticks) return;
  auto info = std::make_shared<model::ProcessInfo>(*entry->info);
  info->jit = std::move(jit->file);
  entry->info = std::move(info);
}

bool ProcessTable::MayRetry(const Entry& entry) const {
  return entry.is_unread && options_.now_ns() - entry.read_ns >= options_.retry_interval_ns;
}

void ProcessTable::ReadInto(uint32_t tgid, const std::string& comm_hint, Entry* entry) {
  entry->is_checked = true;
  entry->read_ns = options_.now_ns();
  auto snapshot = ReadSteadily(tgid);
  if (snapshot.ok()) {
    entry->start_ticks = snapshot->stat.start_ticks;
    FillIn(tgid, *std::move(snapshot), entry);
    entry->is_unread = entry->has_ended = false;
    entry->expiries_since_end = 0;
    return;
  }
  if (entry->is_unread) return;  // as the last time
  entry->is_unread = entry->has_ended = true;
  entry->info = MakeUnread(tgid, comm_hint);
  ledger_->Add("process_gone", "process", "it ended before it could be read: its frames are not named", 1);
}

// A pid that changes hands while it is read is read again.
absl::StatusOr<ProcessSnapshot> ProcessTable::ReadSteadily(uint32_t tgid) {
  auto snapshot = reader_.Read(tgid, options_.labels.environment);
  for (int attempt = 1; attempt < kReadAttempts && absl::IsAborted(snapshot.status()); ++attempt) {
    snapshot = reader_.Read(tgid, options_.labels.environment);
  }
  return snapshot;
}

void ProcessTable::FillIn(uint32_t tgid, ProcessSnapshot snapshot, Entry* entry) const {
  std::vector<model::Mapping> mappings = std::exchange(snapshot.mappings, {});
  entry->facts = std::move(snapshot);
  AskForPod(entry);
  const model::ExecutableFilePtr jit = entry->info != nullptr ? entry->info->jit : nullptr;
  auto info = MakeInfo(tgid, entry->facts, entry->pod.get(), std::move(mappings));
  info->jit = jit;
  entry->info = std::move(info);
  if (MakesCode(*entry->info)) LookForJit(tgid, entry);
}

// What was known of its pod stays when the pod is gone.
void ProcessTable::AskForPod(Entry* entry) const {
  if (options_.pods == nullptr) return;
  entry->pods_version = options_.pods->Version();  // first, so that what changes meanwhile makes it be asked again
  const CgroupInfo& cgroup = entry->facts.cgroup;
  if (cgroup.container_id.empty() && cgroup.pod_uid.empty()) return;
  if (model::PodInfoPtr pod = options_.pods->Find(cgroup.container_id, cgroup.pod_uid)) entry->pod = std::move(pod);
}

void ProcessTable::LabelAnew(Entry* entry) const {
  if (options_.pods == nullptr || entry->is_unread || entry->pods_version == options_.pods->Version()) return;
  const model::PodInfoPtr before = entry->pod;
  AskForPod(entry);
  if (entry->pod == before) return;
  auto info = std::make_shared<model::ProcessInfo>(*entry->info);
  SetLabels(entry->facts, entry->pod.get(), info.get());
  entry->info = std::move(info);
}

void ProcessTable::SetLabels(const ProcessSnapshot& facts, const model::PodInfo* pod, model::ProcessInfo* info) const {
  info->labels = LabelsOf(facts, pod, options_.node, options_.labels);
  info->meta = MetaLabelsOf(facts, pod);
}

std::shared_ptr<model::ProcessInfo> ProcessTable::MakeInfo(uint32_t tgid, const ProcessSnapshot& facts,
                                                           const model::PodInfo* pod,
                                                           std::vector<model::Mapping> mappings) const {
  auto info = std::make_shared<model::ProcessInfo>();
  info->tgid = tgid;
  info->comm = facts.stat.comm;
  info->executable = ProcessName(facts);
  info->is_kernel_thread = facts.stat.is_kernel_thread;
  SetLabels(facts, pod, info.get());
  info->mappings = std::move(mappings);
  return info;
}

model::ProcessInfoPtr ProcessTable::MakeUnread(uint32_t tgid, const std::string& comm_hint) const {
  ProcessSnapshot snapshot;
  snapshot.stat.comm = comm_hint.empty() ? "[unknown]" : comm_hint;
  return MakeInfo(tgid, snapshot, /*pod=*/nullptr, {});
}

// Gives up the process that ended first; false when all are alive.
bool ProcessTable::MakeRoom() {
  if (processes_.size() < options_.max_processes) return true;
  auto oldest = processes_.end();
  for (auto it = processes_.begin(); it != processes_.end(); ++it) {
    bool older = oldest == processes_.end() || it->second.expiries_since_end > oldest->second.expiries_since_end;
    if (it->second.has_ended && older) oldest = it;
  }
  if (oldest == processes_.end()) {
    ledger_->Add("table_full", "process", "it is named by its comm only", 1);
    return false;
  }
  processes_.erase(oldest);
  ledger_->Add("table_full", "ended process", "its last samples are named by its comm only", 1);
  return true;
}

}  // namespace sonde::process
