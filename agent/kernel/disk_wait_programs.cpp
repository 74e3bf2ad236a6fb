#include "agent/kernel/disk_wait_programs.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "bpf/abi/tables.h"
#include "disk_waits.skel.h"

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<DiskWaitPrograms>> DiskWaitPrograms::Start(const Features& features,
                                                                          const SchedPrograms& sched) {
  // Task storage is older than these tracepoints.
  if (!features.block.requests || !features.block.start || !features.task_storage) {
    return absl::UnimplementedError("the kernel does not tell when it has told of a request's end");
  }
  auto programs = std::unique_ptr<DiskWaitPrograms>(new DiskWaitPrograms(sched));
  disk_waits_bpf* skeleton = programs->skeleton_ = disk_waits_bpf__open();
  if (skeleton == nullptr) return LibbpfError("cannot open the programs of waits for disks", errno);
  skeleton->rodata->flush_step_bit = features.block.flush_step_bit;
  bpf_map__set_autocreate(skeleton->maps.clocks_by_task, false);
  if (int error = bpf_map__reuse_fd(skeleton->maps.clocks, sched.ClocksFd()); error != 0) {
    return LibbpfError("cannot share the threads' clocks", error);
  }
  if (int error = disk_waits_bpf__load(skeleton); error != 0) {
    return LibbpfError("the kernel refuses the programs of waits for disks", error);
  }
  if (int error = disk_waits_bpf__attach(skeleton); error != 0) {
    return LibbpfError("cannot attach to the ends of requests", error);
  }
  return programs;
}

DiskWaitPrograms::~DiskWaitPrograms() { disk_waits_bpf__destroy(skeleton_); }

void DiskWaitPrograms::Beat(uint64_t now_ns) {
  __atomic_store_n(&skeleton_->bss->clock_epoch, sched_.ClockEpoch(), __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELEASE);
}

void DiskWaitPrograms::BeginSlice(uint32_t number) {
  __atomic_store_n(&skeleton_->bss->request_wait_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->wait_slice, number, __ATOMIC_RELEASE);
}

absl::Status DiskWaitPrograms::Drain(
    uint32_t number, absl::FunctionRef<void(const abi::request_wait_key&, const abi::request_wait_sum&)> visit) {
  const bpf_map* sums = (number & 1) != 0 ? skeleton_->maps.request_waits_odd : skeleton_->maps.request_waits_even;
  return DrainMapOf<abi::request_wait_key, abi::request_wait_sum>(sums, visit);
}

double DiskWaitPrograms::Fill() const {
  return static_cast<double>(__atomic_load_n(&skeleton_->bss->request_wait_entries_made, __ATOMIC_RELAXED)) /
         static_cast<double>(bpf_map__max_entries(skeleton_->maps.request_waits_even));
}

absl::StatusOr<uint64_t> DiskWaitPrograms::TakeLost() {
  std::vector<uint64_t> sums(abi::COUNTERS);
  absl::Status status = AddPerCpuCounters(skeleton_->maps.counters, "the counters of waits for disks", sums);
  if (!status.ok()) return status;
  const uint64_t all = sums[abi::COUNT_REQUEST_WAIT_LOST];
  return all - std::exchange(lost_, all);
}

const bpf_object* DiskWaitPrograms::Object() const { return skeleton_->obj; }

}  // namespace sonde::kernel
