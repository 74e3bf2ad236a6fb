#include "agent/kernel/net_programs.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <utility>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "agent/kernel/map_sizes.h"
#include "net.skel.h"

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<NetPrograms>> NetPrograms::Load(const Features& features, const UnwindMaps& unwind_maps,
                                                               RingReader::Consumer on_record) {
  auto programs = std::unique_ptr<NetPrograms>(new NetPrograms());
  net_bpf* skeleton = programs->skeleton_ = net_bpf__open();
  if (skeleton == nullptr) return LibbpfError("cannot open the network programs", errno);
  skeleton->rodata->first_ephemeral_port = features.ephemeral_ports.first;
  skeleton->rodata->last_ephemeral_port = features.ephemeral_ports.last;
  const auto& maps = skeleton->maps;
  absl::Status sized = FitToCpus({maps.submitter_stacks_even, maps.submitter_stacks_odd, maps.submitter_frames});
  if (!sized.ok()) return sized;
  if (absl::Status status = unwind_maps.GiveTo(skeleton->obj); !status.ok()) return status;
  if (int error = net_bpf__load(skeleton); error != 0) {
    return LibbpfError("the kernel refuses the network programs", error);
  }
  auto ring = RingReader::Open(bpf_map__fd(skeleton->maps.submitter_frames), std::move(on_record));
  if (!ring.ok()) return ring.status();
  programs->ring_ = *std::move(ring);
  return programs;
}

NetPrograms::~NetPrograms() {
  links_.Detach();
  ring_.reset();
  net_bpf__destroy(skeleton_);
}

absl::Status NetPrograms::Watch(bool watched) {
  if (watched == IsWatching()) return absl::OkStatus();
  if (!watched) {
    links_.Detach();
    return absl::OkStatus();
  }
  // What an earlier watch left is void.
  if (absl::Status status = ForgetUnderWay(); !status.ok()) return status;
  if (absl::Status status = DrainEvents([](auto...) {}); !status.ok()) return status;
  for (uint32_t half = 0; half < 2; ++half) {
    if (absl::Status status = DrainConnects(half, [](auto...) {}); !status.ok()) return status;
  }
  const auto& progs = skeleton_->progs;
  return links_.Attach({progs.on_state, progs.on_retransmit, progs.on_reset_received, progs.on_reset_sent});
}

void NetPrograms::Beat(uint64_t now_ns) { __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELEASE); }

absl::Status NetPrograms::ForgetUnderWay() {
  return DrainMap(skeleton_->maps.connects_under_way, [](auto...) {});
}

void NetPrograms::BeginSlice(uint32_t number) {
  __atomic_store_n(&skeleton_->bss->connect_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->connect_slice, number, __ATOMIC_RELEASE);
}

double NetPrograms::Fill() const {
  return static_cast<double>(__atomic_load_n(&skeleton_->bss->connect_entries_made, __ATOMIC_RELAXED)) /
         static_cast<double>(bpf_map__max_entries(skeleton_->maps.connect_sums_even));
}

absl::Status NetPrograms::DrainConnects(
    uint32_t number, absl::FunctionRef<void(const abi::connect_key&, const abi::connect_sum&)> visit) {
  const bool is_odd = (number & 1) != 0;
  const bpf_map* sent = is_odd ? skeleton_->maps.submitter_stacks_odd : skeleton_->maps.submitter_stacks_even;
  if (absl::Status status = DrainMap(sent, [](auto...) {}); !status.ok()) return status;
  const bpf_map* sums = is_odd ? skeleton_->maps.connect_sums_odd : skeleton_->maps.connect_sums_even;
  return DrainMapOf<abi::connect_key, abi::connect_sum>(sums, visit);
}

absl::Status NetPrograms::VisitUnderWay(absl::FunctionRef<void(const abi::connect_under_way&)> visit) const {
  return VisitMapOf<uint64_t, abi::connect_under_way>(
      skeleton_->maps.connects_under_way, [&](uint64_t, const abi::connect_under_way& known) { visit(known); });
}

absl::Status NetPrograms::DrainEvents(absl::FunctionRef<void(const abi::counterpart&, const abi::peer_events&)> visit) {
  return DrainMapOf<abi::counterpart, abi::peer_events>(skeleton_->maps.peer_events, visit);
}

uint64_t NetPrograms::TakeRefused() {
  const uint64_t all = __atomic_load_n(&skeleton_->bss->peer_events_refused, __ATOMIC_RELAXED);
  return all - std::exchange(refused_, all);
}

absl::Status NetPrograms::AddCounters(std::vector<uint64_t>& sums) const {
  return AddPerCpuCounters(skeleton_->maps.counters, "the network counters", sums);
}

const bpf_object* NetPrograms::Object() const { return skeleton_->obj; }

}  // namespace sonde::kernel
