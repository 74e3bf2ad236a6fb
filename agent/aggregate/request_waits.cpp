#include "agent/aggregate/request_waits.h"

#include <algorithm>

namespace sonde::aggregate {

void AddRequests(const RequestsEnding& more, std::vector<RequestsEnding>* all) {
  auto found = std::ranges::find_if(*all, [&](const RequestsEnding& one) {
    return one.disk == more.disk && one.operation == more.operation && one.is_swap == more.is_swap;
  });
  if (found == all->end()) {
    all->push_back(more);
    return;
  }
  found->sums.count += more.sums.count;
  found->sums.ns += more.sums.ns;
  found->sums.request_ns += more.sums.request_ns;
  found->sums.queue_ns += more.sums.queue_ns;
  found->sums.device_ns += more.sums.device_ns;
  found->sums.bytes += more.sums.bytes;
}

void RequestWaits::Add(const model::Slice& slice) {
  for (const model::RawRequestWaits& one : slice.request_waits) {
    AddRequests({one.disk, one.operation, one.is_swap, one.sums},
                &waits_[{one.tgid, one.reason, model::kNoSyscall, one.stack}]);
  }
}

const std::vector<RequestsEnding>* RequestWaits::Of(const RowKey& waiter) const {
  auto found = waits_.find({waiter.tgid, waiter.reason, model::kNoSyscall, waiter.stack});
  return found != waits_.end() ? &found->second : nullptr;
}

}  // namespace sonde::aggregate
