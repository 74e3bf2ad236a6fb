#include "agent/symbolize/file_opener.h"

#include <utility>

#include "agent/names/plain_text.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using model::ExecutableFile;
using names::FileReply;

constexpr size_t kMaxInVain = 4'096, kMaxExamples = 4;

names::FileKind WireKind(CodeKind kind) {
  if (kind == CodeKind::kVdso) return names::FileKind::kVdso;
  return kind == CodeKind::kJit ? names::FileKind::kMadeCode : names::FileKind::kElf;
}

absl::Status StatusOf(const FileReply& reply) {
  if (reply.verdict == names::FileVerdict::kOk) return absl::OkStatus();
  const std::string why = names::WithoutControls(reply.why);
  return reply.verdict == names::FileVerdict::kNoElf ? absl::InvalidArgumentError(why) : absl::DataLossError(why);
}

}  // namespace

absl::StatusOr<FileReply> FileOpener::OpenAlone(const ExecutableFile& file, uint64_t key, uint64_t size_bytes) {
  names::Request request;
  request.key = key;
  request.file_kind = WireKind(file.kind);
  request.size_bytes = size_bytes;
  auto reply = worker_->AskOfFile(request, file.fd.Get());
  if (!reply.ok()) return reply.status();
  if (absl::Status status = StatusOf(*reply); !status.ok()) return status;
  return reply;
}

absl::StatusOr<FileReply> FileOpener::Open(const ExecutableFile& file, uint64_t key, uint64_t size_bytes,
                                           NameSources* sources) {
  *sources = {};
  auto facts = OpenAlone(file, key, size_bytes);
  sources->status = facts.status();
  if (!facts.ok()) return facts;
  sources->build_id = facts->build_id;
  sources->own = facts->own;
  if (file.kind != CodeKind::kFile) return facts;
  sources->status.Update(AttachDebugFile(file, key, &*facts, sources));
  if (sources->status.ok()) sources->status.Update(AttachSupplement(file, key, *facts, sources));
  if (!sources->status.ok()) return sources->status;
  return facts;
}

absl::StatusOr<std::optional<FileOpener::Attached>> FileOpener::AttachFirst(names::AttachRole role,
                                                                            const Places& places,
                                                                            const ExecutableFile& file, uint64_t key,
                                                                            uint32_t crc,
                                                                            std::vector<NameSources::Tried>* tried) {
  for (const DebugFiles::Place& place : places) {
    const DebugFile found = debug_files_.Open(place, file);
    if (!found.fd.IsValid()) {
      tried->push_back({place.path, found.why});
      continue;
    }
    names::Request request;
    request.kind = names::RequestKind::kAttach;
    request.key = key;
    request.role = role;
    request.is_by_crc = place.is_by_link;
    request.debug_crc = crc;
    request.size_bytes = found.size_bytes;
    auto reply = worker_->AskOfFile(request, found.fd.Get());
    if (!reply.ok()) return reply.status();
    if (reply->verdict == names::FileVerdict::kOk) return Attached{place.path, *std::move(reply)};
    tried->push_back({place.path, names::WithoutControls(reply->why)});
  }
  return std::nullopt;
}

absl::Status FileOpener::AttachDebugFile(const ExecutableFile& file, uint64_t key, FileReply* facts,
                                         NameSources* sources) {
  if (facts->HasSymbols() && facts->HasLines()) return absl::OkStatus();
  auto attached = AttachFirst(names::AttachRole::kDebug, DebugFiles::PlacesOf(file, *facts), file, key,
                              facts->debug_crc, &sources->tried);
  if (!attached.ok()) return attached.status();
  if (!*attached) return AttachFetched(key, facts, sources);
  sources->debug_path = (*attached)->path;
  *facts = std::move((*attached)->reply);
  sources->debug = facts->debug;
  return absl::OkStatus();
}

absl::Status FileOpener::AttachFetched(uint64_t key, FileReply* facts, NameSources* sources) {
  if (debuginfod_ == nullptr || facts->build_id.empty()) return absl::OkStatus();
  const Debuginfod::Found found = debuginfod_->Find(facts->build_id);
  if (!found.fd.IsValid()) {
    sources->tried.push_back({"debuginfod", names::WithoutControls(found.state)});
    return absl::OkStatus();
  }
  names::Request request;
  request.kind = names::RequestKind::kAttach;
  request.key = key;
  request.size_bytes = found.size_bytes;
  auto reply = worker_->AskOfFile(request, found.fd.Get());
  if (!reply.ok()) return reply.status();
  if (reply->verdict != names::FileVerdict::kOk) {
    sources->tried.push_back({found.path, names::WithoutControls(reply->why)});
    return absl::OkStatus();
  }
  sources->debug_path = found.path;
  *facts = *std::move(reply);
  sources->debug = facts->debug;
  return absl::OkStatus();
}

absl::Status FileOpener::AttachSupplement(const ExecutableFile& file, uint64_t key, const FileReply& facts,
                                          NameSources* sources) {
  if (facts.supplement_path.empty()) return absl::OkStatus();
  auto attached =
      AttachFirst(names::AttachRole::kSupplementary, DebugFiles::SupplementPlaces(file, sources->debug_path, facts),
                  file, key, 0, &sources->tried);
  if (!attached.ok()) return attached.status();
  if (*attached) sources->supplement_path = (*attached)->path;
  return absl::OkStatus();
}

absl::StatusOr<bool> FileOpener::AttachSplitFiles(const ExecutableFile& file, uint64_t key, SplitSearch* search) {
  if (search->generation != worker_->Generation()) {
    search->generation = worker_->Generation();
    search->has_looked_for_package = false;
  }
  std::vector<NameSources::Tried> tried;
  if (!std::exchange(search->has_looked_for_package, true)) {
    auto package = AttachFirst(names::AttachRole::kSplit, DebugFiles::PackagePlaces(file, search->debug_path), file,
                               key, 0, &tried);
    if (!package.ok()) return package.status();
    if (*package) {
      search->taken.insert((*package)->path);
      return true;
    }
  }
  auto missing = worker_->TakeMissing(key);
  if (!missing.ok()) return missing.status();
  bool has_more = false;
  for (const names::MissingFile& one : *missing) {
    if (search->in_vain.contains(one.id)) continue;
    tried.clear();
    auto attached = AttachFirst(names::AttachRole::kSplit, DebugFiles::SplitPlaces(file, one), file, key, 0, &tried);
    if (!attached.ok()) return attached.status();
    if (*attached) {
      has_more = true;
      search->taken.insert((*attached)->path);
      continue;
    }
    if (search->in_vain.size() >= kMaxInVain) continue;
    search->in_vain.insert(one.id);
    if (search->examples.size() < kMaxExamples && !tried.empty()) search->examples.push_back(tried.front());
  }
  return has_more;
}

}  // namespace sonde::symbolize
