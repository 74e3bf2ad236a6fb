#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "known_time.h"

namespace sonde::workloads {

// Runs `work(index)` on so many threads and waits for them; what they spent is added to `workers`.
inline void RunThreads(size_t count, Workers* workers, const std::function<void(size_t)>& work) {
  std::vector<uint64_t> started;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) {
    started.push_back(MonotonicNs());
    threads.emplace_back([&work, workers, i] {
      uint64_t start_ns = MonotonicNs();
      work(i);
      workers->run_queue_ns += OwnSchedstat().run_queue_ns;
      workers->inside_ns += MonotonicNs() - start_ns;
    });
  }
  for (size_t i = 0; i < count; ++i) {
    threads[i].join();
    workers->outside_ns += MonotonicNs() - started[i];
  }
}

}  // namespace sonde::workloads
