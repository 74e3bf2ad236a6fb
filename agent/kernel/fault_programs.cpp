#include "agent/kernel/fault_programs.h"

#include <bpf/libbpf.h>

#include <cerrno>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "faults.skel.h"

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<FaultPrograms>> FaultPrograms::Load(const Features& features,
                                                                   const UnwindMaps& unwind_maps,
                                                                   RingReader::Consumer on_record) {
  const FaultTracepoints& tracepoints = features.faults;
  if (!tracepoints.faults) return absl::UnimplementedError("this kernel has no tracepoints of page faults");
  auto programs = std::unique_ptr<FaultPrograms>(new FaultPrograms(tracepoints));
  faults_bpf* skeleton = programs->skeleton_ = faults_bpf__open();
  if (skeleton == nullptr) return LibbpfError("cannot open the programs of page faults", errno);
  skeleton->rodata->tells_growth = tracepoints.growth;
  bpf_program__set_autoload(skeleton->progs.on_growth, tracepoints.growth);
  if (absl::Status status = unwind_maps.GiveTo(skeleton->obj); !status.ok()) return status;
  if (int error = faults_bpf__load(skeleton); error != 0) {
    return LibbpfError("the kernel refuses the programs of page faults", error);
  }
  auto ring = RingReader::Open(bpf_map__fd(skeleton->maps.fault_stacks), std::move(on_record));
  if (!ring.ok()) return ring.status();
  programs->ring_ = *std::move(ring);
  return programs;
}

FaultPrograms::~FaultPrograms() {
  links_.Detach();
  ring_.reset();
  faults_bpf__destroy(skeleton_);
}

absl::Status FaultPrograms::Attach() {
  const auto& progs = skeleton_->progs;
  std::vector<bpf_program*> order = {progs.on_user_fault, progs.on_kernel_fault};
  if (tracepoints_.growth) order.insert(order.begin(), progs.on_growth);
  return links_.Attach(order);
}

void FaultPrograms::Beat(uint64_t now_ns) { __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELAXED); }

void FaultPrograms::BeginSlice(uint32_t number) {
  __atomic_store_n(&skeleton_->bss->fault_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->fault_slice, number, __ATOMIC_RELEASE);
}

double FaultPrograms::Fill() const {
  return static_cast<double>(__atomic_load_n(&skeleton_->bss->fault_entries_made, __ATOMIC_RELAXED)) /
         static_cast<double>(bpf_map__max_entries(skeleton_->maps.fault_sums_even));
}

absl::Status FaultPrograms::Drain(uint32_t number,
                                  absl::FunctionRef<void(const abi::cpu_key&, const abi::fault_sum&)> visit) {
  const bpf_map* sums = number & 1 ? skeleton_->maps.fault_sums_odd : skeleton_->maps.fault_sums_even;
  return DrainMapOf<abi::cpu_key, abi::fault_sum>(sums, visit);
}

absl::Status FaultPrograms::AddCounters(std::vector<uint64_t>& sums) const {
  return AddPerCpuCounters(skeleton_->maps.counters, "the counters of page faults", sums);
}

const bpf_object* FaultPrograms::Object() const { return skeleton_->obj; }

}  // namespace sonde::kernel
