#include "agent/symbolize/file_opener.h"

#include <string>

#include "agent/symbolize/file_names.h"

namespace sonde::symbolize {
namespace {

using model::CodeKind;
using model::ExecutableFile;
using names::FileReply;

names::FileKind WireKind(CodeKind kind) {
  if (kind == CodeKind::kVdso) return names::FileKind::kVdso;
  return kind == CodeKind::kJit ? names::FileKind::kPerfMap : names::FileKind::kElf;
}

absl::Status StatusOf(const FileReply& reply) {
  if (reply.verdict == names::FileVerdict::kOk) return absl::OkStatus();
  const std::string why = WithoutControls(reply.why);
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

absl::StatusOr<FileReply> FileOpener::Attach(names::AttachRole role, const DebugFile& debug, uint32_t crc,
                                             uint64_t key) {
  names::Request request;
  request.kind = names::RequestKind::kAttach;
  request.key = key;
  request.role = role;
  request.is_by_crc = debug.is_by_link;
  request.debug_crc = crc;
  request.size_bytes = debug.size_bytes;
  return worker_->AskOfFile(request, debug.fd.Get());
}

absl::Status FileOpener::AttachDebugFile(const ExecutableFile& file, uint64_t key, FileReply* facts,
                                         NameSources* sources) {
  if (facts->HasSymbols() && facts->HasLines()) return absl::OkStatus();
  DebugFile debug;
  for (size_t i = 0; debug_files_.At(i, file, *facts, &debug); ++i) {
    if (!debug.fd.IsValid()) {
      sources->tried.push_back({debug.path, debug.why});
      continue;
    }
    auto attached = Attach(names::AttachRole::kDebug, debug, facts->debug_crc, key);
    if (!attached.ok()) return attached.status();
    if (attached->verdict == names::FileVerdict::kOk) {
      sources->debug = attached->debug;
      sources->debug_path = debug.path;
      *facts = *std::move(attached);
      return absl::OkStatus();
    }
    sources->tried.push_back({debug.path, WithoutControls(attached->why)});
  }
  return absl::OkStatus();
}

absl::Status FileOpener::AttachSupplement(const ExecutableFile& file, uint64_t key, const FileReply& facts,
                                          NameSources* sources) {
  if (facts.supplement_path.empty()) return absl::OkStatus();
  DebugFile debug;
  for (size_t i = 0; debug_files_.SupplementAt(i, file, sources->debug_path, facts, &debug); ++i) {
    if (!debug.fd.IsValid()) {
      sources->tried.push_back({debug.path, debug.why});
      continue;
    }
    auto attached = Attach(names::AttachRole::kSupplementary, debug, 0, key);
    if (!attached.ok()) return attached.status();
    if (attached->verdict == names::FileVerdict::kOk) {
      sources->supplement_path = debug.path;
      return absl::OkStatus();
    }
    sources->tried.push_back({debug.path, WithoutControls(attached->why)});
  }
  return absl::OkStatus();
}

}  // namespace sonde::symbolize
