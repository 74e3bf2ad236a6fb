#include "profile/reason.h"

#include <algorithm>

namespace sonde::profile {
namespace {

struct ReasonFacts {
  Reason reason;
  std::string_view name;
  ReasonGroup group;
  std::string_view meaning;
};

using enum ReasonGroup;

constexpr std::array<ReasonFacts, kReasons> kReasonFacts = {{
    {Reason::kOnCpu, "on-cpu", kOnCpu, "running on a CPU"},
    {Reason::kRunQueue, "run-queue", kRunQueue, "woken, waiting for a CPU that others held"},
    {Reason::kPreempted, "preempted", kRunQueue, "its CPU was taken by others"},
    {Reason::kThrottled, "throttled", kRunQueue, "its control group had used up its CPU quota"},
    {Reason::kDisk, "disk", kDisk, "a block device, or the file system on it"},
    {Reason::kReceive, "receive", kNetwork, "data of a network peer"},
    {Reason::kSend, "send", kNetwork, "room to send to a network peer"},
    {Reason::kConnect, "connect", kNetwork, "a network peer to take a connection"},
    {Reason::kPipe, "pipe", kIpc, "a pipe"},
    {Reason::kUnixSocket, "unix-socket", kIpc, "a Unix socket"},
    {Reason::kLock, "lock", kLock, "a mutex, condition, semaphore or file lock"},
    {Reason::kKernelLock, "kernel-lock", kLock, "a lock within the kernel"},
    {Reason::kMajorFault, "major-fault", kDisk, "memory from a file or from swap"},
    {Reason::kMinorFault, "minor-fault", kOther, "memory that needed no disk"},
    {Reason::kSleep, "sleep", kSleep, "a timer of its own"},
    {Reason::kPoll, "poll", kOther, "any of several files to be ready"},
    {Reason::kChild, "child", kOther, "a child process"},
    {Reason::kIpc, "ipc", kIpc, "an eventfd, message queue or System V semaphore"},
    {Reason::kIoUring, "io-uring", kOther, "completions of io_uring"},
    {Reason::kTerminal, "terminal", kOther, "a terminal"},
    {Reason::kStopped, "stopped", kOther, "stopped, traced or frozen"},
    {Reason::kOther, "other", kOther, "another system call"},
    {Reason::kKernelIdle, "kernel-idle", kIdle, "kernel thread without work"},
    {Reason::kAccept, "accept", kIdle, "a new connection"},
    {Reason::kIdlePoll, "idle-poll", kIdle, "work, in its main loop's poll"},
    {Reason::kIdleLock, "idle-lock", kIdle, "work, in its main loop's condition or semaphore"},
    {Reason::kIdleReceive, "idle-receive", kIdle, "the next request of a client"},
    {Reason::kIdleSignal, "idle-signal", kIdle, "a signal"},
}};

constexpr std::array<std::string_view, kReasonGroups> kGroupNames = {"on-cpu", "run-queue", "disk",  "network", "ipc",
                                                                     "lock",   "sleep",     "other", "idle"};

constexpr bool IsInOrder() {
  for (size_t i = 0; i < kReasons; ++i) {
    if (kReasonFacts[i].reason != static_cast<Reason>(i)) return false;
  }
  return true;
}
static_assert(IsInOrder());

constexpr auto kEveryReason = [] {
  std::array<Reason, kReasons> all{};
  for (size_t i = 0; i < kReasons; ++i) all[i] = static_cast<Reason>(i);
  return all;
}();

}  // namespace

std::string_view ReasonName(Reason reason) { return kReasonFacts[static_cast<size_t>(reason)].name; }

std::optional<Reason> ParseReason(std::string_view name) {
  const auto* found = std::ranges::find(kReasonFacts, name, &ReasonFacts::name);
  if (found == kReasonFacts.end()) return std::nullopt;
  return found->reason;
}

std::string_view ReasonMeaning(Reason reason) { return kReasonFacts[static_cast<size_t>(reason)].meaning; }

ReasonGroup GroupOf(Reason reason) { return kReasonFacts[static_cast<size_t>(reason)].group; }

std::string_view GroupName(ReasonGroup group) { return kGroupNames[static_cast<size_t>(group)]; }

std::span<const Reason> AllReasons() { return kEveryReason; }

bool IsBlocked(Reason reason) {
  const ReasonGroup group = GroupOf(reason);
  return group != ReasonGroup::kOnCpu && group != ReasonGroup::kRunQueue;
}

void Add(const ReasonTimes& more, ReasonTimes* sum) {
  for (size_t i = 0; i < kReasons; ++i) (*sum)[i] += more[i];
}

uint64_t SumOf(const ReasonTimes& times) {
  uint64_t sum = 0;
  for (const uint64_t ns : times) sum += ns;
  return sum;
}

uint64_t SumOfGroup(const ReasonTimes& times, ReasonGroup group) {
  uint64_t sum = 0;
  for (const Reason reason : kEveryReason) sum += GroupOf(reason) == group ? At(times, reason) : 0;
  return sum;
}

uint64_t SumOfBlocked(const ReasonTimes& times) {
  uint64_t sum = 0;
  for (const Reason reason : kEveryReason) sum += IsBlocked(reason) ? At(times, reason) : 0;
  return sum;
}

}  // namespace sonde::profile
