#pragma once

#include <span>

#include "agent/model/profile_batch.h"
#include "agent/model/thread_dump.h"

namespace sonde::aggregate {

// The stacks of these threads as those of a profile: sample i is of threads[i], with the process's name, and a marker
// in place of a stack that is not known. REQUIRES: `dump` has their processes.
model::ProfileBatch BatchOf(const model::ThreadDump& dump, std::span<const model::ThreadNow> threads);

}  // namespace sonde::aggregate
