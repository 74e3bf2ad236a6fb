#include "agent/export/pyroscope_exporter.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/export/push_channel.h"
#include "agent/export/push_verdict.h"
#include "base/clock.h"
#include "grpcpp/channel.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

// After the connection was lost gRPC answers with the old error until it has tried again: give it this long first.
constexpr std::chrono::milliseconds kReconnectTime{100};

}  // namespace

PyroscopeExporter::PyroscopeExporter(ExportTarget target, std::string instance_uuid, telemetry::LossLedger* losses)
    : target_(std::move(target)),
      instance_uuid_(std::move(instance_uuid)),
      losses_(losses),
      pending_(target_.max_queue_items, target_.max_queue_bytes),
      channel_(OpenPushChannel(target_)),
      stub_(push::v1::PusherService::NewStub(channel_)),
      backoff_(target_.backoff_initial, target_.backoff_cap) {
  stats_.endpoint = target_.endpoint;
}

PyroscopeExporter::~PyroscopeExporter() { Stop(absl::ZeroDuration()); }

void PyroscopeExporter::Start() {
  {
    absl::MutexLock lock(&mutex_);
    running_ = true;
  }
  thread_ = std::thread([this] { Run(); });
}

bool PyroscopeExporter::Enqueue(profile::EncodedProfile profile) {
  auto shared = std::make_shared<const profile::EncodedProfile>(std::move(profile));
  const std::vector<ProfilePtr> pushed_out = pending_.Push(shared);
  if (pushed_out.empty()) return true;
  if (pushed_out.back() == shared) {
    CountDropped("unsent_at_stop", "made after the exporter stopped: missing at the target", 1);
    return false;
  }
  CountDropped("queue_full", "the target was down for longer than memory could bridge: the oldest windows are missing",
               pushed_out.size());
  return true;
}

TargetStats PyroscopeExporter::Stats() const {
  absl::MutexLock lock(&mutex_);
  TargetStats stats = stats_;
  stats.waiting = pending_.Size();
  stats.waiting_bytes = pending_.Bytes();
  return stats;
}

void PyroscopeExporter::Stop(absl::Duration flush_deadline) {
  pending_.Close();
  {
    absl::MutexLock lock(&mutex_);
    flushing_ = true;
    auto ended = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !running_; };
    mutex_.AwaitWithTimeout(absl::Condition(&ended), flush_deadline);
    aborted_ = true;
    if (call_ != nullptr) call_->TryCancel();
  }
  if (thread_.joinable()) thread_.join();
  CountDropped("unsent_at_stop", "the target did not take them before the agent stopped: missing at the target",
               pending_.TakeAll().size());
}

void PyroscopeExporter::Run() {
  pthread_setname_np(pthread_self(), "sonde-export");
  while (PushOldest()) {
  }
  absl::MutexLock lock(&mutex_);
  running_ = false;
}

bool PyroscopeExporter::PushOldest() {
  const ProfilePtr profile = pending_.PinOldest(absl::InfiniteFuture());
  if (profile == nullptr) return false;
  const grpc::Status status = Push(*profile);
  const Verdict verdict = Judge(status);
  if (verdict == Verdict::kStored) {
    pending_.RemovePinned();
    NoteStored();
    return true;
  }
  NoteError(Explain(status));
  if (verdict == Verdict::kRefused || (verdict == Verdict::kRetryFewTimes && IsPoison(*profile))) {
    pending_.RemovePinned();
    CountDropped(absl::StrCat("refused_", absl::AsciiStrToLower(CodeName(status.error_code()))),
                 absl::StrCat("missing at the target, which said ", Explain(status)), 1);
    return true;
  }
  pending_.Unpin();
  return WaitBeforeRetry(verdict == Verdict::kRetrySlowly ? backoff_.NextSlow() : backoff_.Next());
}

grpc::Status PyroscopeExporter::Push(const profile::EncodedProfile& profile) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(target_.timeout));
  context.AddMetadata("sonde-instance", instance_uuid_);
  context.AddMetadata("sonde-sequence", absl::StrCat(profile.sequence));
  {
    absl::MutexLock lock(&mutex_);
    if (aborted_) return grpc::Status::CANCELLED;
    call_ = &context;
  }
  push::v1::PushResponse response;
  const grpc::Status status = stub_->Push(&context, MakePushRequest(profile, instance_uuid_), &response);
  absl::MutexLock lock(&mutex_);
  call_ = nullptr;
  return status;
}

bool PyroscopeExporter::IsPoison(const profile::EncodedProfile& profile) {
  if (suspect_sequence_ != profile.sequence) suspect_tries_ = 0;
  suspect_sequence_ = profile.sequence;
  return ++suspect_tries_ >= kMaxSuspectTries;
}

bool PyroscopeExporter::WaitBeforeRetry(absl::Duration wait) {
  {
    absl::MutexLock lock(&mutex_);
    const bool was_flushing = flushing_;
    auto woken = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return aborted_ || flushing_ != was_flushing; };
    const bool flush_began = mutex_.AwaitWithTimeout(absl::Condition(&woken), wait);
    if (aborted_) return false;
    if (flush_began) backoff_.Reset();
  }
  if (channel_->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
    channel_->WaitForStateChange(GRPC_CHANNEL_TRANSIENT_FAILURE, std::chrono::system_clock::now() + kReconnectTime);
  }
  return true;
}

void PyroscopeExporter::NoteStored() {
  backoff_.Reset();
  absl::MutexLock lock(&mutex_);
  ++stats_.sent;
  stats_.last_success_unix_ns = base::WallNs();
  if (!stats_.last_error.empty()) {
    spdlog::info("msg=\"target takes profiles again\" component=export target={} waiting={}", target_.endpoint,
                 pending_.Size());
  }
  stats_.last_error.clear();
}

void PyroscopeExporter::NoteError(const std::string& error) {
  absl::MutexLock lock(&mutex_);
  if (aborted_) return;
  // The same trouble again and again is one line.
  if (stats_.last_error.empty()) {
    spdlog::warn("msg=\"target did not take a profile\" component=export target={} waiting={} err=\"{}\"",
                 target_.endpoint, pending_.Size(), error);
  }
  stats_.last_error = error;
}

void PyroscopeExporter::CountDropped(const std::string& cause, const std::string& consequence, size_t count) {
  losses_->Add(cause, absl::StrCat("profile for ", target_.endpoint), consequence, count);
  absl::MutexLock lock(&mutex_);
  stats_.dropped += count;
}

}  // namespace sonde::exporting
