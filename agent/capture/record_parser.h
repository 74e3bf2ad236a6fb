#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/slice.h"
#include "bpf/abi/tables.h"
#include "bpf/abi/thread.h"

namespace sonde::capture {

// A stack as it came through a ring; its process is not resolved yet.
struct StackSeen {
  model::StackId id;
  uint32_t tgid = 0;
  std::string comm;                   // of the thread group's leader
  std::vector<uint64_t> user_frames;  // as bpf/abi/unwind.h has them
  model::RawStack stack;              // without process and user frames
};

struct ThreadExited {
  uint32_t slice = 0;
  model::ThreadAccount account;  // within `slice`
  std::string group_comm;
  bool has_previous = false;  // `previous` is the part within slice - 1, not collected before
  profile::ReasonTimes previous{};
};

struct ProcessExecuted {
  uint32_t tgid = 0;
};

using RingRecord = std::variant<StackSeen, ThreadExited, ProcessExecuted>;

// Reads one record of the ring buffers; formats are bpf/abi/stack.h and thread.h. kInvalidArgument when the bytes do
// not hold what their header says, which would be a bug of ours.
absl::StatusOr<RingRecord> ParseRingRecord(std::span<const std::byte> bytes);

// The iterator's record as the model has it. `ended_ns` is left 0.
model::ThreadAccount ToThreadAccount(const abi::thread_record& record);

model::EndedThreads ToEndedThreads(uint32_t tgid, const abi::exit_sum& sum);

// The `lengths` and `longest_ns` of a sum, as the model has them.
model::WaitLengths ToLengths(const uint32_t (&counts)[WAIT_BUCKETS], uint64_t longest_ns);

// A name field of the kernel: up to the first NUL.
std::string ToComm(const char (&field)[SONDE_COMM_LEN]);

}  // namespace sonde::capture
