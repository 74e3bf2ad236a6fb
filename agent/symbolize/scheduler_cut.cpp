#include "agent/symbolize/scheduler_cut.h"

#include <algorithm>
#include <array>

namespace sonde::symbolize {
namespace {

constexpr std::array<std::string_view, 8> kSchedulers = {"__schedule",           "schedule",
                                                         "schedule_idle",        "schedule_rtlock",
                                                         "preempt_schedule",     "preempt_schedule_common",
                                                         "preempt_schedule_irq", "preempt_schedule_notrace"};

constexpr std::array<std::string_view, 10> kMachinery = {
    "bpf_prog_",      "bpf_trace_run", "__bpf_trace_",    "__traceiter_",    "bpf_get_stack",
    "bpf_trampoline", "__bpf_prog_",   "bpf_dispatcher_", "___bpf_prog_run", "perf_trace_"};

// Compilers add suffixes to clones: "__schedule.constprop.0".
bool IsScheduler(std::string_view name) {
  return std::ranges::find(kSchedulers, name.substr(0, name.find('.'))) != kSchedulers.end();
}

bool IsMachinery(std::string_view name) {
  return std::ranges::any_of(kMachinery, [name](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

size_t CountTracingFrames(std::span<const std::string_view> names) {
  auto top = names.first(std::min(names.size(), kMaxTracingFrames));
  auto scheduler = std::ranges::find_if(top, IsScheduler);
  if (scheduler == top.end()) scheduler = std::ranges::find_if_not(top, IsMachinery);
  return static_cast<size_t>(scheduler - top.begin());
}

}  // namespace sonde::symbolize
