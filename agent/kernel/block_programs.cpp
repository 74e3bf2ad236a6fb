#include "agent/kernel/block_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "agent/kernel/map_sizes.h"
#include "block.skel.h"

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<BlockPrograms>> BlockPrograms::Load(const Features& features,
                                                                   const UnwindMaps& unwind_maps,
                                                                   RingReader::Consumer on_record) {
  const BlockTracepoints& tracepoints = features.block;
  if (!tracepoints.requests) return absl::UnimplementedError("this kernel has no tracepoints of block devices");
  auto programs = std::unique_ptr<BlockPrograms>(new BlockPrograms(tracepoints));
  block_bpf* skeleton = programs->skeleton_ = block_bpf__open();
  if (skeleton == nullptr) return LibbpfError("cannot open the block programs", errno);
  skeleton->rodata->tells_start = tracepoints.start;
  skeleton->rodata->has_queue_argument = tracepoints.queue_argument;
  skeleton->rodata->flush_step_bit = tracepoints.flush_step_bit;
  bpf_program__set_autoload(skeleton->progs.on_start, tracepoints.start);
  bpf_program__set_autoload(skeleton->progs.on_done, tracepoints.start);
  bpf_program__set_autoload(skeleton->progs.on_insert, !tracepoints.start);
  bpf_program__set_autoload(skeleton->progs.on_merge, tracepoints.merge);
  bpf_program__set_autoload(skeleton->progs.on_dirty_folio, tracepoints.dirty_folio);
  bpf_program__set_autoload(skeleton->progs.on_dirty_page, tracepoints.dirty_page && !tracepoints.dirty_folio);
  const auto& maps = skeleton->maps;
  absl::Status sized = FitToCpus({maps.request_sums_even, maps.request_sums_odd, maps.submitter_stacks_even,
                                  maps.submitter_stacks_odd, maps.requests_under_way, maps.submitter_frames});
  if (!sized.ok()) return sized;
  if (absl::Status status = unwind_maps.GiveTo(skeleton->obj); !status.ok()) return status;
  if (int error = block_bpf__load(skeleton); error != 0) {
    return LibbpfError("the kernel refuses the block programs", error);
  }
  auto ring = RingReader::Open(bpf_map__fd(skeleton->maps.submitter_frames), std::move(on_record));
  if (!ring.ok()) return ring.status();
  programs->ring_ = *std::move(ring);
  return programs;
}

BlockPrograms::~BlockPrograms() {
  if (skeleton_ != nullptr) Detach();
  ring_.reset();
  block_bpf__destroy(skeleton_);
}

void BlockPrograms::Detach() {
  if (skeleton_->bss != nullptr) __atomic_store_n(&skeleton_->bss->counts_requests, false, __ATOMIC_RELAXED);
  // The other way round: nothing begins any more that would not be seen to end.
  links_.Detach();
}

absl::Status BlockPrograms::Watch(bool watched) {
  if (watched == IsWatching()) return absl::OkStatus();
  if (!watched) {
    Detach();
    return absl::OkStatus();
  }
  // What an earlier watch left is void.
  if (absl::Status status = ForgetAll(); !status.ok()) return status;
  for (uint32_t half = 0; half < 2; ++half) {
    if (absl::Status status = Drain(half, [](auto...) {}); !status.ok()) return status;
  }
  const auto& progs = skeleton_->progs;
  std::vector<bpf_program*> order = {progs.on_complete, progs.on_issue};
  if (tracepoints_.start) order.insert(order.begin(), progs.on_done);
  if (tracepoints_.merge) order.push_back(progs.on_merge);
  order.push_back(tracepoints_.start ? progs.on_start : progs.on_insert);
  if (tracepoints_.dirty_folio) {
    order.push_back(progs.on_dirty_folio);
  } else if (tracepoints_.dirty_page) {
    order.push_back(progs.on_dirty_page);
  }
  if (absl::Status status = links_.Attach(order); !status.ok()) return status;
  // Attaching takes milliseconds: what ended meanwhile is before the measurement, and what began is known by now.
  __atomic_store_n(&skeleton_->bss->counts_requests, true, __ATOMIC_RELEASE);
  return absl::OkStatus();
}

void BlockPrograms::Beat(uint64_t now_ns) { __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELAXED); }

absl::Status BlockPrograms::ForgetAll() {
  absl::Status status = DrainMap(skeleton_->maps.requests_under_way, [](auto...) {});
  status.Update(DrainMap(skeleton_->maps.dirty_pages, [](auto...) {}));
  return status;
}

void BlockPrograms::Forget(uint64_t address) {
  (void)bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.requests_under_way), &address);
}

void BlockPrograms::BeginSlice(uint32_t number) {
  __atomic_store_n(&skeleton_->bss->request_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->request_slice, number, __ATOMIC_RELEASE);
}

double BlockPrograms::Fill() const {
  return static_cast<double>(__atomic_load_n(&skeleton_->bss->request_entries_made, __ATOMIC_RELAXED)) /
         static_cast<double>(bpf_map__max_entries(skeleton_->maps.request_sums_even));
}

absl::Status BlockPrograms::Drain(uint32_t number,
                                  absl::FunctionRef<void(const abi::request_key&, const abi::request_sum&)> visit) {
  const bool is_odd = (number & 1) != 0;
  const bpf_map* sent = is_odd ? skeleton_->maps.submitter_stacks_odd : skeleton_->maps.submitter_stacks_even;
  absl::Status status = DrainMap(sent, [](auto...) {});
  if (!status.ok()) return status;
  const bpf_map* sums = is_odd ? skeleton_->maps.request_sums_odd : skeleton_->maps.request_sums_even;
  return DrainMapOf<abi::request_key, abi::request_sum>(sums, visit);
}

absl::Status BlockPrograms::VisitUnderWay(
    absl::FunctionRef<void(uint64_t address, const abi::request_under_way&)> visit) const {
  return VisitMapOf<uint64_t, abi::request_under_way>(skeleton_->maps.requests_under_way, visit);
}

absl::Status BlockPrograms::VisitDirtiers(absl::FunctionRef<void(const abi::dirtier&)> visit) const {
  return VisitMapOf<uint64_t, abi::dirtier>(skeleton_->maps.dirty_pages,
                                            [&](uint64_t, const abi::dirtier& by) { visit(by); });
}

absl::Status BlockPrograms::AddCounters(std::vector<uint64_t>& sums) const {
  return AddPerCpuCounters(skeleton_->maps.counters, "the block counters", sums);
}

const bpf_object* BlockPrograms::Object() const { return skeleton_->obj; }

}  // namespace sonde::kernel
