#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "known_time.h"

namespace sonde::workloads {

// Runs `work(index)` on so many threads and waits for them; what they spent is added to `workers`.
inline void RunThreads(size_t count, Workers* workers, const std::function<void(size_t)>& work) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([&work, workers, i] {
      uint64_t start_ns = MonotonicNs();
      work(i);
      workers->inside_ns += MonotonicNs() - start_ns;
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace sonde::workloads
