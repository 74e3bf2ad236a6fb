#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/btf_features.h"
#include "agent/kernel/program_links.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/unwind_maps.h"
#include "bpf/abi/tables.h"

struct bpf_object;
struct faults_bpf;

namespace sonde::kernel {

// Page faults: their BPF object, which shares but the unwinding tables with others. Single-threaded. Destruction
// detaches first, then closes.
class FaultPrograms {
 public:
  // Loads and verifies; nothing runs yet. `on_record` gets abi::stack_record's bytes. kUnimplemented, in words for
  // people, when the kernel lacks the tracepoints.
  static absl::StatusOr<std::unique_ptr<FaultPrograms>> Load(const Features& features, const UnwindMaps& unwind_maps,
                                                             RingReader::Consumer on_record);
  ~FaultPrograms();

  // Begins to count every fault of the host.
  absl::Status Attach();

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h).
  void Beat(uint64_t now_ns);

  // From now on faults go to slice `number`; the half of the slice before may be drained after a grace period.
  void BeginSlice(uint32_t number);
  // How full the map of the current slice is, 0 to 1.
  double Fill() const;
  // Takes the sums of slice `number` out. REQUIRES: it is not the current one, and no program that saw it runs.
  absl::Status Drain(uint32_t number, absl::FunctionRef<void(const abi::cpu_key&, const abi::fault_sum&)> visit);

  RingReader& Ring() { return *ring_; }
  // Adds this object's counts, by abi::counter, to `sums`.
  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  const bpf_object* Object() const;

 private:
  explicit FaultPrograms(const FaultTracepoints& tracepoints) : tracepoints_(tracepoints) {}

  const FaultTracepoints tracepoints_;
  faults_bpf* skeleton_ = nullptr;
  ProgramLinks links_;
  std::unique_ptr<RingReader> ring_;
};

}  // namespace sonde::kernel
