#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/aggregate/wait_quantile.h"
#include "agent/aggregate/window.h"
#include "agent/symbolize/stack_names.h"
#include "profile/reason.h"
#include "proto/sonde/control/v1/control.pb.h"

// What all reports of waits, and of requests to disks, say in the same way.
namespace sonde::app {

constexpr size_t kLinesUnlessAsked = 20;

// The process that a request asks for: with `pid` 0, all.
inline std::optional<uint32_t> OnlyProcess(uint32_t pid) { return pid != 0 ? std::optional(pid) : std::nullopt; }

// By process id.
absl::flat_hash_map<uint32_t, std::string> ProcessNames(const aggregate::Window& window);

bool IsIdle(const model::UnwoundSample& sample);

// "service_name" of the batch's processes, else empty.
std::string ServiceOf(const model::ProfileBatch& batch);

using WaitFrames = google::protobuf::RepeatedPtrField<control::v1::WaitFrame>;
void AddFrames(const std::vector<profile::Frame>& frames, WaitFrames* out);

// The first kWakersTold of them, with their stacks from the kernel's wake-up on.
void AddWakers(const model::ProfileBatch& batch, const std::vector<aggregate::Window::Waker>& wakers,
               symbolize::StackNames* names, google::protobuf::RepeatedPtrField<control::v1::Waker>* out);

// The first kChainsTold of them, with the stacks of their hops from the kernel's wake-up on.
void AddChains(const model::ProfileBatch& batch, const std::vector<aggregate::WakeChain>& chains,
               symbolize::StackNames* names, google::protobuf::RepeatedPtrField<control::v1::WakeChain>* out);

// Who waited, for what reason and where. `Line` is any message with the fields reason, process, service and stack.
template <typename Line>
void SetPlace(const model::ProfileBatch& batch, const model::UnwoundSample& sample, symbolize::StackNames* names,
              Line* line) {
  line->set_reason(std::string(profile::ReasonName(sample.reason)));
  line->set_process(batch.processes[sample.process]);
  line->set_service(ServiceOf(batch));
  AddFrames(names->Of(batch, sample), line->mutable_stack());
}

// `Line` is any message with the fields p50_ns, p99_ns, p999_ns and longest_ns.
template <typename Line>
void SetLengths(const model::WaitLengths& lengths, Line* line) {
  line->set_p50_ns(aggregate::QuantileNs(lengths, 0.5));
  line->set_p99_ns(aggregate::QuantileNs(lengths, 0.99));
  line->set_p999_ns(aggregate::QuantileNs(lengths, 0.999));
  line->set_longest_ns(lengths.longest_ns);
}

// `Totals` has count, ns and lengths; `Line` is any message with the fields count, ns and those of SetLengths().
template <typename Totals, typename Line>
void SetTotals(const Totals& totals, Line* line) {
  line->set_count(totals.count);
  line->set_ns(totals.ns);
  SetLengths(totals.lengths, line);
}

inline constexpr auto kTotalNs = [](const auto& line) { return line.totals.ns; };

// The `asked` (0: kLinesUnlessAsked) of `lines` with most weight are first then, and no others left.
template <typename Line, typename WeightOf = decltype(kTotalNs)>
void KeepHeaviest(uint32_t asked, std::vector<Line>* lines, WeightOf weight_of = kTotalNs) {
  const size_t kept = std::min<size_t>(asked != 0 ? asked : kLinesUnlessAsked, lines->size());
  std::ranges::partial_sort(*lines, lines->begin() + static_cast<std::ptrdiff_t>(kept), std::greater<>(), weight_of);
  lines->resize(kept);
}

}  // namespace sonde::app
