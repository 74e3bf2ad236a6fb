#include "agent/app/lock_report.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/app/wait_words.h"
#include "agent/symbolize/kernel_objects.h"

namespace sonde::app {
namespace {

using model::Counterpart;

constexpr size_t kOwnersTold = 3;

struct LockLine {
  const aggregate::Window::Waits* group = nullptr;
  size_t index = 0;
  Counterpart lock;                                   // without owner
  std::vector<aggregate::Window::Counterpart> owned;  // the same by owner, the one with most time first
  aggregate::RowSum totals;
};

bool IsLock(const Counterpart& with) {
  return with.kind == Counterpart::Kind::kFutex || with.kind == Counterpart::Kind::kKernelLock;
}

const char* KindText(const Counterpart& lock) {
  if (lock.kind == Counterpart::Kind::kFutex) return "futex";
  switch (lock.mode) {
    case Counterpart::Mode::kMutex:
      return "mutex";
    case Counterpart::Mode::kReader:
      return "rwsem read";
    case Counterpart::Mode::kWriter:
      return "rwsem write";
    case Counterpart::Mode::kRealTime:
      return "rt mutex";
    case Counterpart::Mode::kPerCpu:
      return "percpu rwsem";
    case Counterpart::Mode::kUnknown:
      break;
  }
  return "kernel lock";
}

struct Thread {
  uint32_t tgid = 0;
  std::string comm;
  std::string process;
};
using Threads = absl::flat_hash_map<uint32_t, Thread>;

Threads AllThreads(const aggregate::Window& window) {
  absl::flat_hash_map<uint32_t, std::string> processes = ProcessNames(window);
  Threads threads;
  for (const model::ThreadSum& thread : window.Accounts().ThreadSums()) {
    threads[thread.tid] = {thread.tgid, thread.comm, processes[thread.tgid]};
  }
  return threads;
}

// A word beside a futex that is no mutex may hold anything: only a thread of the same process name can be the owner.
bool IsOwner(const Counterpart& with, const Thread& thread, const std::string& waiter) {
  return !with.owner_in_word || thread.process == waiter;
}

// Threads of one name are one owner: a pool's, or those that live for one task each.
void AddOwners(const LockLine& line, const Threads& threads, const std::string& waiter, control::v1::Lock* out) {
  std::map<std::pair<std::string, std::string>, control::v1::LockOwner> owners;
  for (const aggregate::Window::Counterpart& one : line.owned) {
    auto thread = threads.find(one.with.owner);
    if (thread == threads.end() || !IsOwner(one.with, thread->second, waiter)) continue;
    control::v1::LockOwner& owner = owners[{thread->second.comm, thread->second.process}];
    owner.set_tid(owner.count() == 0 && owner.ns() == 0 ? one.with.owner : 0);
    owner.set_thread(thread->second.comm);
    owner.set_process(thread->second.process);
    owner.set_count(owner.count() + one.sum.count);
    owner.set_ns(owner.ns() + one.sum.ns);
  }
  std::vector<control::v1::LockOwner> sorted;
  for (auto& [name, owner] : owners) sorted.push_back(std::move(owner));
  std::ranges::stable_sort(sorted, std::greater<>(), [](const control::v1::LockOwner& owner) { return owner.ns(); });
  for (size_t i = 0; i < std::min(sorted.size(), kOwnersTold); ++i) *out->add_owners() = std::move(sorted[i]);
}

// The locks of a sample, each with its owners.
void AddLines(const aggregate::Window::Waits& group, size_t index, std::vector<LockLine>* lines) {
  absl::flat_hash_map<Counterpart, LockLine> found;
  for (const aggregate::Window::Counterpart& one : group.counterparts[index]) {
    if (!IsLock(one.with)) continue;
    Counterpart lock = one.with;
    lock.owner = 0;
    lock.owner_in_word = false;
    LockLine& line =
        found.try_emplace(lock, LockLine{.group = &group, .index = index, .lock = lock, .owned = {}, .totals = {}})
            .first->second;
    line.totals.Add(one.sum);
    line.owned.push_back(one);
  }
  for (auto& [lock, line] : found) lines->push_back(std::move(line));
}

absl::flat_hash_map<uint64_t, std::string> NamesOf(const std::vector<LockLine>& lines) {
  std::vector<uint64_t> addresses;
  for (const LockLine& line : lines) {
    if (line.lock.kind == Counterpart::Kind::kKernelLock && !line.lock.of_memory) addresses.push_back(line.lock.lock);
  }
  return symbolize::KernelObjects(addresses);
}

void Describe(const LockLine& line, symbolize::StackNames* names, control::v1::Lock* out) {
  const model::ProfileBatch& batch = line.group->batch;
  SetPlace(batch, batch.samples[line.index], names, out);
  out->set_kind(KindText(line.lock));
  out->set_address(line.lock.lock);
  if (line.lock.of_memory) out->set_name("mmap_lock");
  SetTotals(line.totals, out);
  AddWakers(batch, line.group->wakers[line.index], names, out->mutable_wakers());
}

}  // namespace

void ReportLocks(const aggregate::Window& window, const control::v1::LocksRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::LocksReply* reply) {
  const std::vector<aggregate::Window::Waits> groups =
      window.AllWaits(OnlyProcess(request.pid()), aggregate::Window::LeftOut::kAtMarker);
  std::vector<LockLine> lines;
  for (const aggregate::Window::Waits& group : groups) {
    for (size_t i = 0; i < group.batch.samples.size(); ++i) {
      if (request.idle() || !IsIdle(group.batch.samples[i])) AddLines(group, i, &lines);
    }
  }
  uint64_t total_ns = 0;
  for (const LockLine& line : lines) total_ns += line.totals.ns;
  reply->set_total_ns(total_ns);
  KeepHeaviest(request.limit(), &lines);
  const Threads threads = AllThreads(window);
  const absl::flat_hash_map<uint64_t, std::string> names = NamesOf(lines);
  symbolize::StackNames stack_names(symbolizer);
  for (const LockLine& line : lines) {
    control::v1::Lock* out = reply->add_locks();
    Describe(line, &stack_names, out);
    if (auto name = names.find(line.lock.lock); name != names.end()) out->set_name(name->second);
    AddOwners(line, threads, out->process(), out);
  }
}

}  // namespace sonde::app
