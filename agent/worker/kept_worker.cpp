#include "agent/worker/kept_worker.h"

#include <signal.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/names/bulk_wire.h"
#include "spdlog/spdlog.h"

namespace sonde::worker {
namespace {

constexpr uint64_t kPauseNs = 60'000'000'000;
constexpr char kEnding[] = "nobody is asked any more";
constexpr absl::Duration kStartPatience = absl::Seconds(20);

std::string MissingOf(const names::Hello& hello) {
  if (hello.has_landlock) return "";
  return "Landlock, which this kernel does not have; system calls that open files are refused all the same";
}

}  // namespace

KeptWorker::KeptWorker(Options options) : options_(std::move(options)) { facts_.program = options_.program; }

void KeptWorker::SetTrouble(std::string trouble) {
  absl::MutexLock lock(&mutex_);
  if (trouble != facts_.trouble && !trouble.empty()) spdlog::warn("msg=\"{}\" why=\"{}\"", options_.harm, trouble);
  facts_.trouble = std::move(trouble);
}

absl::Status KeptWorker::Begin() {
  {
    absl::MutexLock lock(&mutex_);
    if (is_interrupted_) return absl::CancelledError(kEnding);
  }
  // What ended between two questions is no file's fault.
  if (process_ != nullptr && process_->Socket().IsClosed()) Lose(absl::UnavailableError("it ended")).IgnoreError();
  if (process_ != nullptr) return absl::OkStatus();
  if (options_.program.empty()) {
    SetTrouble("sonde-symbolizer is neither beside sonde-agent nor in libexec/sonde: install it there");
    return absl::UnavailableError("there is no sonde-symbolizer");
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
    if (is_interrupted_) return absl::CancelledError(kEnding);
    process_ = *std::move(started);
    ++facts_.starts;
    facts_.pid = process_->Pid();
    facts_.missing = MissingOf(process_->Hello());
  }
  SetTrouble("");
  return absl::OkStatus();
}

void KeptWorker::Interrupt() {
  absl::MutexLock lock(&mutex_);
  is_interrupted_ = true;
  // Whoever reaps it takes it from here first.
  if (process_ != nullptr) ::kill(process_->Pid(), SIGKILL);
}

std::unique_ptr<WorkerProcess> KeptWorker::Take() {
  facts_.cpu_ns += process_->CpuNs();
  facts_.pid = 0;
  return std::move(process_);
}

void KeptWorker::Dismiss() {
  std::unique_ptr<WorkerProcess> dismissed;
  absl::MutexLock lock(&mutex_);
  if (process_ != nullptr) dismissed = Take();
}

absl::Status KeptWorker::Lose(const absl::Status& why) {
  const uint64_t now_ns = options_.now_ns();
  std::unique_ptr<WorkerProcess> lost;
  {
    absl::MutexLock lock(&mutex_);
    lost = Take();
    if (is_interrupted_) return absl::CancelledError(kEnding);
    spdlog::warn("msg=\"sonde-symbolizer was lost\" pid={} why=\"{}\"", lost->Pid(), std::string(why.message()));
    ++(absl::IsDeadlineExceeded(why) ? facts_.hangs : absl::IsUnavailable(why) ? facts_.deaths : facts_.lies);
  }
  lost.reset();
  lost_ns_.push_back(now_ns);
  while (lost_ns_.size() > options_.most_lost) lost_ns_.pop_front();
  if (!lost_ns_.empty() && lost_ns_.size() == options_.most_lost && now_ns - lost_ns_.front() < kPauseNs) {
    not_before_ns_ = lost_ns_.front() + kPauseNs;
    SetTrouble(absl::StrCat("sonde-symbolizer was lost ", options_.most_lost, " times within a minute: it rests"));
  }
  return absl::AbortedError(why.message());
}

absl::Status KeptWorker::Send(const names::Request& request, std::span<const int> fds) {
  return process_->Socket().Send(names::Encode(request), fds, options_.patience);
}

absl::StatusOr<std::string> KeptWorker::Receive() {
  auto packet = process_->Socket().Receive(options_.patience);
  if (!packet.ok()) return packet.status();
  return std::move(packet->bytes);
}

absl::Status KeptWorker::ReceiveBulk(uint64_t id, std::span<std::byte> out) {
  while (!out.empty()) {
    auto packet = Receive();
    if (!packet.ok()) return packet.status();
    const auto bytes = names::DecodeBulk(*packet, id);
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() > out.size()) return absl::InvalidArgumentError("it answered more than it said");
    std::memcpy(out.data(), bytes->data(), bytes->size());
    out = out.subspan(bytes->size());
  }
  return absl::OkStatus();
}

uint64_t KeptWorker::CpuNs() const {
  absl::MutexLock lock(&mutex_);
  return facts_.cpu_ns + (process_ != nullptr ? process_->CpuNs() : 0);
}

WorkerFacts KeptWorker::Facts() const {
  absl::MutexLock lock(&mutex_);
  WorkerFacts facts = facts_;
  if (process_ != nullptr) {
    facts.cpu_ns += process_->CpuNs();
    facts.rss_bytes = process_->RssBytes();
  }
  return facts;
}

}  // namespace sonde::worker
