/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is done with each thread of the host when the agent runs the task iterator: a thread that has no clock yet gets one; of
 * others the slice before the current one is closed and written out. Process context. Include once per object.
 */
#ifndef SONDE_BPF_LIB_THREAD_ITERATOR_BPF_H
#define SONDE_BPF_LIB_THREAD_ITERATOR_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "counterparts.bpf.h"
#include "counters.bpf.h"
#include "switch_out.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_end.bpf.h"
#include "wait_sums.bpf.h"

/* What the iterator does: make the clocks of threads that live already, or collect the slice before the current one. */
volatile bool iterator_collects = false;

/* Where and why a thread is that lives already when the agent starts. Of one that sleeps nobody saw from where it came:
 * it is taken for one at its outermost waiting place. */
static __always_inline void observe(struct task_struct *task, struct wait_place *place)
{
	struct wait_reason decided = {.syscall = REASON_NO_SYSCALL};
	__u32 state = task_state(task);

	*place = (struct wait_place){.stack = {.low = STACK_UNSEEN}, .syscall = REASON_NO_SYSCALL};
	if (task->on_cpu) {
		place->reason = REASON_ON_CPU;
	} else if (state == 0) {
		place->reason = REASON_RUN_QUEUE;
	} else {
		decide(&decided, task, false, state, false);
		place->reason = decided.outermost;
		place->syscall = decided.syscall;
	}
}

/* The kernel stack of a thread that sleeps already; of its user stack nothing can be read from here. */
static __always_inline struct stack_id stack_of_sleeper(struct task_struct *task, struct walk_state *state)
{
	struct stack_id unseen = {.low = STACK_UNSEEN};
	struct stack_record *record = &state->record;
	long bytes = bpf_get_task_stack(task, record->frames, KERNEL_FRAME_BYTES, 0);

	if (bytes <= 0)
		return unseen;
	begin_stack(record, (__u32)bytes / sizeof(__u64));
	name_owner(record, task, STACK_ASLEEP_SINCE_BEFORE);
	hash_kernel_frames(state, 0); /* not the walk of a CPU, which a hook may come upon */
	finish_hash(state);
	return send_stack(slice_number, record) ? record->id : unseen;
}

/* One stack in the making; the iterator is read by one thread of the agent at a time. 14 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_state);
} iterator_state SEC(".maps");

static __always_inline void adopt(struct task_struct *task)
{
	__u32 zero = 0;
	struct wait_place place;
	struct walk_state *walk = bpf_map_lookup_elem(&iterator_state, &zero);
	struct thread_clock *clock;
	struct stack_id stack;

	if (iterator_collects)
		count(COUNT_CLOCK_LATE);
	observe(task, &place);
	clock = make_clock(task, &place, bpf_ktime_get_ns());
	make_sites(task);
	if (!clock || !walk || !is_blocked(place.reason))
		return;
	stack = stack_of_sleeper(task, walk);
	lock_clock(clock);
	/* Unless it moved meanwhile. */
	if (is_blocked(clock->reason) && clock->wait_stack.low == STACK_UNSEEN && clock->wait_stack.high == 0)
		clock->wait_stack = stack;
	unlock_clock(clock);
}

/* The record in the making; as above, one reader at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread_record);
} iterator_record SEC(".maps");

/* The same as settle_wake_up() for a thread that nobody was seen to wake and that waits in a run queue all the same: what it has
 * waited there in the slice that ends would count as blocked. */
static __always_inline void settle_missed_wake_up(struct task_struct *task, struct thread_clock *clock,
						  const struct slice_bound *bound)
{
	__u64 queued;

	if (!is_blocked(clock->reason) || clock->woken_ns || !task->on_rq || task->on_cpu || task_state(task) != 0)
		return;
	queued = missed_wake_up_ns(task, clock);
	if (!queued || queued >= bound->start_ns)
		return;
	count(COUNT_WAKE_UP_MISSED);
	end_wait(task, clock, REASON_RUN_QUEUE, bound, queued, TAKEN_BY_ITERATOR);
}

/* Closes the previous slice in the clock and writes its account. */
static __always_inline void collect(struct seq_file *seq, struct task_struct *task, struct thread_clock *clock)
{
	struct slice_bound bound = current_slice();
	struct wait_key key = {.tgid = task->tgid};
	struct thread_record *record;
	struct spent spent = {};
	bool has_previous;
	__u32 zero = 0;

	record = bpf_map_lookup_elem(&iterator_record, &zero);
	if (!record)
		return;
	record->tgid = task->tgid;
	record->tid = task->pid;
	settle_wake_up(task, clock, &bound, TAKEN_BY_ITERATOR);
	settle_missed_wake_up(task, clock, &bound);
	lock_clock(clock);
	take_key(clock, &key);
	if (key.reason == REASON_DEAD) { /* its exit record tells all */
		unlock_clock(clock);
		return;
	}
	roll(clock, &bound, &spent);
	has_previous = clock->has_previous;
	clock->has_previous = 0;
	record->started_ns = clock->started_ns;
	for (int i = 0; i < REASONS; i++)
		record->ns[i] = clock->previous_ns[i];
	unlock_clock(clock);

	add_spent(&bound, &key, &spent, 0);
	add_all_held(clock, task->tgid, bound.number, TAKEN_BY_ITERATOR);
	count_awaited(task, clock, &bound);
	if (!has_previous) /* it began after the slice */
		return;
	BPF_CORE_READ_INTO(&record->comm, task, comm);
	BPF_CORE_READ_INTO(&record->group_comm, task, group_leader, comm);
	bpf_seq_write(seq, record, sizeof(*record));
}

#endif
