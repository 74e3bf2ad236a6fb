#pragma once

#include <cstdint>
#include <vector>

#include "agent/aggregate/wait_rows.h"
#include "agent/model/wait_lengths.h"
#include "profile/reason.h"

namespace sonde::aggregate {

// How many waits of a process, or of several, ended for each reason, and how long they were. An account is kept for
// everybody who lived in a window, so only what there was is held: 24 bytes a reason and 16 for each of its lengths, in
// all some hundred bytes a process and at most 15 KiB, twice that while it grows. Single-threaded.
class ReasonWaits {
 public:
  void Add(profile::Reason reason, uint64_t count, const model::WaitLengths& lengths);
  void Add(const ReasonWaits& more);

  // Without nanoseconds, which are the clocks' to tell.
  RowSum Of(profile::Reason reason) const;

 private:
  struct Waits {
    uint64_t count = 0;
    uint64_t longest_ns = 0;
    profile::Reason reason = profile::Reason::kOther;
  };
  struct Length {
    uint64_t count = 0;
    profile::Reason reason = profile::Reason::kOther;
    uint8_t bucket = 0;  // of model::WaitLengths
  };

  void AddWaits(const Waits& more);
  void AddLength(const Length& more);

  std::vector<Waits> waits_;     // by reason
  std::vector<Length> lengths_;  // by reason and bucket
};

}  // namespace sonde::aggregate
