#include "agent/export/target_sender.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/export/retry_hint.h"
#include "base/clock.h"
#include "grpcpp/channel.h"
#include "profile/pprof_file.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

// After the connection was lost gRPC answers with the old error until it has tried again: give it this long first.
constexpr std::chrono::milliseconds kReconnectTime{100};
// Twice as many as it takes to find one bad sample among the most that a profile has.
constexpr int kMostRefusals = 32;
constexpr int kMostUnanswered = 2;
constexpr size_t kMostPartBytes = size_t{256} << 20;  // of the pprof; ours are a fraction of that

// Whether it may be about what is in the profile, and not about the profile or whom it was sent to.
bool MayBeOneSamples(grpc::StatusCode code) {
  return code == grpc::StatusCode::INVALID_ARGUMENT || code == grpc::StatusCode::UNKNOWN ||
         code == grpc::StatusCode::INTERNAL;
}

void AddKey(const profile::EncodedProfile& part, grpc::ClientContext* call) {
  call->AddMetadata("sonde-instance", part.part == 1 ? part.instance : absl::StrCat(part.instance, "/", part.part));
  call->AddMetadata("sonde-sequence", absl::StrCat(part.sequence));
}

}  // namespace

TargetSender::TargetSender(ExportTarget target, MakeProtocol make_protocol, telemetry::LossLedger* losses,
                           ProfileQueue* spooled)
    : target_(std::move(target)),
      losses_(losses),
      pending_(target_.max_queue_items, target_.max_queue_bytes),
      queue_(spooled == nullptr ? &pending_ : spooled),
      make_protocol_(std::move(make_protocol)),
      access_in_use_(target_),
      connection_(target_),
      backoff_(target_.backoff_initial, target_.backoff_cap) {
  stats_.endpoint = target_.Name();
}

TargetSender::~TargetSender() { Stop(absl::ZeroDuration()); }

void TargetSender::Start() {
  {
    absl::MutexLock lock(&mutex_);
    running_ = true;
  }
  thread_ = std::thread([this] { Run(); });
}

bool TargetSender::Enqueue(profile::EncodedProfile profile) {
  auto shared = std::make_shared<const profile::EncodedProfile>(std::move(profile));
  const std::vector<ProfilePtr> pushed_out = pending_.Push(shared);
  if (pushed_out.empty()) return true;
  if (pushed_out.back() == shared) {
    CountDropped("unsent_at_stop", "made after the sender stopped: missing at the target", 1);
    return false;
  }
  CountDropped("queue_full", "the target was down for longer than memory could bridge: the oldest windows are missing",
               pushed_out.size());
  return true;
}

TargetStats TargetSender::Stats() const {
  absl::MutexLock lock(&mutex_);
  TargetStats stats = stats_;
  stats.waiting = queue_->Size();
  stats.waiting_bytes = queue_->Bytes();
  stats.dropped += queue_->Dropped();
  return stats;
}

void TargetSender::SetAccess(ExportTarget target) {
  absl::MutexLock lock(&mutex_);
  access_ = std::move(target);
}

void TargetSender::Stop(absl::Duration flush_deadline) {
  queue_->Close();
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
               queue_->Abandon());
}

void TargetSender::Run() {
  pthread_setname_np(pthread_self(), "sonde-export");
  while (PushNext()) {
  }
  absl::MutexLock lock(&mutex_);
  running_ = false;
}

bool TargetSender::PushNext() {
  const ProfilePtr profile = queue_->PinNext(absl::InfiniteFuture());
  if (profile == nullptr) return false;
  const Answer answer = Push(profile);
  const Verdict verdict = Judge(answer.status);
  if (verdict == Verdict::kStored) {
    NoteStored();
    if (answer.rejected.profiles > 0) {
      GiveUpPart("rejected_in_part",
                 absl::StrCat("the target took it without a part and said ", Printable(answer.rejected.why)));
    }
    refused_.is_rest_stored = true;
    does_splitting_help_ = true;
    SettlePart();
    return true;
  }
  const std::string why = Explain(answer.status, protocol_ == nullptr ? "" : protocol_->SpokenAt());
  NoteError(why);
  if (verdict == Verdict::kTooLarge && parts_->HalveCurrent()) return true;
  // Of a profile that is cut the whole had its tries.
  const int most_tries = refused_.refusals > 0 ? 1 : kMaxSuspectTries;
  if (verdict == Verdict::kTooLarge || verdict == Verdict::kRefused ||
      (verdict == Verdict::kRetryFewTimes && ++suspect_tries_ >= most_tries)) {
    RefusePart(answer.status.error_code(), why);
    return true;
  }
  queue_->Unpin();
  const bool is_asked_to_slow_down = verdict == Verdict::kRetrySlowly && !answer.retry_hint;
  return WaitBeforeRetry(is_asked_to_slow_down ? backoff_.NextSlow() : backoff_.Next(), answer.retry_hint);
}

TargetSender::Answer TargetSender::Push(const ProfilePtr& profile) {
  Answer answer;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(target_.timeout));
  if (absl::Status ready = MakeReady(profile, &context); !ready.ok()) {
    answer.status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(ready.message()));
    return answer;
  }
  AddKey(parts_->Current(), &context);
  {
    absl::MutexLock lock(&mutex_);
    if (aborted_) return {.status = grpc::Status::CANCELLED, .rejected = {}, .retry_hint = {}};
    call_ = &context;
  }
  answer.status = protocol_->Push(&context, parts_->Current(), &answer.rejected);
  // A connection on which nobody answers may lead nowhere any more, although it is not closed.
  unanswered_ = answer.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ? unanswered_ + 1 : 0;
  answer.retry_hint = RetryHint(answer.status, context.GetServerTrailingMetadata());
  absl::MutexLock lock(&mutex_);
  call_ = nullptr;
  return answer;
}

absl::Status TargetSender::MakeReady(const ProfilePtr& profile, grpc::ClientContext* call) {
  bool is_other_access = false;
  {
    absl::MutexLock lock(&mutex_);
    is_other_access = access_.has_value();
    if (is_other_access) access_in_use_ = *std::exchange(access_, std::nullopt);
  }
  if (is_other_access || unanswered_ >= kMostUnanswered) {
    connection_.emplace(access_in_use_);
    protocol_ = nullptr;
    unanswered_ = 0;
  }
  const absl::StatusOr<bool> is_new = connection_->Renew();
  if (!is_new.ok()) return is_new.status();
  if (*is_new && protocol_ != nullptr) {
    spdlog::info("msg=\"connecting anew with changed certificates\" component=export target={}", target_.Name());
  }
  if (*is_new || protocol_ == nullptr) protocol_ = make_protocol_(connection_->Channel());
  if (!parts_ || !parts_->AreOf(*profile)) {
    parts_.emplace(profile, protocol_->Limits());
    gave_up_part_ = false;
    suspect_tries_ = 0;
    refused_ = Refused();
  }
  return connection_->Prepare(call);
}

void TargetSender::SettlePart() {
  parts_->SettleCurrent();
  suspect_tries_ = 0;
  if (!parts_->AreSettled()) return;
  const bool was_sent = TellRefused() && !gave_up_part_;
  parts_.reset();
  queue_->RemovePinned();
  absl::MutexLock lock(&mutex_);
  stats_.sent += was_sent ? 1 : 0;
}

void TargetSender::RefusePart(grpc::StatusCode code, const std::string& why) {
  suspect_tries_ = 0;
  if (MayBeOneSamples(code) && does_splitting_help_ && refused_.refusals < kMostRefusals && parts_->HalveCurrent()) {
    ++refused_.refusals;
    return;
  }
  refused_.samples += profile::CountSamples(parts_->Current().pprof_gz, kMostPartBytes).value_or(1);
  refused_.cause = absl::StrCat("refused_", absl::AsciiStrToLower(CodeName(code)));
  refused_.why = why;
  SettlePart();
}

bool TargetSender::TellRefused() {
  if (refused_.cause.empty()) return true;
  if (refused_.refusals > 0) does_splitting_help_ = refused_.is_rest_stored;
  if (!refused_.is_rest_stored) {
    CountDropped(refused_.cause, absl::StrCat("missing at the target, which said ", refused_.why), 1);
    return false;
  }
  spdlog::warn("msg=\"target took a profile without some samples\" component=export target={} samples={} err=\"{}\"",
               target_.Name(), refused_.samples, refused_.why);
  losses_->Add(refused_.cause, absl::StrCat("samples for ", target_.Name()),
               absl::StrCat("their time is missing in profiles at the target, which said ", refused_.why),
               refused_.samples);
  return true;
}

void TargetSender::GiveUpPart(const std::string& cause, const std::string& consequence) {
  if (!gave_up_part_) CountDropped(cause, consequence, 1);
  gave_up_part_ = true;
}

bool TargetSender::WaitBeforeRetry(absl::Duration wait, std::optional<absl::Duration> asked) {
  {
    absl::MutexLock lock(&mutex_);
    const bool was_flushing = flushing_;
    if (!was_flushing) wait = std::max(wait, asked.value_or(absl::ZeroDuration()));
    auto woken = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return aborted_ || flushing_ != was_flushing || access_; };
    const bool is_worth_a_try = mutex_.AwaitWithTimeout(absl::Condition(&woken), wait);
    if (aborted_) return false;
    if (is_worth_a_try) backoff_.Reset();
  }
  const std::shared_ptr<grpc::Channel>& channel = connection_->Channel();
  if (channel != nullptr && channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    grpc::experimental::ChannelResetConnectionBackoff(channel.get());
    channel->WaitForStateChange(GRPC_CHANNEL_TRANSIENT_FAILURE, std::chrono::system_clock::now() + kReconnectTime);
  }
  return true;
}

void TargetSender::NoteStored() {
  backoff_.Reset();
  absl::MutexLock lock(&mutex_);
  stats_.last_success_unix_ns = base::WallNs();
  if (!stats_.last_error.empty()) {
    spdlog::info("msg=\"target takes profiles again\" component=export target={} waiting={}", target_.Name(),
                 queue_->Size());
  }
  stats_.last_error.clear();
}

void TargetSender::NoteError(const std::string& error) {
  absl::MutexLock lock(&mutex_);
  if (aborted_) return;
  // The same trouble again and again is one line.
  if (stats_.last_error.empty()) {
    spdlog::warn("msg=\"target did not take a profile\" component=export target={} waiting={} err=\"{}\"",
                 target_.Name(), queue_->Size(), error);
  }
  stats_.last_error = error;
}

void TargetSender::CountDropped(const std::string& cause, const std::string& consequence, size_t count) {
  losses_->Add(cause, absl::StrCat("profile for ", target_.Name()), consequence, count);
  absl::MutexLock lock(&mutex_);
  stats_.dropped += count;
}

}  // namespace sonde::exporting
