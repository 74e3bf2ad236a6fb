#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/perf_event.h"
#include "agent/kernel/perf_ring.h"
#include "agent/model/process_event.h"
#include "base/unique_fd.h"

namespace sonde::kernel {

// Everything that processes do to their executable memory, on all CPUs. Single-threaded.
class SideBand {
 public:
  // Recording begins before this returns. kPermissionDenied: rights are missing; kUnimplemented: no perf events here.
  // Of CPUs whose record is in `opened` that is used.
  static absl::StatusOr<std::unique_ptr<SideBand>> Open(EventsByCpu opened = {});

  // For poll and epoll: readable when there may be events. Told once per event: consume them all. What was
  // consumed is not told of any more.
  int Fd() const { return epoll_.Get(); }

  // Gives the events so far in order of time: one that happened because of another never comes before it. True when
  // some are held back since earlier ones may be under way: call again soon, Fd() will not tell.
  bool Consume(absl::FunctionRef<void(const model::ProcessEvent&)> visit);

  // Follows CPUs that come and go. Cheap when none did. Events on a new CPU before this call are missed: it counts as a
  // loss, so that the next Consume() gives a LostEvent.
  absl::Status FollowHotplug();

  // Records that could not be read; 0 unless the kernel's format has changed.
  uint64_t Malformed() const { return malformed_; }

 private:
  SideBand() = default;
  absl::Status AddCpu(int cpu, size_t ring_bytes);
  void ForgetWakeups() const;
  void ReadRings();
  void Take(std::span<const std::byte> record);

  base::UniqueFd epoll_;
  EventsByCpu opened_;                              // not used yet
  std::map<int, std::unique_ptr<PerfRing>> rings_;  // by CPU
  std::vector<model::ProcessEvent> waiting_;
  uint64_t malformed_ = 0;
};

}  // namespace sonde::kernel
