#pragma once

#include <cstdint>

#include "agent/export/number_set.h"

namespace sonde::exporting {

// Which record a target is given next: by number; after a long outage what is new first, then what has waited, newest
// first, and of two pushes one at most for what has waited. Not thread-safe.
class SpoolOrder {
 public:
  // `settled` lacks a number below `next`, which is the number after the last one. `is_long` says whether the oldest
  // record has waited for so long that the target must have been down.
  uint64_t Choose(const NumberSet& settled, uint64_t next, bool is_long);

  // Whether what was chosen last has waited while others came: then those before it follow, else those after it.
  bool GoesDown() const { return live_from_ != 0 && !last_was_live_; }

  // The target did not take it: what is new is told from what has waited when it comes back.
  void NoteFailure() { live_from_ = 0; }

 private:
  uint64_t live_from_ = 0;  // numbers from here on are new; 0: no backlog
  bool last_was_live_ = false;
};

}  // namespace sonde::exporting
