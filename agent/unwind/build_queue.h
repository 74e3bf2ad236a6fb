#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/executable_file.h"

namespace sonde::unwind {

// Files that wait for their table; the one seen most recently comes first. Not thread-safe.
class BuildQueue {
 public:
  struct Job {
    uint16_t id = 0;
    model::ExecutableFilePtr file;
  };

  explicit BuildQueue(size_t max_jobs) : max_jobs_(max_jobs) {}

  // Adds a job, to be taken at `not_before_ns` or later, or brings one of the same id up front. Returns the id that was
  // dropped for it when the queue was full: the one not seen for the longest.
  std::optional<uint16_t> Push(Job job, uint64_t not_before_ns = 0);
  // Brings a job up front if it waits.
  void See(uint16_t id);
  void Remove(uint16_t id) { waiting_.erase(id); }
  std::optional<Job> Pop(uint64_t now_ns);

  size_t Size() const { return waiting_.size(); }

 private:
  struct Waiting {
    model::ExecutableFilePtr file;
    uint64_t seen = 0;  // higher is later
    uint64_t not_before_ns = 0;
  };

  const size_t max_jobs_;
  uint64_t sightings_ = 0;
  absl::flat_hash_map<uint16_t, Waiting> waiting_;
};

}  // namespace sonde::unwind
