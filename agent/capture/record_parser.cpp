#include "agent/capture/record_parser.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bpf/abi/stack.h"
#include "bpf/abi/unwind.h"

namespace sonde::capture {
namespace {

static_assert(model::kStackEnds == abi::UNWIND_STOPS);
static_assert(static_cast<int>(model::StackEnd::kNoMapping) == abi::UNWIND_STOP_NO_MAPPING);
static_assert(static_cast<int>(model::StackEnd::kBadFramePointer) == abi::UNWIND_STOP_BAD_FRAME_POINTER);

absl::Status TooShort(const char* what, size_t bytes) {
  return absl::InvalidArgumentError(absl::StrCat("a ", what, " record of ", bytes, " bytes is cut short"));
}

// The first `count` addresses of `bytes`. REQUIRES: there are as many.
std::vector<uint64_t> ReadAddresses(std::span<const std::byte> bytes, size_t count) {
  std::vector<uint64_t> addresses(count);
  if (count > 0) std::memcpy(addresses.data(), bytes.data(), count * sizeof(uint64_t));
  return addresses;
}

absl::StatusOr<RingRecord> ParseStack(std::span<const std::byte> bytes) {
  if (bytes.size() < SONDE_STACK_HEADER_BYTES) return TooShort("stack", bytes.size());
  abi::stack_record header;
  std::memcpy(static_cast<void*>(&header), bytes.data(), SONDE_STACK_HEADER_BYTES);
  size_t kernel = header.kernel_frames, user = header.user_frames;
  if (header.stop >= abi::UNWIND_STOPS) {
    return absl::InvalidArgumentError(absl::StrCat("a stack ended for the unknown reason ", header.stop));
  }
  std::span<const std::byte> tail = bytes.subspan(SONDE_STACK_HEADER_BYTES);
  if (tail.size() < (kernel + user) * sizeof(uint64_t)) return TooShort("stack", bytes.size());

  StackSeen seen{.id = {header.id.low, header.id.high},
                 .tgid = header.tgid,
                 .comm = ToComm(header.comm),
                 .user_frames = ReadAddresses(tail.subspan(kernel * sizeof(uint64_t)), user),
                 .stack = {}};
  seen.stack.kernel = ReadAddresses(tail, kernel);
  seen.stack.end = static_cast<model::StackEnd>(header.stop);
  seen.stack.asleep_since_before = (header.flags & abi::STACK_ASLEEP_SINCE_BEFORE) != 0;
  return seen;
}

absl::StatusOr<RingRecord> ParseExit(std::span<const std::byte> bytes) {
  abi::thread_exit_record record;
  if (bytes.size() < sizeof(record)) return TooShort("thread exit", bytes.size());
  std::memcpy(&record, bytes.data(), sizeof(record));
  ThreadExited exited{.slice = record.slice,
                      .account = ToThreadAccount(record.thread),
                      .group_comm = ToComm(record.thread.group_comm),
                      .has_previous = record.has_previous != 0,
                      .previous = {}};
  exited.account.ended_ns = record.ended_ns;
  std::ranges::copy(record.previous_ns, exited.previous.begin());
  return exited;
}

absl::StatusOr<RingRecord> ParseExec(std::span<const std::byte> bytes) {
  abi::exec_record record;
  if (bytes.size() < sizeof(record)) return TooShort("exec", bytes.size());
  std::memcpy(&record, bytes.data(), sizeof(record));
  return ProcessExecuted{record.tgid};
}

}  // namespace

std::string ToComm(const char (&field)[SONDE_COMM_LEN]) { return std::string(field, strnlen(field, sizeof(field))); }

model::ThreadAccount ToThreadAccount(const abi::thread_record& record) {
  model::ThreadAccount account{.tgid = record.tgid,
                               .tid = record.tid,
                               .comm = ToComm(record.comm),
                               .started_ns = record.started_ns,
                               .ended_ns = 0,
                               .ns = {}};
  std::ranges::copy(record.ns, account.ns.begin());
  return account;
}

absl::StatusOr<RingRecord> ParseRingRecord(std::span<const std::byte> bytes) {
  uint32_t type = 0;
  if (bytes.size() < sizeof(type)) return TooShort("ring", bytes.size());
  std::memcpy(&type, bytes.data(), sizeof(type));
  switch (type) {
    case abi::RECORD_STACK:
      return ParseStack(bytes);
    case abi::RECORD_THREAD_EXIT:
      return ParseExit(bytes);
    case abi::RECORD_EXEC:
      return ParseExec(bytes);
    default:
      return absl::InvalidArgumentError(absl::StrCat("a ring record of the unknown type ", type));
  }
}

}  // namespace sonde::capture
