#include "agent/capture/record_parser.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bpf/abi/stack.h"
#include "bpf/abi/unwind.h"

namespace sonde::capture {
namespace {

static_assert(profile::kReasons == abi::REASONS);
static_assert(static_cast<int>(profile::Reason::kDisk) == abi::REASON_DISK);
static_assert(static_cast<int>(profile::Reason::kOther) == abi::REASON_OTHER);
static_assert(static_cast<int>(profile::Reason::kIdleSignal) == abi::REASON_IDLE_SIGNAL);
static_assert(model::kNoSyscall == REASON_NO_SYSCALL);
static_assert(model::kStackEnds == abi::UNWIND_STOPS);
static_assert(static_cast<int>(model::StackEnd::kNoMapping) == abi::UNWIND_STOP_NO_MAPPING);
static_assert(static_cast<int>(model::StackEnd::kBadFramePointer) == abi::UNWIND_STOP_BAD_FRAME_POINTER);

absl::Status TooShort(const char* what, size_t bytes) {
  return absl::InvalidArgumentError(absl::StrCat("a ", what, " record of ", bytes, " bytes is cut short"));
}

// The first `count` words of `bytes`. REQUIRES: there are as many.
std::vector<uint64_t> ReadWords(std::span<const std::byte> bytes, size_t count) {
  std::vector<uint64_t> words(count);
  if (count > 0) std::memcpy(words.data(), bytes.data(), count * sizeof(uint64_t));
  return words;
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
                 .user_frames = ReadWords(tail.subspan(kernel * sizeof(uint64_t)), user),
                 .stack = {}};
  seen.stack.kernel = ReadWords(tail, kernel);
  seen.stack.end = static_cast<model::StackEnd>(header.stop);
  seen.stack.asleep_since_before = (header.flags & abi::STACK_ASLEEP_SINCE_BEFORE) != 0;
  return seen;
}

// Adds one word of an exit record to the part of the account that it belongs to.
absl::Status AddTime(uint64_t word, ThreadExited* exited) {
  const auto what = static_cast<uint8_t>(word >> EXIT_TIME_WHAT_SHIFT);
  const uint64_t ns = word & ((uint64_t{1} << EXIT_TIME_WHAT_SHIFT) - 1);
  const size_t reason = what & ~EXIT_TIME_PREVIOUS;
  if (reason >= profile::kReasons) {
    return absl::InvalidArgumentError(absl::StrCat("a thread spent time for the unknown reason ", reason));
  }
  ((what & EXIT_TIME_PREVIOUS) != 0 ? exited->previous : exited->account.ns)[reason] += ns;
  return absl::OkStatus();
}

absl::StatusOr<RingRecord> ParseExit(std::span<const std::byte> bytes) {
  if (bytes.size() < SONDE_EXIT_HEADER_BYTES) return TooShort("thread exit", bytes.size());
  abi::thread_exit_record record;
  std::memcpy(static_cast<void*>(&record), bytes.data(), SONDE_EXIT_HEADER_BYTES);
  std::span<const std::byte> tail = bytes.subspan(SONDE_EXIT_HEADER_BYTES);
  if (tail.size() / sizeof(uint64_t) < record.times) return TooShort("thread exit", bytes.size());
  ThreadExited exited{.slice = record.slice,
                      .account = {.tgid = record.tgid,
                                  .tid = record.tid,
                                  .comm = ToComm(record.comm),
                                  .started_ns = record.started_ns,
                                  .ended_ns = record.ended_ns},
                      .group_comm = ToComm(record.group_comm),
                      .has_previous = record.has_previous != 0,
                      .previous = {}};
  for (const uint64_t word : ReadWords(tail, record.times)) {
    if (absl::Status status = AddTime(word, &exited); !status.ok()) return status;
  }
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

model::EndedThreads ToEndedThreads(uint32_t tgid, const abi::exit_sum& sum) {
  model::EndedThreads ended{.tgid = tgid, .threads = sum.threads, .begun = sum.begun, .wall_ns = sum.wall_ns, .ns = {}};
  std::ranges::copy(sum.ns, ended.ns.begin());
  return ended;
}

model::WaitLengths ToLengths(const uint32_t (&counts)[WAIT_BUCKETS], uint64_t longest_ns) {
  model::WaitLengths lengths{.longest_ns = longest_ns};
  std::ranges::copy(counts, lengths.counts.begin());
  return lengths;
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
