#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/counterpart.h"
#include "agent/model/disk.h"
#include "agent/model/process_info.h"
#include "agent/model/saturation.h"
#include "agent/model/stack_end.h"
#include "agent/model/wait_lengths.h"
#include "profile/reason.h"

namespace sonde::model {

// Content hash of a stack as the kernel side computed it, over process, kernel and user frames.
struct StackId {
  uint64_t low = 0;
  uint64_t high = 0;

  friend bool operator==(const StackId&, const StackId&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const StackId& id) {
    return H::combine(std::move(state), id.low, id.high);
  }
};

// Stacks that stand for "no stack", with what is known instead. Values are those of bpf/abi.
inline constexpr StackId kStackLost{0, 0};       // could not be recorded; counted by cause
inline constexpr StackId kStackNewThread{1, 0};  // the thread had not run yet
inline constexpr StackId kStackUnseen{2, 0};     // off the CPU since before the agent started
inline constexpr StackId kStackNotDrawn{3, 0};   // left out, to keep the agent's cost within its budget
inline constexpr StackId kStackSeveral{4, 0};    // pages dirtied at several places, written by one request

// A place in user code: of callers, the call and not the address that it returns to.
struct UserFrame {
  ExecutableFilePtr file;  // null: `offset` is an address of the process
  uint64_t offset = 0;     // meaning by the file's kind, as in Frame

  friend bool operator==(const UserFrame&, const UserFrame&) = default;
};

// A stack as the kernel side gave it, leaf first.
struct RawStack {
  ProcessInfoPtr process;        // a process that had it, to which its addresses belong; never null
  std::vector<uint64_t> kernel;  // addresses; of callers the return address
  std::vector<UserFrame> user;
  StackEnd end = StackEnd::kNone;
  bool asleep_since_before = false;  // blocked before the agent started: kernel frames only, by the task iterator
};

// No system call: of all but waits for profile::Reason::kOther.
inline constexpr uint16_t kNoSyscall = 0xffff;

// Stage 1: what one process spent for one reason at one stack within the slice, already summed.
struct RawSample {
  uint32_t tgid = 0;
  profile::Reason reason = profile::Reason::kOnCpu;
  StackId stack;
  uint64_t count = 0;  // samples (on-CPU) or waits that ended (off-CPU)
  uint64_t ns = 0;
  uint16_t syscall = kNoSyscall;
  WaitLengths lengths = {};  // off-CPU
  bool is_drawn = false;     // of waits whose stack was drawn by chance: they stand for others, at kStackNotDrawn
};

// How long wakers had held, at least, the lock that was waited for: of those waits of which that is known.
struct LeastHolds {
  uint64_t count = 0;
  uint64_t ns = 0;
  uint64_t longest_ns = 0;
};

// Page faults of one process at one stack. Some were drawn, and stand for others: both sums are estimates without bias.
struct RawFaults {
  uint32_t tgid = 0;
  StackId stack;
  uint64_t count = 0;
  uint64_t bytes = 0;  // by which they made the process's resident memory grow
};

// Who ended waits of one process at one stack: a selection of those within work that took over a millisecond.
struct RawWaker {
  uint32_t tgid = 0;  // of who waited
  profile::Reason reason = profile::Reason::kOther;
  StackId stack;
  uint32_t waker_tgid = 0;  // 0: an interrupt
  StackId waker_stack;
  uint64_t count = 0;
  uint64_t ns = 0;  // how long these waits were from end to end
  LeastHolds holds = {};
};

// How waits of one process at one stack came to their end: who ended them, who had ended that thread's own wait, and so
// on.
struct RawChain {
  struct Hop {
    uint32_t tgid = 0;
    std::string comm;           // of the thread
    bool is_interrupt = false;  // a timer's or a device's: of no thread
    StackId stack;              // at the wake-up of the one before
    uint64_t ns = 0;            // of the waits, what passed while this one was waited for
  };
  uint32_t tgid = 0;  // of who waited
  profile::Reason reason = profile::Reason::kOther;
  StackId stack;
  uint64_t count = 0;
  uint64_t ns = 0;  // how long these waits were from end to end; what the hops leave of it is not known
  std::vector<Hop> hops;
};

// What one process waited for at one stack: those of its samples whose other side could be seen.
struct RawCounterpart {
  uint32_t tgid = 0;
  profile::Reason reason = profile::Reason::kOther;
  StackId stack;
  Counterpart with;
  uint64_t count = 0;
  uint64_t ns = 0;
  WaitLengths lengths = {};
};

// What one process asked of one TCP peer at one stack within the slice. `peer` is of kind kInternet.
struct RawConnects {
  uint32_t tgid = 0;
  StackId stack;
  Counterpart peer;
  ConnectSums sums;
};

// What one process asked of one block device at one stack within the slice.
struct RawRequests {
  uint32_t tgid = 0;  // 0 with kStackUnseen: made before anybody asked, or where the kernel does not tell
  StackId stack;      // where it was made, or its pages were dirtied
  DeviceNumber device = 0;
  RequestOperation operation = RequestOperation::kOther;
  bool is_sync = false;  // somebody waits for it, as the kernel sees it
  RequestOrigin origin = RequestOrigin::kAsked;
  RequestSums sums;
};

// What ended one process's waits for one reason at one stack: requests to a block device, of one operation.
struct RawRequestWaits {
  uint32_t tgid = 0;
  profile::Reason reason = profile::Reason::kOther;
  StackId stack;
  std::string disk;
  RequestOperation operation = RequestOperation::kOther;
  bool is_swap = false;  // memory came back from swap: not a file's
  RequestWaitSums sums;
};

// Requests to block devices, while somebody asks. Both books are of the same time, which begins a moment after the
// first slice's start.
struct DiskSlice {
  uint64_t ns = 0;  // so long; 0: nobody asked
  std::vector<RawRequests> requests;
  std::vector<DiskActivity> disks;  // by the kernel's own books
  std::string unknown_why;          // why `requests` is empty whatever was asked, in words for people
};

// The exact clock of one thread within the slice.
struct ThreadAccount {
  uint32_t tgid = 0;
  uint32_t tid = 0;
  std::string comm;         // of the thread
  uint64_t started_ns = 0;  // monotonic; when the thread came to be
  uint64_t ended_ns = 0;    // monotonic; 0 = alive at the slice's end
  profile::ReasonTimes ns{};
};

// Threads of one process that ended within the slice, and so many at once that nothing is told of each.
struct EndedThreads {
  uint32_t tgid = 0;
  uint32_t threads = 0;
  uint32_t begun = 0;    // of these, within the slice
  uint64_t wall_ns = 0;  // that they existed within the slice
  profile::ReasonTimes ns{};
};

// Everything the kernel side saw between two instants; slices follow each other without gap. Windows, recordings and
// tables are sums of slices.
struct Slice {
  uint64_t start_ns = 0;  // monotonic
  uint64_t end_ns = 0;
  int64_t start_unix_ns = 0;
  uint32_t sampling_hz = 0;
  uint32_t walk_one_in = 1;  // out of how many a stack was drawn by chance (StackSelection)
  std::vector<RawSample> samples;
  std::vector<RawFaults> faults;
  std::vector<ThreadAccount> threads;
  std::vector<EndedThreads> ended_threads;  // none of these
  // The other side of waits, while it is watched.
  std::vector<RawWaker> wakers;
  std::vector<RawChain> chains;  // while these are
  std::vector<RawCounterpart> counterparts;
  std::vector<PeerEvents> peer_events;
  std::vector<RawConnects> connects;
  std::vector<RawRequestWaits> request_waits;
  DiskSlice disks;
  SaturationSlice saturation;
  absl::flat_hash_map<StackId, std::shared_ptr<const RawStack>> stacks;  // those that the above name, but for lost ones
  absl::flat_hash_map<uint32_t, ProcessInfoPtr> processes;               // every tgid of the above
};

}  // namespace sonde::model
