#pragma once

#include <cstdint>
#include <vector>

#include "agent/capture/record_parser.h"
#include "agent/model/slice.h"

namespace sonde::capture {

// Brings the accounts of a slice together: of living threads, from the iterator; of exited ones, from the ring, where
// one record may hold parts of two slices. Each part is given out exactly once. Single-threaded.
class ThreadAccounts {
 public:
  void Add(ThreadExited exited);
  void Add(model::ThreadAccount living);

  // All accounts of `slice`; those of later slices stay. REQUIRES: called with each slice in turn.
  std::vector<model::ThreadAccount> Take(uint32_t slice);

 private:
  std::vector<model::ThreadAccount> living_;
  std::vector<ThreadExited> exited_;
};

}  // namespace sonde::capture
