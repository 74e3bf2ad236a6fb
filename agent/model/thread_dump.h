#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/slice.h"

namespace sonde::model {

// Whether a stack is where the thread is.
enum class StackOf : uint8_t {
  kNow,       // it is there
  kSample,    // it was there when its CPU's clock ticked last
  kLastLeft,  // it was there when it last left a CPU, or a little before that
};

// Where one thread is at an instant.
struct ThreadNow {
  uint32_t tgid = 0;
  uint32_t tid = 0;
  std::string comm;
  std::optional<profile::Reason> reason;  // what its time goes to; nullopt: not known
  uint64_t since_ns = 0;                  // monotonic; when that began; 0: not known
  bool since_before = false;              // it began before: the agent was not there yet
  uint16_t syscall = kNoSyscall;          // of a wait for profile::Reason::kOther
  std::shared_ptr<const RawStack> stack;  // null: not known
  StackId missing;                        // why not: one of the markers
  StackOf stack_of = StackOf::kNow;
  uint64_t stack_ns = 0;     // monotonic; when it was seen there, of kSample and kLastLeft; 0: not known
  bool kernel_only = false;  // its own frames are not known
};

// All threads of a process, or of all.
struct ThreadDump {
  uint64_t now_ns = 0;  // monotonic
  int64_t unix_ns = 0;
  std::vector<ThreadNow> threads;
  absl::flat_hash_map<uint32_t, ProcessInfoPtr> processes;  // every tgid of the above
};

}  // namespace sonde::model
