#include "agent/unwind/table_builder.h"

#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "base/clock.h"

namespace sonde::unwind {
namespace {

constexpr size_t kMaxJobs = 4'096;
constexpr uint64_t kTickNs = 1'000'000'000;

uint64_t ThreadCpuNs() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

TableBuilder::TableBuilder(Work work, base::CpuBudget::Limits limits)
    : work_(std::move(work)), queue_(kMaxJobs), budget_(limits, base::MonotonicNs()), thread_([this] { Run(); }) {}

TableBuilder::~TableBuilder() { Stop(); }

void TableBuilder::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (work_.interrupt) work_.interrupt();
  if (thread_.joinable()) thread_.join();
}

std::optional<uint16_t> TableBuilder::Push(BuildQueue::Job job, uint64_t not_before_ns) {
  absl::MutexLock lock(&mutex_);
  has_news_ = true;
  return queue_.Push(std::move(job), not_before_ns);
}

void TableBuilder::See(const std::vector<uint16_t>& ids) {
  absl::MutexLock lock(&mutex_);
  if (queue_.Size() == 0) return;
  for (uint16_t id : ids) queue_.See(id);
}

void TableBuilder::Retire(const std::vector<uint16_t>& ids) {
  absl::MutexLock lock(&mutex_);
  for (uint16_t id : ids) queue_.Remove(id);
  retired_.insert(retired_.end(), ids.begin(), ids.end());
}

TableBuilder::Statistics TableBuilder::Count() const {
  absl::MutexLock lock(&mutex_);
  Statistics statistics = statistics_;
  statistics.waiting = queue_.Size();
  return statistics;
}

std::optional<BuildQueue::Job> TableBuilder::AwaitJob(uint64_t until_ns) {
  absl::MutexLock lock(&mutex_);
  const uint64_t now = base::MonotonicNs();
  const uint64_t wait_ns = budget_.WaitNs(now);
  if (wait_ns == 0 && !stopping_) {
    if (std::optional<BuildQueue::Job> job = queue_.Pop(now)) return job;
  }
  has_news_ = false;
  // While the budget is spent new jobs can wait; else nothing else ends the wait before the next tick.
  auto ready = [this, wait_ns]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !retired_.empty() || (wait_ns == 0 && has_news_);
  };
  uint64_t left_ns = until_ns > now ? until_ns - now : 0;
  if (wait_ns > 0) left_ns = std::min(left_ns, wait_ns);
  mutex_.AwaitWithTimeout(absl::Condition(&ready), absl::Nanoseconds(static_cast<int64_t>(left_ns)));
  return std::nullopt;
}

void TableBuilder::RetireAll() {
  std::vector<uint16_t> retired;
  {
    absl::MutexLock lock(&mutex_);
    retired.swap(retired_);
  }
  for (uint16_t id : retired) work_.retire(id);
}

uint64_t TableBuilder::CpuNs() const { return ThreadCpuNs() + (work_.worker_cpu_ns ? work_.worker_cpu_ns() : 0); }

void TableBuilder::Build(const BuildQueue::Job& job) {
  const uint64_t before_ns = CpuNs();
  work_.build(job);
  const uint64_t spent_ns = CpuNs() - before_ns;
  budget_.Spend(spent_ns);
  absl::MutexLock lock(&mutex_);
  ++statistics_.builds;
  statistics_.cpu_ns += spent_ns;
}

void TableBuilder::Run() {
  pthread_setname_np(pthread_self(), "sonde-unwind");
  uint64_t next_tick_ns = base::MonotonicNs() + kTickNs;
  bool has_built = false;
  for (;;) {
    // Before a job is taken: one that is taken already ends before its id is retired.
    RetireAll();
    std::optional<BuildQueue::Job> job = AwaitJob(next_tick_ns);
    if (job) Build(*job);
    has_built = has_built || job.has_value();
    if (base::MonotonicNs() >= next_tick_ns) {
      // Building takes megabytes for moments, which the allocator would keep.
      if (std::exchange(has_built, false)) ::malloc_trim(0);
      work_.tick();
      next_tick_ns = base::MonotonicNs() + kTickNs;
    }
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
  }
}

}  // namespace sonde::unwind
