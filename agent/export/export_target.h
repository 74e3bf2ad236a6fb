#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sonde::exporting {

// Where encoded profiles go, and how patient the exporter is with it.
struct ExportTarget {
  std::string endpoint;                               // host:port; IPv6 as [::1]:7171
  size_t max_queue_items = 8192;                      // profiles that may wait
  size_t max_queue_bytes = size_t{64} << 20;          // their compressed bytes
  absl::Duration timeout = absl::Seconds(10);         // of one push; Pyroscope answers only when durable, up to ~1 s
  absl::Duration backoff_initial = absl::Seconds(1);  // upper bound of the first wait, then x 1.6
  absl::Duration backoff_cap = absl::Seconds(30);     // upper bound of every wait
};

// What became of the profiles given to one target since the start.
struct TargetStats {
  std::string endpoint;
  uint64_t sent = 0;           // acknowledged
  uint64_t waiting = 0;        // not yet acknowledged, the one being pushed included
  uint64_t waiting_bytes = 0;  // compressed
  uint64_t dropped = 0;        // given up: pushed out of the full queue, refused for good, or unsent at the stop
  std::string last_error;      // empty when the last push succeeded; printable, one line
  int64_t last_success_unix_ns = 0;
};

}  // namespace sonde::exporting
