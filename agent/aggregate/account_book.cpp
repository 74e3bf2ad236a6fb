#include "agent/aggregate/account_book.h"

#include <algorithm>
#include <cstdlib>

namespace sonde::aggregate {
namespace {

void NameProcess(const model::Slice& slice, model::ProcessAccount* process) {
  static const profile::Labels kNone;
  auto found = slice.processes.find(process->tgid);
  const profile::Labels& labels = found != slice.processes.end() ? found->second->labels : kNone;
  process->process = profile::LabelOf(labels, profile::kProcess);
  process->service = profile::LabelOf(labels, profile::kServiceName);
  process->container = profile::ContainerOf(labels);
}

uint64_t WallNs(const model::ThreadAccount& thread, const model::Slice& slice) {
  uint64_t start = std::max(thread.started_ns, slice.start_ns);
  uint64_t end = thread.ended_ns != 0 ? thread.ended_ns : slice.end_ns;
  return end > start ? end - start : 0;
}

void AddTime(const model::ThreadAccount& thread, const model::Slice& slice, model::TimeAccount* account) {
  account->wall_ns += WallNs(thread, slice);
  profile::Add(thread.ns, &account->ns);
}

}  // namespace

model::ProcessAccount& AccountBook::ProcessOf(uint32_t tgid, const model::Slice& slice) {
  model::ProcessAccount& process = processes_[tgid];
  process.tgid = tgid;
  NameProcess(slice, &process);
  return process;
}

void AccountBook::Add(const model::Slice& slice) {
  for (const model::ThreadAccount& thread : slice.threads) {
    model::ProcessAccount& process = ProcessOf(thread.tgid, slice);
    auto [sum, is_new] = threads_.try_emplace({thread.tid, thread.started_ns});
    if (is_new) ++process.threads;
    sum->second.tgid = thread.tgid;
    sum->second.tid = thread.tid;
    sum->second.comm = thread.comm;
    AddTime(thread, slice, &process);
    AddTime(thread, slice, &sum->second);
  }
  AddEnded(slice);
  for (const model::RawSample& sample : slice.samples) {
    if (profile::IsOffCpu(sample.reason)) waits_[sample.tgid].Add(sample.reason, sample.count, sample.lengths);
  }
}

void AccountBook::AddEnded(const model::Slice& slice) {
  for (const model::EndedThreads& ended : slice.ended_threads) {
    model::ProcessAccount& process = ProcessOf(ended.tgid, slice);
    process.wall_ns += ended.wall_ns;
    profile::Add(ended.ns, &process.ns);
    // Those that began before are in an earlier slice's accounts, if there is one.
    const uint32_t more = is_begun_ ? ended.begun : ended.threads;
    process.threads += more;
    threads_not_told_ += more;
  }
  is_begun_ = true;
}

std::vector<model::ProcessAccount> AccountBook::Processes() const {
  std::vector<model::ProcessAccount> all;
  for (const auto& [tgid, process] : processes_) all.push_back(process);
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return a.wall_ns != b.wall_ns ? a.wall_ns > b.wall_ns : a.tgid < b.tgid;
  });
  return all;
}

std::vector<model::ThreadSum> AccountBook::ThreadSums() const {
  std::vector<model::ThreadSum> all;
  for (const auto& [key, thread] : threads_) all.push_back(thread);
  std::ranges::sort(
      all, [](const auto& a, const auto& b) { return a.wall_ns != b.wall_ns ? a.wall_ns > b.wall_ns : a.tid < b.tid; });
  return all;
}

const ReasonWaits& AccountBook::WaitsOf(uint32_t tgid) const {
  static const ReasonWaits kNone;
  auto found = waits_.find(tgid);
  return found != waits_.end() ? found->second : kNone;
}

uint64_t AccountBook::OnCpuNs(uint32_t tgid) const {
  auto found = processes_.find(tgid);
  return found != processes_.end() ? profile::At(found->second.ns, profile::Reason::kOnCpu) : 0;
}

double AccountBook::UnexplainedRatio() const {
  double wall = 0, unexplained = 0;
  for (const auto& [tgid, process] : processes_) {
    wall += static_cast<double>(process.wall_ns);
    unexplained += static_cast<double>(std::abs(process.UnexplainedNs()));
  }
  return wall > 0 ? unexplained / wall : 0;
}

}  // namespace sonde::aggregate
