#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/btf_features.h"
#include "agent/kernel/sched_programs.h"
#include "bpf/abi/request_wait.h"

struct bpf_object;
struct disk_waits_bpf;

namespace sonde::kernel {

// Joins threads' waits to the request to a block device that ended them, for as long as it lives. Single-threaded.
class DiskWaitPrograms {
 public:
  // Reads the clocks of `sched`, which must outlive it. kUnimplemented, in words for people, where the kernel does not
  // tell when it has told of a request's end (before 6.5).
  static absl::StatusOr<std::unique_ptr<DiskWaitPrograms>> Start(const Features& features, const SchedPrograms& sched);
  ~DiskWaitPrograms();

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h).
  void Beat(uint64_t now_ns);

  // From now on what ends goes to slice `number`; the half of the slice before may be drained after a grace period.
  void BeginSlice(uint32_t number);
  // Takes the sums of slice `number` out. REQUIRES: it is not the current one, and no program that saw it runs.
  absl::Status Drain(uint32_t number,
                     absl::FunctionRef<void(const abi::request_wait_key&, const abi::request_wait_sum&)> visit);
  // Waits that could not be joined for want of room, since the last time.
  absl::StatusOr<uint64_t> TakeLost();

  // How full the current slice's half is, 1 at most.
  double Fill() const;

  const bpf_object* Object() const;

 private:
  explicit DiskWaitPrograms(const SchedPrograms& sched) : sched_(sched) {}

  const SchedPrograms& sched_;
  disk_waits_bpf* skeleton_ = nullptr;
  uint64_t lost_ = 0;  // of those told already
};

}  // namespace sonde::kernel
