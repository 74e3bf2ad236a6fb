#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/symbolize/debug_cache.h"
#include "base/clock.h"
#include "base/unique_fd.h"

namespace sonde::symbolize {

// Debug files from servers that give them by build id (debuginfod), kept on disk. Asks nobody but the servers it is
// given, and tells them nothing but build ids. One file at a time is fetched, on a thread of its own ("sonde-fetch");
// what no server has is asked for again after an hour. Nothing that comes is looked into: that is the worker's part.
// Thread-safe.
class Debuginfod {
 public:
  struct Options {
    std::vector<std::string> urls;  // asked in this order
    uint64_t max_file_bytes = uint64_t{512} << 20;
    uint64_t max_hourly_bytes = uint64_t{1} << 30;  // that are fetched within an hour
    std::function<uint64_t()> now_ns = base::MonotonicNs;
  };
  struct Found {
    base::UniqueFd fd;  // invalid: it is not there
    uint64_t size_bytes = 0;
    std::string path;   // in the cache
    std::string state;  // why it is not there, for people; begins with "it"
  };

  Debuginfod(Options options, DebugCache cache);
  ~Debuginfod();  // ends the request that is under way

  // The debug file of a program, if it is there. If not, it is asked for: call again once TakeArrived() names it.
  Found Find(const std::string& build_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Build ids whose files have come since the last call.
  std::vector<std::string> TakeArrived() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Failure {
    std::string why;
    uint64_t not_before_ns = 0;
  };

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Empty: to stop.
  std::string AwaitWanted() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Fetch(const std::string& build_id) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status FetchFrom(const std::string& url, const std::string& build_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // How many bytes may still be fetched within this hour.
  uint64_t BytesLeft() ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsStopping() const ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  DebugCache cache_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> wanted_ ABSL_GUARDED_BY(mutex_);  // the first is being fetched
  std::vector<std::string> arrived_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Failure> failures_ ABSL_GUARDED_BY(mutex_);
  uint64_t hour_began_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t hourly_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

// The URLs that `text` has, blanks between them, as DEBUGINFOD_URLS; the word "environment" stands for that variable.
std::vector<std::string> DebuginfodUrls(const std::string& text);

}  // namespace sonde::symbolize
