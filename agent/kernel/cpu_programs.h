#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/perf_event.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/unwind_maps.h"
#include "base/unique_fd.h"
#include "bpf/abi/tables.h"

struct bpf_link;
struct bpf_object;
struct cpu_bpf;

namespace sonde::kernel {

// The on-CPU side: its BPF object (which shares but the unwinding tables) and one sampling clock a CPU.
// Single-threaded. Destruction detaches first, then closes.
class CpuPrograms {
 public:
  // Loads and verifies; nothing runs yet. `on_record` gets abi::stack_record's bytes.
  static absl::StatusOr<std::unique_ptr<CpuPrograms>> Load(const UnwindMaps& unwind_maps,
                                                           RingReader::Consumer on_record);
  ~CpuPrograms();

  // Begins to sample every online CPU at `hz`; of CPUs whose clock of that rate is in `opened` that is used.
  absl::Status Attach(uint32_t hz, EventsByCpu opened = {});
  // Follows CPU hot-plug: clocks for CPUs that came, none for those that went. Cheap when nothing changed.
  absl::Status FollowHotplug();

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h).
  void Beat(uint64_t now_ns);

  // From now on samples go to slice `number`; the half of the slice before may be drained after a grace period.
  void BeginSlice(uint32_t number);
  // How full the map of the current slice is, 0 to 1.
  double Fill() const;
  // Takes the sums of slice `number` out. REQUIRES: it is not the current one, and no program that saw it runs.
  absl::Status Drain(uint32_t number, absl::FunctionRef<void(const abi::cpu_key&, uint64_t count)> visit);

  // The last sample of each CPU that had one.
  absl::StatusOr<std::vector<abi::last_sample>> LastSamples() const;

  RingReader& Ring() { return *ring_; }
  // Adds this object's counts, by abi::counter, to `sums`.
  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  const bpf_object* Object() const;

 private:
  struct Clock;
  CpuPrograms() = default;
  absl::Status AttachTo(int cpu);

  cpu_bpf* skeleton_ = nullptr;
  uint32_t hz_ = 0;
  EventsByCpu opened_;  // not used yet
  std::unique_ptr<RingReader> ring_;
  std::map<int, std::unique_ptr<Clock>> clocks_;  // by CPU
};

}  // namespace sonde::kernel
