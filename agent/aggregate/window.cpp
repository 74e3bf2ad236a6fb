#include "agent/aggregate/window.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/aggregate/batch_index.h"
#include "agent/aggregate/process_name.h"
#include "agent/aggregate/wait_quantile.h"
#include "profile/wait_length.h"

namespace sonde::aggregate {
namespace {

using profile::Kind;
using profile::Reason;

// Not a stack of the kernel's making: ids of real stacks have an odd `high`.
constexpr model::StackId kStackNotSampled{15, 0};

bool Belongs(Kind kind, Reason reason) {
  if (kind == Kind::kWall) return true;
  const bool is_of_waits = kind == Kind::kOffCpu || kind == Kind::kWaitLengths;
  return is_of_waits == (reason != Reason::kOnCpu);
}

void AddHolds(const model::LeastHolds& more, model::LeastHolds* sum) {
  sum->count += more.count;
  sum->ns += more.ns;
  sum->longest_ns = std::max(sum->longest_ns, more.longest_ns);
}

const char* MarkerText(model::StackId id) {
  if (id == model::kStackNewThread) return "[new thread that has not run yet]";
  if (id == model::kStackUnseen) return "[asleep since before Sonde started]";
  if (id == model::kStackNotDrawn) return "[stack not drawn: the agent is at its budget]";
  if (id == kStackNotSampled) return "[on CPU between two samples]";
  return "[stack lost]";
}

// None: its samples go to no group.
std::optional<profile::Labels> GroupLabels(uint32_t tgid, const model::ProcessInfo& process, const SeriesBook* series) {
  if (series != nullptr) {
    const profile::Labels* labels = series->SeriesOf(tgid);
    return labels != nullptr ? std::optional(*labels) : std::nullopt;
  }
  profile::Labels labels = process.labels;
  labels.erase(profile::kProcess);
  return labels;
}

}  // namespace

// One batch in the making.
class Window::BatchBuilder {
 public:
  // `sample` has its reason and sums. Gives its index.
  size_t Add(const model::StackId& id, const model::RawStack* stack, const model::ProcessInfo& process,
             model::UnwoundSample sample, const model::WaitLengths& lengths) {
    sample.process = Meet(process);
    sample.stack = index_.StackOf(stack, MarkerText(id), &process);
    return Sum(sample, lengths);
  }

  // Of the waits of `sample`, which has their reason and system call, how many were how long.
  void AddLengths(const model::ProcessInfo& process, model::UnwoundSample sample, const model::WaitLengths& lengths) {
    static_assert(std::tuple_size_v<decltype(lengths.counts)> == profile::kWaitLengthBuckets);
    sample.process = Meet(process);
    for (size_t i = 0; i < lengths.counts.size(); ++i) {
      if (lengths.counts[i] == 0) continue;
      sample.stack = index_.StackOf(nullptr, profile::WaitLengthFrame(i).c_str());
      sample.count = lengths.counts[i];
      Sum(sample, {});
    }
  }

  void AddWaker(size_t sample, const model::RawStack& stack, const model::ProcessInfo& process, const WakerSum& sum) {
    wakers_.resize(batch_.samples.size());
    const Waker waker{.process = index_.ProcessOf(ProcessName(process)),
                      .stack = index_.StackOf(&stack, "", &process),
                      .count = sum.count,
                      .ns = sum.ns,
                      .holds = sum.holds};
    for (Waker& known : wakers_[sample]) {
      if (known.process != waker.process || known.stack != waker.stack) continue;
      known.count += sum.count;
      known.ns += sum.ns;
      AddHolds(sum.holds, &known.holds);
      return;
    }
    wakers_[sample].push_back(waker);
  }

  void AddChain(size_t sample, WakeChain chain) {
    chains_.resize(batch_.samples.size());
    aggregate::AddChain(std::move(chain), &chains_[sample]);
  }

  // `stack` may be null, when it was lost.
  WakeChain::Hop HopOf(const model::RawChain::Hop& hop, const model::RawStack* stack,
                       const model::ProcessInfo& process) {
    return {.process = index_.ProcessOf(ProcessName(process)),
            .thread = hop.comm,
            .is_interrupt = hop.is_interrupt,
            .stack = index_.StackOf(stack, MarkerText(model::kStackLost), &process),
            .ns = hop.ns};
  }

  void AddCounterpart(size_t sample, const model::Counterpart& with, const RowSum& sum) {
    counterparts_.resize(batch_.samples.size());
    std::vector<Counterpart>& known = counterparts_[sample];
    auto found = std::ranges::find(known, with, &Counterpart::with);
    Counterpart& one = found != known.end() ? *found : known.emplace_back(Counterpart{.with = with, .sum = {}});
    one.sum.Add(sum);
  }

  void AddRequestsEnding(size_t sample, const std::vector<RequestsEnding>& all) {
    requests_.resize(batch_.samples.size());
    for (const RequestsEnding& one : all) AddRequests(one, &requests_[sample]);
  }

  Window::Waits Finish() && {
    index_.Fill(&batch_);
    wakers_.resize(batch_.samples.size());
    chains_.resize(batch_.samples.size());
    counterparts_.resize(batch_.samples.size());
    for (std::vector<WakeChain>& chains : chains_) std::ranges::stable_sort(chains, std::greater<>(), &WakeChain::ns);
    requests_.resize(batch_.samples.size());
    for (std::vector<RequestsEnding>& all : requests_) {
      std::ranges::stable_sort(all, std::greater<>(), [](const RequestsEnding& one) { return one.sums.ns; });
    }
    for (std::vector<Waker>& wakers : wakers_) std::ranges::stable_sort(wakers, std::greater<>(), &Waker::ns);
    for (std::vector<Counterpart>& all : counterparts_) {
      std::ranges::stable_sort(all, std::greater<>(), [](const Counterpart& one) { return one.sum.ns; });
    }
    return {std::move(batch_),  std::move(lengths_),      std::move(wakers_),
            std::move(chains_), std::move(counterparts_), std::move(requests_)};
  }

 private:
  // Adds it to the one of the same stack, reason, system call and process. Gives its index.
  size_t Sum(const model::UnwoundSample& sample, const model::WaitLengths& lengths) {
    auto key = std::tuple(sample.stack, sample.reason, sample.syscall, sample.process);
    auto [entry, is_new] = samples_.try_emplace(key, batch_.samples.size());
    if (is_new) {
      batch_.samples.push_back(sample);
      lengths_.push_back(lengths);
    } else {
      batch_.samples[entry->second].count += sample.count;
      batch_.samples[entry->second].ns += sample.ns;
      batch_.samples[entry->second].bytes += sample.bytes;
      aggregate::Add(lengths, &lengths_[entry->second]);
    }
    return entry->second;
  }

  // Its name's index. A name is made once for each process, and not for each row.
  uint32_t Meet(const model::ProcessInfo& process) {
    auto [known, is_new] = met_.try_emplace(&process);
    if (is_new) {
      index_.MeetMainProgram(process);
      known->second = index_.ProcessOf(ProcessName(process));
    }
    return known->second;
  }

  model::ProfileBatch batch_;
  std::vector<model::WaitLengths> lengths_;
  std::vector<std::vector<Waker>> wakers_;
  std::vector<std::vector<WakeChain>> chains_;
  std::vector<std::vector<Counterpart>> counterparts_;
  std::vector<std::vector<RequestsEnding>> requests_;
  BatchIndex index_;
  absl::flat_hash_map<const model::ProcessInfo*, uint32_t> met_;
  absl::flat_hash_map<std::tuple<uint32_t, Reason, uint16_t, uint32_t>, size_t> samples_;
};

void Window::Add(const model::Slice& slice) {
  if (slices_++ == 0) {
    start_ns_ = slice.start_ns;
    start_unix_ns_ = slice.start_unix_ns;
    sampling_hz_ = slice.sampling_hz;
  }
  end_ns_ = slice.end_ns;
  spread_.reset();
  accounts_.Add(slice);
  connects_.Add(slice);
  requests_.Add(slice);
  saturation_.Add(slice);
  request_waits_.Add(slice);
  for (const model::RawSample& sample : slice.samples) {
    rows_[{sample.tgid, sample.reason, sample.syscall, sample.stack}].Add(sample);
    has_left_out_ = has_left_out_ || sample.stack == model::kStackNotDrawn;
    if (sample.is_drawn) left_out_.AddDrawn(sample, slice.walk_one_in);
  }
  for (const model::RawFaults& faults : slice.faults) {
    RowSum& sum = faults_[{faults.tgid, Reason::kOnCpu, model::kNoSyscall, faults.stack}];
    sum.count += faults.count;
    sum.bytes += faults.bytes;
  }
  for (const model::RawWaker& waker : slice.wakers) {
    WakerSum& sum =
        wakers_[{waker.tgid, waker.reason, model::kNoSyscall, waker.stack}][{waker.waker_tgid, waker.waker_stack}];
    sum.count += waker.count;
    sum.ns += waker.ns;
    AddHolds(waker.holds, &sum.holds);
  }
  for (const model::RawChain& chain : slice.chains) {
    chains_[{chain.tgid, chain.reason, model::kNoSyscall, chain.stack}].push_back(chain);
  }
  for (const model::RawCounterpart& one : slice.counterparts) {
    counterparts_[{one.tgid, one.reason, model::kNoSyscall, one.stack}][one.with].Add(one);
  }
  for (const model::PeerEvents& events : slice.peer_events) {
    model::PeerEvents& sum =
        peer_events_.try_emplace(events.peer, model::PeerEvents{.peer = events.peer}).first->second;
    sum.retransmits += events.retransmits;
    sum.resets_received += events.resets_received;
    sum.resets_sent += events.resets_sent;
  }
  for (const auto& [id, stack] : slice.stacks) stacks_.try_emplace(id, stack);
  // The latest word on a process wins: at first sight a new one may not have been readable yet.
  for (const auto& [tgid, process] : slice.processes) processes_[tgid] = process;
}

std::vector<Window::Row> Window::RowsOf(Kind kind, std::optional<uint32_t> tgid, LeftOut left_out) const {
  std::vector<Row> rows;
  const bool is_spread = left_out == LeftOut::kSpread && has_left_out_ && kind != Kind::kFaults;
  Visit(kind == Kind::kFaults ? faults_
        : is_spread           ? AllSpread().rows
                              : rows_,
        kind, tgid, [&rows](const RowKey& key, const RowSum& sum) { rows.emplace_back(key, sum); });
  if (kind == Kind::kWall) SpreadExactTime(rows);
  return rows;
}

// A row has 300 bytes: sorting moves what points to it.
std::vector<const Window::Row*> Window::InOrder(const std::vector<Row>& rows) {
  std::vector<const Row*> order;
  order.reserve(rows.size());
  for (const Row& row : rows) order.push_back(&row);
  std::ranges::sort(order, {}, [](const Row* row) {
    const RowKey& key = row->first;
    return std::tuple(key.tgid, key.reason, key.syscall, key.stack.low, key.stack.high);
  });
  return order;
}

const Window::Spread& Window::AllSpread() const {
  if (!spread_) spread_ = SpreadOf(rows_);
  return *spread_;
}

Window::Spread Window::SpreadOf(Rows rows) const {
  // Processes that a profile shows as one.
  std::map<profile::Labels, uint32_t> first_of_kind;
  absl::flat_hash_map<uint32_t, uint32_t> kinds;
  for (const auto& [tgid, process] : processes_)
    kinds[tgid] = first_of_kind.try_emplace(process->labels, tgid).first->second;
  const StackError error = left_out_.Spread(
      [&kinds](uint32_t tgid) {
        auto kind = kinds.find(tgid);
        return kind != kinds.end() ? kind->second : tgid;
      },
      &rows);
  return {std::move(rows), error};
}

void Window::Visit(const Rows& rows, Kind kind, std::optional<uint32_t> tgid,
                   absl::FunctionRef<void(const RowKey&, const RowSum&)> visit) {
  for (const auto& [key, sum] : rows) {
    if (Belongs(kind, key.reason) && (!tgid || key.tgid == *tgid)) visit(key, sum);
  }
}

StackError Window::ExpectedStackError(std::optional<uint32_t> tgid) const {
  if (has_left_out_ && !tgid) return AllSpread().error;
  Rows wanted;
  StackError exact;
  Visit(rows_, Kind::kOffCpu, tgid, [&](const RowKey& key, const RowSum& sum) {
    if (has_left_out_) wanted.emplace(key, sum);
    if (profile::IsOffCpu(key.reason) && IsWithinWork(key)) exact.off_cpu_ns += sum.ns;
  });
  return has_left_out_ ? SpreadOf(std::move(wanted)).error : exact;
}

void Window::SpreadExactTime(std::vector<Row>& rows) const {
  absl::flat_hash_map<uint32_t, uint64_t> sampled_ns;
  absl::flat_hash_map<uint32_t, bool> has_rows;
  for (const Row& row : rows) {
    has_rows[row.first.tgid] = true;
    if (row.first.reason == Reason::kOnCpu) sampled_ns[row.first.tgid] += row.second.ns;
  }
  for (Row& row : rows) {
    if (row.first.reason != Reason::kOnCpu) continue;
    double exact = static_cast<double>(accounts_.OnCpuNs(row.first.tgid));
    double share = static_cast<double>(row.second.ns) / static_cast<double>(sampled_ns[row.first.tgid]);
    row.second.ns = static_cast<uint64_t>(exact * share);
  }
  for (const auto& [tgid, unused] : has_rows) {
    uint64_t exact = accounts_.OnCpuNs(tgid);
    if (exact == 0 || sampled_ns.contains(tgid)) continue;
    rows.emplace_back(RowKey{tgid, Reason::kOnCpu, model::kNoSyscall, kStackNotSampled},
                      RowSum{.count = 0, .ns = exact, .lengths = {}});
  }
}

void Window::AddWakers(const RowKey& waiter, size_t sample, BatchBuilder* group) const {
  auto found = wakers_.find({waiter.tgid, waiter.reason, model::kNoSyscall, waiter.stack});
  if (found == wakers_.end()) return;
  for (const auto& [key, sum] : found->second) {
    auto stack = stacks_.find(key.stack);
    auto process = processes_.find(key.tgid);
    if (stack != stacks_.end() && process != processes_.end())
      group->AddWaker(sample, *stack->second, *process->second, sum);
  }
}

void Window::AddChains(const RowKey& waiter, size_t sample, BatchBuilder* group) const {
  auto found = chains_.find({waiter.tgid, waiter.reason, model::kNoSyscall, waiter.stack});
  if (found == chains_.end()) return;
  for (const model::RawChain& chain : found->second) {
    WakeChain told{.count = chain.count, .ns = chain.ns, .hops = {}};
    for (const model::RawChain::Hop& hop : chain.hops) {
      auto stack = stacks_.find(hop.stack);
      auto process = processes_.find(hop.tgid);
      if (process == processes_.end()) break;  // Capture names every process of its chains
      told.hops.push_back(group->HopOf(hop, stack != stacks_.end() ? stack->second.get() : nullptr, *process->second));
    }
    group->AddChain(sample, std::move(told));
  }
}

void Window::AddCounterparts(const RowKey& waiter, size_t sample, BatchBuilder* group) const {
  auto found = counterparts_.find({waiter.tgid, waiter.reason, model::kNoSyscall, waiter.stack});
  if (found == counterparts_.end()) return;
  for (const auto& [with, sum] : found->second) group->AddCounterpart(sample, with, sum);
}

std::vector<Window::Waits> Window::Groups(Kind kind, std::optional<uint32_t> tgid, bool with_other_side,
                                          LeftOut left_out, const SeriesBook* series) const {
  std::map<profile::Labels, BatchBuilder> groups;
  absl::flat_hash_map<uint32_t, BatchBuilder*> group_of;  // by process; null: in none
  const std::vector<Row> rows = RowsOf(kind, tgid, left_out);
  for (const Row* row : InOrder(rows)) {
    const auto& [key, sum] = *row;
    auto process = processes_.find(key.tgid);
    if (process == processes_.end()) continue;  // Capture names every process of its samples
    auto stack = stacks_.find(key.stack);
    auto [known, is_new] = group_of.try_emplace(key.tgid);
    if (is_new) {
      const std::optional<profile::Labels> group_labels = GroupLabels(key.tgid, *process->second, series);
      known->second = group_labels ? &groups[*group_labels] : nullptr;
    }
    if (known->second == nullptr) continue;
    BatchBuilder& group = *known->second;
    if (kind == Kind::kWaitLengths) {
      group.AddLengths(*process->second, {.reason = key.reason, .syscall = key.syscall}, sum.lengths);
      continue;
    }
    const size_t sample =
        group.Add(key.stack, stack != stacks_.end() ? stack->second.get() : nullptr, *process->second,
                  {.reason = key.reason, .count = sum.count, .ns = sum.ns, .bytes = sum.bytes, .syscall = key.syscall},
                  sum.lengths);
    if (!with_other_side) continue;
    AddWakers(key, sample, &group);
    AddChains(key, sample, &group);
    AddCounterparts(key, sample, &group);
    if (const auto* requests = request_waits_.Of(key)) group.AddRequestsEnding(sample, *requests);
  }
  std::vector<Waits> finished;
  for (auto& [labels, group] : groups) {
    model::ProfileBatch& batch = finished.emplace_back(std::move(group).Finish()).batch;
    batch.kind = kind;
    batch.labels = labels;
    batch.start_unix_ns = start_unix_ns_;
    batch.duration_ns = DurationNs();
    batch.sampling_hz = sampling_hz_;
  }
  return finished;
}

std::vector<model::ProfileBatch> Window::Batches(Kind kind, std::optional<uint32_t> tgid) const {
  std::vector<model::ProfileBatch> batches;
  for (Waits& group : Groups(kind, tgid, /*with_other_side=*/false, LeftOut::kSpread))
    batches.push_back(std::move(group.batch));
  return batches;
}

std::vector<model::ProfileBatch> Window::Batches(Kind kind, const SeriesBook& series) const {
  std::vector<model::ProfileBatch> batches;
  for (Waits& group : Groups(kind, std::nullopt, /*with_other_side=*/false, LeftOut::kSpread, &series)) {
    batches.push_back(std::move(group.batch));
  }
  return batches;
}

std::vector<Window::Waits> Window::AllWaits(std::optional<uint32_t> tgid, LeftOut left_out) const {
  return Groups(Kind::kOffCpu, tgid, /*with_other_side=*/true, left_out);
}

std::vector<model::PeerEvents> Window::PeerEvents() const {
  std::vector<model::PeerEvents> all;
  all.reserve(peer_events_.size());
  for (const auto& [peer, events] : peer_events_) all.push_back(events);
  return all;
}

}  // namespace sonde::aggregate
