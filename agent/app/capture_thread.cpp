#include "agent/app/capture_thread.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "agent/app/slice_part.h"
#include "agent/app/status_report.h"
#include "agent/process/namespace_threads.h"
#include "base/clock.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

// Often enough that the rings do not fill and that short-lived processes are read while they live.
constexpr absl::Duration kPoll = absl::Milliseconds(100);
// Bounds what the kernel side's maps must hold.
constexpr absl::Duration kLongestSlice = absl::Seconds(10);

process::ProcessTableOptions TableOptions(const CaptureThread::Options& options) {
  process::ProcessTableOptions table;
  table.node = options.node;
  table.labels = options.labels;
  table.pods = options.pods;
  return table;
}

// A lock's word names its owner as the process knows it, which may be in a pid namespace of its own. While the owner
// is there to be found: who has let go of a lock is told by the kernel, by the id that it has on this host.
void FindOwnersInNamespaces(model::Slice* slice) {
  process::NamespaceThreads threads;
  for (model::RawCounterpart& one : slice->counterparts) {
    if (one.with.owner_in_word) one.with.owner = threads.TidOf(one.tgid, one.with.owner);
  }
}

}  // namespace

CaptureThread::CaptureThread(Options options, CodeTables* code, telemetry::LossLedger* losses, StatusBoard* board,
                             Sink sink, OnFailure on_failure)
    : options_(std::move(options)),
      code_(code),
      losses_(losses),
      board_(board),
      sink_(std::move(sink)),
      on_failure_(std::move(on_failure)),
      overhead_budget_(options_.overhead_budget),
      processes_(TableOptions(options_), losses),
      overhead_(options_.overhead_budget) {}

CaptureThread::~CaptureThread() { Stop(); }

absl::Status CaptureThread::Start() {
  absl::Status started;
  absl::Notification is_started;
  thread_ = std::thread([&] { Run(&started, &is_started); });
  is_started.WaitForNotification();
  return started;
}

void CaptureThread::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void CaptureThread::Run(absl::Status* started, absl::Notification* is_started) {
  pthread_setname_np(pthread_self(), "sonde-capture");
  auto capture = capture::Capture::Start({.features = options_.features,
                                          .sampling_hz = options_.sampling_hz,
                                          .clocks = options_.clocks,
                                          .unwind_maps = &code_->Maps(),
                                          .code = code_,
                                          .processes = &processes_,
                                          .losses = losses_});
  *started = capture.status();
  next_slice_ = absl::Now() + kLongestSlice;
  next_window_ = base::NextBoundary(absl::Now(), options_.window);
  is_started->Notify();
  if (!capture.ok()) return;
  for (const std::string& line : (*capture)->Degraded()) spdlog::warn("msg=\"degraded\" what=\"{}\"", line);
  absl::Status status = CaptureUntilStopped(**capture);
  if (!status.ok()) on_failure_(status);
}

absl::Status CaptureThread::CaptureUntilStopped(capture::Capture& capture) {
  overhead_.Begin(UsageSoFar(capture));
  for (;;) {
    last_turn_ns_.store(base::MonotonicNs(), std::memory_order_relaxed);
    bool is_last = AwaitWork();
    absl::Status counted =
        statistics_.Tick([&] { return capture.ProgramCosts(); }, [&](bool timed) { return capture.TimeRuns(timed); });
    if (!counted.ok()) losses_->Add("cost_unreadable", "readings of BPF cost", "status shows less", 1);
    if (absl::Status status = capture.Poll(); !status.ok()) return status;
    ServeLooks(capture);
    if (!is_last && !IsCutDue() && !capture.IsSliceFull()) continue;
    if (absl::Status status = Cut(capture, is_last); !status.ok()) return status;
    if (is_last) return absl::OkStatus();
  }
}

bool CaptureThread::AwaitWork() {
  absl::Duration wait = std::min(kPoll, std::min(next_slice_, next_window_) - absl::Now());
  for (const auto& measurement : active_) {
    wait = std::min(wait, absl::Nanoseconds(static_cast<int64_t>(measurement->until_ns - base::MonotonicNs())));
  }
  absl::MutexLock lock(&mutex_);
  auto ready = [this]()
                   ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty() || !looks_.empty(); };
  mutex_.AwaitWithTimeout(absl::Condition(&ready), std::max(wait, absl::ZeroDuration()));
  return stopping_;
}

void CaptureThread::ServeLooks(capture::Capture& capture) {
  std::vector<std::shared_ptr<Look>> looks;
  {
    absl::MutexLock lock(&mutex_);
    looks.swap(looks_);
  }
  for (const std::shared_ptr<Look>& look : looks) {
    look->dump = capture.LookAtThreads(look->tgid);
    look->done.Notify();
  }
}

bool CaptureThread::IsCutDue() {
  const uint64_t now = base::MonotonicNs();
  for (const auto& measurement : active_) {
    if (measurement->is_over) measurement->until_ns = std::min(measurement->until_ns, now);
  }
  if (absl::Now() >= std::min(next_slice_, next_window_)) return true;
  if (std::ranges::any_of(active_, [now](const auto& m) { return now >= m->until_ns; })) return true;
  absl::MutexLock lock(&mutex_);
  return !waiting_.empty();
}

absl::Status CaptureThread::Cut(capture::Capture& capture, bool is_last) {
  TakeWaiting();
  WatchSaturation(capture);
  absl::StatusOr<model::Slice> cut = capture.EndSlice();
  if (!cut.ok()) return cut.status();
  Govern(capture);
  FindOwnersInNamespaces(&*cut);
  auto slice = std::make_shared<const model::Slice>(*std::move(cut));
  const absl::Time now = absl::Now();
  // A wall clock set back leaves the next boundary far away: then the next one counts from the new time.
  bool ends_window = is_last || now >= next_window_ || next_window_ > now + options_.window;
  if (ends_window) next_window_ = base::NextBoundary(now, options_.window);
  next_slice_ = now + kLongestSlice;
  Serve(capture, slice);
  Watch(capture);
  Follow(capture);
  FollowProcesses(*slice, ends_window);
  Publish(capture, *slice);
  sink_({slice, ends_window});
  return absl::OkStatus();
}

void CaptureThread::TakeWaiting() {
  absl::MutexLock lock(&mutex_);
  starting_ = std::exchange(waiting_, {});
}

// Before the cut, so that all of the first slice that somebody wants is watched.
void CaptureThread::WatchSaturation(capture::Capture& capture) {
  const auto wants = [](const auto& measurement) { return measurement->wanted.saturation; };
  const absl::Status status =
      capture.WatchSaturation(std::ranges::any_of(active_, wants) || std::ranges::any_of(starting_, wants));
  if (status.ok()) return;
  spdlog::warn("msg=\"saturation is not watched\" error=\"{}\"", std::string(status.message()));
  losses_->Add("kernel_refuses", "measurements of saturation", "they tell only of control groups", 1);
}

void CaptureThread::Watch(capture::Capture& capture) {
  OnRequest wanted;
  for (const auto& measurement : active_) {
    wanted.other_side |= measurement->wanted.other_side;
    wanted.chains |= measurement->wanted.chains;
    wanted.connections |= measurement->wanted.connections;
    wanted.disks |= measurement->wanted.disks;
  }
  capture.WatchDisks(wanted.disks);
  WatchSaturation(capture);
  capture.WatchChains(wanted.chains);
  if (absl::Status watched = capture.WatchConnections(wanted.connections); !watched.ok()) {
    spdlog::warn("msg=\"TCP connections are not watched\" error=\"{}\"", std::string(watched.message()));
    losses_->Add("kernel_refuses", "measurements of TCP connections",
                 "connects, retransmits and resets are missing from them", 1);
  }
  const absl::Status status = capture.WatchOtherSide(wanted.other_side);
  if (status.ok()) return;
  spdlog::warn("msg=\"the other side of waits is not watched\" error=\"{}\"", std::string(status.message()));
  losses_->Add("kernel_refuses", "measurements of the other side of waits",
               "peers, locks and wakers are missing from them", 1);
}

void CaptureThread::TellNotFollowed(const absl::Status& status) {
  spdlog::warn("msg=\"a command is not followed\" error=\"{}\"", std::string(status.message()));
  losses_->Add("kernel_refuses", "recordings of commands", "what the command and its children did is missing from them",
               1);
}

// Then measurements that are new have begun.
void CaptureThread::Follow(capture::Capture& capture) {
  absl::flat_hash_set<uint32_t> commands;
  for (const auto& measurement : active_) {
    if (measurement->wanted.command != 0) commands.insert(measurement->wanted.command);
  }
  if (absl::Status status = capture.Follow(commands); !status.ok()) TellNotFollowed(status);
  for (const auto& measurement : active_) {
    if (!measurement->begun.HasBeenNotified()) measurement->begun.Notify();
  }
}

Usage CaptureThread::UsageSoFar(const capture::Capture& capture) const {
  const std::vector<uint64_t>& counters = capture.Counters();
  const OwnCost own = ReadOwnCost(base::MonotonicNs());
  return {.now_ns = base::MonotonicNs(),
          .now_unix_ns = base::WallNs(),
          .cpus = own.cpus,
          .programs_cpus = statistics_.LastCpus(),
          .own_cpu_ns = own.cpu_ns + options_.worker_cpu_ns(),
          .walk_ns = counters[abi::COUNT_WALK_NS],
          .walks = counters[abi::COUNT_STACK_WALKS],
          .walks_of = {counters[abi::COUNT_SITE_CHECKS], counters[abi::COUNT_PREEMPTED_WALKS],
                       counters[abi::COUNT_NEW_SITE_WALKS]}};
}

void CaptureThread::Govern(capture::Capture& capture) {
  overhead_.SetBudget(overhead_budget_.load(std::memory_order_relaxed));
  if (statistics_.Readings() == judged_readings_) return;
  judged_readings_ = statistics_.Readings();
  if (overhead_.Take(UsageSoFar(capture))) capture.Select(overhead_.Selection());
}

void CaptureThread::Serve(capture::Capture& capture, const std::shared_ptr<const model::Slice>& slice) {
  absl::StatusOr<capture::FollowedCommands> followed = capture.Followed(*slice);
  if (!followed.ok()) {
    TellNotFollowed(followed.status());
    followed.emplace();
  }
  for (const auto& measurement : active_) {
    const uint32_t command = measurement->wanted.command;
    if (command == 0) {
      measurement->slices.push_back(slice);
    } else {
      measurement->of_command->Add(PartOf(*slice, (*followed)[command]));
    }
  }
  std::erase_if(active_, [&](const auto& measurement) {
    bool is_done = slice->end_ns >= measurement->until_ns;
    if (is_done) measurement->done.Notify();
    return is_done || measurement->is_given_up;
  });
  recent_.Add(slice, std::exchange(losses_so_far_, losses_->Snapshot()));
  for (auto& measurement : starting_) {
    if (measurement->is_past) {
      ServePast(slice->end_ns, measurement.get());
      continue;
    }
    measurement->until_ns = slice->end_ns + static_cast<uint64_t>(absl::ToInt64Nanoseconds(measurement->length));
    active_.push_back(std::move(measurement));
  }
  starting_.clear();
}

void CaptureThread::ServePast(uint64_t now_ns, Measurement* measurement) const {
  const auto length = static_cast<uint64_t>(absl::ToInt64Nanoseconds(measurement->length));
  const auto before = static_cast<uint64_t>(absl::ToInt64Nanoseconds(measurement->before));
  const uint64_t until_ns = before == 0 ? UINT64_MAX : now_ns - std::min(now_ns, before);
  RecentSlices::Past past = recent_.Since(now_ns - std::min(now_ns, length), until_ns);
  measurement->slices = std::move(past.slices);
  measurement->losses_before = std::move(past.losses_before);
  measurement->losses_after = std::move(past.losses_after);
  measurement->kept = absl::Nanoseconds(now_ns - recent_.BeginNs());
  measurement->done.Notify();
}

void CaptureThread::FollowProcesses(const model::Slice& slice, bool ends_window) {
  absl::flat_hash_set<uint32_t> alive;
  for (const model::ThreadAccount& thread : slice.threads) {
    if (thread.ended_ns == 0) alive.insert(thread.tgid);
  }
  for (const auto& [tgid, process] : slice.processes) {
    if (!alive.contains(tgid)) processes_.OnExit(tgid);
  }
  for (uint32_t tgid : alive_) {
    if (!alive.contains(tgid)) processes_.OnExit(tgid);
  }
  alive_ = std::move(alive);
  if (!ends_window) return;
  processes_.Expire();
  code_->EndWindow();
}

void CaptureThread::Publish(const capture::Capture& capture, const model::Slice& slice) {
  KernelFacts facts;
  facts.samples = capture.Counters()[abi::COUNT_CPU_SAMPLES];
  facts.waits = capture.Counters()[abi::COUNT_WAITS];
  facts.faults = capture.Counters()[abi::COUNT_FAULTS];
  facts.faults_walked = capture.Counters()[abi::COUNT_FAULT_WALKS];
  facts.fault_stacks_cut = capture.Counters()[abi::COUNT_FAULT_CUT];
  std::copy_n(capture.Counters().begin() + abi::COUNT_STOPS, model::kStackEnds, facts.stack_ends.begin());
  facts.stacks_reused = capture.Counters()[abi::COUNT_SITE_HITS];
  facts.reuses_checked = capture.Counters()[abi::COUNT_SITE_CHECKS];
  facts.reuses_wrong = capture.Counters()[abi::COUNT_SITE_WRONG];
  facts.stacks_not_drawn = capture.Counters()[abi::COUNT_STACK_NOT_DRAWN];
  facts.overhead = overhead_.Facts();
  facts.unwinding = code_->Statistics();
  facts.threads = slice.threads.size();
  facts.processes = alive_.size();
  facts.degraded = capture.Degraded();
  absl::StatusOr<std::vector<kernel::MapCost>> maps = capture.MapCosts();
  if (maps.ok()) facts.maps = *std::move(maps);
  facts.programs = statistics_.Scaled();
  if (!maps.ok()) losses_->Add("cost_unreadable", "readings of BPF cost", "status shows less", 1);
  board_->SetKernelFacts(std::move(facts));
}

}  // namespace sonde::app
