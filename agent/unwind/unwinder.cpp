#include "agent/unwind/unwinder.h"

#include <algorithm>
#include <utility>

#include "agent/unwind/table_worker.h"

namespace sonde::unwind {
namespace {

using model::CodeKind;

constexpr uint64_t kPageBytes = 4'096;
constexpr uint64_t kAll32BitAddresses = uint64_t{1} << 32;
constexpr char kSomeStacksEnd[] = "stacks end at code without CFI in it";
constexpr char kLostTwice[] = "the worker was lost over it twice: it is left alone for some hours";
constexpr char kStackEnds[] = "stacks end at frames in it";

std::unique_ptr<TableCompiler> OrWorker(std::unique_ptr<TableCompiler> compiler) {
  return compiler != nullptr ? std::move(compiler) : std::make_unique<TableWorker>();
}

// 32-bit programs have another vdso than we.
bool HasTable(const model::Mapping& mapping) {
  return mapping.file->kind == CodeKind::kFile ||
         (mapping.file->kind == CodeKind::kVdso && mapping.limit > kAll32BitAddresses);
}

bool IsGivenOut(uint32_t file) { return file != 0 && file != UNWIND_FILE_ANONYMOUS; }

}  // namespace

Unwinder::Unwinder(kernel::UnwindMaps* maps, UnwinderOptions options, telemetry::LossLedger* ledger)
    : maps_(maps),
      compiler_(OrWorker(std::move(options.compiler))),
      ledger_(ledger),
      slabs_(maps),
      store_(maps, options.max_row_bytes, base::MonotonicNs) {
  abi::unwind_file nobody{};
  nobody.state = abi::UNWIND_FILE_REFUSED;
  Report(maps_->WriteFile(0, nobody));
  builder_ = std::make_unique<TableBuilder>(TableBuilder::Work{.build = [this](const auto& job) { Build(job); },
                                                               .retire = [this](uint16_t id) { Retire(id); },
                                                               .tick = [this] { Tick(); },
                                                               .worker_cpu_ns = [this] { return compiler_->CpuNs(); },
                                                               .interrupt = [this] { compiler_->Interrupt(); }},
                                            options.build_budget);
}

// The thread may be about to queue something.
Unwinder::~Unwinder() { builder_->Stop(); }

void Unwinder::Report(const absl::Status& status) {
  if (!status.ok()) ledger_->Add("map_write_failed", "part of the unwinding tables", "some stacks end early", 1);
}

void Unwinder::SetMappings(uint32_t tgid, std::span<const model::Mapping> mappings) {
  const uint64_t now = base::MonotonicNs();
  std::vector<abi::unwind_mapping> list = Translate(mappings);
  absl::StatusOr<MappingSlabs::Acquired> slab = slabs_.Acquire(list, now);
  if (!slab.ok()) {
    ledger_->Add("mapping_lists_full", "process", "its stacks end at their first frame", 1);
    ReleaseFiles(list);
    return EraseProcess(tgid);
  }
  // The slab that is there already holds its files.
  if (!slab->is_new) ReleaseFiles(list);
  Replace(tgid, slab->slab);
}

void Unwinder::Replace(uint32_t tgid, const abi::unwind_process& slab) {
  const uint64_t now = base::MonotonicNs();
  absl::Status status = maps_->SetProcess(tgid, slab);
  if (!status.ok()) {
    ledger_->Add("process_map_full", "process", "its stacks end at their first frame", 1);
    ReleaseFiles(slabs_.Release(slab, now));
    return EraseProcess(tgid);
  }
  auto [known, is_new] = processes_.try_emplace(tgid, slab);
  if (!is_new) {
    const abi::unwind_process before = std::exchange(known->second, slab);
    ReleaseFiles(slabs_.Release(before, now));
  }
  absl::MutexLock lock(&mutex_);
  statistics_.processes = processes_.size();
  statistics_.mapping_lists = slabs_.Size();
  statistics_.mappings = slabs_.Mappings();
}

void Unwinder::Forget(uint32_t tgid) {
  EraseProcess(tgid);
  absl::MutexLock lock(&mutex_);
  statistics_.processes = processes_.size();
  statistics_.mapping_lists = slabs_.Size();
  statistics_.mappings = slabs_.Mappings();
}

void Unwinder::EraseProcess(uint32_t tgid) {
  auto found = processes_.find(tgid);
  if (found == processes_.end()) return;
  Report(maps_->EraseProcess(tgid));
  ReleaseFiles(slabs_.Release(found->second, base::MonotonicNs()));
  processes_.erase(found);
}

std::vector<abi::unwind_mapping> Unwinder::Translate(std::span<const model::Mapping> mappings) {
  std::vector<abi::unwind_mapping> list;
  std::vector<uint16_t> seen;
  list.reserve(mappings.size());
  for (const model::Mapping& mapping : mappings) {
    const uint32_t file = FileNumber(mapping, &seen);
    const uint64_t bias = IsGivenOut(file) ? mapping.file_offset - mapping.start : 0;
    const uint64_t pages = std::min<uint64_t>((mapping.limit - mapping.start) / kPageBytes, UINT32_MAX);
    list.push_back({mapping.start, bias, static_cast<uint32_t>(pages), file});
  }
  builder_->See(seen);
  return list;
}

uint32_t Unwinder::FileNumber(const model::Mapping& mapping, std::vector<uint16_t>* seen) {
  if (!HasTable(mapping)) return UNWIND_FILE_ANONYMOUS;
  std::optional<FileIds::Acquired> acquired = ids_.Acquire(mapping.file);
  if (!acquired) {
    ledger_->Add("file_ids_full", "mapping of a file", kStackEnds, 1);
    return 0;
  }
  if (acquired->is_new)
    Introduce(acquired->id, mapping.file);
  else
    seen->push_back(acquired->id);
  return acquired->id;
}

void Unwinder::Introduce(uint16_t id, const model::ExecutableFilePtr& file) {
  abi::unwind_file pending{};
  pending.state = abi::UNWIND_FILE_PENDING;
  Report(maps_->WriteFile(id, pending));
  Queue(id, file);
}

void Unwinder::Queue(uint16_t id, const model::ExecutableFilePtr& file, uint64_t not_before_ns) {
  std::optional<uint16_t> dropped = builder_->Push({id, file}, not_before_ns);
  if (!dropped) return;
  ledger_->Add("build_queue_full", "unwinding table", "it is built a window later", 1);
  absl::MutexLock lock(&mutex_);
  dropped_.insert(*dropped);
}

void Unwinder::ReleaseFiles(std::span<const abi::unwind_mapping> mappings) {
  for (const abi::unwind_mapping& mapping : mappings) {
    if (IsGivenOut(mapping.file)) ids_.Release(static_cast<uint16_t>(mapping.file));
  }
}

void Unwinder::Build(const BuildQueue::Job& job) {
  if (!lost_files_.MayAsk(job.file->identity, base::MonotonicNs()))
    return Refuse(job.id, absl::AbortedError(kLostTwice));
  // Walks go by what can be had soon while the rest is made.
  for (elf::CodeEffort effort : {elf::CodeEffort::kSoon, elf::CodeEffort::kAll}) {
    const absl::StatusOr<elf::UnwindTable> table = compiler_->Compile(*job.file, effort);
    if (!table.ok()) return OnNoTable(job, table.status(), /*has_part=*/effort == elf::CodeEffort::kAll);
    const absl::Status published = Publish(job, *table);
    if (absl::IsUnavailable(published)) return;
    if (!published.ok()) return Refuse(job.id, published);
    if (!table->leaves_out_code) return;
  }
}

// What there is of a table stays.
void Unwinder::OnNoTable(const BuildQueue::Job& job, const absl::Status& why, bool has_part) {
  if (absl::IsCancelled(why)) return;
  if (absl::IsAborted(why)) return Blame(job, has_part);
  if (has_part) return ledger_->Add("table_partial", "unwinding table of a file", kSomeStacksEnd, 1);
  Refuse(job.id, why);
  if (!absl::IsUnavailable(why)) return;
  absl::MutexLock lock(&mutex_);
  dropped_.insert(job.id);
}

void Unwinder::Blame(const BuildQueue::Job& job, bool has_part) {
  ledger_->Add("table_worker_lost", "file being compiled for unwinding", has_part ? kSomeStacksEnd : kStackEnds, 1);
  const uint64_t now = base::MonotonicNs();
  const uint64_t shunned_until = lost_files_.Blame(job.file->identity, now);
  if (shunned_until == 0) return Queue(job.id, job.file, now + Delayed<int>::kDelayNs);
  if (!has_part) Refuse(job.id, absl::AbortedError(kLostTwice));
  absl::MutexLock lock(&mutex_);
  shunned_until_[job.id] = shunned_until;
}

// Counted before the state can be seen: who sees that stacks end in this file finds out why.
void Unwinder::Refuse(uint16_t id, const absl::Status& why) {
  const bool has_no_cfi = absl::IsNotFound(why);
  if (!has_no_cfi) ledger_->Add("table_refused", "unwinding table of a file", kStackEnds, 1);
  {
    absl::MutexLock lock(&mutex_);
    ++(has_no_cfi ? statistics_.no_cfi : statistics_.refused);
    if (!has_no_cfi) refusals_[id] = std::string(why.message());
  }
  Report(store_.Withdraw(id, has_no_cfi ? abi::UNWIND_FILE_NO_CFI : abi::UNWIND_FILE_REFUSED));
}

// kUnavailable: it will be built again when others have left.
absl::Status Unwinder::Publish(const BuildQueue::Job& job, const elf::UnwindTable& table) {
  absl::Status status = store_.Publish(job.id, table);
  if (absl::IsUnavailable(status)) Queue(job.id, job.file, base::MonotonicNs() + Delayed<int>::kDelayNs);
  const TableStore::Statistics count = store_.Count();
  absl::MutexLock lock(&mutex_);
  if (absl::IsResourceExhausted(status)) dropped_.insert(job.id);
  if (status.ok()) refusals_.erase(job.id);
  statistics_.tables = count.tables;
  statistics_.rows = count.rows;
  statistics_.row_bytes = count.row_bytes;
  statistics_.evictions = count.evictions;
  return status;
}

void Unwinder::Retire(uint16_t id) {
  Report(store_.Withdraw(id, abi::UNWIND_FILE_EMPTY));
  const TableStore::Statistics count = store_.Count();
  absl::MutexLock lock(&mutex_);
  dropped_.erase(id);
  refusals_.erase(id);
  shunned_until_.erase(id);
  statistics_.tables = count.tables;
  statistics_.rows = count.rows;
}

void Unwinder::Tick() {
  compiler_->Rest();
  absl::StatusOr<std::vector<uint16_t>> wanted = store_.Tick();
  Report(wanted.status());
  if (!wanted.ok()) return;
  for (uint16_t id : *wanted) {
    if (model::ExecutableFilePtr file = ids_.Find(id)) Queue(id, file);
  }
  const TableStore::Statistics count = store_.Count();
  absl::MutexLock lock(&mutex_);
  statistics_.tables = count.tables;
  statistics_.rows = count.rows;
  statistics_.evictions = count.evictions;
}

void Unwinder::EndWindow() {
  builder_->Retire(ids_.EndWindow());
  absl::flat_hash_set<uint16_t> again;
  {
    absl::MutexLock lock(&mutex_);
    again.swap(dropped_);
    absl::erase_if(shunned_until_, [&again, now = base::MonotonicNs()](const auto& shunned) {
      if (shunned.second > now) return false;
      again.insert(shunned.first);
      return true;
    });
  }
  for (uint16_t id : again) {
    if (model::ExecutableFilePtr file = ids_.Find(id)) Queue(id, file);
  }
}

FileUnwinding Unwinder::UnwindingOf(const model::ExecutableFile& file) const {
  using By = FileUnwinding::By;
  if (file.kind != CodeKind::kFile && file.kind != CodeKind::kVdso) return {};
  const std::optional<uint16_t> id = ids_.NumberOf(file);
  if (!id) return {By::kNothing, "there are more files in use than have room"};
  const auto state = maps_->ReadFileState(*id);
  if (!state.ok()) return {By::kNothing, std::string(state.status().message())};
  if (*state == abi::UNWIND_FILE_READY) return {By::kTable, ""};
  if (*state == abi::UNWIND_FILE_NO_CFI) return {By::kFramePointers, ""};
  if (*state != abi::UNWIND_FILE_REFUSED) return {By::kNothingYet, ""};
  absl::MutexLock lock(&mutex_);
  auto why = refusals_.find(*id);
  return {By::kNothing, why != refusals_.end() ? why->second : ""};
}

UnwindStatistics Unwinder::Statistics() const {
  const TableBuilder::Statistics builder = builder_->Count();
  UnwindStatistics statistics;
  {
    absl::MutexLock lock(&mutex_);
    statistics = statistics_;
  }
  statistics.files = ids_.Size();
  statistics.map_bytes = maps_->Bytes();
  statistics.builds = builder.builds;
  statistics.build_cpu_ns = builder.cpu_ns;
  statistics.pending = builder.waiting;
  return statistics;
}

}  // namespace sonde::unwind
