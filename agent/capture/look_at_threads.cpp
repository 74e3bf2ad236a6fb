#include <utility>
#include <vector>

#include "agent/capture/capture.h"
#include "agent/capture/thread_places.h"
#include "base/clock.h"

namespace sonde::capture {

// First where threads are, then the frames: a stack is sent before a clock names it.
absl::StatusOr<model::ThreadDump> Capture::LookAtThreads(uint32_t tgid) {
  std::vector<abi::thread_now> told;
  const auto keep = [&told](const abi::thread_now& one) { told.push_back(one); };
  model::ThreadDump dump;
  if (absl::Status status = sched_->LookAtThreads(tgid, keep, [this] { ConsumeRings(); }); !status.ok()) return status;
  dump.now_ns = base::MonotonicNs();  // not before: what threads came to meanwhile has begun
  dump.unix_ns = base::WallNs();
  const auto samples = cpu_->LastSamples();
  if (!samples.ok()) return samples.status();
  if (absl::Status status = Poll(); !status.ok()) return status;
  const auto find = [this](model::StackId id) { return stacks_.Find(id); };
  for (const abi::thread_now& one : told) {
    model::ProcessInfoPtr& process = dump.processes[one.tgid];
    if (process == nullptr) process = processes_->Find(one.tgid, ToComm(one.group_comm));
    dump.threads.push_back(ToThreadNow(one, *samples, process, find));
  }
  return dump;
}

}  // namespace sonde::capture
