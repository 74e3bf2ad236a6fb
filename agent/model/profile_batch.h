#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/model/executable_file.h"
#include "agent/model/slice.h"
#include "profile/kind.h"
#include "profile/labels.h"

namespace sonde::model {

// Stage 2, one row: a stack of code places, no longer tied to addresses of one process.
struct UnwoundSample {
  uint32_t stack = 0;  // index into ProfileBatch::stacks
  profile::Reason reason = profile::Reason::kOnCpu;
  uint32_t process = 0;  // index into ProfileBatch::processes
  uint64_t count = 0;
  uint64_t ns = 0;
  uint64_t bytes = 0;  // of kind kFaults, in place of ns
  uint16_t syscall = kNoSyscall;
};

// Stage 2: one window, one process group, one kind.
struct ProfileBatch {
  profile::Kind kind = profile::Kind::kCpu;
  profile::Labels labels;  // of the series
  int64_t start_unix_ns = 0;
  int64_t duration_ns = 0;
  uint32_t sampling_hz = 0;
  std::vector<ExecutableFilePtr> files;
  std::vector<std::vector<Frame>> stacks;  // leaf first
  std::vector<std::string> processes;      // names, for the sample label `process`
  std::vector<UnwoundSample> samples;
  std::vector<std::string> comments;  // losses within the window, in words
};

}  // namespace sonde::model
