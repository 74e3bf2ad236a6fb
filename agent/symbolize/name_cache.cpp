#include "agent/symbolize/name_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using model::ExecutableFile;
using model::ExecutableFilePtr;
using model::FileIdentity;

constexpr size_t kMaxFiles = 4'096;
constexpr uint64_t kHourNs = 3'600'000'000'000;
constexpr int kSplitRounds = 4;

bool HasCode(CodeKind kind) { return kind == CodeKind::kFile || kind == CodeKind::kVdso || kind == CodeKind::kJit; }

FileIdentity IdentityNow(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
}

// A map of JIT code grows while it is read: it is what it is now.
FileIdentity IdentityOf(const ExecutableFile& file) {
  return file.kind == CodeKind::kJit && file.fd.IsValid() ? IdentityNow(file.fd.Get()) : file.identity;
}

}  // namespace

NameCache::NameCache(size_t max_bytes, NameWorker* worker, telemetry::LossLedger* ledger, DebugFiles debug_files,
                     std::function<uint64_t()> now_ns)
    : max_bytes_(max_bytes),
      worker_(worker),
      opener_(worker, std::move(debug_files)),
      ledger_(ledger),
      now_ns_(std::move(now_ns)) {}

void NameCache::Prepare(std::span<const model::ProfileBatch> batches) {
  MakeRoom();
  TakeArrived();
  std::map<const Entry*, Wanted> all;
  for (const model::ProfileBatch& batch : batches) Collect(batch, &all);
  for (auto& [entry, wanted] : all) {
    wanted.with_lines = wanted.with_lines && HasTimeForLines(*wanted.entry, *wanted.file);  // others may have had it
    if (!wanted.offsets.empty()) Ask(wanted);
  }
}

// A jitdump's lines lie beside its names and cost hardly more.
bool NameCache::HasTimeForLines(Entry& entry, const model::ExecutableFile& file) {
  return file.kind == CodeKind::kJit || (entry.lines.WaitNs(now_ns_()) == 0 && all_lines_.WaitNs(now_ns_()) == 0);
}

void NameCache::Collect(const model::ProfileBatch& batch, std::map<const Entry*, Wanted>* all) {
  std::vector<Wanted*> files(batch.files.size(), nullptr);
  for (size_t i = 0; i < files.size(); ++i) {
    const ExecutableFilePtr& file = batch.files[i];
    if (!HasCode(file->kind)) continue;
    Entry& entry = Touch(file);
    LookAgain(&entry);
    const bool with_lines = HasTimeForLines(entry, *file);
    files[i] = &all->try_emplace(&entry, Wanted{&entry, file.get(), with_lines, {}}).first->second;
  }
  for (const std::vector<model::Frame>& stack : batch.stacks) {
    for (const model::Frame& frame : stack) {
      Wanted* const wanted = frame.file < files.size() ? files[frame.file] : nullptr;
      if (wanted == nullptr) continue;
      const FileNames& names = wanted->entry->names;
      const bool is_known = wanted->with_lines ? names.KnowsWell(frame.offset) : names.Knows(frame.offset);
      if (!is_known) wanted->offsets.insert(frame.offset);
    }
  }
}

const FileNames& NameCache::Get(const ExecutableFilePtr& file) {
  Entry& entry = Touch(file);
  if (absl::IsUnavailable(entry.names.Status())) Open(*file, &entry).IgnoreError();
  return entry.names;
}

NameCache::Entry& NameCache::Touch(const ExecutableFilePtr& file) {
  const FileIdentity identity = IdentityOf(*file);
  auto [found, is_new] = entries_.try_emplace(identity);
  if (is_new) {
    by_use_.push_front({.identity = identity, .key = KeyOf(*file, identity), .split = {}, .names = {}});
    found->second = by_use_.begin();
  } else {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
  }
  return by_use_.front();
}

// A perf map keeps its number as it grows, so that the worker reads only what is new.
uint64_t NameCache::KeyOf(const ExecutableFile& file, const FileIdentity& identity) {
  if (file.kind != CodeKind::kJit) return ++next_key_;
  if (map_keys_.size() >= kMaxFiles) map_keys_.clear();
  auto [known, is_new] = map_keys_.try_emplace({identity.device, identity.inode}, next_key_ + 1);
  if (is_new) ++next_key_;
  return known->second;
}

void NameCache::Blame(const FileIdentity& identity) {
  ledger_->Add("symbolizer_lost", "file being read for names", "its frames are named by offsets", 1);
  if (lost_files_.Blame(identity, now_ns_()) == 0) return;
  ledger_->Add("symbolizer_shuns", "file that the symbolizer was lost over twice",
               "its frames are named by offsets for an hour or longer", 1);
}

absl::Status NameCache::Open(const ExecutableFile& file, Entry* entry, NameSources* sources) {
  const bool is_settled = !absl::IsUnavailable(entry->names.Status()) && !entry->names.Status().ok();
  if (is_settled && (entry->has_descriptor || !file.fd.IsValid())) return entry->names.Status();
  if (!lost_files_.MayAsk(entry->identity, now_ns_()))
    return absl::UnavailableError("the worker was lost over it twice: it is left alone for some hours");
  if (file.kind != CodeKind::kVdso && !file.fd.IsValid()) {
    return Refuse("symbols_unreadable", absl::FailedPreconditionError("it could not be opened while a process ran it"),
                  entry);
  }
  if (file.kind == CodeKind::kFile && IdentityNow(file.fd.Get()) != entry->identity) {
    return Refuse("file_overwritten", absl::FailedPreconditionError("it was overwritten since it was opened"), entry);
  }
  entry->has_descriptor = true;
  const absl::Status status = OpenAtWorker(file, entry, sources);
  if (absl::IsAborted(status)) Blame(entry->identity);
  return status;
}

// What was learned before stays right.
absl::Status NameCache::Refuse(const char* cause, const absl::Status& why, Entry* entry) {
  ledger_->Add(cause, "executable file", "its frames are named by file and offset only", 1);
  if (!entry->names.Status().ok()) entry->names.SetStatus(why);
  return why;
}

absl::Status NameCache::OpenAtWorker(const ExecutableFile& file, Entry* entry, NameSources* sources) {
  if (absl::Status status = worker_->Begin(); !status.ok()) return status;
  if (entry->generation == worker_->Generation()) return absl::OkStatus();
  const bool is_first = !entry->names.Status().ok();
  const auto size_bytes = static_cast<uint64_t>(entry->identity.size_bytes);
  auto facts = entry->is_alone ? opener_.OpenAlone(file, entry->key, size_bytes)
                               : opener_.Open(file, entry->key, size_bytes, sources);
  if (absl::IsInvalidArgument(facts.status()) || absl::IsDataLoss(facts.status())) {
    if (is_first && file.kind != CodeKind::kJit) {
      ledger_->Add("symbols_unreadable", "executable file", "its frames are named by file and offset only", 1);
    }
    entry->names.SetStatus(facts.status());
  }
  if (!facts.ok()) return facts.status();
  if (is_first) entry->names.SetFacts(*facts);
  entry->generation = worker_->Generation();
  entry->split.generation = 0;
  if (entry->is_alone) return absl::OkStatus();
  entry->split.debug_path = sources->debug_path;
  entry->is_alone = file.kind == CodeKind::kFile && sources->debug_path.empty();
  entry->looked_ns = now_ns_();
  return absl::OkStatus();
}

NameSources NameCache::Explain(const ExecutableFilePtr& file) {
  Entry& entry = Touch(file);
  entry.generation = 0;
  const bool was_alone = std::exchange(entry.is_alone, false);
  const SplitSearch split = std::exchange(entry.split, {});
  entry.split.taken = split.taken;
  NameSources sources;
  const absl::Status status = Open(*file, &entry, &sources);
  if (!status.ok()) sources.status = status;
  sources.split_files = split.taken.size();
  sources.tried.insert(sources.tried.end(), split.examples.begin(), split.examples.end());
  // What it has now, or what may have come, tells more of all places.
  if ((was_alone && !sources.debug_path.empty()) || !split.in_vain.empty()) entry.names.ForgetPlaces();
  return sources;
}

// Again when there is more to be known by split files, which no answer lacks that are not needed.
absl::StatusOr<NameWorker::Resolved> NameCache::Resolve(const Wanted& wanted, std::span<const uint64_t> offsets) {
  Entry& entry = *wanted.entry;
  auto resolved = worker_->Resolve(entry.key, offsets, !wanted.with_lines);
  for (int round = 0; round < kSplitRounds && resolved.ok() && resolved->lacks_files; ++round) {
    const auto has_more = opener_.AttachSplitFiles(*wanted.file, entry.key, &entry.split);
    if (!has_more.ok()) return has_more.status();
    if (!*has_more) break;
    resolved = worker_->Resolve(entry.key, offsets, !wanted.with_lines);
  }
  return resolved;
}

void NameCache::Ask(const Wanted& wanted) {
  Entry& entry = *wanted.entry;
  std::vector<uint64_t> offsets(wanted.offsets.begin(), wanted.offsets.end());
  std::ranges::sort(offsets);
  // Once more when the worker has made room for others.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!Open(*wanted.file, &entry).ok()) return;
    const uint64_t cpu_ns = worker_->CpuNs();
    auto resolved = Resolve(wanted, offsets);
    if (resolved.ok()) {
      for (size_t i = 0; i < offsets.size(); ++i)
        entry.names.Learn(offsets[i], resolved->places[i], !wanted.with_lines);
      const uint64_t cost_ns = worker_->CpuNs() - cpu_ns;
      if (wanted.with_lines) {
        entry.lines.Spend(cost_ns);
        all_lines_.Spend(cost_ns);
      }
      return;
    }
    entry.generation = 0;
    if (absl::IsAborted(resolved.status())) return Blame(entry.identity);
    if (!absl::IsNotFound(resolved.status())) return;
  }
}

// What a server did not have, or could not give, may be there by now.
void NameCache::LookAgain(Entry* entry) const {
  if (debuginfod_ == nullptr || !entry->is_alone || now_ns_() - entry->looked_ns < kHourNs) return;
  entry->is_alone = false;
  entry->generation = 0;
}

// Files whose debug file has come are asked about anew.
void NameCache::TakeArrived() {
  if (debuginfod_ == nullptr) return;
  const std::vector<std::string> arrived = debuginfod_->TakeArrived();
  if (arrived.empty()) return;
  for (Entry& entry : by_use_) {
    if (std::ranges::find(arrived, entry.names.BuildId()) == arrived.end()) continue;
    entry.generation = 0;
    entry.is_alone = false;
    entry.names.ForgetPlaces();
  }
}

size_t NameCache::MemoryBytes() const {
  size_t bytes = 0;
  for (const Entry& entry : by_use_) bytes += sizeof(Entry) + entry.names.MemoryBytes();
  return bytes;
}

void NameCache::MakeRoom() {
  size_t bytes = MemoryBytes();
  while (!by_use_.empty() && (bytes > max_bytes_ || by_use_.size() > kMaxFiles)) {
    const Entry& oldest = by_use_.back();
    bytes -= sizeof(Entry) + oldest.names.MemoryBytes();
    entries_.erase(oldest.identity);
    by_use_.pop_back();
  }
}

}  // namespace sonde::symbolize
