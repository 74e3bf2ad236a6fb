#include "agent/export/spool_order.h"

namespace sonde::exporting {

uint64_t SpoolOrder::Choose(const NumberSet& settled, uint64_t next, bool is_long) {
  const uint64_t oldest = settled.FirstMissing(0);
  if (live_from_ == 0 && is_long) live_from_ = next;
  if (oldest >= live_from_) live_from_ = 0;
  if (live_from_ == 0) return oldest;
  const uint64_t live = settled.FirstMissing(live_from_);
  last_was_live_ = live < next && !last_was_live_;
  return last_was_live_ ? live : settled.LastMissing(live_from_);
}

}  // namespace sonde::exporting
