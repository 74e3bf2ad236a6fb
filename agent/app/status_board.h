#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/aggregate/window.h"
#include "agent/app/overhead.h"
#include "agent/kernel/bpf_cost.h"
#include "agent/model/slice.h"
#include "agent/unwind/unwinder.h"

namespace sonde::app {

// As of the last slice.
struct KernelFacts {
  uint64_t samples = 0;  // since the start
  uint64_t waits = 0;    // since the start
  uint64_t faults = 0;   // since the start
  uint64_t faults_walked = 0;
  uint64_t fault_stacks_cut = 0;                         // of those walked
  std::array<uint64_t, model::kStackEnds> stack_ends{};  // of walked stacks since the start, by model::StackEnd
  uint64_t stacks_reused = 0, reuses_checked = 0, reuses_wrong = 0;  // since the start
  uint64_t stacks_not_drawn = 0;                                     // since the start
  OverheadFacts overhead;
  unwind::UnwindStatistics unwinding;
  uint64_t threads = 0;
  uint64_t processes = 0;
  std::vector<kernel::MapCost> maps;
  std::vector<kernel::ProgramCost> programs;
  std::vector<std::string> degraded;  // found while loading
};

// The account of the last whole window, or of what there is of the first.
struct WindowFacts {
  uint64_t windows = 0;  // closed since the start
  int64_t start_unix_ns = 0;
  int64_t duration_ns = 0;  // 0: nothing yet
  double unexplained_ratio = 0;
  aggregate::StackError stack_error;
  std::shared_ptr<const aggregate::AccountBook> accounts;  // null: nothing yet
};

inline WindowFacts FactsOf(const aggregate::Window& window, uint64_t windows) {
  return {.windows = windows,
          .start_unix_ns = window.StartUnixNs(),
          .duration_ns = window.DurationNs(),
          .unexplained_ratio = window.Accounts().UnexplainedRatio(),
          .stack_error = window.ExpectedStackError(),
          .accounts = std::make_shared<const aggregate::AccountBook>(window.Accounts())};
}

// Where the threads of the agent leave what `status` and `account` tell. Thread-safe.
class StatusBoard {
 public:
  void SetKernelFacts(KernelFacts facts) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    kernel_ = std::move(facts);
  }
  KernelFacts Kernel() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return kernel_;
  }
  void SetWindowFacts(WindowFacts facts) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    window_ = std::move(facts);
  }
  WindowFacts LastWindow() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return window_;
  }

 private:
  mutable absl::Mutex mutex_;
  KernelFacts kernel_ ABSL_GUARDED_BY(mutex_);
  WindowFacts window_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::app
