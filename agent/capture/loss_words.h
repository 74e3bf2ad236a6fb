#pragma once

#include <cstdint>
#include <vector>

#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// Adds to `ledger` what the kernel side's counters (by abi::counter) lost between two readings, in words.
void RecordKernelLosses(const std::vector<uint64_t>& before, const std::vector<uint64_t>& after,
                        telemetry::LossLedger& ledger);

// Adds requests to disks whose end was missed, as found otherwise than by a counter.
void RecordHiddenRequests(uint64_t count, telemetry::LossLedger& ledger);

}  // namespace sonde::capture
