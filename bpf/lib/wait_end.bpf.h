/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How waits end in a thread's clock. A wake-up only leaves its instant there, without the clock's lock: what was waited is
 * added up when the thread comes to a CPU, or when the iterator comes by, together with the time in the run queue. Include
 * once per object.
 */
#ifndef SONDE_BPF_LIB_WAIT_END_BPF_H
#define SONDE_BPF_LIB_WAIT_END_BPF_H

#include "length_bucket.bpf.h"
#include "scheduler_time.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_sums.bpf.h"

/* The slice in which `at` is booked: the one before `bound`, as long as the clock still stands in it. REQUIRES: the clock's
 * lock is held. */
static __always_inline struct slice_bound slice_at(const struct thread_clock *clock, const struct slice_bound *bound, __u64 at)
{
	struct slice_bound found = *bound;

	if (at < bound->start_ns && clock->slice + 1 == bound->number) {
		found.number = clock->slice;
		found.start_ns = 0;
	}
	return found;
}

/* A thread moves on at `at` from the run queue (to a CPU) or from blocked (to the run queue): the wait's part ends. `who` is
 * the context, as of begin_taking(). */
static __always_inline void end_wait(struct task_struct *task, struct thread_clock *clock, __u32 next_reason,
				     const struct slice_bound *bound, __u64 at, __u32 who)
{
	struct spent spent = {};
	struct wait_key key = {.tgid = task->tgid};
	struct slice_bound slice;
	struct held_waits *taken;

	spent.bucket = bucket_of(clock, at);
	taken = begin_taking(who);
	lock_clock(clock);
	/* A hook may have ended it just now; and the iterator has no business but in the slice that it closes after this. */
	if ((next_reason != REASON_ON_CPU && !is_blocked(clock->reason)) ||
	    (who == TAKEN_BY_ITERATOR && (at >= bound->start_ns || clock->slice + 1 != bound->number))) {
		unlock_clock(clock);
		return;
	}
	slice = slice_at(clock, bound, at);
	take_key(clock, &key);
	settle(clock, &slice, at, &spent);
	clock->reason = next_reason;
	barrier(); /* who finds no wake-up finds what came of it */
	*(volatile __u64 *)&clock->woken_ns = 0;
	end_wait_in_clock(clock, &key, &slice, &spent, taken, who);
	if (next_reason == REASON_ON_CPU)
		count(COUNT_WAITS);
}

/*
 * When a thread that stands blocked in its clock was woken, by the scheduler's own books: since when it has been in this run
 * queue, less the time in those that it was moved from. 0: these do not tell. For one whose wake-up is hidden from us, or an
 * interrupt while a hidden thread ran.
 */
static __always_inline __u64 missed_wake_up_ns(struct task_struct *task, const struct thread_clock *clock)
{
	__u64 elsewhere = clock->run_queue_ns ? run_queue_ns_of(task) - clock->run_queue_ns : 0;
	__u64 queued = booked_queued_ns(task) - elsewhere;

	return queued > clock->began_ns ? queued : 0;
}

/* Notes that the thread is woken. The scheduler lets nobody else move it meanwhile, and the iterator does not touch what is
 * written here while it is 0. A wake-up may find the thread still on its CPU, or already in the run queue: nothing changed. */
static __always_inline void note_wake_up(struct thread_clock *clock, __u32 next_reason, __u64 now)
{
	if (!is_blocked(clock->reason) || clock->woken_ns)
		return;
	clock->woken_reason = next_reason;
	barrier(); /* the instant tells that the reason is there; x86-64 stores in order */
	*(volatile __u64 *)&clock->woken_ns = now;
}

/* Adds up what was waited until the wake-up that was noted, if one was. */
static __always_inline void settle_wake_up(struct task_struct *task, struct thread_clock *clock, const struct slice_bound *bound,
					   __u32 who)
{
	__u64 woken_ns = *(volatile __u64 *)&clock->woken_ns;

	barrier();
	if (woken_ns)
		end_wait(task, clock, clock->woken_reason, bound, woken_ns, who);
}

/* Of a thread that was woken in this slice: it stands in the run queue from then on. False: nothing was done. */
static __always_inline bool end_blocked_in_place(struct thread_clock *clock, struct held_waits *held, __u64 woken_ns)
{
	__u64 began_ns = clock->began_ns, ns = woken_ns - clock->since_ns;
	__u32 bucket;

	if (woken_ns < began_ns || clock->reason != clock->wait_reason)
		return false;
	bucket = bucket_of_length(woken_ns - began_ns);
	if (!has_room(held, 1, bucket))
		return false;
	*time_of(clock) += ns;
	add_to_held(held, 1, ns, woken_ns - began_ns, bucket);
	clock->reason = clock->woken_reason;
	clock->woken_ns = 0;
	return true;
}

/*
 * The usual way to a CPU, in one go and without the lock: a thread that was woken or preempted in this slice, whose waits at
 * this stack are held in its clock. False: nothing was done, and the long way has to be gone.
 */
static __always_inline bool end_wait_in_place(struct thread_clock *clock, const struct slice_bound *bound, __u64 now)
{
	struct held_waits *held = held_place(clock);
	__u64 began_ns, woken_ns, since_ns, queued_ns;
	__u32 next_reason, bucket;

	if (!is_closed_up_to(clock, bound) || !holds_place(held, clock, bound->number))
		return false;
	began_ns = clock->began_ns;
	since_ns = clock->since_ns;
	woken_ns = clock->woken_ns;
	queued_ns = woken_ns ? woken_ns : began_ns;
	next_reason = woken_ns ? clock->woken_reason : clock->reason;
	if (next_reason != reason_in_run_queue(clock->wait_reason) || now < queued_ns || now < since_ns)
		return false;
	bucket = bucket_of_length(now - queued_ns);
	if (!has_room(held, 0, bucket))
		return false;
	if (woken_ns && (woken_ns < since_ns || !end_blocked_in_place(clock, held, woken_ns)))
		return false;
	if (woken_ns)
		since_ns = woken_ns;
	*time_of(clock) += now - since_ns;
	add_to_held(held, 0, now - since_ns, now - queued_ns, bucket);
	clock->reason = REASON_ON_CPU;
	clock->since_ns = clock->began_ns = now;
	count(COUNT_WAITS);
	return true;
}

#endif
