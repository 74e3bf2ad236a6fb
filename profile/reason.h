#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sonde::profile {

// What a thread's time goes to: every nanosecond of its life is under one of these. Values are those of
// bpf/abi/reason.h, which tells what each means and README.md when a wait is idleness.
enum class Reason : uint8_t {
  kOnCpu,
  kRunQueue,
  kPreempted,
  kThrottled,
  kDisk,
  kReceive,
  kSend,
  kConnect,
  kPipe,
  kUnixSocket,
  kLock,
  kKernelLock,
  kMajorFault,
  kMinorFault,
  kSleep,
  kPoll,
  kChild,
  kIpc,
  kIoUring,
  kTerminal,
  kStopped,
  kOther,
  kKernelIdle,
  kAccept,
  kIdlePoll,
  kIdleLock,
  kIdleReceive,
  kIdleSignal,
};
inline constexpr size_t kReasons = 28;

// Reasons as a table of few columns shows them. Each reason is in one group.
enum class ReasonGroup : uint8_t { kOnCpu, kRunQueue, kDisk, kNetwork, kIpc, kLock, kSleep, kOther, kIdle };
inline constexpr size_t kReasonGroups = 9;

// The word for it in labels, JSON and URLs: "disk", "idle-poll".
std::string_view ReasonName(Reason reason);
std::optional<Reason> ParseReason(std::string_view name);
// For people, in a few words: "waiting for a disk or the file system on it".
std::string_view ReasonMeaning(Reason reason);
ReasonGroup GroupOf(Reason reason);
std::string_view GroupName(ReasonGroup group);
std::span<const Reason> AllReasons();

inline bool IsOffCpu(Reason reason) { return reason != Reason::kOnCpu; }
// Off the CPU, and could not have run.
bool IsBlocked(Reason reason);

// Nanoseconds by reason.
using ReasonTimes = std::array<uint64_t, kReasons>;

inline uint64_t& At(ReasonTimes& times, Reason reason) { return times[static_cast<size_t>(reason)]; }
inline uint64_t At(const ReasonTimes& times, Reason reason) { return times[static_cast<size_t>(reason)]; }
void Add(const ReasonTimes& more, ReasonTimes* sum);
uint64_t SumOf(const ReasonTimes& times);
uint64_t SumOfGroup(const ReasonTimes& times, ReasonGroup group);
uint64_t SumOfBlocked(const ReasonTimes& times);

}  // namespace sonde::profile
