#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/model/wait_lengths.h"

namespace sonde::model {

// What one CPU's time went to so far, in the kernel's own books (/proc/stat).
struct CpuTime {
  uint32_t cpu = 0;
  uint64_t busy_ns = 0;  // user, system and interrupts
  uint64_t idle_ns = 0;
  uint64_t iowait_ns = 0;  // idle while a thread that slept there waits for a disk
  uint64_t steal_ns = 0;   // the hypervisor ran something else
};

// Pressure stall information of one resource; `full` is 0 where the kernel does not tell it.
struct PressureLine {
  uint64_t total_ns = 0;
  double avg10 = 0, avg60 = 0, avg300 = 0;  // percent
};
struct Pressure {
  std::string resource;  // "cpu", "memory" or "io"
  PressureLine some;     // at least one thread could not go on for lack of it
  PressureLine full;     // none could
};

// A control group that has a CPU quota, and what came of it so far.
struct QuotaUse {
  std::string group;  // below the mount point
  double cpus = 0;    // that it may use
  uint64_t periods = 0;
  uint64_t throttled_periods = 0;
  uint64_t throttled_ns = 0;  // summed over CPUs
};

// All of that at one instant.
struct SaturationReading {
  uint64_t at_ns = 0;  // monotonic
  std::vector<CpuTime> cpus;
  std::vector<Pressure> pressures;
  std::vector<QuotaUse> quotas;
  std::vector<std::string> unknown;  // what could not be read and why, in words for people
};

// Waits in a run queue that ended, whole, from end to end.
struct QueueWaits {
  uint64_t count = 0;
  uint64_t ns = 0;
  WaitLengths lengths = {};
};

// Of the threads that came to one CPU.
struct CpuQueue {
  uint32_t cpu = 0;
  QueueWaits woken;
  QueueWaits preempted;
};

// While somebody asks: both readings are null otherwise.
struct SaturationSlice {
  std::shared_ptr<const SaturationReading> begin;  // as the slice began
  std::shared_ptr<const SaturationReading> end;
  std::vector<CpuQueue> queues;  // of CPUs that had any
};

}  // namespace sonde::model
