/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and values of the maps that user space drains, and the counters. */
#ifndef SONDE_BPF_ABI_TABLES_H
#define SONDE_BPF_ABI_TABLES_H

#include "reason.h"
#include "stack.h"
#include "unwind.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* How long the agent may be silent before the programs do nothing any more. */
#define HEARTBEAT_PATIENCE_NS 3000000000

/* What the agent may turn down (bpf/lib/selection.bpf.h), as it is when nothing is. */
#define CHECK_ONE_IN 64
#define PREEMPTED_PAUSE_NS 10000000
#define WALK_ALL 65536 /* a power of two */

/* cpu_samples: how often a stack was on a CPU when the clock ticked. Value: __u64 count. */
struct cpu_key {
	struct stack_id stack;
	__u32 tgid;
	__u32 padding;
};

/* last_samples: what was on a CPU when its clock ticked last. Written from its first word to its last but for `finished`, and
 * copied from its first word on: a copy is whole when both numbers are the same. */
struct last_sample {
	__u64 finished;
	__u32 tgid;
	__u32 tid;
	__u64 at_ns; /* monotonic; 0: none yet */
	struct stack_id stack;
	__u64 begun;
};

/* offcpu_waits: what a process spent off the CPU at a stack. */
struct wait_key {
	struct stack_id stack;
	__u32 tgid;
	__u16 reason; /* enum reason: off the CPU */
	__u16 syscall; /* of REASON_OTHER, else REASON_NO_SYSCALL */
};

/* fault_sums: page faults of a process at a stack (struct cpu_key). What a drawn fault stands for is in both already. */
struct fault_sum {
	__u64 faults;
	__u64 bytes; /* by which they made the process's memory grow */
};

/* Of the page faults of each CPU in a slice so many are walked before the share of those that are drawn is halved, again and
 * again: from all of them down to one of 1 << FAULT_LEAST_SHARE. */
#define FAULTS_WALKED_AT_A_SHARE 64
#define FAULT_LEAST_SHARE 12

/* How long waits were from end to end: bucket 0 below 2^9 ns, bucket i below 2^(9 + i), the last all that are longer. */
#define WAIT_BUCKETS 32 /* a power of two */
#define WAIT_FIRST_BUCKET_SHIFT 9

struct wait_sum {
	__u64 count; /* waits that ended in the slice */
	__u64 ns;    /* the part of all waits that lies in the slice */
	__u64 longest_ns; /* from end to end; of one in progress, so far */
	__u32 lengths[WAIT_BUCKETS]; /* of the waits that ended */
};

/* queue_waits: what a thread that comes to a CPU was doing in its queue. */
enum queue_kind {
	QUEUE_WOKEN,
	QUEUE_PREEMPTED,
	QUEUE_KINDS,
};

/* wakers: who ended waits of a process at a stack. A selection of them. */
struct waker_key {
	struct stack_id waiter;
	struct stack_id waker;
	__u32 tgid;	  /* of the waiter */
	__u32 waker_tgid; /* 0: an interrupt */
	__u32 reason;	  /* enum reason of the wait */
	__u32 padding;
};

struct waker_sum {
	__u64 count;
	__u64 ns; /* how long the waits were from end to end */
	/* Waits for a lock of which it is known how long the waker had held it at least; 0 of others. */
	__u64 held_count;
	__u64 held_ns;
	__u64 longest_held_ns;
};

/* Everything that was lost, refused or checked; one list for all objects. */
enum counter {
	COUNT_CPU_SAMPLES,	/* samples of threads, the idle task left out */
	COUNT_CPU_MAP_FULL,	/* sample kept for its process, without its stack */
	COUNT_CPU_MAP_BUSY,	/* the same: update refused for another reason than space */
	COUNT_CPU_RING_FULL,	/* the same: frames could not be sent */
	COUNT_CPU_SAMPLE_LOST,	/* sample gone altogether */
	COUNT_CPU_USER_FAULT,	/* user part of a stack was not readable */
	COUNT_WAITS,		/* off-CPU intervals that ended */
	COUNT_WAIT_MAP_FULL,	/* time kept for its process, without its stack */
	COUNT_WAIT_MAP_BUSY,
	COUNT_WAIT_RING_FULL,
	COUNT_WAIT_LOST,	/* time missing from the off-CPU profile (the account has it) */
	COUNT_WAIT_USER_FAULT,
	COUNT_CLOCK_MISSING,	/* switch or wake-up of a thread that has no clock: hidden from BPF, or not found yet */
	COUNT_SWITCH_MISSED,	/* a thread left a CPU that it was not seen to come to; repaired */
	COUNT_WAKE_UP_MISSED,	/* a thread came to a CPU that it was not seen to be woken for; repaired */
	COUNT_CLOCK_REFUSED,	/* a clock could not be made */
	COUNT_CLOCK_LATE,	/* first seen at a slice's end: time before that is unknown */
	COUNT_CLOCK_SKIPPED,	/* a thread was not collected for more than a slice */
	COUNT_EXIT_RING_FULL,	/* account of an exited thread that is only in its process's sum */
	COUNT_EXIT_LOST,	/* nor there */
	COUNT_EXEC_RING_FULL,	/* exec not told: names of that process may be wrong */
	COUNT_FOLLOWED_REFUSED,	/* a process that a followed command forked found no room */
	COUNT_STACK_WALKS,	/* full walks at switch-out, and of wakers */
	COUNT_WALK_NS,		/* time that these took */
	COUNT_NEW_SITE_WALKS,	/* of these: no known site fitted */
	COUNT_PREEMPTED_WALKS,	/* of these: of preempted threads */
	COUNT_STACK_NOT_DRAWN,	/* no known site fitted, and not walked, to stay within the budget */
	COUNT_SITE_HITS,	/* stacks reused after their return addresses were found in place */
	COUNT_SITE_CHECKS,	/* reuses that were walked all the same, to know how many are wrong */
	COUNT_SITE_WRONG,	/* ... and gave another stack */
	COUNT_WAKER_REFUSED,	/* a waker that was looked at found no room */
	COUNT_CHAIN_REFUSED,	/* a chain of wakers found no room */
	COUNT_HOP_LEFT_OUT,	/* a wake-up was not looked at, to bound what chains cost: they end there */
	COUNT_COUNTERPART_REFUSED, /* the other side of a wait found no room */
	COUNT_STACK_HELD,	/* preemptions that were given the thread's last preempted stack */
	COUNT_REQUEST_UNSEEN,	/* no room to remember who made a request */
	COUNT_REQUEST_END_MISSED, /* its memory was used again, and its end was hidden from BPF */
	COUNT_REQUEST_MAP_FULL,	/* request kept for its process, without its stack */
	COUNT_REQUEST_MAP_BUSY,
	COUNT_REQUEST_LOST,	/* request missing from the sums */
	COUNT_REQUEST_WAIT_LOST, /* wait not joined to the request that ended it, for want of room */
	COUNT_CONNECT_UNSEEN,	/* no room to remember who asked for a connection: missing from the sums */
	COUNT_CONNECT_LOST,	/* the same of one that ended */
	COUNT_SUBMITTER_RING_FULL, /* frames of who asks a device or a peer could not be sent */
	COUNT_SUBMITTER_WALK_BUSY, /* the same: in an interrupt of another walk */
	COUNT_SUBMITTER_USER_FAULT,
	COUNT_PAGES_DIRTIED,	/* whose dirtier was noted */
	COUNT_DIRTIER_WALKS,	/* of these: the stack was walked, and not found to be the one before */
	COUNT_DIRTIER_REFUSED,	/* no room to remember who dirtied a page */
	COUNT_FAULTS,		/* page faults, drawn or not */
	COUNT_FAULT_WALKS,	/* of these, walked; not among COUNT_STOPS, for most programs fault before they are known */
	COUNT_FAULT_CUT,	/* of these, stacks that are not whole */
	COUNT_FAULT_MAP_FULL,	/* fault kept for its process, without its stack */
	COUNT_FAULT_MAP_BUSY,
	COUNT_FAULT_RING_FULL,
	COUNT_FAULT_LOST,	/* fault missing from the profile, with all that it stands for */
	COUNT_FAULT_USER_FAULT,
	COUNT_STOPS,		/* how walks ended: from here on by enum unwind_stop */
	COUNTERS = COUNT_STOPS + UNWIND_STOPS,
};

#ifdef __cplusplus
static_assert(sizeof(cpu_key) == 24 && sizeof(fault_sum) == 16);
static_assert(sizeof(wait_key) == 24 && sizeof(wait_sum) == 152 && sizeof(waker_key) == 48 && sizeof(waker_sum) == 40);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct cpu_key) == 24, "no hidden padding in a key");
_Static_assert(sizeof(struct fault_sum) == 16, "read as 16 bytes by the agent");
_Static_assert(sizeof(struct wait_key) == 24, "no hidden padding in a key");
_Static_assert(sizeof(struct wait_sum) == 152, "read as 152 bytes by the agent");
_Static_assert(sizeof(struct waker_key) == 48, "no hidden padding in a key");
#endif

#endif
