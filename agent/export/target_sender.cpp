#include "agent/export/target_sender.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <iterator>
#include <numeric>
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
// So long a window's profiles are waited for after the last that came, unless its end came.
constexpr absl::Duration kWindowPatience = absl::Seconds(5);
constexpr size_t kMostPartBytes = size_t{256} << 20;  // of the pprof; ours are a fraction of that

// Whether it may be about what is in the profile, and not about the profile or whom it was sent to.
bool MayBeOneSamples(grpc::StatusCode code) {
  return code == grpc::StatusCode::INVALID_ARGUMENT || code == grpc::StatusCode::UNKNOWN ||
         code == grpc::StatusCode::INTERNAL;
}

bool AreOfOneWindow(const profile::EncodedProfile& one, const profile::EncodedProfile& other) {
  return one.start_unix_ns == other.start_unix_ns && one.instance == other.instance;
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
  if (pinned_.empty()) {
    ProfilePtr next = queue_->PinNext(absl::InfiniteFuture());
    if (next == nullptr) return false;
    pinned_.push_back(std::move(next));
  }
  const Answer answer = Push();
  const Verdict verdict = Judge(answer.status);
  if (verdict == Verdict::kStored) {
    NoteStored();
    SettleGroup(answer.rejected);
    return true;
  }
  const std::string why = Explain(answer.status, protocol_ == nullptr ? "" : protocol_->SpokenAt());
  NoteError(why);
  if (verdict == Verdict::kTooLarge || verdict == Verdict::kRefused ||
      (verdict == Verdict::kRetryFewTimes && ++suspect_tries_ >= MostTries())) {
    HandleRefusal(verdict, answer.status.error_code(), why);
    return true;
  }
  // A slow way may take half of it in time.
  if (answer.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && group_.size() > 1) HalveGroup();
  queue_->Unpin();
  pinned_.clear();
  is_window_open_ = false;
  const bool is_asked_to_slow_down = verdict == Verdict::kRetrySlowly && !answer.retry_hint;
  return WaitBeforeRetry(is_asked_to_slow_down ? backoff_.NextSlow() : backoff_.Next(), answer.retry_hint);
}

TargetSender::Answer TargetSender::Push() {
  Answer answer;
  group_.clear();
  absl::Status ready = Connect();
  if (ready.ok()) OpenWindow();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(target_.timeout));
  if (ready.ok()) ready = connection_->Prepare(&context);
  if (!ready.ok()) {
    answer.status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(ready.message()));
    return answer;
  }
  group_ = NextGroup();
  std::vector<ProfilePtr> parts;
  for (size_t place : group_) parts.push_back(open_[place].parts.Current());
  if (protocol_->MostTogether() == 1) AddKey(*parts.front(), &context);
  {
    absl::MutexLock lock(&mutex_);
    if (aborted_) return {.status = grpc::Status::CANCELLED, .rejected = {}, .retry_hint = {}};
    call_ = &context;
  }
  size_t taken = 0;
  answer.status = protocol_->PushTogether(&context, parts, &taken, &answer.rejected);
  group_.resize(taken);
  // A connection on which nobody answers may lead nowhere any more, although it is not closed.
  unanswered_ = answer.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ? unanswered_ + 1 : 0;
  answer.retry_hint = RetryHint(answer.status, context.GetServerTrailingMetadata());
  absl::MutexLock lock(&mutex_);
  call_ = nullptr;
  return answer;
}

absl::Status TargetSender::Connect() {
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
  return absl::OkStatus();
}

void TargetSender::OpenWindow() {
  if (is_window_open_) return;
  PinWindow();
  is_window_open_ = true;
  std::deque<Open> before(std::make_move_iterator(open_.begin()), std::make_move_iterator(open_.end()));
  const size_t were_open = before.size();
  open_.clear();
  for (const ProfilePtr& profile : pinned_) {
    const auto known = std::ranges::find_if(before, [&](const Open& one) { return one.parts.AreOf(*profile); });
    if (known == before.end()) {
      open_.push_back({.parts = ProfileParts(profile, protocol_->Limits())});
    } else {
      open_.push_back(std::move(*known));
      before.erase(known);
    }
  }
  if (before.size() == were_open) suspect_tries_ = 0;
}

void TargetSender::PinWindow() {
  bool is_whole = pinned_.front()->ends_window;
  while (pinned_.size() < protocol_->MostTogether()) {
    ProfilePtr more = queue_->PinMore(absl::Now() + (is_whole ? absl::ZeroDuration() : kWindowPatience));
    if (more == nullptr) return;
    if (!AreOfOneWindow(*more, *pinned_.front())) return queue_->UnpinLast();
    is_whole |= more->ends_window;
    pinned_.push_back(std::move(more));
  }
}

std::vector<size_t> TargetSender::NextGroup() const {
  std::vector<size_t> group(open_.size());
  std::iota(group.begin(), group.end(), size_t{0});
  std::stable_sort(group.begin(), group.end(),
                   [this](size_t one, size_t other) { return pinned_[one]->labels < pinned_[other]->labels; });
  group.resize(std::min({group.size(), most_in_group_, protocol_->MostTogether()}));
  return group;
}

int TargetSender::MostTries() const {
  // Of what was cut the whole had its tries.
  const bool is_cut = group_.size() > 1 ? most_in_group_ != SIZE_MAX : open_[group_.front()].refused.refusals > 0;
  return is_cut ? 1 : kMaxSuspectTries;
}

void TargetSender::HalveGroup() {
  most_in_group_ = group_.size() / 2;
  suspect_tries_ = 0;
}

void TargetSender::HandleRefusal(Verdict verdict, grpc::StatusCode code, const std::string& why) {
  if (group_.size() > 1) return HalveGroup();
  if (verdict == Verdict::kTooLarge && open_[group_.front()].parts.HalveCurrent()) return;
  RefusePart(group_.front(), code, why);
}

void TargetSender::SettleGroup(const Rejected& rejected) {
  does_splitting_help_ = true;
  most_in_group_ = most_in_group_ < protocol_->MostTogether() ? 2 * most_in_group_ : SIZE_MAX;
  // Who lacks what is not told: as many as were rejected count as given up.
  const size_t given_up = std::min<uint64_t>(rejected.profiles, group_.size());
  const std::string consequence = absl::StrCat("the target took it without a part and said ", Printable(rejected.why));
  for (size_t i = 0; i < group_.size(); ++i) {
    Open& profile = open_[group_[i]];
    if (i < given_up) GiveUpPart(&profile, "rejected_in_part", consequence);
    profile.refused.is_rest_stored = true;
  }
  // From the last place on, so that the others stay where they are.
  std::vector<size_t> places = group_;
  std::ranges::sort(places, std::greater<>());
  for (size_t place : places) SettlePart(place);
}

void TargetSender::SettlePart(size_t place) {
  suspect_tries_ = 0;
  Open& profile = open_[place];
  profile.parts.SettleCurrent();
  if (!profile.parts.AreSettled()) return;
  const bool was_sent = TellRefused(profile.refused) && !profile.gave_up_part;
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(place));
  pinned_.erase(pinned_.begin() + static_cast<std::ptrdiff_t>(place));
  queue_->RemovePinned(place);
  if (pinned_.empty()) is_window_open_ = false;
  absl::MutexLock lock(&mutex_);
  stats_.sent += was_sent ? 1 : 0;
}

void TargetSender::RefusePart(size_t place, grpc::StatusCode code, const std::string& why) {
  suspect_tries_ = 0;
  Open& profile = open_[place];
  Refused& refused = profile.refused;
  if (MayBeOneSamples(code) && does_splitting_help_ && refused.refusals < kMostRefusals &&
      profile.parts.HalveCurrent()) {
    ++refused.refusals;
    return;
  }
  refused.samples += profile::CountSamples(profile.parts.Current()->pprof_gz, kMostPartBytes).value_or(1);
  refused.cause = absl::StrCat("refused_", absl::AsciiStrToLower(CodeName(code)));
  refused.why = why;
  SettlePart(place);
}

bool TargetSender::TellRefused(const Refused& refused) {
  if (refused.cause.empty()) return true;
  if (refused.refusals > 0) does_splitting_help_ = refused.is_rest_stored;
  if (!refused.is_rest_stored) {
    CountDropped(refused.cause, absl::StrCat("missing at the target, which said ", refused.why), 1);
    return false;
  }
  spdlog::warn("msg=\"target took a profile without some samples\" component=export target={} samples={} err=\"{}\"",
               target_.Name(), refused.samples, refused.why);
  losses_->Add(refused.cause, absl::StrCat("samples for ", target_.Name()),
               absl::StrCat("their time is missing in profiles at the target, which said ", refused.why),
               refused.samples);
  return true;
}

void TargetSender::GiveUpPart(Open* profile, const std::string& cause, const std::string& consequence) {
  if (!profile->gave_up_part) CountDropped(cause, consequence, 1);
  profile->gave_up_part = true;
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
