#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/unwind/build_queue.h"
#include "base/cpu_budget.h"

namespace sonde::unwind {

// Owns the thread "sonde-unwind", on which tables are built, within a budget of CPU time, and all that they take is
// kept. Thread-safe.
class TableBuilder {
 public:
  // All but `interrupt` are called on the thread; these last two may be empty.
  struct Work {
    std::function<void(const BuildQueue::Job&)> build;
    std::function<void(uint16_t id)> retire;
    std::function<void()> tick;                         // every second
    std::function<uint64_t()> worker_cpu_ns = nullptr;  // CPU time that others have taken for builds
    std::function<void()> interrupt = nullptr;          // ends the build at hand soon, and all that come after it
  };

  struct Statistics {
    uint64_t builds = 0;
    uint64_t cpu_ns = 0;
    size_t waiting = 0;
  };

  TableBuilder(Work work, base::CpuBudget::Limits limits);
  ~TableBuilder();  // as Stop()
  // Ends after the job at hand, which is interrupted. Idempotent; by one thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Queues a build. What had to be dropped for it, see BuildQueue.
  std::optional<uint16_t> Push(BuildQueue::Job job, uint64_t not_before_ns = 0) ABSL_LOCKS_EXCLUDED(mutex_);
  // A process has been seen that runs these files.
  void See(const std::vector<uint16_t>& ids) ABSL_LOCKS_EXCLUDED(mutex_);
  // The ids belong to nobody any more: drops their jobs and has them retired.
  void Retire(const std::vector<uint16_t>& ids) ABSL_LOCKS_EXCLUDED(mutex_);

  Statistics Count() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // The next job, once there is one and the budget allows; empty when something else is to be done first.
  std::optional<BuildQueue::Job> AwaitJob(uint64_t until_ns) ABSL_LOCKS_EXCLUDED(mutex_);
  void RetireAll() ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t CpuNs() const;
  void Build(const BuildQueue::Job& job) ABSL_LOCKS_EXCLUDED(mutex_);

  const Work work_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  BuildQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool has_news_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<uint16_t> retired_ ABSL_GUARDED_BY(mutex_);
  Statistics statistics_ ABSL_GUARDED_BY(mutex_);
  base::CpuBudget budget_;  // of the thread alone
  std::thread thread_;
};

}  // namespace sonde::unwind
