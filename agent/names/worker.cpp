#include "agent/names/worker.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "agent/names/bulk_answers.h"
#include "agent/names/elf_names.h"
#include "agent/names/jit_dump.h"
#include "agent/names/perf_map.h"
#include "agent/names/sandbox.h"

namespace sonde::names {
namespace {

constexpr size_t kMaxFiles = 64, kMaxKeptDescriptors = 600;
// The largest tables that there may be take three.
constexpr int kTableCpuSeconds = 8;

absl::StatusOr<std::unique_ptr<NameSource>> Read(const Request& request, std::vector<base::UniqueFd> fds) {
  if (request.file_kind == FileKind::kVdso) return ElfNames::OfVdso();
  if (fds.size() != 1) return absl::FailedPreconditionError("no descriptor came with the request");
  if (request.file_kind != FileKind::kMadeCode) return ElfNames::OfFile(std::move(fds[0]), request.size_bytes);
  if (JitDump::IsOne(fds[0].Get())) return JitDump::Read(std::move(fds[0]), request.size_bytes);
  return PerfMap::Read(std::move(fds[0]), request.size_bytes);
}

FileVerdict VerdictOf(const absl::Status& status) {
  if (status.ok()) return FileVerdict::kOk;
  return absl::IsInvalidArgument(status) ? FileVerdict::kNoElf : FileVerdict::kUnreadable;
}

FileReply Refusal(FileVerdict verdict, const absl::Status& status) {
  FileReply reply;
  reply.verdict = verdict;
  reply.why = std::string(status.message());
  return reply;
}

}  // namespace

absl::Status Worker::Serve(const Hello& hello) {
  if (absl::Status status = Send(Encode(hello)); !status.ok()) return absl::OkStatus();
  while (true) {
    absl::StatusOr<Packet> packet = socket_.Receive(absl::InfiniteDuration());
    if (absl::IsUnavailable(packet.status())) return absl::OkStatus();
    if (!packet.ok()) return packet.status();
    BeginWork();
    const absl::Status status = Answer(*std::move(packet));
    EndWork();
    if (absl::IsUnavailable(status)) return absl::OkStatus();
    if (!status.ok()) return status;
  }
}

absl::Status Worker::Answer(Packet packet) {
  absl::StatusOr<Request> request = DecodeRequest(packet.bytes);
  if (!request.ok()) return request.status();
  if (request->kind == RequestKind::kResolve) return Resolve(*request);
  if (request->kind == RequestKind::kMissing) return TellMissing(*request);
  if (request->kind == RequestKind::kExtract) return AnswerExtract(*request, std::move(packet.fds), &socket_);
  if (request->kind == RequestKind::kTable) {
    BeginWork(kTableCpuSeconds);
    return AnswerTable(*request, std::move(packet.fds), &socket_);
  }
  FileReply reply = request->kind == RequestKind::kOpen ? Open(*request, std::move(packet.fds))
                                                        : Attach(*request, std::move(packet.fds));
  reply.id = request->id;
  return Send(Encode(reply));
}

FileReply Worker::Open(const Request& request, std::vector<base::UniqueFd> fds) {
  if (request.file_kind == FileKind::kMadeCode) {
    NameSource* known = Find(request.key);
    if (known != nullptr && known->ReadOn(request.size_bytes)) return known->Describe();
  }
  auto source = Read(request, std::move(fds));
  if (!source.ok()) return Refusal(VerdictOf(source.status()), source.status());
  FileReply reply = (*source)->Describe();
  Keep(request.key, *std::move(source));
  return reply;
}

FileReply Worker::Attach(const Request& request, std::vector<base::UniqueFd> fds) {
  auto* file = dynamic_cast<ElfNames*>(Find(request.key));
  if (file == nullptr || fds.size() != 1) return Refusal(FileVerdict::kUnknown, absl::NotFoundError("it is not open"));
  const absl::Status status = request.role == AttachRole::kDebug   ? file->AttachDebugFile(std::move(fds[0]), request)
                              : request.role == AttachRole::kSplit ? file->AttachSplitFile(std::move(fds[0]), request)
                                                                   : file->AttachSupplement(std::move(fds[0]), request);
  if (absl::IsFailedPrecondition(status)) return Refusal(FileVerdict::kOther, status);
  if (!status.ok()) return Refusal(VerdictOf(status), status);
  MakeRoom(1);
  return file->Describe();
}

absl::Status Worker::Resolve(const Request& request) {
  PlacesEncoder encoder(request.id);
  NameSource* file = Find(request.key);
  if (file == nullptr) return Send(encoder.Take(/*is_last=*/true, FileVerdict::kUnknown));
  for (const Place& place : file->At(request.offsets, request.only_symbols)) {
    if (encoder.TryAdd(place)) continue;
    if (absl::Status status = Send(encoder.Take(/*is_last=*/false)); !status.ok()) return status;
    encoder.TryAdd(place);
  }
  const absl::Status status = Send(encoder.Take(/*is_last=*/true, FileVerdict::kOk, file->LacksFiles()));
  MakeRoom(0);
  return status;
}

absl::Status Worker::TellMissing(const Request& request) {
  NameSource* file = Find(request.key);
  const std::vector<MissingFile> all = file != nullptr ? file->TakeMissing() : std::vector<MissingFile>();
  std::span<const MissingFile> left = all;
  while (true) {
    const auto some = left.first(std::min(left.size(), kMaxMissingOfPacket));
    left = left.subspan(some.size());
    const MissingReply reply{request.id, left.empty(), {some.begin(), some.end()}};
    if (absl::Status status = Send(Encode(reply)); !status.ok() || reply.is_last) return status;
  }
}

NameSource* Worker::Find(uint64_t key) {
  auto found = files_.find(key);
  if (found == files_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return found->second->source.get();
}

void Worker::Keep(uint64_t key, std::unique_ptr<NameSource> source) {
  if (auto found = files_.find(key); found != files_.end()) {
    by_use_.erase(found->second);
    files_.erase(found);
  }
  by_use_.push_front({key, std::move(source)});
  files_[key] = by_use_.begin();
  MakeRoom(1);
}

void Worker::MakeRoom(size_t kept) {
  size_t bytes = 0, freed = 0, descriptors = 0;
  for (const File& file : by_use_) {
    bytes += file.source->MemoryBytes();
    descriptors += file.source->Descriptors();
  }
  for (auto file = by_use_.rbegin(); file != by_use_.rend() && bytes - freed > max_bytes_; ++file) {
    const size_t before = file->source->MemoryBytes();
    file->source->Shrink();
    freed += before - std::min(before, file->source->MemoryBytes());
  }
  while (by_use_.size() > kept &&
         (bytes - freed > max_bytes_ || by_use_.size() > kMaxFiles || descriptors > kMaxKeptDescriptors)) {
    freed += by_use_.back().source->MemoryBytes();
    descriptors -= by_use_.back().source->Descriptors();
    files_.erase(by_use_.back().key);
    by_use_.pop_back();
  }
  if (freed > 0) ::malloc_trim(0);
}

absl::Status Worker::Send(const std::string& bytes) { return socket_.Send(bytes, {}, absl::InfiniteDuration()); }

}  // namespace sonde::names
