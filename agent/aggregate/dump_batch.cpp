#include "agent/aggregate/dump_batch.h"

#include "agent/aggregate/batch_index.h"
#include "agent/aggregate/process_name.h"

namespace sonde::aggregate {
namespace {

using model::StackOf;

const char* WhyMissing(const model::ThreadNow& thread) {
  if (!thread.reason) return "[not known: nobody saw what it does]";
  if (thread.missing == model::kStackNewThread) return "[new thread that has not run yet]";
  if (thread.missing == model::kStackUnseen) return "[asleep since before Sonde started]";
  if (thread.missing == model::kStackNotDrawn) return "[stack not drawn: the agent is at its budget]";
  return "[stack not known]";
}

// Whether the stack's leaf is where it was interrupted, and not the scheduler's.
bool WasRunning(const model::ThreadNow& thread) { return thread.stack_of == StackOf::kSample; }

}  // namespace

model::ProfileBatch BatchOf(const model::ThreadDump& dump, std::span<const model::ThreadNow> threads) {
  model::ProfileBatch batch;
  batch.kind = profile::Kind::kOffCpu;
  batch.start_unix_ns = dump.unix_ns;
  BatchIndex index;
  for (const model::ThreadNow& thread : threads) {
    const model::ProcessInfo& process = *dump.processes.at(thread.tgid);
    index.MeetMainProgram(process);
    model::UnwoundSample& sample = batch.samples.emplace_back();
    sample.stack = index.StackOf(thread.stack.get(), WhyMissing(thread), &process);
    sample.reason = WasRunning(thread) ? profile::Reason::kOnCpu : profile::Reason::kOther;
    sample.process = index.ProcessOf(ProcessName(process));
  }
  index.Fill(&batch);
  return batch;
}

}  // namespace sonde::aggregate
