#include "agent/kernel/sched_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_drain.h"
#include "agent/kernel/map_sizes.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "sched.skel.h"

namespace sonde::kernel {

namespace {

// A power of two, for the kernel side's sake.
uint32_t WakeUpsPerCpu(uint32_t all) {
  const int cpus = libbpf_num_possible_cpus();
  return std::bit_floor(std::max(1U, all / static_cast<uint32_t>(std::max(1, cpus))));
}

// Runs the iterator over all threads once; `between_reads` is called after every few.
template <typename Record>
absl::Status ReadIterator(const bpf_link* iterator, absl::FunctionRef<void(const Record&)> visit,
                          absl::FunctionRef<void()> between_reads) {
  const base::UniqueFd iteration(bpf_iter_create(bpf_link__fd(iterator)));
  if (!iteration.IsValid()) return LibbpfError("cannot start the task iterator", errno);
  // Whole records only: the kernel's seq buffer keeps what does not fit for the next read, cut anywhere.
  char buffer[16 * 1024];
  size_t have = 0;
  for (;;) {
    const ssize_t got = ::read(iteration.Get(), buffer + have, sizeof(buffer) - have);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return LibbpfError("cannot read the task iterator", errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
    size_t used = 0;
    for (; have - used >= sizeof(Record); used += sizeof(Record)) {
      Record record;
      std::memcpy(&record, buffer + used, sizeof(record));
      visit(record);
    }
    std::memmove(buffer, buffer + used, have - used);
    have -= used;
    between_reads();
  }
  if (have != 0) return absl::InternalError("the task iterator ended within a record");
  return absl::OkStatus();
}

}  // namespace

absl::Status SchedPrograms::TryLoad(const Features& features, const UnwindMaps& unwind_maps, bool with_lock) {
  sched_bpf__destroy(skeleton_);
  sched_bpf* skeleton = skeleton_ = sched_bpf__open();
  if (skeleton == nullptr) return LibbpfError("cannot open the scheduler programs", errno);
  skeleton->rodata->clocks_have_lock = with_lock;
  skeleton->rodata->clocks_in_task_storage = features.task_storage;
  skeleton->rodata->scheduler_text_start = features.text.scheduler.start;
  skeleton->rodata->scheduler_text_end = features.text.scheduler.end;
  skeleton->rodata->interrupt_entries_start = features.text.interrupt_entries.start;
  skeleton->rodata->interrupt_entries_end = features.text.interrupt_entries.end;
  skeleton->rodata->wake_ups_per_cpu = WakeUpsPerCpu(bpf_map__max_entries(skeleton->maps.wake_ups));
  skeleton->rodata->first_ephemeral_port = features.ephemeral_ports.first;
  skeleton->rodata->last_ephemeral_port = features.ephemeral_ports.last;
  bpf_program__set_autoload(skeleton->progs.on_contention_begin, features.lock_contention);
  bpf_program__set_autoload(skeleton->progs.on_contention_end, features.lock_contention);
  bpf_map__set_autocreate(skeleton->maps.clocks, features.task_storage);
  bpf_map__set_autocreate(skeleton->maps.clocks_by_task, !features.task_storage);
  bpf_map__set_autocreate(skeleton->maps.sites, features.task_storage);
  bpf_map__set_autocreate(skeleton->maps.sites_by_task, !features.task_storage);
  wakers_ = SliceMaps(skeleton->maps.wakers);
  counterparts_ = SliceMaps(skeleton->maps.counterparts);
  const auto& maps = skeleton->maps;
  absl::Status sized = FitToCpus(
      {maps.offcpu_waits_even, maps.offcpu_waits_odd, maps.sent_stacks_even, maps.sent_stacks_odd, maps.sched_events});
  if (!sized.ok()) return sized;
  if (absl::Status status = unwind_maps.GiveTo(skeleton->obj); !status.ok()) return status;
  int error = sched_bpf__load(skeleton);
  return error == 0 ? absl::OkStatus() : LibbpfError("the kernel refuses the scheduler programs", error);
}

absl::StatusOr<std::unique_ptr<SchedPrograms>> SchedPrograms::Load(const Features& features,
                                                                   const UnwindMaps& unwind_maps,
                                                                   RingReader::Consumer on_record) {
  auto programs = std::unique_ptr<SchedPrograms>(new SchedPrograms());
  absl::Status loaded = programs->TryLoad(features, unwind_maps, /*with_lock=*/true);
  if (absl::IsUnimplemented(loaded)) {
    programs->has_lock_ = false;
    loaded = programs->TryLoad(features, unwind_maps, /*with_lock=*/false);
  }
  if (!loaded.ok()) return loaded;
  auto ring = RingReader::Open(bpf_map__fd(programs->skeleton_->maps.sched_events), std::move(on_record));
  if (!ring.ok()) return ring.status();
  programs->ring_ = *std::move(ring);
  return programs;
}

std::vector<std::string> SchedPrograms::Degraded() const {
  if (has_lock_) return {};
  return {
      "no spin locks in tracing programs (Linux 5.10): time of a thread that moves in the instant of its collection "
      "may count twice, and then shows as unexplained"};
}

SchedPrograms::~SchedPrograms() {
  bpf_link__destroy(iterator_);
  bpf_link__destroy(looker_);
  watch_.Detach();
  if (skeleton_ != nullptr) sched_bpf__detach(skeleton_);
  ring_.reset();
  sched_bpf__destroy(skeleton_);
}

absl::Status SchedPrograms::Attach(absl::FunctionRef<void()> between_reads) {
  // The iterators are run by hand; attach() would make links that nobody reads.
  bpf_program__set_autoattach(skeleton_->progs.each_thread, false);
  bpf_program__set_autoattach(skeleton_->progs.look_at_thread, false);
  bpf_program__set_autoattach(skeleton_->progs.on_waking, false);
  bpf_program__set_autoattach(skeleton_->progs.on_watched_wakeup, false);
  bpf_program__set_autoattach(skeleton_->progs.on_watched_switch, false);
  if (int error = sched_bpf__attach(skeleton_); error != 0) return LibbpfError("cannot attach to the scheduler", error);
  iterator_ = bpf_program__attach_iter(skeleton_->progs.each_thread, nullptr);
  looker_ = bpf_program__attach_iter(skeleton_->progs.look_at_thread, nullptr);
  if (iterator_ == nullptr || looker_ == nullptr) return LibbpfError("cannot attach the task iterator", errno);
  // After the hooks: whoever is born meanwhile gets a clock from them.
  absl::Status adopted = IterateThreads([](const abi::thread_record&) {}, between_reads);
  skeleton_->bss->iterator_collects = true;
  return adopted;
}

absl::Status SchedPrograms::WatchOtherSide(bool watched) {
  if (watched == watch_.IsAttached()) return absl::OkStatus();
  absl::Status status;
  if (watched) {
    // What was noted in an earlier watch is void.
    __atomic_store_n(&skeleton_->bss->counterpart_watch, ++watches_begun_, __ATOMIC_RELEASE);
    // on_watched_switch after on_switch, whose clocks it reads.
    const auto& progs = skeleton_->progs;
    status.Update(wakers_.Make());
    status.Update(counterparts_.Make());
    if (status.ok()) status = watch_.Attach({progs.on_waking, progs.on_watched_wakeup, progs.on_watched_switch});
  } else {
    watch_.Detach();
  }
  if (watch_.IsAttached()) return status;
  __atomic_store_n(&skeleton_->bss->counterpart_watch, 0, __ATOMIC_RELEASE);
  wakers_.Drop();
  counterparts_.Drop();
  return status;
}

void SchedPrograms::WatchChains(bool watched, uint64_t now_ns) {
  const bool is_watching = skeleton_->bss->chain_watch != 0;
  if (watched == is_watching) return;
  skeleton_->bss->chain_watch_began_ns = now_ns;
  __atomic_store_n(&skeleton_->bss->chain_watch, watched ? ++chain_watches_begun_ : 0, __ATOMIC_RELEASE);
}

absl::Status SchedPrograms::Follow(uint32_t command) {
  __atomic_fetch_add(&skeleton_->bss->commands_followed, 1, __ATOMIC_RELEASE);
  const int error = bpf_map_update_elem(bpf_map__fd(skeleton_->maps.followed), &command, &command, BPF_ANY);
  return error == 0 ? absl::OkStatus() : LibbpfError("cannot follow the command", error);
}

absl::Status SchedPrograms::Unfollow(uint32_t command) {
  __atomic_fetch_sub(&skeleton_->bss->commands_followed, 1, __ATOMIC_RELEASE);
  std::vector<uint32_t> tgids;
  absl::Status status = VisitFollowed([&](const uint32_t& tgid, const uint32_t& of) {
    if (of == command) tgids.push_back(tgid);
  });
  for (const uint32_t tgid : tgids) status.Update(Forget(tgid));
  return status;
}

absl::Status SchedPrograms::VisitFollowed(absl::FunctionRef<void(const uint32_t&, const uint32_t&)> visit) const {
  return VisitMapOf<uint32_t, uint32_t>(skeleton_->maps.followed, visit);
}

absl::Status SchedPrograms::Forget(uint32_t tgid) {
  const int error = bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.followed), &tgid);
  return error == 0 || error == -ENOENT ? absl::OkStatus()
                                        : LibbpfError("cannot forget a process that was followed", error);
}

absl::Status SchedPrograms::WatchQueues(bool watched) {
  // What was counted after the last slice of an earlier watch is void.
  for (uint32_t number = 0; watched && number < 2; ++number) {
    if (absl::Status status = DrainQueueWaits(number, [](auto...) {}); !status.ok()) return status;
  }
  __atomic_store_n(&skeleton_->bss->queue_watch, watched ? 1 : 0, __ATOMIC_RELEASE);
  return absl::OkStatus();
}

uint64_t SchedPrograms::Beat(uint64_t now_ns) {
  constexpr uint64_t kPatienceNs = HEARTBEAT_PATIENCE_NS;
  const uint64_t silent_ns = last_beat_ns_ == 0 ? 0 : now_ns - last_beat_ns_;
  const bool has_missed = silent_ns >= kPatienceNs;
  last_beat_ns_ = now_ns;
  // First the epoch: who runs again must not believe a clock that stood.
  if (has_missed) __atomic_fetch_add(&skeleton_->bss->clock_epoch, 1, __ATOMIC_RELEASE);
  __atomic_store_n(&skeleton_->bss->heartbeat_ns, now_ns, __ATOMIC_RELEASE);
  return has_missed ? silent_ns - kPatienceNs : 0;
}

absl::Status SchedPrograms::Resume(absl::FunctionRef<void()> between_reads) {
  return IterateThreads([](const abi::thread_record&) {}, between_reads);
}

void SchedPrograms::Select(const model::StackSelection& selection) {
  static_assert(model::StackSelection{}.check_one_in == CHECK_ONE_IN);
  static_assert(model::StackSelection{}.preempted_pause_ns == PREEMPTED_PAUSE_NS);
  __atomic_store_n(&skeleton_->data->check_one_in, selection.check_one_in, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->data->preempted_pause_ns, selection.preempted_pause_ns, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->certain_walks, selection.certain_walks, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->data->walk_share, WALK_ALL / selection.walk_one_in, __ATOMIC_RELAXED);
}

uint64_t SchedPrograms::BeginSlice(uint32_t number) {
  __atomic_store_n(&skeleton_->bss->wait_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->stack_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->counterpart_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->chain_entries_made, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->exit_entries_made, 0, __ATOMIC_RELAXED);
  // Last, and nothing between: a switch that comes before the number is there counts for the slice before, up to when
  // it came.
  const uint64_t start_ns = base::MonotonicNs();
  skeleton_->bss->slice_start_ns[number & 1] = start_ns;
  __atomic_store_n(&skeleton_->bss->slice_number, number, __ATOMIC_RELEASE);
  return start_ns;
}

double SchedPrograms::Fill() const {
  auto share = [](const volatile auto* made, uint32_t entries) {
    return static_cast<double>(__atomic_load_n(made, __ATOMIC_RELAXED)) / static_cast<double>(entries);
  };
  return std::max({share(&skeleton_->bss->wait_entries_made, bpf_map__max_entries(skeleton_->maps.offcpu_waits_even)),
                   share(&skeleton_->bss->stack_entries_made, bpf_map__max_entries(skeleton_->maps.sent_stacks_even)),
                   share(&skeleton_->bss->counterpart_entries_made, counterparts_.Entries()),
                   share(&skeleton_->bss->chain_entries_made, bpf_map__max_entries(skeleton_->maps.chains_even)),
                   share(&skeleton_->bss->exit_entries_made, bpf_map__max_entries(skeleton_->maps.exits_even))});
}

absl::Status SchedPrograms::CollectThreads(absl::FunctionRef<void(const abi::thread_record&)> visit,
                                           absl::FunctionRef<void()> between_reads) {
  return IterateThreads(visit, between_reads);
}

absl::Status SchedPrograms::IterateThreads(absl::FunctionRef<void(const abi::thread_record&)> visit,
                                           absl::FunctionRef<void()> between_reads) {
  return ReadIterator<abi::thread_record>(iterator_, visit, between_reads);
}

absl::Status SchedPrograms::LookAtThreads(uint32_t tgid, absl::FunctionRef<void(const abi::thread_now&)> visit,
                                          absl::FunctionRef<void()> between_reads) {
  __atomic_store_n(&skeleton_->bss->dump_tgid, tgid, __ATOMIC_RELEASE);
  return ReadIterator<abi::thread_now>(looker_, visit, between_reads);
}

absl::Status SchedPrograms::DrainWaits(uint32_t number,
                                       absl::FunctionRef<void(const abi::wait_key&, const abi::wait_sum&)> visit) {
  bpf_map* sent = number & 1 ? skeleton_->maps.sent_stacks_odd : skeleton_->maps.sent_stacks_even;
  absl::Status status = DrainMap(sent, [](auto...) {});
  if (!status.ok()) return status;
  bpf_map* waits = number & 1 ? skeleton_->maps.offcpu_waits_odd : skeleton_->maps.offcpu_waits_even;
  return DrainMapOf<abi::wait_key, abi::wait_sum>(waits, visit);
}

absl::Status SchedPrograms::DrainExits(uint32_t number,
                                       absl::FunctionRef<void(const uint32_t&, const abi::exit_sum&)> visit) {
  bpf_map* exits = number & 1 ? skeleton_->maps.exits_odd : skeleton_->maps.exits_even;
  return DrainMapOf<uint32_t, abi::exit_sum>(exits, visit);
}

absl::Status SchedPrograms::DrainWakers(uint32_t number,
                                        absl::FunctionRef<void(const abi::waker_key&, const abi::waker_sum&)> visit) {
  return wakers_.DrainOf<abi::waker_key, abi::waker_sum>(number, visit);
}

absl::Status SchedPrograms::DrainChains(uint32_t number,
                                        absl::FunctionRef<void(const abi::chain_key&, const abi::chain_sum&)> visit) {
  bpf_map* chains = number & 1 ? skeleton_->maps.chains_odd : skeleton_->maps.chains_even;
  return DrainMapOf<abi::chain_key, abi::chain_sum>(chains, visit);
}

absl::Status SchedPrograms::DrainCounterparts(
    uint32_t number, absl::FunctionRef<void(const abi::counterpart_key&, const abi::wait_sum&)> visit) {
  return counterparts_.DrainOf<abi::counterpart_key, abi::wait_sum>(number, visit);
}

absl::Status SchedPrograms::DrainQueueWaits(
    uint32_t number, absl::FunctionRef<void(uint32_t, abi::queue_kind, const abi::wait_sum&)> visit) {
  static_assert(sizeof(abi::wait_sum) % 8 == 0);  // as the kernel pads the value of each CPU
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LibbpfError("cannot tell the number of possible CPUs", cpus);
  const int map = bpf_map__fd(skeleton_->maps.queue_waits);
  const std::vector<abi::wait_sum> none(static_cast<size_t>(cpus));
  for (uint32_t kind = 0; kind < abi::QUEUE_KINDS; ++kind) {
    const uint32_t key = (number & 1) * abi::QUEUE_KINDS + kind;
    std::vector<abi::wait_sum> sums = none;
    if (int error = bpf_map_lookup_elem(map, &key, sums.data()); error != 0) {
      return LibbpfError("cannot read the waits in run queues", error);
    }
    if (int error = bpf_map_update_elem(map, &key, none.data(), BPF_ANY); error != 0) {
      return LibbpfError("cannot clear the waits in run queues", error);
    }
    for (uint32_t cpu = 0; cpu < sums.size(); ++cpu) {
      if (sums[cpu].count != 0) visit(cpu, static_cast<abi::queue_kind>(kind), sums[cpu]);
    }
  }
  return absl::OkStatus();
}

absl::Status SchedPrograms::AddCounters(std::vector<uint64_t>& sums) const {
  return AddPerCpuCounters(skeleton_->maps.counters, "the scheduler counters", sums);
}

int SchedPrograms::ClocksFd() const { return bpf_map__fd(skeleton_->maps.clocks); }

uint32_t SchedPrograms::ClockEpoch() const { return __atomic_load_n(&skeleton_->bss->clock_epoch, __ATOMIC_RELAXED); }

const bpf_object* SchedPrograms::Object() const { return skeleton_->obj; }

}  // namespace sonde::kernel
