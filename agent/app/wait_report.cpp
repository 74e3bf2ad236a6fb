#include "agent/app/wait_report.h"

#include <optional>
#include <string>
#include <vector>

#include "agent/app/request_words.h"
#include "agent/app/wait_words.h"
#include "agent/symbolize/syscall_names.h"
#include "profile/reason.h"

namespace sonde::app {
namespace {

struct WaitLine {
  const aggregate::Window::Waits* group = nullptr;
  size_t index = 0;
  aggregate::RowSum totals;
};

bool IsWanted(const model::UnwoundSample& sample, const control::v1::WaitsRequest& request) {
  if (!request.reason().empty()) return profile::ReasonName(sample.reason) == request.reason();
  return request.idle() || !IsIdle(sample);
}

void AddRequests(const std::vector<aggregate::RequestsEnding>& requests, control::v1::Wait* wait) {
  for (const aggregate::RequestsEnding& one : requests) {
    control::v1::WaitRequests* out = wait->add_requests();
    out->set_disk(one.disk);
    out->set_operation(OperationName(one.operation));
    out->set_swap(one.is_swap);
    out->set_count(one.sums.count);
    out->set_ns(one.sums.ns);
    out->set_request_ns(one.sums.request_ns);
    out->set_queue_ns(one.sums.queue_ns);
    out->set_device_ns(one.sums.device_ns);
    out->set_bytes(one.sums.bytes);
  }
}

void Describe(const WaitLine& line, symbolize::StackNames* names, control::v1::Wait* wait) {
  const model::ProfileBatch& batch = line.group->batch;
  const model::UnwoundSample& sample = batch.samples[line.index];
  SetPlace(batch, sample, names, wait);
  if (sample.syscall != model::kNoSyscall) wait->set_syscall(symbolize::SyscallName(sample.syscall));
  SetTotals(line.totals, wait);
  AddWakers(batch, line.group->wakers[line.index], names, wait->mutable_wakers());
  AddChains(batch, line.group->chains[line.index], names, wait->mutable_chains());
  AddRequests(line.group->requests[line.index], wait);
}

}  // namespace

void ReportWaits(const aggregate::Window& window, const control::v1::WaitsRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::WaitsReply* reply) {
  const std::optional<uint32_t> only = OnlyProcess(request.pid());
  const std::vector<aggregate::Window::Waits> groups = window.AllWaits(only);
  std::vector<WaitLine> lines;
  uint64_t total_ns = 0, idle_ns = 0;
  for (const aggregate::Window::Waits& group : groups) {
    if (!request.service().empty() && request.service() != ServiceOf(group.batch)) continue;
    for (size_t i = 0; i < group.batch.samples.size(); ++i) {
      const model::UnwoundSample& sample = group.batch.samples[i];
      (IsIdle(sample) ? idle_ns : total_ns) += sample.ns;
      if (IsWanted(sample, request)) lines.push_back({&group, i, {sample.count, sample.ns, group.lengths[i]}});
    }
  }
  reply->set_total_ns(total_ns);
  reply->set_idle_ns(idle_ns);
  const aggregate::StackError error = window.ExpectedStackError(only);
  reply->set_not_drawn_ns(error.left_out_ns);
  reply->set_stack_error_ns(error.expected_ns);
  KeepHeaviest(request.limit(), &lines);
  symbolize::StackNames stack_names(symbolizer);
  for (const WaitLine& line : lines) Describe(line, &stack_names, reply->add_waits());
}

}  // namespace sonde::app
