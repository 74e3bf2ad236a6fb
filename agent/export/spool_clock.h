#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "agent/export/spool_record.h"

namespace sonde::exporting {

// The clocks of a spool; tests bring their own. Called from any thread.
struct SpoolClock {
  std::function<int64_t()> wall_ns;   // since the Unix epoch; may step
  std::function<uint64_t()> boot_ns;  // since the boot, suspended time included; never steps
  std::string boot_id;                // of the boot that `boot_ns` counts from
};

// This machine's.
SpoolClock MachineClock();

// When the record was made, on `clock`'s boot_ns (negative: before the boot). Of a record of this boot that is exact,
// whatever the wall clock did since. Else it follows from the wall clock; what that has in the future is new.
int64_t BirthOf(const SpoolHeader& header, const SpoolClock& clock);

}  // namespace sonde::exporting
