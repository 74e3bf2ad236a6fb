#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// The slices of the last minutes, for whoever asks what has been. The oldest go when all together are too many: by
// time, or by bytes where much happens. Single-threaded.
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
    std::optional<std::vector<telemetry::Loss>> losses_after;  // when the last of these had ended; nullopt: that is now
  };
  // What is kept of the time since then (monotonic), from the slice on in which it lies, up to the one in which
  // `until_ns` lies.
  Past Since(uint64_t since_ns, uint64_t until_ns = UINT64_MAX) const;

  // When what is kept begins (monotonic); 0: nothing is.
  uint64_t BeginNs() const { return kept_.empty() ? 0 : kept_.front().slice->start_ns; }
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
