#pragma once

#include <cstdint>
#include <string>

#include "agent/model/wait_lengths.h"

namespace sonde::model {

// The kernel's number of a block device: major << 20 | minor.
using DeviceNumber = uint32_t;
inline constexpr int kDeviceMinorBits = 20;

// What is asked of a block device. The order is that of bpf/abi.
enum class RequestOperation { kRead, kWrite, kFlush, kDiscard, kOther };
inline constexpr size_t kRequestOperations = 5;

// Whom a request is told for. The order is that of bpf/abi.
enum class RequestOrigin {
  kAsked,        // who made it, for itself
  kWrittenBack,  // who dirtied the pages that a thread of the kernel writes back
  // The kernel's thread that writes back pages:
  kOfSeveral,  // ... that several processes dirtied
  kOfUnknown,  // ... of which some were dirtied before anybody asked, or who did is not remembered
};
inline constexpr size_t kRequestOrigins = 4;

// What one process asked of one device at one stack, as the hooks saw it.
struct RequestSums {
  uint64_t count = 0;      // that ended
  uint64_t ns = 0;         // from when the kernel made them to their end
  uint64_t queue_ns = 0;   // the part before the device had them
  uint64_t device_ns = 0;  // and after; both 0 where that instant is not known
  uint64_t bytes = 0;
  uint64_t under_way = 0;  // that had not ended at the end
  WaitLengths lengths = {};
};

// Waits that requests ended, each by one.
struct RequestWaitSums {
  uint64_t count = 0;       // waits
  uint64_t ns = 0;          // from end to end
  uint64_t request_ns = 0;  // of their requests, each from when the kernel made it to its end
  uint64_t queue_ns = 0;    // the part before the device had it
  uint64_t device_ns = 0;   // and after; both 0 where that instant is not known
  uint64_t bytes = 0;
};

// One operation of a device, or all flushes, as the kernel counts them.
struct DiskTraffic {
  uint64_t requests = 0;
  uint64_t merged = 0;
  uint64_t bytes = 0;
  uint64_t ns = 0;  // sum of the requests' latencies, to a millisecond
};

// One whole disk in the kernel's own books (/proc/diskstats), between two readings.
struct DiskActivity {
  DeviceNumber device = 0;
  std::string name;
  DiskTraffic read;
  DiskTraffic write;  // flushes of callers too, as writes of nothing
  DiskTraffic discard;
  DiskTraffic flush;         // what the device itself was told, for many callers at once
  uint64_t busy_ns = 0;      // at least one request was under way
  uint64_t weighted_ns = 0;  // requests under way, summed over time
  uint64_t under_way = 0;    // at the second reading
};

}  // namespace sonde::model
