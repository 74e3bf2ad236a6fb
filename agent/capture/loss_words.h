#pragma once

#include <cstdint>
#include <vector>

#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// Adds to `ledger` what the kernel side's counters (by abi::counter) lost between two readings, in words.
void RecordKernelLosses(const std::vector<uint64_t>& before, const std::vector<uint64_t>& after,
                        telemetry::LossLedger& ledger);

}  // namespace sonde::capture
