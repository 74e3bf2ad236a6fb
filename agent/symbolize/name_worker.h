#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/names/name_wire.h"
#include "agent/symbolize/worker_process.h"
#include "base/clock.h"

namespace sonde::symbolize {

// How it goes with the worker.
struct WorkerFacts {
  std::string program;  // empty: there is none
  std::string trouble;  // why there are no names at the moment; empty: all is well, or nobody asked yet
  std::string missing;  // what does not hold it in, since the kernel does not have it; empty: all does
  pid_t pid = 0;        // 0: it does not run
  uint64_t starts = 0;
  uint64_t deaths = 0;  // it ended by itself, or somebody ended it
  uint64_t hangs = 0;   // it did not answer in time and was ended
  uint64_t lies = 0;    // it answered what is no answer and was ended
  uint64_t cpu_ns = 0;  // of all its runs
  uint64_t rss_bytes = 0;
};

// Asks the worker sonde-symbolizer, and keeps one running: starts it when it is needed, ends it when it hangs or lies,
// and starts another, unless six were lost within a minute or none can be started, and then waits until that minute is
// over. What it answers is not believed, only bounded. All but Facts() single-threaded.
class NameWorker {
 public:
  struct Options {
    std::string program = WorkerProgram();
    absl::Duration patience = absl::Seconds(10);  // with one packet; it limits its own CPU time to four seconds a request
    std::function<uint64_t()> now_ns = base::MonotonicNs;
  };

  explicit NameWorker(Options options) : options_(std::move(options)) { facts_.program = options_.program; }

  // Starts it if it does not run. kUnavailable: there is none to ask now.
  absl::Status Begin() ABSL_LOCKS_EXCLUDED(mutex_);
  // Another number whenever all that it had open is forgotten. 0: it does not run.
  uint64_t Generation() const { return process_ == nullptr ? 0 : generation_; }

  // Errors of all: kUnavailable as above; kAborted: it was lost while it was at it.
  absl::StatusOr<names::FileReply> AskOfFile(names::Request request, int fd) ABSL_LOCKS_EXCLUDED(mutex_);
  struct Resolved {
    std::vector<names::Place> places;  // of all offsets, in their order
    bool lacks_files = false;          // some would be better with what TakeMissing() names
  };
  // Functions alone if `only_symbols`. kNotFound: it does not have the file open.
  absl::StatusOr<Resolved> Resolve(uint64_t key, std::span<const uint64_t> offsets, bool only_symbols = false)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What answers about the file have lacked since the last call. Errors as of AskOfFile().
  absl::StatusOr<std::vector<names::MissingFile>> TakeMissing(uint64_t key) ABSL_LOCKS_EXCLUDED(mutex_);

  // Of all its runs. Any thread.
  uint64_t CpuNs() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Any thread.
  WorkerFacts Facts() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Status Send(const names::Request& request, std::span<const int> fds);
  absl::StatusOr<std::string> Receive();
  absl::Status Lose(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ResolveSome(const names::Request& request, Resolved* resolved);
  void SetTrouble(std::string trouble) ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  uint64_t generation_ = 0;
  uint64_t next_request_ = 0;
  uint64_t not_before_ns_ = 0;
  std::deque<uint64_t> lost_ns_;  // when the last ones were lost

  mutable absl::Mutex mutex_;
  std::unique_ptr<WorkerProcess> process_;  // changed under the mutex, by the one thread
  WorkerFacts facts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::symbolize
