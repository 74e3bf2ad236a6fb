#include "agent/capture/loss_words.h"

#include "bpf/abi/tables.h"

namespace sonde::capture {
namespace {

struct Words {
  abi::counter counter;
  const char* cause;
  const char* what;
  const char* consequence;
};

constexpr char kNoStack[] = "their time is kept for the process, without a stack";

constexpr char kWithoutStack[] = "they are kept for the process, without a stack";

constexpr char kRequests[] = "requests to disks";
constexpr char kSubmitters[] = "stacks of requests to disks and of connects";
constexpr char kConnects[] = "connects";
constexpr char kConnectMissing[] = "missing from agentctl peers";
constexpr char kRequestHidden[] = "request_hidden";
constexpr char kRequestHiddenWhy[] =
    "their end is hidden from BPF, as what hidden threads do: missing from agentctl disks";

constexpr Words kLosses[] = {
    {abi::COUNT_CPU_MAP_FULL, "map_full", "on-CPU stacks", kNoStack},
    {abi::COUNT_CPU_MAP_BUSY, "map_busy", "on-CPU stacks", kNoStack},
    {abi::COUNT_CPU_RING_FULL, "ring_full", "on-CPU stacks", kNoStack},
    {abi::COUNT_CPU_SAMPLE_LOST, "map_full", "on-CPU samples",
     "missing from the cpu profile; the account has their time"},
    {abi::COUNT_CPU_USER_FAULT, "user_stack_unreadable", "on-CPU samples", "they have kernel frames only"},
    {abi::COUNT_WAIT_MAP_FULL, "map_full", "off-CPU stacks", kNoStack},
    {abi::COUNT_WAIT_MAP_BUSY, "map_busy", "off-CPU stacks", kNoStack},
    {abi::COUNT_WAIT_RING_FULL, "ring_full", "off-CPU stacks", kNoStack},
    {abi::COUNT_WAIT_LOST, "map_full", "waits", "missing from the off-CPU profile; the account has their time"},
    {abi::COUNT_WAIT_USER_FAULT, "user_stack_unreadable", "waits", "they have kernel frames only"},
    {abi::COUNT_CLOCK_MISSING, "thread_hidden", "switches and wake-ups",
     "threads that the kernel hides from BPF, or io_uring workers not found yet: their time is missing"},
    {abi::COUNT_SWITCH_MISSED, "switch_hidden", "switches",
     "a hidden thread ran before; the scheduler's own CPU time was used instead"},
    {abi::COUNT_WAKE_UP_MISSED, "wake_up_hidden", "wake-ups",
     "who woke is hidden from BPF; the scheduler's own time of it was used instead"},
    {abi::COUNT_CLOCK_REFUSED, "clock_refused", "threads", "their time is unexplained"},
    {abi::COUNT_CLOCK_LATE, "clock_late", "threads", "their time before the end of their first slice is missing"},
    {abi::COUNT_CLOCK_SKIPPED, "clock_skipped", "thread slices", "time of one slice is shown in the next"},
    {abi::COUNT_EXIT_RING_FULL, "ring_full", "accounts of exited threads",
     "their processes' accounts have their time, but it is not told by thread"},
    {abi::COUNT_EXIT_LOST, "map_full", "accounts of exited threads", "their time is missing from the account"},
    {abi::COUNT_EXEC_RING_FULL, "ring_full", "exec notices", "frames of these processes may carry wrong names"},
    {abi::COUNT_FOLLOWED_REFUSED, "map_full", "processes of a command that is recorded",
     "they and all that they forked are missing from it"},
    {abi::COUNT_WAKER_REFUSED, "map_full", "looks at wakers", "some of who ended waits are not told"},
    {abi::COUNT_CHAIN_REFUSED, "map_full", "chains of wakers", "some are not told"},
    {abi::COUNT_HOP_LEFT_OUT, "hop_limit", "wake-ups",
     "not looked at, to bound what chains of wakers cost: chains end there"},
    {abi::COUNT_COUNTERPART_REFUSED, "map_full", "peers and locks", "waits for them are missing from peers and locks"},
    {abi::COUNT_STACK_NOT_DRAWN, "over_budget", "stacks of waits",
     "not walked; their time and number are exact, and spread over the stacks that were drawn"},
    {abi::COUNT_REQUEST_UNSEEN, "map_full", "makers of requests to disks",
     "agentctl disks does not tell who made them"},
    {abi::COUNT_REQUEST_END_MISSED, kRequestHidden, kRequests, kRequestHiddenWhy},
    {abi::COUNT_REQUEST_MAP_FULL, "map_full", "stacks of requests to disks", kWithoutStack},
    {abi::COUNT_REQUEST_MAP_BUSY, "map_busy", "stacks of requests to disks", kWithoutStack},
    {abi::COUNT_REQUEST_LOST, "map_full", kRequests, "missing from agentctl disks"},
    {abi::COUNT_CONNECT_UNSEEN, "map_full", kConnects, kConnectMissing},
    {abi::COUNT_CONNECT_LOST, "map_full", kConnects, kConnectMissing},
    {abi::COUNT_SUBMITTER_RING_FULL, "ring_full", kSubmitters, kWithoutStack},
    {abi::COUNT_SUBMITTER_WALK_BUSY, "walk_busy", kSubmitters, kWithoutStack},
    {abi::COUNT_SUBMITTER_USER_FAULT, "user_stack_unreadable", kSubmitters, "they have kernel frames only"},
    {abi::COUNT_DIRTIER_REFUSED, "map_busy", "pages that were dirtied",
     "agentctl disks does not tell for whom they are written"},
    {abi::COUNT_FAULT_MAP_FULL, "map_full", "stacks of page faults", kWithoutStack},
    {abi::COUNT_FAULT_MAP_BUSY, "map_busy", "stacks of page faults", kWithoutStack},
    {abi::COUNT_FAULT_RING_FULL, "ring_full", "stacks of page faults", kWithoutStack},
    {abi::COUNT_FAULT_LOST, "map_full", "page faults",
     "missing from the faults profile, with those that they stand for"},
    {abi::COUNT_FAULT_USER_FAULT, "user_stack_unreadable", "page faults", "they have kernel frames only"},
    {abi::COUNT_SITE_WRONG, "stack_reuse_wrong", "checked waits", "as large a share of all reused stacks is wrong"},
};

}  // namespace

void RecordKernelLosses(const std::vector<uint64_t>& before, const std::vector<uint64_t>& after,
                        telemetry::LossLedger& ledger) {
  for (const Words& words : kLosses) {
    ledger.Add(words.cause, words.what, words.consequence, after[words.counter] - before[words.counter]);
  }
}

void RecordHiddenRequests(uint64_t count, telemetry::LossLedger& ledger) {
  ledger.Add(kRequestHidden, kRequests, kRequestHiddenWhy, count);
}

}  // namespace sonde::capture
