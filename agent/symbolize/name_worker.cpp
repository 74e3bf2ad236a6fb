#include "agent/symbolize/name_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace sonde::symbolize {
namespace {

constexpr size_t kMostLost = 6;
constexpr uint64_t kPauseNs = 60'000'000'000;
constexpr absl::Duration kStartPatience = absl::Seconds(20);

std::string MissingOf(const names::Hello& hello) {
  if (hello.has_landlock) return "";
  return "Landlock, which this kernel does not have; system calls that open files are refused all the same";
}

}  // namespace

void NameWorker::SetTrouble(std::string trouble) {
  absl::MutexLock lock(&mutex_);
  if (trouble != facts_.trouble && !trouble.empty()) spdlog::warn("msg=\"functions have no names\" why=\"{}\"", trouble);
  facts_.trouble = std::move(trouble);
}

absl::Status NameWorker::Begin() {
  // What ended between two questions is no file's fault.
  if (process_ != nullptr && process_->Socket().IsClosed()) Lose(absl::UnavailableError("it ended")).IgnoreError();
  if (process_ != nullptr) return absl::OkStatus();
  if (options_.program.empty()) {
    SetTrouble("sonde-symbolizer is neither beside sonde-agent nor in libexec/sonde: install it there");
    return absl::UnavailableError("no sonde-symbolizer");
  }
  const uint64_t now_ns = options_.now_ns();
  if (now_ns < not_before_ns_) return absl::UnavailableError("sonde-symbolizer rests");
  auto started = WorkerProcess::Start(options_.program, kStartPatience);
  if (!started.ok()) {
    not_before_ns_ = now_ns + kPauseNs;
    SetTrouble(std::string(started.status().message()));
    return absl::UnavailableError(started.status().message());
  }
  ++generation_;
  {
    absl::MutexLock lock(&mutex_);
    process_ = *std::move(started);
    ++facts_.starts;
    facts_.pid = process_->Pid();
    facts_.missing = MissingOf(process_->Hello());
  }
  SetTrouble("");
  return absl::OkStatus();
}

absl::Status NameWorker::Lose(const absl::Status& why) {
  const uint64_t now_ns = options_.now_ns();
  spdlog::warn("msg=\"sonde-symbolizer was lost\" pid={} why=\"{}\"", process_->Pid(), std::string(why.message()));
  std::unique_ptr<WorkerProcess> lost;
  {
    absl::MutexLock lock(&mutex_);
    facts_.cpu_ns += process_->CpuNs();
    facts_.pid = 0;
    ++(absl::IsDeadlineExceeded(why) ? facts_.hangs : absl::IsUnavailable(why) ? facts_.deaths : facts_.lies);
    lost = std::move(process_);
  }
  lost.reset();
  lost_ns_.push_back(now_ns);
  while (lost_ns_.size() > kMostLost) lost_ns_.pop_front();
  if (lost_ns_.size() == kMostLost && now_ns - lost_ns_.front() < kPauseNs) {
    not_before_ns_ = lost_ns_.front() + kPauseNs;
    SetTrouble(absl::StrCat("sonde-symbolizer was lost ", kMostLost, " times within a minute: it rests"));
  }
  return absl::AbortedError(why.message());
}

absl::Status NameWorker::Send(const names::Request& request, std::span<const int> fds) {
  return process_->Socket().Send(names::Encode(request), fds, options_.patience);
}

absl::StatusOr<std::string> NameWorker::Receive() {
  auto packet = process_->Socket().Receive(options_.patience);
  if (!packet.ok()) return packet.status();
  return std::move(packet->bytes);
}

absl::StatusOr<names::FileReply> NameWorker::AskOfFile(names::Request request, int fd) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  request.id = ++next_request_;
  const std::span<const int> fds(&fd, fd >= 0 ? 1 : 0);
  if (absl::Status status = Send(request, fds); !status.ok()) return Lose(status);
  auto packet = Receive();
  if (!packet.ok()) return Lose(packet.status());
  auto reply = names::DecodeFileReply(*packet);
  if (!reply.ok()) return Lose(reply.status());
  if (reply->id != request.id) return Lose(absl::InvalidArgumentError("it answered another question"));
  return reply;
}

absl::StatusOr<NameWorker::Resolved> NameWorker::Resolve(uint64_t key, std::span<const uint64_t> offsets,
                                                         bool only_symbols) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  Resolved resolved;
  resolved.places.reserve(offsets.size());
  while (!offsets.empty()) {
    const auto some = offsets.first(std::min(offsets.size(), names::kMaxOffsets));
    names::Request request;
    request.kind = names::RequestKind::kResolve;
    request.id = ++next_request_;
    request.key = key;
    request.only_symbols = only_symbols;
    request.offsets.assign(some.begin(), some.end());
    const absl::Status status = ResolveSome(request, &resolved);
    if (absl::IsNotFound(status)) return status;
    if (!status.ok()) return Lose(status);
    offsets = offsets.subspan(some.size());
  }
  return resolved;
}

absl::StatusOr<std::vector<names::MissingFile>> NameWorker::TakeMissing(uint64_t key) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  names::Request request;
  request.kind = names::RequestKind::kMissing;
  request.id = ++next_request_;
  request.key = key;
  if (absl::Status status = Send(request, {}); !status.ok()) return Lose(status);
  std::vector<names::MissingFile> files;
  while (true) {
    auto packet = Receive();
    if (!packet.ok()) return Lose(packet.status());
    auto reply = names::DecodeMissingReply(*packet);
    if (!reply.ok()) return Lose(reply.status());
    if (reply->id != request.id) return Lose(absl::InvalidArgumentError("it answered another question"));
    std::ranges::move(reply->files, std::back_inserter(files));
    if (reply->is_last) return files;
    if (reply->files.empty() || files.size() > names::kMaxMissing) {
      return Lose(absl::InvalidArgumentError("it names more missing files than there may be"));
    }
  }
}

absl::Status NameWorker::ResolveSome(const names::Request& request, Resolved* resolved) {
  if (absl::Status status = Send(request, {}); !status.ok()) return status;
  size_t left = request.offsets.size();
  while (true) {
    auto packet = Receive();
    if (!packet.ok()) return packet.status();
    auto reply = names::DecodePlacesReply(*packet);
    if (!reply.ok()) return reply.status();
    if (reply->id != request.id) return absl::InvalidArgumentError("it answered another question");
    if (reply->verdict == names::FileVerdict::kUnknown) return absl::NotFoundError("the file is not open there");
    // An answer of nothing would never end.
    if (reply->places.size() > left || (reply->is_last ? reply->places.size() != left : reply->places.empty())) {
      return absl::InvalidArgumentError("it answered another number of places than asked");
    }
    left -= reply->places.size();
    std::ranges::move(reply->places, std::back_inserter(resolved->places));
    resolved->lacks_files |= reply->lacks_files;
    if (reply->is_last) return absl::OkStatus();
  }
}

uint64_t NameWorker::CpuNs() const {
  absl::MutexLock lock(&mutex_);
  return facts_.cpu_ns + (process_ != nullptr ? process_->CpuNs() : 0);
}

WorkerFacts NameWorker::Facts() const {
  absl::MutexLock lock(&mutex_);
  WorkerFacts facts = facts_;
  if (process_ != nullptr) {
    facts.cpu_ns += process_->CpuNs();
    facts.rss_bytes = process_->RssBytes();
  }
  return facts;
}

}  // namespace sonde::symbolize
