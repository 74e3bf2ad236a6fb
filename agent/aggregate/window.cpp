#include "agent/aggregate/window.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "agent/aggregate/frame_resolver.h"

namespace sonde::aggregate {
namespace {

using profile::Kind;
using profile::Reason;

// Not a stack of the kernel's making: ids of real stacks have an odd `high`.
constexpr model::StackId kStackNotSampled{3, 0};

bool Belongs(Kind kind, Reason reason) {
  if (kind == Kind::kWall) return true;
  return (kind == Kind::kCpu) == (reason == Reason::kOnCpu);
}

const char* MarkerText(model::StackId id) {
  if (id == model::kStackNewThread) return "[new thread that has not run yet]";
  if (id == model::kStackUnseen) return "[asleep since before Sonde started]";
  if (id == kStackNotSampled) return "[on CPU between two samples]";
  return "[stack lost]";
}

profile::Labels GroupLabels(const model::ProcessInfo& process) {
  profile::Labels labels = process.labels;
  labels.erase(profile::kProcess);
  return labels;
}

std::string ProcessName(const model::ProcessInfo& process) {
  auto label = process.labels.find(profile::kProcess);
  return label != process.labels.end() ? label->second : process.comm;
}

// One batch in the making.
class BatchBuilder {
 public:
  // `sample` has its reason and sums.
  void Add(const model::StackId& id, const model::RawStack* stack, const model::ProcessInfo& process,
           model::UnwoundSample sample) {
    if (met_.insert(&process).second) resolver_.MeetMainProgram(process);
    std::vector<model::Frame> frames = stack != nullptr ? resolver_.Resolve(*stack) : resolver_.Marker(MarkerText(id));
    sample.stack = IndexOf(std::move(frames));
    sample.process = IndexOf(ProcessName(process));
    auto key = std::tuple(sample.stack, sample.reason, sample.syscall, sample.process);
    auto [entry, is_new] = samples_.try_emplace(key, batch.samples.size());
    if (is_new) {
      batch.samples.push_back(sample);
    } else {
      batch.samples[entry->second].count += sample.count;
      batch.samples[entry->second].ns += sample.ns;
    }
  }

  model::ProfileBatch Finish() && {
    batch.files = resolver_.Files();
    return std::move(batch);
  }

  model::ProfileBatch batch;

 private:
  uint32_t IndexOf(std::vector<model::Frame> frames) {
    auto [entry, is_new] = stacks_.try_emplace(std::move(frames), static_cast<uint32_t>(batch.stacks.size()));
    if (is_new) batch.stacks.push_back(entry->first);
    return entry->second;
  }
  uint32_t IndexOf(const std::string& process) {
    auto [entry, is_new] = processes_.try_emplace(process, static_cast<uint32_t>(batch.processes.size()));
    if (is_new) batch.processes.push_back(process);
    return entry->second;
  }

  FrameResolver resolver_;
  absl::flat_hash_map<std::vector<model::Frame>, uint32_t> stacks_;
  absl::flat_hash_map<std::string, uint32_t> processes_;
  absl::flat_hash_set<const model::ProcessInfo*> met_;
  absl::flat_hash_map<std::tuple<uint32_t, Reason, uint16_t, uint32_t>, size_t> samples_;
};

}  // namespace

void Window::Add(const model::Slice& slice) {
  if (slices_++ == 0) {
    start_ns_ = slice.start_ns;
    start_unix_ns_ = slice.start_unix_ns;
    sampling_hz_ = slice.sampling_hz;
  }
  end_ns_ = slice.end_ns;
  accounts_.Add(slice);
  for (const model::RawSample& sample : slice.samples) {
    RowSum& sum = rows_[{sample.tgid, sample.reason, sample.syscall, sample.stack}];
    sum.count += sample.count;
    sum.ns += sample.ns;
  }
  for (const auto& [id, stack] : slice.stacks) stacks_.try_emplace(id, stack);
  // The latest word on a process wins: at first sight a new one may not have been readable yet.
  for (const auto& [tgid, process] : slice.processes) processes_[tgid] = process;
}

std::vector<Window::Row> Window::RowsOf(Kind kind, std::optional<uint32_t> tgid) const {
  std::vector<Row> rows;
  for (const auto& [key, sum] : rows_) {
    if (Belongs(kind, key.reason) && (!tgid || key.tgid == *tgid)) rows.emplace_back(key, sum);
  }
  if (kind == Kind::kWall) SpreadExactTime(rows);
  std::ranges::sort(rows, {}, [](const Row& row) {
    const RowKey& key = row.first;
    return std::tuple(key.tgid, key.reason, key.syscall, key.stack.low, key.stack.high);
  });
  return rows;
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
    rows.emplace_back(RowKey{tgid, Reason::kOnCpu, model::kNoSyscall, kStackNotSampled}, RowSum{0, exact});
  }
}

std::vector<model::ProfileBatch> Window::Batches(Kind kind, std::optional<uint32_t> tgid) const {
  std::map<profile::Labels, BatchBuilder> groups;
  for (const auto& [key, sum] : RowsOf(kind, tgid)) {
    auto process = processes_.find(key.tgid);
    if (process == processes_.end()) continue;  // Capture names every process of its samples
    auto stack = stacks_.find(key.stack);
    BatchBuilder& group = groups[GroupLabels(*process->second)];
    group.Add(key.stack, stack != stacks_.end() ? stack->second.get() : nullptr, *process->second,
              {.reason = key.reason, .count = sum.count, .ns = sum.ns, .syscall = key.syscall});
  }
  std::vector<model::ProfileBatch> batches;
  for (auto& [labels, group] : groups) {
    model::ProfileBatch& batch = batches.emplace_back(std::move(group).Finish());
    batch.kind = kind;
    batch.labels = labels;
    batch.start_unix_ns = start_unix_ns_;
    batch.duration_ns = DurationNs();
    batch.sampling_hz = sampling_hz_;
  }
  return batches;
}

}  // namespace sonde::aggregate
