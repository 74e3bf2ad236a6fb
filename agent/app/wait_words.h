#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "agent/aggregate/wait_quantile.h"
#include "agent/aggregate/window.h"
#include "agent/app/pipeline.h"
#include "proto/sonde/control/v1/control.pb.h"

// What all reports of waits say in the same way.
namespace sonde::app {

constexpr size_t kLinesUnlessAsked = 20;

bool IsIdle(const model::UnwoundSample& sample);

// "service_name" of the batch's processes, else empty.
std::string ServiceOf(const model::ProfileBatch& batch);

using WaitFrames = google::protobuf::RepeatedPtrField<control::v1::WaitFrame>;
void AddFrames(const std::vector<profile::Frame>& frames, WaitFrames* out);

// The first kWakersTold of them, with their stacks from the kernel's wake-up on.
void AddWakers(const model::ProfileBatch& batch, const std::vector<aggregate::Window::Waker>& wakers, SharedSymbolizer* symbolizer,
               google::protobuf::RepeatedPtrField<control::v1::Waker>* out);

// Count, sum and lengths of waits that one line is about.
struct WaitTotals {
  uint64_t count = 0;
  uint64_t ns = 0;
  model::WaitLengths lengths;

  void Add(uint64_t more, uint64_t more_ns, const model::WaitLengths& more_lengths) {
    count += more;
    ns += more_ns;
    aggregate::Add(more_lengths, &lengths);
  }
};

// `Line` is any message with the fields count, ns, p50_ns, p99_ns, p999_ns and longest_ns.
template <typename Line>
void SetTotals(const WaitTotals& totals, Line* line) {
  line->set_count(totals.count);
  line->set_ns(totals.ns);
  line->set_p50_ns(aggregate::QuantileNs(totals.lengths, 0.5));
  line->set_p99_ns(aggregate::QuantileNs(totals.lengths, 0.99));
  line->set_p999_ns(aggregate::QuantileNs(totals.lengths, 0.999));
  line->set_longest_ns(totals.lengths.longest_ns);
}

// The `asked` (0: kLinesUnlessAsked) of `lines` with most `totals.ns` are first then, and no others left.
template <typename Line>
void KeepHeaviest(uint32_t asked, std::vector<Line>* lines) {
  const size_t kept = std::min<size_t>(asked != 0 ? asked : kLinesUnlessAsked, lines->size());
  std::partial_sort(lines->begin(), lines->begin() + static_cast<std::ptrdiff_t>(kept), lines->end(),
                    [](const Line& a, const Line& b) { return a.totals.ns > b.totals.ns; });
  lines->resize(kept);
}

}  // namespace sonde::app
