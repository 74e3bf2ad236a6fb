#pragma once

#include <cstddef>
#include <span>

#include "agent/model/process_event.h"

namespace sonde::kernel {

// How a record of OpenProcessRecord() reads.
struct ProcessRecord {
  enum Verdict { kEvent, kOfNoInterest, kMalformed };
  Verdict verdict = kMalformed;
  model::ProcessEvent event;  // with kEvent
};

// Reads one record, header included (layout: perf_event_open(2), with sample_id_all, TID and TIME). Total over any
// bytes.
ProcessRecord ParseProcessRecord(std::span<const std::byte> record);

}  // namespace sonde::kernel
