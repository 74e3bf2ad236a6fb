#include "agent/capture/capture.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "agent/capture/counterpart_parser.h"
#include "agent/capture/loss_words.h"
#include "base/clock.h"
#include "bpf/abi/unwind.h"

namespace sonde::capture {
namespace {

// Waits until every program that runs now has ended: they run with preemption off under RCU, and this system call is
// synchronize_rcu(). CPUs in full-tickless mode do not allow it; a program takes microseconds, so a pause serves there.
void AwaitRunningPrograms() {
  constexpr absl::Duration kPause = absl::Milliseconds(50);
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) absl::SleepFor(kPause);
}

// Whether the process's mappings tell where all its bare addresses lie.
bool CoversAll(const model::ProcessInfo& process, const std::vector<model::UserFrame>& frames) {
  return std::ranges::all_of(frames, [&](const model::UserFrame& frame) {
    if (frame.file != nullptr) return true;
    auto after = std::ranges::upper_bound(process.mappings, frame.offset, {}, &model::Mapping::start);
    return after != process.mappings.begin() && frame.offset < std::prev(after)->limit;
  });
}

bool IsMarker(model::StackId id) { return id.high == 0; }

}  // namespace

absl::StatusOr<std::unique_ptr<Capture>> Capture::Start(const Options& options) {
  auto capture = std::unique_ptr<Capture>(new Capture(options));
  auto consume = [self = capture.get()](std::span<const std::byte> bytes) { self->OnRecord(bytes); };
  auto sched = kernel::SchedPrograms::Load(options.features, *options.unwind_maps, consume);
  if (!sched.ok()) return sched.status();
  capture->sched_ = *std::move(sched);
  auto cpu = kernel::CpuPrograms::Load(*options.unwind_maps, consume);
  if (!cpu.ok()) return cpu.status();
  capture->cpu_ = *std::move(cpu);
  capture->faults_ = std::make_unique<FaultWatch>(options.features, *options.unwind_maps, consume, options.losses);
  capture->disks_ = std::make_unique<DiskWatch>(options.features, *options.unwind_maps, consume, options.losses);
  capture->connections_ =
      std::make_unique<ConnectionWatch>(options.features, *options.unwind_maps, consume, options.losses);
  capture->disk_waits_ = std::make_unique<DiskWaitWatch>(options.features, capture->sched_.get(), options.losses);
  capture->saturation_ = std::make_unique<SaturationWatch>(capture->sched_.get());

  capture->Beat();
  auto between_reads = [self = capture.get()] { self->ConsumeRings(); };
  if (absl::Status status = capture->sched_->Attach(between_reads); !status.ok()) return status;
  kernel::EventsByCpu clocks;
  if (options.clocks != nullptr) clocks.swap(*options.clocks);
  if (absl::Status status = capture->cpu_->Attach(options.sampling_hz, std::move(clocks)); !status.ok()) return status;
  capture->faults_->Attach();
  // Slice 0 ends here, with every clock running; what it holds of the start-up is not shown.
  absl::StatusOr<model::Slice> start_up = capture->EndSlice();
  if (!start_up.ok()) return start_up.status();
  return capture;
}

void Capture::OnRecord(std::span<const std::byte> bytes) {
  absl::StatusOr<RingRecord> record = ParseRingRecord(bytes);
  if (!record.ok()) {
    ring_status_ = record.status();
    return;
  }
  if (auto* seen = std::get_if<StackSeen>(&*record)) {
    OnStack(std::move(*seen));
  } else if (auto* exited = std::get_if<ThreadExited>(&*record)) {
    accounts_.Add(std::move(*exited));
  } else {
    processes_->OnExec(std::get<ProcessExecuted>(*record).tgid);
  }
}

model::UserFrame Capture::ToUserFrame(uint64_t frame) {
  static const auto kAnonymous = std::make_shared<const model::ExecutableFile>(
      model::ExecutableFile{.kind = model::CodeKind::kAnonymous, .identity = {}, .path = "[anon]", .fd = {}});
  const auto number = static_cast<uint16_t>(frame >> UNWIND_FRAME_FILE_SHIFT);
  const uint64_t offset = frame & UNWIND_FRAME_OFFSET;
  if (number == 0) return {nullptr, offset};
  if (number == UNWIND_FILE_ANONYMOUS) return {kAnonymous, offset};
  model::UserFrame place{code_->FileOf(number), offset};
  if (place.file == nullptr) losses_->Add("file_forgotten", "frames", "they are shown as [unknown]", 1);
  return place;
}

void Capture::OnStack(StackSeen seen) {
  seen.stack.process = processes_->Find(seen.tgid, seen.comm);
  for (uint64_t frame : seen.user_frames) seen.stack.user.push_back(ToUserFrame(frame));
  if (!CoversAll(*seen.stack.process, seen.stack.user)) seen.stack.process = processes_->Refresh(seen.tgid);
  if (seen.stack.end == model::StackEnd::kNoMapping || seen.stack.end == model::StackEnd::kNoProcess) {
    code_->OnMissedMapping(seen.tgid);
  }
  stacks_.Add(seen.id, std::make_shared<const model::RawStack>(std::move(seen.stack)), slice_);
}

void Capture::Beat() {
  const uint64_t now_ns = base::MonotonicNs();
  cpu_->Beat(now_ns);
  connections_->Beat(now_ns);
  faults_->Beat(now_ns);
  disks_->Beat(now_ns);
  const uint64_t missed_ns = sched_->Beat(now_ns);
  disk_waits_->Beat(now_ns);  // after it, whose epoch it takes: else clocks that stood would be believed
  if (missed_ns == 0) return;
  losses_->Add("agent_stalled", "milliseconds",
               "the agent did not run for over 3 s, and nothing was measured until it did: the time is unexplained",
               missed_ns / 1'000'000);
  ring_status_.Update(disks_->OnMissed());
  ring_status_.Update(connections_->OnMissed());
  ring_status_.Update(sched_->Resume([this] { ConsumeRings(); }));
}

void Capture::ConsumeRings() {
  Beat();
  ring_status_.Update(sched_->Ring().Consume());
  ring_status_.Update(cpu_->Ring().Consume());
  ring_status_.Update(faults_->ConsumeRing());
  ring_status_.Update(disks_->ConsumeRing());
  ring_status_.Update(connections_->ConsumeRing());
}

absl::Status Capture::Poll() {
  ConsumeRings();
  return std::exchange(ring_status_, absl::OkStatus());
}

bool Capture::IsSliceFull() const {
  // Half: what comes until the next look, and while the slice is closed, must still find room.
  constexpr double kFull = 0.5;
  return std::max({sched_->Fill(), cpu_->Fill(), faults_->Fill(), disks_->Fill(), connections_->Fill(),
                   disk_waits_->Fill()}) >= kFull;
}

void Capture::BeginSlice() {
  ++slice_;
  slice_start_ns_ = sched_->BeginSlice(slice_);
  cpu_->BeginSlice(slice_);
  faults_->BeginSlice(slice_);
  disks_->BeginSlice(slice_);
  connections_->BeginSlice(slice_);
  disk_waits_->BeginSlice(slice_);
  saturation_->BeginSlice();
}

bool Capture::HasStack(model::StackId id, uint32_t number, model::Slice& slice) {
  if (slice.stacks.contains(id)) return true;
  auto stack = stacks_.Use(id, number);
  return stack != nullptr && slice.stacks.emplace(id, std::move(stack)).second;
}

void Capture::AddSample(model::RawSample sample, uint32_t number, model::Slice& slice) {
  if (!IsMarker(sample.stack) && !HasStack(sample.stack, number, slice)) {
    losses_->Add("frames_missing", "stacks", "their time is kept for the process, without a stack", 1);
    sample.stack = model::kStackLost;
  }
  slice.samples.push_back(sample);
}

absl::Status Capture::CollectWakers(uint32_t number, model::Slice& slice) {
  return sched_->DrainWakers(number, [&](const abi::waker_key& key, const abi::waker_sum& sum) {
    const model::RawWaker waker{.tgid = key.tgid,
                                .reason = static_cast<profile::Reason>(key.reason),
                                .stack = {key.waiter.low, key.waiter.high},
                                .waker_tgid = key.waker_tgid,
                                .waker_stack = {key.waker.low, key.waker.high},
                                .count = sum.count,
                                .ns = sum.ns,
                                .holds = {sum.held_count, sum.held_ns, sum.longest_held_ns}};
    // A selection anyway: without frames it says nothing.
    if (HasStack(waker.waker_stack, number, slice)) slice.wakers.push_back(waker);
  });
}

absl::Status Capture::CollectChains(uint32_t number, model::Slice& slice) {
  return sched_->DrainChains(number, [&](const abi::chain_key& key, const abi::chain_sum& sum) {
    model::RawChain& chain = slice.chains.emplace_back();
    chain = {.tgid = key.tgid,
             .reason = static_cast<profile::Reason>(key.reason),
             .stack = {key.waiter.low, key.waiter.high},
             .count = sum.count,
             .ns = sum.ns,
             .hops = {}};
    for (uint32_t i = 0; i < std::min<uint32_t>(key.hops, CHAIN_HOPS); ++i) {
      const abi::chain_hop& hop = key.hop[i];
      chain.hops.push_back({.tgid = hop.tgid,
                            .comm = ToComm(hop.comm),
                            .is_interrupt = hop.is_interrupt != 0,
                            .stack = {hop.stack.low, hop.stack.high},
                            .ns = sum.hop_ns[i]});
      // A wake-up of long ago: who did it is known all the same.
      if (!HasStack(chain.hops.back().stack, number, slice)) chain.hops.back().stack = model::kStackLost;
    }
  });
}

absl::Status Capture::CollectCounterparts(uint32_t number, model::Slice& slice) {
  return sched_->DrainCounterparts(number, [&](const abi::counterpart_key& key, const abi::wait_sum& sum) {
    std::optional<model::Counterpart> with = ToCounterpart(key.with);
    if (!with) return;
    if (with->kind == model::Counterpart::Kind::kFutex && with->owner == 0 && sum.count == 0)
      FindOwner(key.tgid, &*with);
    model::RawCounterpart& one = slice.counterparts.emplace_back();
    one = {.tgid = key.tgid,
           .reason = static_cast<profile::Reason>(key.reason),
           .stack = {key.stack.low, key.stack.high},
           .with = *with,
           .count = sum.count,
           .ns = sum.ns,
           .lengths = ToLengths(sum.lengths, sum.longest_ns)};
    // As of its sample, whose time this is.
    if (!IsMarker(one.stack) && !HasStack(one.stack, number, slice)) one.stack = model::kStackLost;
  });
}

absl::Status Capture::CollectOtherSide(uint32_t number, model::Slice& slice) {
  if (absl::Status status = CollectWakers(number, slice); !status.ok()) return status;
  if (absl::Status status = CollectChains(number, slice); !status.ok()) return status;
  if (absl::Status status = CollectCounterparts(number, slice); !status.ok()) return status;
  const auto has_stack = [&](model::StackId id) { return HasStack(id, number, slice); };
  return disk_waits_->Collect(number, has_stack, slice);
}

absl::Status Capture::WatchOtherSide(bool watched) {
  disk_waits_->Watch(watched, slice_);
  disk_waits_->Beat(base::MonotonicNs());
  return sched_->WatchOtherSide(watched);
}

void Capture::WatchChains(bool watched) { sched_->WatchChains(watched, base::MonotonicNs()); }

absl::Status Capture::CollectSamples(uint32_t number, model::Slice& slice) {
  const uint64_t period_ns = 1'000'000'000 / sampling_hz_;
  absl::Status cpu = cpu_->Drain(number, [&](const abi::cpu_key& key, uint64_t count) {
    AddSample({.tgid = key.tgid,
               .reason = profile::Reason::kOnCpu,
               .stack = {key.stack.low, key.stack.high},
               .count = count,
               .ns = count * period_ns},
              number, slice);
  });
  if (!cpu.ok()) return cpu;
  return sched_->DrainWaits(number, [&](const abi::wait_key& key, const abi::wait_sum& sum) {
    AddSample({.tgid = key.tgid,
               .reason = static_cast<profile::Reason>(key.reason),
               .stack = {key.stack.low, key.stack.high & ~uint64_t{STACK_DRAWN}},
               .count = sum.count,
               .ns = sum.ns,
               .syscall = key.syscall,
               .lengths = ToLengths(sum.lengths, sum.longest_ns),
               .is_drawn = (key.stack.high & STACK_DRAWN) != 0},
              number, slice);
  });
}

absl::Status Capture::CountLosses() {
  std::vector<uint64_t> now(abi::COUNTERS);
  if (absl::Status status = sched_->AddCounters(now); !status.ok()) return status;
  if (absl::Status status = cpu_->AddCounters(now); !status.ok()) return status;
  if (absl::Status status = faults_->AddCounters(now); !status.ok()) return status;
  if (absl::Status status = disks_->AddCounters(now); !status.ok()) return status;
  if (absl::Status status = connections_->AddCounters(now); !status.ok()) return status;
  RecordKernelLosses(counters_, now, *losses_);
  counters_ = std::move(now);
  return absl::OkStatus();
}

void Capture::NameProcesses(const absl::flat_hash_map<uint32_t, std::string>& group_comms, model::Slice& slice) {
  auto name = [&](uint32_t tgid, const std::string& otherwise = "") {
    if (slice.processes.contains(tgid)) return;
    auto comm = group_comms.find(tgid);
    slice.processes.emplace(tgid, processes_->Find(tgid, comm != group_comms.end() ? comm->second : otherwise));
  };
  for (const model::ThreadAccount& thread : slice.threads) name(thread.tgid, thread.comm);
  for (const model::EndedThreads& ended : slice.ended_threads) name(ended.tgid);
  for (const model::RawSample& sample : slice.samples) name(sample.tgid);
  for (const model::RawFaults& faults : slice.faults) name(faults.tgid);
  for (const model::RawWaker& waker : slice.wakers) name(waker.waker_tgid);
  for (const model::RawChain& chain : slice.chains) {
    for (const model::RawChain::Hop& hop : chain.hops) name(hop.tgid);
  }
  for (const model::RawCounterpart& one : slice.counterparts) name(one.tgid);
  for (const model::RawConnects& connects : slice.connects) name(connects.tgid);
  for (const model::RawRequests& requests : slice.disks.requests) {
    // Who dirtied pages that are written now may be gone since long: the stack has its name.
    auto stack = slice.stacks.find(requests.stack);
    const bool is_of_it = stack != slice.stacks.end() && stack->second->process->tgid == requests.tgid;
    if (is_of_it) slice.processes.try_emplace(requests.tgid, stack->second->process);
    name(requests.tgid);
  }
}

void Capture::Select(const model::StackSelection& selection) {
  selection_ = selection;
  sched_->Select(selection);
}

absl::StatusOr<model::Slice> Capture::EndSlice() {
  const uint32_t ended = slice_;
  model::Slice slice;
  slice.sampling_hz = sampling_hz_;
  slice.walk_one_in = selection_.walk_one_in;
  slice.start_ns = slice_start_ns_;
  BeginSlice();
  slice.end_ns = slice_start_ns_;
  slice.start_unix_ns = base::WallNs() - static_cast<int64_t>(base::MonotonicNs() - slice.start_ns);
  AwaitRunningPrograms();

  absl::flat_hash_map<uint32_t, std::string> group_comms;
  auto on_thread = [&](const abi::thread_record& record) {
    group_comms.try_emplace(record.tgid, ToComm(record.group_comm));
    accounts_.Add(ToThreadAccount(record));
  };
  absl::Status status = sched_->CollectThreads(on_thread, [this] { ConsumeRings(); });
  if (!status.ok()) return status;
  AwaitRunningPrograms();
  if (status = Poll(); !status.ok()) return status;
  status = sched_->DrainExits(ended, [&](uint32_t tgid, const abi::exit_sum& sum) {
    group_comms.try_emplace(tgid, ToComm(sum.group_comm));
    slice.ended_threads.push_back(ToEndedThreads(tgid, sum));
  });
  if (!status.ok()) return status;
  if (status = CollectSamples(ended, slice); !status.ok()) return status;
  if (status = CollectOtherSide(ended, slice); !status.ok()) return status;
  const auto has_stack = [&](model::StackId id) { return HasStack(id, ended, slice); };
  const auto use_stack = [&](model::StackId id) { stacks_.Use(id, ended); };
  if (status = faults_->Collect(ended, has_stack, slice); !status.ok()) return status;
  if (status = disks_->Collect(ended, has_stack, use_stack, slice); !status.ok()) return status;
  if (status = connections_->Collect(ended, has_stack, slice); !status.ok()) return status;
  if (status = saturation_->Collect(ended, slice); !status.ok()) return status;
  if (status = CountLosses(); !status.ok()) return status;
  if (status = FollowHotplug(); !status.ok()) return status;

  slice.threads = accounts_.Take(ended);
  NameProcesses(group_comms, slice);
  stacks_.ForgetUnusedSince(ended);
  return slice;
}

std::vector<std::string> Capture::Degraded() const {
  std::vector<std::string> lines = sched_->Degraded();
  if (!faults_->UnknownWhy().empty()) {
    lines.push_back("page faults are not seen, and the faults profile is empty: " + faults_->UnknownWhy());
  }
  if (!disks_->UnknownWhy().empty()) {
    lines.push_back("agentctl disks shows only what /proc/diskstats counts: " + disks_->UnknownWhy());
  }
  return lines;
}

absl::Status Capture::FollowHotplug() {
  absl::Status status = cpu_->FollowHotplug();
  if (!absl::IsPermissionDenied(status)) return status;
  losses_->Add("cpu_not_sampled", "slices of new CPUs",
               "the right to open their clocks was given up: restart the agent", 1);
  return absl::OkStatus();
}

std::vector<const bpf_object*> Capture::Objects() const {
  std::vector<const bpf_object*> objects = {sched_->Object(), cpu_->Object()};
  for (const bpf_object* object :
       {faults_->Object(), disks_->Object(), connections_->Object(), disk_waits_->Object()}) {
    if (object != nullptr) objects.push_back(object);
  }
  return objects;
}

absl::StatusOr<std::vector<kernel::MapCost>> Capture::MapCosts() const {
  std::vector<kernel::MapCost> all;
  absl::flat_hash_set<uint32_t> ids;
  for (const bpf_object* object : Objects()) {
    auto costs = kernel::MapCosts(object);
    if (!costs.ok()) return costs.status();
    for (kernel::MapCost& cost : *costs) {
      if (ids.insert(cost.id).second) all.push_back(std::move(cost));
    }
  }
  std::erase_if(all, [this](const kernel::MapCost& cost) { return unwind_maps_->Fd(cost.name) >= 0; });
  all.push_back({"unwinding tables", unwind_maps_->Bytes(), 0});
  if (const uint64_t bytes = sched_->OtherSideBytes(); bytes > 0) all.push_back({"the other side of waits", bytes, 0});
  return all;
}

absl::StatusOr<std::vector<kernel::ProgramCost>> Capture::ProgramCosts() const {
  std::vector<kernel::ProgramCost> all;
  for (const bpf_object* object : Objects()) {
    auto costs = kernel::ProgramCosts(object);
    if (!costs.ok()) return costs.status();
    all.insert(all.end(), costs->begin(), costs->end());
  }
  return all;
}

absl::Status Capture::TimeRuns(bool timed) {
  absl::Status status;
  for (const bpf_object* object : Objects()) status.Update(kernel::TimeRuns(object, timed));
  return status;
}

}  // namespace sonde::capture
