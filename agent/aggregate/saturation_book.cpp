#include "agent/aggregate/saturation_book.h"

namespace sonde::aggregate {

void SaturationBook::Add(const model::Slice& slice) {
  const model::SaturationSlice& more = slice.saturation;
  // Of a slice within which the watch began, what was before is not known.
  if (more.begin == nullptr || more.end == nullptr) return;
  if (begin_ == nullptr) begin_ = more.begin;
  end_ = more.end;
  for (const model::CpuQueue& queue : more.queues) {
    QueueSum& sum = queues_[queue.cpu];
    sum.woken.Add(queue.woken);
    sum.preempted.Add(queue.preempted);
  }
}

}  // namespace sonde::aggregate
