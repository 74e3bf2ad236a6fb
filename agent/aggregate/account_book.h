#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/aggregate/reason_waits.h"
#include "agent/model/process_account.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Sums thread accounts of consecutive slices by process, and lengths of waits, of which the kernel side keeps none by
// thread. Single-threaded.
class AccountBook {
 public:
  void Add(const model::Slice& slice);

  // All processes, the one with most wall time first.
  std::vector<model::ProcessAccount> Processes() const;
  // The same of threads; none of those of which only their process's sums are known.
  std::vector<model::ThreadSum> ThreadSums() const;
  // Of all threads of `tgid`; of nothing when it was not seen to wait.
  const ReasonWaits& WaitsOf(uint32_t tgid) const;
  // Sum of the exact time that `tgid` spent on CPUs; 0 when it was not seen.
  uint64_t OnCpuNs(uint32_t tgid) const;
  // |wall - explained| / wall over all processes; 0 when nothing was seen.
  double UnexplainedRatio() const;
  size_t Threads() const { return threads_.size() + threads_not_told_; }

 private:
  // Made if need be, with its names as of the slice.
  model::ProcessAccount& ProcessOf(uint32_t tgid, const model::Slice& slice);
  void AddEnded(const model::Slice& slice);

  // A thread id may be given out again within a window: the start tells them apart.
  using ThreadKey = std::pair<uint32_t, uint64_t>;

  absl::flat_hash_map<uint32_t, model::ProcessAccount> processes_;
  absl::flat_hash_map<ThreadKey, model::ThreadSum> threads_;
  absl::flat_hash_map<uint32_t, ReasonWaits> waits_;
  bool is_begun_ = false;
  size_t threads_not_told_ = 0;
};

}  // namespace sonde::aggregate
