#include "agent/kubernetes/pod_watch.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/kubernetes/line_splitter.h"
#include "base/clock.h"
#include "base/heap.h"
#include "spdlog/spdlog.h"

namespace sonde::kubernetes {
namespace {

// A node of 500 pods has some 10 MiB; the API keeps no object over 1.5 MiB.
constexpr size_t kMaxListBytes = size_t{16} << 20;
constexpr size_t kMaxEventBytes = size_t{4} << 20;
constexpr absl::Duration kListPatience = absl::Seconds(60);
// Of a watch, as the server is asked: long enough to cost nothing, and not the same for every node.
constexpr int kLeastWatchSeconds = 300, kMostWatchSeconds = 600;
constexpr absl::Duration kBeyondWatch = absl::Seconds(30);
// One that ends sooner is followed by a pause, too.
constexpr uint64_t kShortWatchNs = 1'000'000'000;
constexpr absl::Duration kFirstPause = absl::Seconds(1), kLongestPause = absl::Minutes(1);

constexpr int kHttpOk = 200, kUnauthorized = 401, kForbidden = 403, kGone = 410;

absl::Status StatusOf(int code, const std::string& message) {
  const std::string text = absl::StrCat("the API answers ", code, message.empty() ? "" : ": ", message);
  if (code == kGone) return absl::OutOfRangeError(text);
  if (code == kUnauthorized) return absl::UnauthenticatedError(absl::StrCat(text, " (is the token renewed?)"));
  if (code != kForbidden) return absl::UnavailableError(text);
  return absl::PermissionDeniedError(absl::StrCat(text, " (the service account needs list and watch of pods)"));
}

bool IsGone(const absl::Status& status) { return absl::IsOutOfRange(status); }

}  // namespace

PodWatch::PodWatch(PodWatchOptions options, PodTable* table, telemetry::LossLedger* losses)
    : options_(std::move(options)), table_(table), losses_(losses), backoff_(kFirstPause, kLongestPause) {}

PodWatch::~PodWatch() { Stop(); }

void PodWatch::Start() {
  thread_ = std::thread([this] { Run(); });
}

void PodWatch::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  https_.Stop();
  if (thread_.joinable()) thread_.join();
}

PodWatchState PodWatch::State() const {
  absl::MutexLock lock(&mutex_);
  PodWatchState state = state_;
  state.pods = table_->Size();
  return state;
}

void PodWatch::Run() {
  pthread_setname_np(pthread_self(), "sonde-pods");
  do {
    const uint64_t begin_ns = base::MonotonicNs();
    const absl::Status status = ListAndWatch();
    const bool was_short = base::MonotonicNs() - begin_ns < kShortWatchNs;
    if (!was_short) backoff_.Reset();
    if (!status.ok()) Fail(status);
    must_pause_ = !status.ok() || was_short;
  } while (Pause());
}

absl::Status PodWatch::ListAndWatch() {
  if (resource_version_.empty()) {
    if (absl::Status listed = ListOnce(); !listed.ok()) return listed;
  }
  absl::Status watched = WatchOnce();
  if (!watched.ok()) resource_version_.clear();
  if (!IsGone(watched)) return watched;
  is_cache_behind_ = true;
  return absl::OkStatus();
}

// From the API's cache, which costs it least; unless that has proven to be behind.
absl::Status PodWatch::ListOnce() {
  const std::string any_version = std::exchange(is_cache_behind_, false) ? "" : "&resourceVersion=0";
  auto request = RequestFor(options_.server, absl::StrCat(PodsPath(), any_version), kListPatience);
  if (!request.ok()) return request.status();
  std::string body;
  auto answer = https_.Run(*request, [&body](std::string_view bytes) {
    if (body.size() + bytes.size() > kMaxListBytes) return false;
    body.append(bytes);
    return true;
  });
  if (absl::IsCancelled(answer.status())) return absl::ResourceExhaustedError("the list of pods is longer than 16 MiB");
  if (!answer.ok()) return answer.status();
  if (absl::Status status = Judge(*answer); !status.ok()) return status;
  auto list = ParsePodList(body, options_.wanted);
  if (!list.ok()) return list.status();
  resource_version_ = list->resource_version;
  const size_t refused = table_->Replace(std::move(list->pods));
  losses_->Add("table_full", "pod", "its processes are labelled by container id only", refused);
  Succeed();
  std::string().swap(body);
  base::TrimHeap();
  return absl::OkStatus();
}

std::string PodWatch::PodsPath() const {
  return absl::StrCat("/api/v1/pods?fieldSelector=spec.nodeName%3D", UrlQuoted(options_.node));
}

absl::Status PodWatch::WatchOnce() {
  const int seconds = absl::Uniform(absl::IntervalClosed, random_, kLeastWatchSeconds, kMostWatchSeconds);
  auto request = RequestFor(options_.server,
                            absl::StrCat(PodsPath(), "&watch=true&allowWatchBookmarks=true&timeoutSeconds=", seconds,
                                         "&resourceVersion=", UrlQuoted(resource_version_)),
                            absl::Seconds(seconds) + kBeyondWatch);
  if (!request.ok()) return request.status();
  LineSplitter lines(kMaxEventBytes);
  absl::Status applied;
  auto answer = https_.Run(*request, [&](std::string_view bytes) {
    applied = lines.Take(bytes, [this](std::string_view line) { return Apply(line); });
    return applied.ok();
  });
  if (!applied.ok()) return applied;
  return answer.ok() ? Judge(*answer) : answer.status();
}

absl::Status PodWatch::Apply(std::string_view line) {
  auto event = ParsePodEvent(line, options_.wanted);
  if (!event.ok()) return event.status();
  switch (event->kind) {
    case PodEvent::Kind::kError:
      return StatusOf(event->error_code, event->error);
    case PodEvent::Kind::kRemoved:
      table_->Remove(event->pod.uid);
      break;
    case PodEvent::Kind::kSet:
      losses_->Add("table_full", "pod", "its processes are labelled by container id only",
                   table_->Set(std::move(event->pod)) ? 0 : 1);
      break;
    case PodEvent::Kind::kBookmark:
      break;
  }
  resource_version_ = event->resource_version;
  Succeed();
  return absl::OkStatus();
}

absl::Status PodWatch::Judge(const HttpsAnswer& answer) {
  if (answer.status == kHttpOk) return absl::OkStatus();
  retry_after_ = answer.retry_after;
  return StatusOf(answer.status, ParseStatusMessage(answer.error_body));
}

void PodWatch::Succeed() {
  absl::MutexLock lock(&mutex_);
  if (!state_.is_current) spdlog::info("msg=\"pods of this node are known\" pods={}", table_->Size());
  state_.is_current = true;
  state_.error.clear();
  state_.last_success_unix_ns = base::WallNs();
}

void PodWatch::Fail(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return;
  if (state_.error.empty())
    spdlog::warn("msg=\"pods of this node are not known\" error=\"{}\"", std::string(why.message()));
  state_.is_current = false;
  state_.error = std::string(why.message());
  losses_->Add("kubernetes_unreachable", "attempt to read this node's pods",
               "new pods are labelled by container id only", 1);
}

bool PodWatch::Pause() {
  absl::Duration pause = std::exchange(retry_after_, absl::ZeroDuration());
  if (must_pause_) pause = std::max(pause, backoff_.Next());
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause);
  return !stopping_;
}

}  // namespace sonde::kubernetes
