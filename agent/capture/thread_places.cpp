#include "agent/capture/thread_places.h"

#include <algorithm>

#include "agent/capture/record_parser.h"

namespace sonde::capture {
namespace {

using model::StackOf;
using profile::Reason;

std::optional<Reason> ReasonOf(uint16_t reason) {
  return reason < abi::REASONS ? std::optional(static_cast<Reason>(reason)) : std::nullopt;
}

// The latest of the thread since it came to its CPU.
const abi::last_sample* SampleOf(const abi::thread_now& told, std::span<const abi::last_sample> samples) {
  const abi::last_sample* latest = nullptr;
  for (const abi::last_sample& one : samples) {
    if (one.tid != told.tid || one.tgid != told.tgid || one.at_ns < told.since_ns) continue;
    if (latest == nullptr || one.at_ns > latest->at_ns) latest = &one;
  }
  return latest;
}

// Nothing but the kernel's own part, which the iterator read.
std::shared_ptr<const model::RawStack> KernelStack(const abi::thread_now& told, const model::ProcessInfoPtr& process) {
  auto stack = std::make_shared<model::RawStack>();
  stack->process = process;
  const auto frames = std::min<size_t>(told.kernel_frames, SONDE_KERNEL_FRAMES);
  stack->kernel.assign(told.frames, told.frames + frames);
  return stack;
}

}  // namespace

model::ThreadNow ToThreadNow(const abi::thread_now& told, std::span<const abi::last_sample> samples,
                             const model::ProcessInfoPtr& process, const FindStack& find) {
  model::ThreadNow now;
  now.tgid = told.tgid;
  now.tid = told.tid;
  now.comm = ToComm(told.comm);
  now.reason = ReasonOf(told.reason);
  if (!now.reason) return now;
  now.since_ns = told.since_ns;
  if (now.reason == Reason::kOnCpu) {
    if (const abi::last_sample* sample = SampleOf(told, samples)) {
      now.stack = find({sample->stack.low, sample->stack.high});
      now.stack_of = StackOf::kSample;
      now.stack_ns = sample->at_ns;
      return now;
    }
  }
  const model::StackId id{told.wait_stack.low, told.wait_stack.high};
  const bool is_marker = id.high == 0;
  const bool is_blocked = profile::IsBlocked(*now.reason);
  if (is_blocked) now.syscall = told.wait_syscall;
  if (now.reason == Reason::kOnCpu) {
    now.stack_of = StackOf::kLastLeft;
    now.stack_ns = told.since_ns;
  } else if (told.wait_reason == abi::REASON_PREEMPTED) {
    now.stack_of = StackOf::kLastLeft;
  }
  now.stack = is_marker ? nullptr : find(id);
  now.missing = is_marker ? id : model::kStackLost;
  now.since_before = id == model::kStackUnseen || (now.stack != nullptr && now.stack->asleep_since_before);
  now.kernel_only = now.since_before && !process->is_kernel_thread;
  if (now.stack != nullptr || told.kernel_frames == 0) return now;
  now.stack = KernelStack(told, process);
  now.stack_of = StackOf::kNow;
  now.kernel_only = !process->is_kernel_thread;
  return now;
}

}  // namespace sonde::capture
