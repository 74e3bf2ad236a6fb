#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "agent/aggregate/wait_rows.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// Of the threads that came to one CPU.
struct QueueSum {
  RowSum woken;
  RowSum preempted;
};

// Sums what slices tell of saturation. Single-threaded.
class SaturationBook {
 public:
  void Add(const model::Slice& slice);

  // The kernel's books as the first slice began and as the last one ended; null: nobody asked.
  const model::SaturationReading* Begin() const { return begin_.get(); }
  const model::SaturationReading* End() const { return end_.get(); }
  // By CPU.
  const std::map<uint32_t, QueueSum>& Queues() const { return queues_; }

 private:
  std::shared_ptr<const model::SaturationReading> begin_;
  std::shared_ptr<const model::SaturationReading> end_;
  std::map<uint32_t, QueueSum> queues_;
};

}  // namespace sonde::aggregate
