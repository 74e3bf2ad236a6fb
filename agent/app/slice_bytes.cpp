#include "agent/app/slice_bytes.h"

#include <vector>

namespace sonde::app {
namespace {

template <typename T>
size_t BytesOfAll(const std::vector<T>& all) {
  return all.size() * sizeof(T);
}

}  // namespace

size_t BytesOfSlice(const model::Slice& slice) {
  size_t bytes = sizeof(slice) + BytesOfAll(slice.samples) + BytesOfAll(slice.faults) + BytesOfAll(slice.threads) +
                 BytesOfAll(slice.ended_threads) + BytesOfAll(slice.wakers) + BytesOfAll(slice.counterparts) +
                 BytesOfAll(slice.peer_events) + BytesOfAll(slice.connects) + BytesOfAll(slice.request_waits) +
                 BytesOfAll(slice.disks.requests) + BytesOfAll(slice.saturation.queues);
  for (const model::RawChain& chain : slice.chains) bytes += sizeof(chain) + BytesOfAll(chain.hops);
  for (const auto& [id, stack] : slice.stacks) {
    bytes += kTableEntryBytes + sizeof(*stack) + BytesOfAll(stack->kernel) + BytesOfAll(stack->user);
  }
  return bytes;
}

}  // namespace sonde::app
