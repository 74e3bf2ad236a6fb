#include "agent/app/dump_report.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/aggregate/dump_batch.h"
#include "agent/aggregate/process_name.h"
#include "agent/app/wait_words.h"
#include "agent/symbolize/stack_names.h"
#include "agent/symbolize/syscall_names.h"
#include "profile/labels.h"
#include "profile/reason.h"

namespace sonde::app {
namespace {

using model::StackOf;

constexpr size_t kThreadsUnlessAsked = 1'000;

std::string ServiceNameOf(const model::ProcessInfo& process) {
  return std::string(profile::LabelOf(process.labels, profile::kServiceName));
}

bool IsWanted(const model::ThreadNow& thread, const model::ProcessInfo& process,
              const control::v1::DumpRequest& request) {
  if (!request.service().empty() && request.service() != ServiceNameOf(process)) return false;
  return request.comm().empty() || request.comm() == thread.comm || request.comm() == aggregate::ProcessName(process);
}

const char* StateOf(const model::ThreadNow& thread) {
  if (!thread.reason) return "unknown";
  if (*thread.reason == profile::Reason::kOnCpu) return "running";
  return profile::GroupOf(*thread.reason) == profile::ReasonGroup::kRunQueue ? "run queue" : "blocked";
}

const char* WordOf(StackOf of) {
  if (of == StackOf::kSample) return "sample";
  return of == StackOf::kLastLeft ? "last-left" : "now";
}

uint64_t Ago(uint64_t then_ns, uint64_t now_ns) { return then_ns == 0 || then_ns > now_ns ? 0 : now_ns - then_ns; }

void Describe(const model::ThreadNow& thread, const model::ProcessInfo& process, uint64_t now_ns,
              control::v1::ThreadNow* out) {
  out->set_pid(thread.tgid);
  out->set_tid(thread.tid);
  out->set_thread(thread.comm);
  out->set_process(aggregate::ProcessName(process));
  out->set_service(ServiceNameOf(process));
  out->set_state(StateOf(thread));
  if (thread.reason) out->set_reason(std::string(profile::ReasonName(*thread.reason)));
  if (thread.syscall != model::kNoSyscall) out->set_syscall(symbolize::SyscallName(thread.syscall));
  out->set_ns(Ago(thread.since_ns, now_ns));
  out->set_since_before(thread.since_before);
  if (thread.stack == nullptr) return;
  out->set_stack_of(WordOf(thread.stack_of));
  out->set_stack_age_ns(Ago(thread.stack_ns, now_ns));
  out->set_kernel_only(thread.kernel_only);
}

}  // namespace

void ReportDump(model::ThreadDump dump, const control::v1::DumpRequest& request, symbolize::Symbolizer* symbolizer,
                control::v1::DumpReply* reply) {
  std::vector<model::ThreadNow> threads = std::move(dump.threads);
  std::erase_if(threads,
                [&](const auto& thread) { return !IsWanted(thread, *dump.processes.at(thread.tgid), request); });
  std::ranges::sort(threads, {}, [](const auto& thread) { return std::tuple(thread.tgid, thread.tid); });
  reply->set_unix_ns(dump.unix_ns);
  reply->set_all_threads(threads.size());
  threads.resize(std::min(threads.size(), request.limit() != 0 ? request.limit() : kThreadsUnlessAsked));
  const model::ProfileBatch batch = aggregate::BatchOf(dump, threads);
  symbolize::StackNames names(symbolizer);
  for (size_t i = 0; i < threads.size(); ++i) {
    control::v1::ThreadNow* out = reply->add_threads();
    Describe(threads[i], *dump.processes.at(threads[i].tgid), dump.now_ns, out);
    AddFrames(names.Of(batch, batch.samples[i]), out->mutable_stack());
  }
}

}  // namespace sonde::app
