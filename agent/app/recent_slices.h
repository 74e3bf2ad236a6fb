#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// The slices of the last minutes, for whoever asks what has been. The oldest go when all together are too many: by time,
// or by bytes where much happens. Single-threaded.
class RecentSlices {
 public:
  struct Limits {
    uint64_t ns = 600'000'000'000;
    size_t bytes = size_t{8} << 20;
  };
  explicit RecentSlices(Limits limits) : limits_(limits) {}

  // `losses_before`: all that the agent had lost when the slice began. The latest slice is kept whatever its size.
  void Add(std::shared_ptr<const model::Slice> slice, std::vector<telemetry::Loss> losses_before);

  struct Past {
    std::vector<std::shared_ptr<const model::Slice>> slices;  // without gap, the oldest first
    std::vector<telemetry::Loss> losses_before;
  };
  // What is kept of the time since then (monotonic), from the slice on in which it lies.
  Past Since(uint64_t since_ns) const;

  // Of what is kept, as far as it is not shared with others.
  size_t Bytes() const { return bytes_; }

 private:
  struct Kept {
    std::shared_ptr<const model::Slice> slice;
    std::vector<telemetry::Loss> losses_before;
    size_t bytes = 0;
  };

  const Limits limits_;
  std::deque<Kept> kept_;
  size_t bytes_ = 0;
};

}  // namespace sonde::app
