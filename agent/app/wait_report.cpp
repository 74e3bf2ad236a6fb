#include "agent/app/wait_report.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "agent/aggregate/wait_quantile.h"
#include "agent/symbolize/syscall_names.h"
#include "profile/labels.h"
#include "profile/reason.h"

namespace sonde::app {
namespace {

constexpr size_t kWaitsUnlessAsked = 20;
constexpr size_t kWakers = 3;

struct Candidate {
  const aggregate::Window::Waits* group = nullptr;
  size_t index = 0;

  const model::UnwoundSample& Sample() const { return group->batch.samples[index]; }
};

bool IsIdle(const model::UnwoundSample& sample) {
  return profile::GroupOf(sample.reason) == profile::ReasonGroup::kIdle;
}

bool IsWanted(const model::UnwoundSample& sample, const control::v1::WaitsRequest& request) {
  if (!request.reason().empty()) return profile::ReasonName(sample.reason) == request.reason();
  return request.idle() || !IsIdle(sample);
}

using Frames = std::vector<profile::Frame>;

void AddFrames(const Frames& frames, google::protobuf::RepeatedPtrField<control::v1::WaitFrame>* out) {
  for (const profile::Frame& frame : frames) {
    control::v1::WaitFrame* entry = out->Add();
    entry->set_function(frame.name);
    entry->set_file(frame.file);
  }
}

// Above the kernel's wake-up is the machinery that looked at it.
Frames FromWakeUpOn(Frames frames) {
  auto wake_up = std::ranges::find(frames, "try_to_wake_up", &profile::Frame::name);
  if (wake_up != frames.end()) frames.erase(frames.begin(), wake_up);
  return frames;
}

void Describe(const Candidate& candidate, SharedSymbolizer* symbolizer, control::v1::Wait* wait) {
  const model::ProfileBatch& batch = candidate.group->batch;
  const model::UnwoundSample& sample = candidate.Sample();
  const model::WaitLengths& lengths = candidate.group->lengths[candidate.index];
  wait->set_reason(std::string(profile::ReasonName(sample.reason)));
  if (sample.syscall != model::kNoSyscall) wait->set_syscall(symbolize::SyscallName(sample.syscall));
  wait->set_process(batch.processes[sample.process]);
  if (auto service = batch.labels.find(profile::kServiceName); service != batch.labels.end()) wait->set_service(service->second);
  wait->set_count(sample.count);
  wait->set_ns(sample.ns);
  wait->set_p50_ns(aggregate::QuantileNs(lengths, 0.5));
  wait->set_p99_ns(aggregate::QuantileNs(lengths, 0.99));
  wait->set_p999_ns(aggregate::QuantileNs(lengths, 0.999));
  wait->set_longest_ns(lengths.longest_ns);
  AddFrames(symbolizer->Names(batch, sample), wait->mutable_stack());
  const std::vector<aggregate::Window::Waker>& wakers = candidate.group->wakers[candidate.index];
  for (size_t i = 0; i < std::min(wakers.size(), kWakers); ++i) {
    control::v1::Waker* waker = wait->add_wakers();
    waker->set_process(batch.processes[wakers[i].process]);
    waker->set_count(wakers[i].count);
    waker->set_ns(wakers[i].ns);
    AddFrames(FromWakeUpOn(symbolizer->Names(batch, {.stack = wakers[i].stack})), waker->mutable_stack());
  }
}

}  // namespace

void ReportWaits(const aggregate::Window& window, const control::v1::WaitsRequest& request, SharedSymbolizer* symbolizer,
                 control::v1::WaitsReply* reply) {
  std::optional<uint32_t> only;
  if (request.pid() != 0) only = request.pid();
  const std::vector<aggregate::Window::Waits> groups = window.AllWaits(only);
  std::vector<Candidate> candidates;
  uint64_t total_ns = 0, idle_ns = 0;
  for (const aggregate::Window::Waits& group : groups) {
    for (size_t i = 0; i < group.batch.samples.size(); ++i) {
      const model::UnwoundSample& sample = group.batch.samples[i];
      (IsIdle(sample) ? idle_ns : total_ns) += sample.ns;
      if (IsWanted(sample, request)) candidates.push_back({&group, i});
    }
  }
  reply->set_start_unix_ns(window.StartUnixNs());
  reply->set_duration_ns(static_cast<uint64_t>(window.DurationNs()));
  reply->set_total_ns(total_ns);
  reply->set_idle_ns(idle_ns);
  const size_t shown = std::min<size_t>(request.limit() != 0 ? request.limit() : kWaitsUnlessAsked, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(shown), candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return a.Sample().ns > b.Sample().ns; });
  for (size_t i = 0; i < shown; ++i) Describe(candidates[i], symbolizer, reply->add_waits());
}

}  // namespace sonde::app
