#include "agent/aggregate/saturation_book.h"

#include "agent/aggregate/wait_quantile.h"

namespace sonde::aggregate {

void Add(const model::QueueWaits& more, model::QueueWaits* sum) {
  sum->count += more.count;
  sum->ns += more.ns;
  Add(more.lengths, &sum->lengths);
}

void SaturationBook::Add(const model::Slice& slice) {
  const model::SaturationSlice& more = slice.saturation;
  // Of a slice within which the watch began, what was before is not known.
  if (more.begin == nullptr || more.end == nullptr) return;
  if (begin_ == nullptr) begin_ = more.begin;
  end_ = more.end;
  for (const model::CpuQueue& queue : more.queues) {
    model::CpuQueue& sum = queues_[queue.cpu];
    sum.cpu = queue.cpu;
    aggregate::Add(queue.woken, &sum.woken);
    aggregate::Add(queue.preempted, &sum.preempted);
  }
}

}  // namespace sonde::aggregate
