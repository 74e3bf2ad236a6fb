/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The thread clock: for each thread what its time goes to, since when, and nanoseconds so far by reason.
 *
 * Slices: time is cut at instants that the agent chooses. Whoever touches a clock first after such an instant (a hook,
 * or the task iterator at the slice's end) closes the old slice in it, under the clock's lock, so that every nanosecond
 * is counted in exactly one slice, threads that never ran in it included.
 *
 * Locking: the scheduler lets one hook at a time move a thread's clock; what a clock's lock keeps apart is a hook and the
 * iterator. The iterator touches a clock only to close slices in it, and comes when every program that knew the slice before
 * has ended. So a hook that finds the clock in its own slice has it alone, and goes without the lock, which costs 47 ns; who
 * closes a slice takes it, and says last that the slice is closed. Nothing is called with the lock held, so there is no order
 * to invert. A wake-up never takes it: it leaves its instant in `woken_ns` (wait_end.bpf.h).
 */
#ifndef SONDE_BPF_LIB_THREAD_CLOCK_BPF_H
#define SONDE_BPF_LIB_THREAD_CLOCK_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../abi/tables.h"
#include "../abi/thread.h"
#include "counters.bpf.h"

/* Sums of waits at one stack that are not in the slice's map yet: threads block at a few places again and again, and
 * what is added here touches nothing that other threads touch. Empty while both counts and times are 0. */
struct held_waits {
	struct stack_id stack;
	__u64 ns[2];	/* in the run queue, blocked */
	__u64 longest_ns[2];
	__u32 count[2]; /* waits that ended */
	__u8 lengths[2][WAIT_BUCKETS]; /* as in struct wait_sum; one that is full moves all of this to the map */
	__u32 slice;
	__u16 reason;	/* as at the switch-out */
	__u16 syscall;
};

#define HELD_WAITS 4

/* What every switch touches is in the first 80 bytes, but for the time that it adds and the sums that it holds. */
struct thread_clock {
	struct bpf_spin_lock lock;
	__u32 reason; /* enum reason: what its time goes to now */
	__u32 slice; /* to which `ns` belongs */
	__u32 epoch; /* in which it runs; a clock of an earlier one was not moved since */
	__u32 has_previous;
	__u16 wait_reason; /* of the wait in progress, as at the switch-out */
	__u16 wait_syscall;
	__u64 since_ns; /* from when on time is not yet in `ns` */
	__u64 began_ns; /* when what its time goes to began */
	struct stack_id wait_stack; /* of the wait in progress */
	__u64 contended; /* the kernel's sleeping lock that the thread wants, as packed below; written by itself */
	__u64 woken_ns;	 /* when the wait in progress ended, as long as nobody has added it up; else 0 */
	__u32 woken_reason; /* what its time goes to from then on */
	__u64 ns[REASON_SLOTS];
	__u64 previous_ns[REASONS]; /* of the slice before, until collected */
	__u64 started_ns;
	__u64 run_queue_ns; /* the scheduler's own sum of it when the thread last left a CPU */
	struct held_waits held[HELD_WAITS]; /* by stack */
};

/* A kernel address with the flags of contention_begin in its highest byte, which all kernel addresses have in common. */
#define CONTENDED_FLAGS_SHIFT 56

static __always_inline __u64 pack_contended(const void *lock, __u32 flags)
{
	return ((__u64)lock & ~(0xffULL << CONTENDED_FLAGS_SHIFT)) | (__u64)flags << CONTENDED_FLAGS_SHIFT;
}

static __always_inline __u64 contended_lock(__u64 contended)
{
	return contended | 0xffULL << CONTENDED_FLAGS_SHIFT;
}

static __always_inline __u32 contended_flags(__u64 contended)
{
	return contended >> CONTENDED_FLAGS_SHIFT;
}

/* Raised by the agent after it hung, and the programs did nothing: no clock is right then. */
volatile __u32 clock_epoch = 0;

/* Which of the two maps holds the clocks. Set before load; the other one is then not even made. */
const volatile bool clocks_in_task_storage = true;

/* Whether tracing programs may take spin locks here; not on 5.10. Without, a clock that a hook moves in the very instant in
 * which the iterator closes its slice (some 100 ns a slice) may have time counted twice, which shows as unexplained. */
const volatile bool clocks_have_lock = true;

/* Owner: the scheduler's programs. One object a thread, made at fork (process context), freed with the thread by the
 * kernel: 1.1 KiB x threads. The best kind, since 5.12. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_clock);
} clocks SEC(".maps");

/* The same for kernels without task storage in tracing programs (before 5.12), keyed by the task's address, which unlike
 * the thread id stays the same when a thread other than the leader calls exec. Preallocated, as those kernels demand:
 * 32,768 (the usual pid_max) x 1.15 KiB = 38 MB. Deleted at the thread's last switch. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct thread_clock);
} clocks_by_task SEC(".maps");

/* Current slice and where it began, written by the agent: first the start, then the number. */
volatile __u32 slice_number = 0;
volatile __u64 slice_start_ns[2] = {};

static __always_inline bool is_blocked(__u32 reason)
{
	return reason >= REASON_FIRST_BLOCKED && reason < REASONS;
}

static __always_inline bool is_off_cpu(__u32 reason)
{
	return reason != REASON_ON_CPU && reason < REASONS;
}

struct slice_bound {
	__u32 number;
	__u64 start_ns;
};

/* Read before the time, so that an event is never earlier than the slice it is counted in. */
static __always_inline struct slice_bound current_slice(void)
{
	struct slice_bound bound = {.number = slice_number};

	bound.start_ns = slice_start_ns[bound.number & 1];
	return bound;
}

static __always_inline void lock_clock(struct thread_clock *clock)
{
	if (clocks_have_lock)
		bpf_spin_lock(&clock->lock);
}

static __always_inline void unlock_clock(struct thread_clock *clock)
{
	if (clocks_have_lock)
		bpf_spin_unlock(&clock->lock);
}

/* The current task, where task storage is asked for it; else for CO-RE reads only. */
static __always_inline struct task_struct *storage_owner(void)
{
	return clocks_in_task_storage ? bpf_get_current_task_btf() : current_task();
}

static __always_inline struct thread_clock *find_any_clock(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (clocks_in_task_storage)
		return bpf_task_storage_get(&clocks, task, 0, 0);
	return bpf_map_lookup_elem(&clocks_by_task, &address);
}

/* The thread's clock once it runs; null before. */
static __always_inline struct thread_clock *find_clock(struct task_struct *task)
{
	struct thread_clock *clock = find_any_clock(task);

	return clock && clock->since_ns && clock->epoch == clock_epoch ? clock : NULL;
}

/* Where and why a thread is. */
struct wait_place {
	struct stack_id stack;
	__u16 reason; /* enum reason */
	__u16 syscall;
};

/* What they begin as: too large for a program's stack. Bytes, since no lock may lie in a program's own memory. */
static __u64 no_clock[sizeof(struct thread_clock) / sizeof(__u64)];

/* Makes a clock that stands at `place` from `now` on, or finds the one that a hook made meanwhile. Process context only:
 * task storage allocates, which must not happen under a run-queue lock. */
static __always_inline struct thread_clock *make_clock(struct task_struct *task, const struct wait_place *place,
						       __u64 now)
{
	struct thread_clock *clock;
	__u64 address = (__u64)task;

	if (clocks_in_task_storage)
		bpf_task_storage_get(&clocks, task, no_clock, BPF_LOCAL_STORAGE_GET_F_CREATE);
	else
		bpf_map_update_elem(&clocks_by_task, &address, no_clock, BPF_NOEXIST);
	clock = find_any_clock(task);
	if (!clock) {
		count(COUNT_CLOCK_REFUSED);
		return NULL;
	}
	lock_clock(clock);
	if (clock->since_ns == 0) {
		clock->slice = slice_number;
		clock->started_ns = now;
	}
	if (clock->since_ns == 0 || clock->epoch != clock_epoch) {
		clock->reason = place->reason;
		clock->wait_reason = place->reason;
		clock->wait_syscall = place->syscall;
		clock->wait_stack = place->stack;
		clock->contended = 0;
		clock->woken_ns = 0;
		clock->began_ns = now;
		barrier(); /* hooks take no lock: a new clock is there for them with its time, one of an earlier epoch with that */
		*(volatile __u64 *)&clock->since_ns = now;
		barrier();
		*(volatile __u32 *)&clock->epoch = clock_epoch;
	}
	unlock_clock(clock);
	return clock;
}

/* Time just added to a clock, by slice. */
struct spent {
	__u64 previous_ns;
	__u64 current_ns;
	__u64 began_ns; /* when the thread came to what it was at */
	__u64 ended_ns; /* and when it left it; of what is settled only */
	__u32 bucket;	/* of the length of a wait that ends, in struct wait_sum */
	bool skipped;
};

/* Where the time goes that passes now. */
static __always_inline __u64 *time_of(struct thread_clock *clock)
{
	__u32 reason = clock->reason;

	barrier_var(reason); /* keeps the bound next to its use, where the verifier can see it */
	return &clock->ns[reason & (REASON_SLOTS - 1)];
}

/* Whether a hook that runs in `bound` has the clock alone: no slice is left to be closed in it. */
static __always_inline bool is_closed_up_to(const struct thread_clock *clock, const struct slice_bound *bound)
{
	__u32 slice = *(const volatile __u32 *)&clock->slice;

	barrier(); /* what is read after it is as whoever closed the slice left it */
	return slice == bound->number;
}

/* Closes the slices before `bound` in the clock. REQUIRES: the clock's lock is held, or it is closed up to `bound`. */
static __always_inline void roll(struct thread_clock *clock, const struct slice_bound *bound, struct spent *spent)
{
	__u64 rest;

	spent->began_ns = clock->began_ns;
	if (clock->slice == bound->number)
		return;
	rest = bound->start_ns > clock->since_ns ? bound->start_ns - clock->since_ns : 0;
	*time_of(clock) += rest;
	spent->previous_ns = rest;
	/* Added to, not overwritten: nothing is lost even if a slice was never collected from this clock. */
	spent->skipped = clock->has_previous != 0 || clock->slice + 1 != bound->number;
	for (int i = 0; i < REASONS; i++) {
		clock->previous_ns[i] = clock->ns[i] + (clock->has_previous ? clock->previous_ns[i] : 0);
		clock->ns[i] = 0;
	}
	clock->has_previous = 1;
	if (clock->since_ns < bound->start_ns)
		clock->since_ns = bound->start_ns;
	barrier();
	*(volatile __u32 *)&clock->slice = bound->number; /* last: from here on a hook has the clock alone */
}

/* Adds the time up to `now` to the reason the clock stands at. REQUIRES: the clock is closed up to the slice in which `now` is. */
static __always_inline void settle_in_slice(struct thread_clock *clock, __u64 now, struct spent *spent)
{
	__u64 rest;

	spent->ended_ns = now > clock->since_ns ? now : clock->since_ns;
	clock->began_ns = spent->ended_ns;
	if (now <= clock->since_ns)
		return;
	rest = now - clock->since_ns;
	*time_of(clock) += rest;
	spent->current_ns = rest;
	clock->since_ns = now;
}

/* The same of a clock that may not be closed yet. REQUIRES: as of roll(). */
static __always_inline void settle(struct thread_clock *clock, const struct slice_bound *bound, __u64 now,
				   struct spent *spent)
{
	roll(clock, bound, spent);
	settle_in_slice(clock, now, spent);
}

#endif
