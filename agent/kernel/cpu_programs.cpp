#include "agent/kernel/cpu_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "agent/kernel/map_sizes.h"
#include "agent/kernel/online_cpus.h"
#include "cpu.skel.h"

namespace sonde::kernel {

// One CPU's clock with the program on it.
struct CpuPrograms::Clock {
  explicit Clock(bpf_link* attached) : link(attached) {}
  ~Clock() { bpf_link__destroy(link); }  // closes the perf event too
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  bpf_link* link;
};

absl::StatusOr<std::unique_ptr<CpuPrograms>> CpuPrograms::Load(const UnwindMaps& unwind_maps,
                                                               RingReader::Consumer on_record) {
  auto programs = std::unique_ptr<CpuPrograms>(new CpuPrograms());
  programs->skeleton_ = cpu_bpf__open();
  if (programs->skeleton_ == nullptr) return LibbpfError("cannot open the on-CPU programs", errno);
  const auto& maps = programs->skeleton_->maps;
  absl::Status sized = FitToCpus({maps.cpu_samples_even, maps.cpu_samples_odd, maps.cpu_stacks});
  if (!sized.ok()) return sized;
  if (absl::Status status = unwind_maps.GiveTo(programs->skeleton_->obj); !status.ok()) return status;
  if (int error = cpu_bpf__load(programs->skeleton_); error != 0) {
    return LibbpfError("the kernel refuses the on-CPU programs", error);
  }
  auto ring = RingReader::Open(bpf_map__fd(programs->skeleton_->maps.cpu_stacks), std::move(on_record));
  if (!ring.ok()) return ring.status();
  programs->ring_ = *std::move(ring);
  return programs;
}

CpuPrograms::~CpuPrograms() {
  clocks_.clear();
  ring_.reset();
  cpu_bpf__destroy(skeleton_);
}

absl::Status CpuPrograms::AttachTo(int cpu) {
  auto ahead = opened_.extract(cpu);
  absl::StatusOr<base::UniqueFd> clock = ahead.empty() ? OpenCpuClock(cpu, hz_) : std::move(ahead.mapped());
  if (absl::IsNotFound(clock.status())) return absl::OkStatus();  // unplugged since the list was read
  if (!clock.ok()) return clock.status();
  bpf_link* link = bpf_program__attach_perf_event(skeleton_->progs.on_tick, clock->Get());
  if (link == nullptr) return LibbpfError(absl::StrCat("cannot attach to the clock of CPU ", cpu), errno);
  (void)clock->Release();  // the link owns it now
  clocks_[cpu] = std::make_unique<Clock>(link);
  return absl::OkStatus();
}

absl::Status CpuPrograms::Attach(uint32_t hz, EventsByCpu opened) {
  hz_ = hz;
  opened_ = std::move(opened);
  return FollowHotplug();
}

absl::Status CpuPrograms::FollowHotplug() {
  absl::StatusOr<std::vector<int>> cpus = OnlineCpus();
  if (!cpus.ok()) return cpus.status();
  std::erase_if(clocks_, [&](const auto& clock) { return std::ranges::count(*cpus, clock.first) == 0; });
  for (int cpu : *cpus) {
    if (clocks_.contains(cpu)) continue;
    if (absl::Status status = AttachTo(cpu); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void CpuPrograms::Beat(uint64_t now_ns) { __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELAXED); }

void CpuPrograms::BeginSlice(uint32_t number) {
  __atomic_store_n(&skeleton_->bss->cpu_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->cpu_slice, number, __ATOMIC_RELEASE);
}

double CpuPrograms::Fill() const {
  return static_cast<double>(__atomic_load_n(&skeleton_->bss->cpu_entries_made, __ATOMIC_RELAXED)) /
         static_cast<double>(bpf_map__max_entries(skeleton_->maps.cpu_samples_even));
}

absl::Status CpuPrograms::Drain(uint32_t number, absl::FunctionRef<void(const abi::cpu_key&, uint64_t)> visit) {
  bpf_map* map = number & 1 ? skeleton_->maps.cpu_samples_odd : skeleton_->maps.cpu_samples_even;
  return DrainMapOf<abi::cpu_key, uint64_t>(map, visit);
}

absl::StatusOr<std::vector<abi::last_sample>> CpuPrograms::LastSamples() const {
  static_assert(sizeof(abi::last_sample) % 8 == 0);  // as the kernel pads the value of each CPU
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LibbpfError("cannot tell the number of possible CPUs", cpus);
  std::vector<abi::last_sample> samples(static_cast<size_t>(cpus));
  const uint32_t key = 0;
  if (int error = bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.last_samples), &key, samples.data()); error != 0) {
    return LibbpfError("cannot read the last samples", error);
  }
  // Half written: the CPU's clock ticked in this very instant.
  std::erase_if(samples, [](const abi::last_sample& last) { return last.at_ns == 0 || last.finished != last.begun; });
  return samples;
}

absl::Status CpuPrograms::AddCounters(std::vector<uint64_t>& sums) const {
  return AddPerCpuCounters(skeleton_->maps.counters, "the on-CPU counters", sums);
}

const bpf_object* CpuPrograms::Object() const { return skeleton_->obj; }

}  // namespace sonde::kernel
