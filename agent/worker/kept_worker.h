#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/names/name_wire.h"
#include "agent/worker/worker_process.h"
#include "base/clock.h"

namespace sonde::worker {

// How it goes with a worker.
struct WorkerFacts {
  std::string program;  // empty: there is none
  std::string trouble;  // why it cannot be asked at the moment; empty: all is well, or nobody asked yet
  std::string missing;  // what does not hold it in, since the kernel does not have it; empty: all does
  pid_t pid = 0;        // 0: it does not run
  uint64_t starts = 0;
  uint64_t deaths = 0;  // it ended by itself, or somebody ended it
  uint64_t hangs = 0;   // it did not answer in time and was ended
  uint64_t lies = 0;    // it answered what is no answer and was ended
  uint64_t cpu_ns = 0;  // of all its runs
  uint64_t rss_bytes = 0;
};

// Keeps one sonde-symbolizer running: starts it when it is needed, ends it when it hangs or lies, and starts another.
// When none can be started it waits a minute. What may be asked is for those who derive from it. Single-threaded, but
// for Facts(), CpuNs() and Interrupt().
class KeptWorker {
 public:
  struct Options {
    std::string program = WorkerProgram();
    absl::Duration patience = absl::Seconds(10);  // with one packet
    std::function<uint64_t()> now_ns = base::MonotonicNs;
    // How many may be lost within a minute; then it waits until that minute is over. 0: any number.
    size_t most_lost = 6;
    std::string harm = "functions have no names";  // what there is not while it has trouble, for the log
  };

  explicit KeptWorker(Options options);
  KeptWorker(const KeptWorker&) = delete;
  KeptWorker& operator=(const KeptWorker&) = delete;

  // Starts it if it does not run. kUnavailable: there is none to ask now; kCancelled: Interrupt() was called.
  absl::Status Begin() ABSL_LOCKS_EXCLUDED(mutex_);
  // Another number whenever all that it had open is forgotten. 0: it does not run.
  uint64_t Generation() const { return process_ == nullptr ? 0 : generation_; }
  // Ends it for good: who waits for an answer has kCancelled soon, and so has whoever asks from then on. Any thread.
  void Interrupt() ABSL_LOCKS_EXCLUDED(mutex_);

  // Of all its runs. Any thread.
  uint64_t CpuNs() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Any thread.
  WorkerFacts Facts() const ABSL_LOCKS_EXCLUDED(mutex_);

 protected:
  ~KeptWorker() = default;

  // The number of a new request, for its `id`.
  uint64_t NextRequest() { return ++next_request_; }
  // REQUIRES of these four: Begin() succeeded, and nothing has failed since.
  absl::Status Send(const names::Request& request, std::span<const int> fds);
  absl::StatusOr<std::string> Receive();
  // Fills `out` with a part of a reply that is longer than a packet (bulk_wire.h).
  absl::Status ReceiveBulk(uint64_t id, std::span<std::byte> out);
  // Ends it, since nobody needs it for now; Begin() starts another. Nothing when it does not run.
  void Dismiss() ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t NowNs() const { return options_.now_ns(); }
  // Ends it, since that went wrong. Returns kAborted, with the reason; kCancelled: Interrupt() was called.
  absl::Status Lose(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void SetTrouble(std::string trouble) ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes it out of the facts.
  std::unique_ptr<WorkerProcess> Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  uint64_t generation_ = 0;
  uint64_t next_request_ = 0;
  uint64_t not_before_ns_ = 0;
  std::deque<uint64_t> lost_ns_;  // when the last ones were lost

  mutable absl::Mutex mutex_;
  std::unique_ptr<WorkerProcess> process_;  // changed under the mutex, by the one thread
  bool is_interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  WorkerFacts facts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::worker
