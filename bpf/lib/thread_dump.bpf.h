/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where each thread is now, for who asks: told by its clock, which is read and not moved. Process context. Include once per
 * object.
 */
#ifndef SONDE_BPF_LIB_THREAD_DUMP_BPF_H
#define SONDE_BPF_LIB_THREAD_DUMP_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "stack.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_end.bpf.h"

/* Whose threads are told of; 0: those of all processes. Written by the agent before it reads the iterator. */
volatile __u32 dump_tgid = 0;

/* The record in the making; the iterator is read by one thread of the agent at a time. 1.1 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread_now);
} dump_record SEC(".maps");

/* What a hook may change while it is read. */
struct clock_view {
	__u64 began_ns;
	__u64 woken_ns;
	__u32 reason;
	__u32 woken_reason;
	struct stack_id stack;
};

static __always_inline void view(const struct thread_clock *clock, struct clock_view *seen)
{
	seen->began_ns = *(const volatile __u64 *)&clock->began_ns;
	seen->woken_ns = *(const volatile __u64 *)&clock->woken_ns;
	seen->reason = *(const volatile __u32 *)&clock->reason;
	seen->woken_reason = *(const volatile __u32 *)&clock->woken_reason;
	seen->stack.low = *(const volatile __u64 *)&clock->wait_stack.low;
	seen->stack.high = *(const volatile __u64 *)&clock->wait_stack.high;
}

#define VIEWS_TRIED 4

/* Hooks move a clock without its lock, in some ten nanoseconds: what is seen twice alike is taken. */
static __always_inline void read_clock(const struct thread_clock *clock, struct thread_now *now)
{
	struct clock_view seen, again;

	view(clock, &seen);
	for (int i = 0; i < VIEWS_TRIED; i++) {
		view(clock, &again);
		if (seen.began_ns == again.began_ns && seen.woken_ns == again.woken_ns && seen.reason == again.reason &&
		    seen.stack.low == again.stack.low && seen.stack.high == again.stack.high)
			break;
		seen = again;
	}
	now->reason = seen.woken_ns ? seen.woken_reason : seen.reason;
	now->since_ns = seen.woken_ns ? seen.woken_ns : seen.began_ns;
	now->wait_reason = clock->wait_reason;
	now->wait_syscall = clock->wait_syscall;
	now->wait_stack = seen.stack;
	now->wait_stack.high &= ~(__u64)STACK_DRAWN;
}

/* A thread that nobody was seen to wake, and that waits in a run queue all the same (wait_end.bpf.h). */
static __always_inline void correct_missed_wake_up(struct task_struct *task, const struct thread_clock *clock,
						   struct thread_now *now)
{
	if (!is_blocked(now->reason) || !task->on_rq || task->on_cpu || task_state(task) != 0)
		return;
	now->reason = REASON_RUN_QUEUE;
	now->since_ns = missed_wake_up_ns(task, clock);
}

static __always_inline void take_kernel_frames(struct task_struct *task, struct thread_now *now)
{
	long bytes = bpf_get_task_stack(task, now->frames, KERNEL_FRAME_BYTES, 0);

	now->kernel_frames = bytes > 0 ? bytes / sizeof(__u64) : 0;
}

static __always_inline void tell_where(struct seq_file *seq, struct task_struct *task)
{
	struct thread_clock *clock = find_clock(task);
	struct thread_now *now;
	__u32 zero = 0;

	now = bpf_map_lookup_elem(&dump_record, &zero);
	if (!now)
		return;
	now->tgid = task->tgid;
	now->tid = task->pid;
	now->kernel_frames = 0;
	now->reason = REASON_UNKNOWN;
	if (clock) {
		read_clock(clock, now);
		correct_missed_wake_up(task, clock, now);
		if (now->reason == REASON_DEAD)
			return;
		if (now->reason != REASON_ON_CPU && now->wait_stack.high == 0)
			take_kernel_frames(task, now);
	}
	BPF_CORE_READ_INTO(&now->comm, task, comm);
	BPF_CORE_READ_INTO(&now->group_comm, task, group_leader, comm);
	bpf_seq_write(seq, now, sizeof(*now));
}

#endif
