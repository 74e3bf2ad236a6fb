#include "agent/symbolize/name_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using model::ExecutableFile;
using model::ExecutableFilePtr;
using model::FileIdentity;

constexpr size_t kMaxFiles = 4'096, kMaxTroubles = 4'096;
constexpr uint64_t kHourNs = 3'600'000'000'000;
constexpr uint32_t kMostDoublings = 5;  // to over a day

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

names::FileKind WireKind(CodeKind kind) {
  if (kind == CodeKind::kVdso) return names::FileKind::kVdso;
  return kind == CodeKind::kJit ? names::FileKind::kPerfMap : names::FileKind::kElf;
}

absl::Status StatusOf(const names::FileReply& reply) {
  if (reply.verdict == names::FileVerdict::kOk) return absl::OkStatus();
  const std::string why = WithoutControls(reply.why);
  return reply.verdict == names::FileVerdict::kNoElf ? absl::InvalidArgumentError(why) : absl::DataLossError(why);
}

}  // namespace

NameCache::NameCache(size_t max_bytes, NameWorker* worker, telemetry::LossLedger* ledger, DebugFiles debug_files,
                     std::function<uint64_t()> now_ns)
    : max_bytes_(max_bytes),
      worker_(worker),
      ledger_(ledger),
      debug_files_(std::move(debug_files)),
      now_ns_(std::move(now_ns)) {}

void NameCache::Prepare(const model::ProfileBatch& batch) {
  MakeRoom();
  std::vector<Entry*> entries(batch.files.size(), nullptr);
  std::vector<absl::flat_hash_set<uint64_t>> wanted(batch.files.size());
  for (size_t i = 0; i < batch.files.size(); ++i) {
    if (HasCode(batch.files[i]->kind)) entries[i] = &Touch(batch.files[i]);
  }
  for (const std::vector<model::Frame>& stack : batch.stacks) {
    for (const model::Frame& frame : stack) {
      if (frame.file >= entries.size() || entries[frame.file] == nullptr) continue;
      if (!entries[frame.file]->names.Knows(frame.offset)) wanted[frame.file].insert(frame.offset);
    }
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (wanted[i].empty()) continue;
    std::vector<uint64_t> offsets(wanted[i].begin(), wanted[i].end());
    std::ranges::sort(offsets);
    Ask(*batch.files[i], offsets, entries[i]);
  }
}

const FileNames& NameCache::Get(const ExecutableFilePtr& file) {
  Entry& entry = Touch(file);
  if (absl::IsUnavailable(entry.names.Status())) Open(*file, &entry);
  return entry.names;
}

NameCache::Entry& NameCache::Touch(const ExecutableFilePtr& file) {
  const FileIdentity identity = IdentityOf(*file);
  auto [found, is_new] = entries_.try_emplace(identity);
  if (is_new) {
    by_use_.push_front({.identity = identity, .key = ++next_key_, .debug_path = {}, .names = {}});
    found->second = by_use_.begin();
  } else {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
  }
  return by_use_.front();
}

bool NameCache::MayAsk(const FileIdentity& identity) const {
  auto found = troubles_.find(identity);
  return found == troubles_.end() || now_ns_() >= found->second.not_before_ns;
}

void NameCache::Blame(const FileIdentity& identity) {
  ledger_->Add("symbolizer_lost", "file being read for names", "its frames are named by offsets", 1);
  if (troubles_.size() >= kMaxTroubles) troubles_.clear();
  Trouble& trouble = troubles_[identity];
  ++trouble.times;
  if (trouble.times == 1) return;
  trouble.not_before_ns = now_ns_() + (kHourNs << std::min(trouble.times - 2, kMostDoublings));
  ledger_->Add("symbolizer_shuns", "file that the symbolizer was lost over twice",
               "its frames are named by offsets for an hour or longer", 1);
}

bool NameCache::Open(const ExecutableFile& file, Entry* entry) {
  const bool is_settled = !absl::IsUnavailable(entry->names.Status()) && !entry->names.Status().ok();
  if (is_settled && (entry->has_descriptor || !file.fd.IsValid())) return false;
  if (!MayAsk(entry->identity)) return false;
  if (file.kind != CodeKind::kVdso && !file.fd.IsValid()) {
    return Refuse("symbols_unreadable", absl::FailedPreconditionError("it could not be opened while a process ran it"), entry);
  }
  if (file.kind == CodeKind::kFile && IdentityNow(file.fd.Get()) != entry->identity) {
    return Refuse("file_overwritten", absl::FailedPreconditionError("it was overwritten since it was opened"), entry);
  }
  entry->has_descriptor = true;
  const absl::Status status = OpenAtWorker(file, entry);
  if (absl::IsAborted(status)) Blame(entry->identity);
  return status.ok();
}

// What was learned before stays right.
bool NameCache::Refuse(const char* cause, const absl::Status& why, Entry* entry) {
  ledger_->Add(cause, "executable file", "its frames are named by file and offset only", 1);
  if (!entry->names.Status().ok()) entry->names.SetStatus(why);
  return false;
}

absl::Status NameCache::OpenAtWorker(const ExecutableFile& file, Entry* entry) {
  if (absl::Status status = worker_->Begin(); !status.ok()) return status;
  if (entry->generation == worker_->Generation()) return absl::OkStatus();
  const bool is_first = !entry->names.Status().ok();
  names::Request request;
  request.key = entry->key;
  request.file_kind = WireKind(file.kind);
  request.size_bytes = static_cast<uint64_t>(entry->identity.size_bytes);
  auto reply = worker_->AskOfFile(request, file.fd.Get());
  if (!reply.ok()) return reply.status();
  if (absl::Status status = StatusOf(*reply); !status.ok()) {
    if (is_first && file.kind != CodeKind::kJit) {
      ledger_->Add("symbols_unreadable", "executable file", "its frames are named by file and offset only", 1);
    }
    entry->names.SetStatus(status);
    return status;
  }
  if (is_first) entry->names.SetFacts(*reply);
  entry->generation = worker_->Generation();
  if (file.kind != CodeKind::kFile || (reply->has_symbols && reply->has_lines)) return absl::OkStatus();
  return Attach(file, *std::move(reply), entry);
}

absl::Status NameCache::Attach(const ExecutableFile& file, names::FileReply reply, Entry* entry) {
  DebugFile debug;
  for (size_t i = 0; debug_files_.At(i, file, reply, &debug); ++i) {
    if (!debug.fd.IsValid()) continue;
    names::Request request;
    request.kind = names::RequestKind::kAttach;
    request.key = entry->key;
    request.is_by_crc = debug.is_by_link;
    request.debug_crc = reply.debug_crc;
    request.size_bytes = debug.size_bytes;
    auto attached = worker_->AskOfFile(request, debug.fd.Get());
    if (!attached.ok()) {
      entry->generation = 0;
      return attached.status();
    }
    if (attached->verdict != names::FileVerdict::kOk) continue;
    entry->debug_path = debug.path;
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

void NameCache::Ask(const ExecutableFile& file, const std::vector<uint64_t>& offsets, Entry* entry) {
  // Once more when the worker has made room for others, or was lost for nothing that this file did.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!Open(file, entry)) return;
    auto places = worker_->Resolve(entry->key, offsets);
    if (places.ok()) {
      for (size_t i = 0; i < offsets.size(); ++i) entry->names.Learn(offsets[i], (*places)[i]);
      return;
    }
    entry->generation = 0;
    if (absl::IsAborted(places.status())) return Blame(entry->identity);
    if (!absl::IsNotFound(places.status())) return;
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
