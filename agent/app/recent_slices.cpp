#include "agent/app/recent_slices.h"

#include <utility>

namespace sonde::app {
namespace {

template <typename T>
size_t BytesOfAll(const std::vector<T>& all) {
  return all.size() * sizeof(T);
}

size_t BytesOfSlice(const model::Slice& slice) {
  // Of a table, what an entry costs beside the value: its key, and room for more.
  constexpr size_t kEntry = 64;
  size_t bytes = sizeof(slice) + BytesOfAll(slice.samples) + BytesOfAll(slice.threads) + BytesOfAll(slice.wakers) +
                 BytesOfAll(slice.counterparts) + BytesOfAll(slice.peer_events) + BytesOfAll(slice.disks.requests) +
                 BytesOfAll(slice.saturation.queues) + slice.processes.size() * kEntry;
  for (const auto& [id, stack] : slice.stacks) {
    bytes += kEntry + sizeof(*stack) + BytesOfAll(stack->kernel) + BytesOfAll(stack->user);
  }
  return bytes;
}

}  // namespace

void RecentSlices::Add(std::shared_ptr<const model::Slice> slice, std::vector<telemetry::Loss> losses_before) {
  const uint64_t end_ns = slice->end_ns;
  const size_t bytes = BytesOfSlice(*slice);
  bytes_ += bytes;
  kept_.push_back({std::move(slice), std::move(losses_before), bytes});
  while (kept_.size() > 1 && (bytes_ > limits_.bytes || end_ns - kept_.front().slice->start_ns > limits_.ns)) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
}

RecentSlices::Past RecentSlices::Since(uint64_t since_ns) const {
  Past past;
  for (const Kept& one : kept_) {
    if (one.slice->end_ns <= since_ns) continue;
    if (past.slices.empty()) past.losses_before = one.losses_before;
    past.slices.push_back(one.slice);
  }
  return past;
}

}  // namespace sonde::app
