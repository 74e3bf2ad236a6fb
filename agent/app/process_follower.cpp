#include "agent/app/process_follower.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace sonde::app {
namespace {

// Events come in bursts: one batch and one change of the maps for what happens within this time. A program that starts
// forks, executes and maps its files over some milliseconds, and each look at the rings costs two switches of thread:
// the first waits until most of that has happened, and others keep their distance.
constexpr uint64_t kFirstBatchNs = 2'000'000, kBatchNs = 8'000'000;
constexpr uint64_t kHotplugNs = 1'000'000'000;
constexpr size_t kMaxRequests = 4'096;

}  // namespace

ProcessFollower::ProcessFollower(process::MappingTrackerOptions options, unwind::Unwinder* unwinder,
                                 telemetry::LossLedger* losses)
    : unwinder_(unwinder), losses_(losses), tracker_(std::move(options), losses) {}

ProcessFollower::~ProcessFollower() { Stop(); }

absl::Status ProcessFollower::Start(kernel::EventsByCpu records) {
  wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.IsValid()) return absl::ErrnoToStatus(errno, "cannot make an eventfd");
  auto band = kernel::SideBand::Open(std::move(records));
  if (!band.ok()) return band.status();
  band_ = *std::move(band);
  absl::MutexLock lock(&tracker_mutex_);
  // After the recording has begun: what a scan does not see any more will be told.
  if (absl::Status status = tracker_.ScanAll(); !status.ok()) return status;
  PassOn();
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void ProcessFollower::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (!thread_.joinable()) return;
  Wake();
  thread_.join();
}

void ProcessFollower::Wake() {
  const uint64_t one = 1;
  // Only a counter that is full already can refuse, and then the thread wakes all the same.
  [[maybe_unused]] ssize_t written = ::write(wake_.Get(), &one, sizeof(one));
}

void ProcessFollower::RequestRescan(uint32_t tgid) {
  {
    absl::MutexLock lock(&mutex_);
    if (requests_.size() >= kMaxRequests || !requests_.insert(tgid).second) return;
  }
  Wake();
}

absl::StatusOr<std::vector<model::Mapping>> ProcessFollower::MappingsOf(uint32_t tgid) const {
  absl::MutexLock lock(&tracker_mutex_);
  return tracker_.MappingsOf(tgid);
}

bool ProcessFollower::Await() {
  if (AwaitEvent()) AwaitBatch();
  absl::MutexLock lock(&mutex_);
  return !stopping_;
}

void ProcessFollower::AwaitBatch() const {
  const uint64_t now = base::MonotonicNs();
  const uint64_t until = std::max(now + kFirstBatchNs, last_look_ns_ + kBatchNs);
  absl::SleepFor(absl::Nanoseconds(until - now));
}

uint64_t ProcessFollower::NextTickNs() const {
  absl::MutexLock lock(&tracker_mutex_);
  return tracker_.NextTickNs();
}

bool ProcessFollower::AwaitEvent() {
  const uint64_t now = base::MonotonicNs();
  const uint64_t next = std::min(NextTickNs(), next_hotplug_ns_);
  int wait_ms = next <= now ? 0 : static_cast<int>((next - now) / 1'000'000 + 1);
  if (holds_back_) wait_ms = 0;
  std::array<pollfd, 2> ready = {{{band_->Fd(), POLLIN, 0}, {wake_.Get(), POLLIN, 0}}};
  const int happened = ::poll(ready.data(), ready.size(), wait_ms);
  if ((ready[1].revents & POLLIN) != 0) {
    uint64_t count = 0;
    [[maybe_unused]] ssize_t taken = ::read(wake_.Get(), &count, sizeof(count));
  }
  return happened > 0 || holds_back_;
}

void ProcessFollower::Follow() {
  absl::flat_hash_set<uint32_t> requests;
  {
    absl::MutexLock lock(&mutex_);
    requests.swap(requests_);
  }
  last_look_ns_ = base::MonotonicNs();
  absl::MutexLock lock(&tracker_mutex_);
  holds_back_ = band_->Consume([this](const model::ProcessEvent& event) { tracker_.Apply(event); });
  for (uint32_t tgid : requests) tracker_.RequestRescan(tgid);
  tracker_.Tick();
  PassOn();
}

void ProcessFollower::PassOn() {
  tracker_.TakeChanges([this](const process::MappingChange& change) {
    if (change.has_ended)
      unwinder_->Forget(change.tgid);
    else
      unwinder_->SetMappings(change.tgid, change.mappings);
  });
}

void ProcessFollower::FollowHotplug() {
  const uint64_t now = base::MonotonicNs();
  if (now < next_hotplug_ns_) return;
  next_hotplug_ns_ = now + kHotplugNs;
  if (absl::Status status = band_->FollowHotplug(); !status.ok()) {
    losses_->Add("side_band_cpu", "events of processes on a new CPU", "mappings may be out of date", 1);
  }
  losses_->Add("side_band_malformed", "event of a process", "mappings may be out of date",
               band_->Malformed() - std::exchange(malformed_, band_->Malformed()));
}

void ProcessFollower::Run() {
  pthread_setname_np(pthread_self(), "sonde-process");
  while (Await()) {
    Follow();
    FollowHotplug();
  }
}

}  // namespace sonde::app
