#include "agent/export/debuginfo_uploader.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

constexpr size_t kMostWaiting = 256;   // each holds a descriptor
constexpr size_t kMostKnown = 16'384;  // some 3 MiB; a host that runs more files asks about some of them again
constexpr absl::Duration kRetryUpload = absl::Minutes(5);
constexpr int kMostFailures = 5;
constexpr absl::Duration kPauseBetweenFiles = absl::Milliseconds(50);

}  // namespace

DebuginfoUploader::DebuginfoUploader(ExportTarget target, DebuginfoLimits limits, const DebuginfoSource* source,
                                     telemetry::LossLedger* losses)
    : target_(std::move(target)),
      limits_(limits),
      source_(source),
      losses_(losses),
      connection_(target_),
      backoff_(target_.backoff_initial, target_.backoff_cap) {}

void DebuginfoUploader::Start() {
  thread_ = std::thread([this] { Run(); });
}

void DebuginfoUploader::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    queue_.clear();
  }
  gate_.Stop();
  if (thread_.joinable()) thread_.join();
}

void DebuginfoUploader::Offer(std::span<const model::ExecutableFilePtr> files) {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mutex_);
  if (stopped_ || is_off_) return;
  for (const model::ExecutableFilePtr& file : files) {
    if (file->kind != model::CodeKind::kFile || !file->fd.IsValid()) continue;
    auto found = known_.find(file->identity);
    if (found != known_.end() && (found->second.is_waiting || now < found->second.next_offer)) continue;
    if (queue_.size() >= kMostWaiting) return;
    if (known_.size() >= kMostKnown) {
      absl::erase_if(known_, [](const auto& entry) { return !entry.second.is_waiting; });
      asked_.clear();
    }
    known_[file->identity].is_waiting = true;
    queue_.push_back(file);
  }
}

void DebuginfoUploader::SetAccess(ExportTarget target) {
  absl::MutexLock lock(&mutex_);
  access_ = std::move(target);
}

DebuginfoStats DebuginfoUploader::Stats() const {
  absl::MutexLock lock(&mutex_);
  DebuginfoStats stats = stats_;
  for (const auto& [identity, known] : known_) stats.waiting += known.is_waiting ? 1 : 0;
  return stats;
}

void DebuginfoUploader::Run() {
  pthread_setname_np(pthread_self(), "sonde-debuginfo");
  while (const model::ExecutableFilePtr file = Next()) Handle(*file);
}

model::ExecutableFilePtr DebuginfoUploader::Next() {
  absl::MutexLock lock(&mutex_);
  auto has_work = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopped_ || !queue_.empty(); };
  mutex_.Await(absl::Condition(&has_work));
  if (stopped_) return nullptr;
  model::ExecutableFilePtr file = std::move(queue_.front());
  queue_.pop_front();
  return file;
}

void DebuginfoUploader::Handle(const model::ExecutableFile& file) {
  const std::string build_id = source_->BuildIdOf(file);
  if (build_id.empty() || WasAskedAbout(build_id, file)) {
    absl::MutexLock lock(&mutex_);
    known_[file.identity] = Known();
    return;
  }
  const DebuginfoResult result = OfferToServer(build_id, file);
  Note(build_id, file, result);
  const bool is_down = result.answer == DebuginfoAnswer::kServerIsDown;
  if (!is_down) backoff_.Reset();
  gate_.Wait(is_down ? backoff_.Next() : kPauseBetweenFiles);
}

bool DebuginfoUploader::WasAskedAbout(const std::string& build_id, const model::ExecutableFile& file) {
  absl::MutexLock lock(&mutex_);
  return asked_.try_emplace(build_id, file.identity).first->second != file.identity;
}

DebuginfoResult DebuginfoUploader::OfferToServer(const std::string& build_id, const model::ExecutableFile& file) {
  {
    absl::MutexLock lock(&mutex_);
    if (access_) connection_.emplace(*std::exchange(access_, std::nullopt));
  }
  const absl::StatusOr<bool> is_new = connection_->Renew();
  if (!is_new.ok()) return {DebuginfoAnswer::kServerIsDown, std::string(is_new.status().message())};
  if (*is_new || upload_ == nullptr) {
    auto prepare = [this](grpc::ClientContext* call) { return connection_->Prepare(call); };
    upload_ = std::make_unique<DebuginfoUpload>(connection_->Channel(), prepare, limits_, &gate_);
  }
  return upload_->Offer(build_id, [&] { return source_->Open(file, build_id); });
}

bool DebuginfoUploader::Settle(const std::string& build_id, const DebuginfoResult& result, Known* known) {
  known->is_waiting = false;
  bool is_given_up = false;
  switch (result.answer) {
    case DebuginfoAnswer::kServerHas:
      stats_.uploaded += result.sent_bytes > 0 ? 1 : 0;
      stats_.uploaded_bytes += result.sent_bytes;
      stats_.not_wanted += result.sent_bytes > 0 ? 0 : 1;
      stats_.last_error.clear();
      break;
    case DebuginfoAnswer::kNothingToGive:
      ++stats_.nothing_to_give;
      asked_.erase(build_id);  // the same program may be elsewhere with its symbols
      break;
    case DebuginfoAnswer::kNoService:
      is_off_ = true;
      queue_.clear();
      for (auto& [identity, other] : known_) other.is_waiting = false;
      is_given_up = true;
      break;
    case DebuginfoAnswer::kNeverAsk:
      is_given_up = true;
      break;
    case DebuginfoAnswer::kAskLater:
    case DebuginfoAnswer::kServerIsDown:
      // To ask again costs nothing; to give again does.
      known->failures += result.sent_bytes > 0 ? 1 : 0;
      is_given_up = known->failures >= kMostFailures;
      known->next_offer = is_given_up ? absl::InfiniteFuture() : absl::Now() + kRetryUpload;
      if (!is_given_up) stats_.last_error = result.why;
      break;
  }
  stats_.refused += is_given_up ? 1 : 0;
  if (is_given_up) stats_.last_error = result.why;
  return is_given_up;
}

void DebuginfoUploader::Note(const std::string& build_id, const model::ExecutableFile& file,
                             const DebuginfoResult& result) {
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    if (!Settle(build_id, result, &known_[file.identity])) return;
  }
  spdlog::debug("msg=\"debug information was not taken\" component=export target={} build_id={} sent={} err=\"{}\"",
                target_.endpoint, build_id, result.sent_bytes, result.why);
  losses_->Add("debuginfo_refused", absl::StrCat("debug information for ", target_.endpoint),
               absl::StrCat("functions that have no name here have none there; it said ", result.why), 1);
}

}  // namespace sonde::exporting
