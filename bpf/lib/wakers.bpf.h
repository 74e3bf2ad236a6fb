/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who ends waits: the thread that wakes, with its stack, for waits within work that took a while. What an interrupt runs on
 * top of is nobody's doing: its stack ends where the interrupt came in. Looked at no more often than LOOK_PAUSE_NS on each
 * CPU: what is kept is a selection, of which the agent tells shares. Include once per object.
 */
#ifndef SONDE_BPF_LIB_WAKERS_BPF_H
#define SONDE_BPF_LIB_WAKERS_BPF_H

#include "../abi/tables.h"
#include "counters.bpf.h"
#include "switch_out.bpf.h"
#include "thread_clock.bpf.h"

#define WAKER_ENTRIES 4096
/* A stack of both parts costs some 3 us: a third of a per cent of the CPU at most. */
#define LOOK_PAUSE_NS 1000000
#define LEAST_WAIT_NS 1000000

struct wakers_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAKER_ENTRIES);
	__uint(key_size, sizeof(struct waker_key));
	__uint(value_size, sizeof(struct waker_sum));
};

/* In slices of even and odd number; 0.6 MB each, made by the agent while it asks, and else not there. Filled here, drained
 * by the agent as the sums of waits are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct wakers_map);
} wakers SEC(".maps");

/* When each CPU last looked at a waker. 8 B x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} waker_looks SEC(".maps");

/* Where the kernel's entries of interrupts lie, as kallsyms tells; both 0 when it does not. */
const volatile __u64 interrupt_entries_start = 0;
const volatile __u64 interrupt_entries_end = 0;

/* Who wakes. */
struct waker {
	struct stack_id stack;
	__u32 tgid; /* 0 of an interrupt */
	bool is_interrupt;
};

static __always_inline bool is_within_work(__u32 reason)
{
	return reason >= REASON_FIRST_BLOCKED && reason < REASON_KERNEL_IDLE;
}

/* Whether who ends a wait of this length is to be told. */
static __always_inline bool is_to_be_explained(__u32 reason, __u64 waited_ns)
{
	return is_within_work(reason) && (__s64)waited_ns >= LEAST_WAIT_NS;
}

static __always_inline bool is_time_to_look(__u64 now)
{
	__u32 zero = 0;
	__u64 *looked = bpf_map_lookup_elem(&waker_looks, &zero);

	if (!looked || now - *looked < LOOK_PAUSE_NS)
		return false;
	*looked = now;
	return true;
}

/* Ends the kernel part that is in the CPU's walk state where an interrupt came in. 0: none did. A global function, which the
 * verifier reads once; the argument is nothing, for old kernels. */
__attribute__((noinline)) int cut_at_interrupt(__u32 nothing)
{
	struct walk_state *state = walk_state_of_cpu();

	barrier_var(nothing);
	if (!state)
		return 0;
	for (__u32 i = 0; i < SONDE_KERNEL_FRAMES; i++) {
		if (i >= state->record.kernel_frames)
			break;
		if (state->record.frames[i] < interrupt_entries_start || state->record.frames[i] >= interrupt_entries_end)
			continue;
		state->record.kernel_frames = i + 1;
		return 1;
	}
	return 0;
}

/* Walks the stack of who wakes now: the current task, or an interrupt of it. False when there is nothing to walk with. */
static __always_inline bool look_at_waker(void *ctx, __u32 slice, struct waker *out)
{
	struct task_struct *task = current_task();
	struct walk_state *state = walk_state_of_cpu();
	__u64 began_ns = bpf_ktime_get_ns();
	struct stack_record *record;

	if (!state)
		return false;
	record = &state->record;
	count(COUNT_STACK_WALKS);
	name_owner(record, task, 0);
	take_kernel_stack(ctx, record, 1);
	/* The idle task does nothing but what interrupts make it do. */
	out->is_interrupt = cut_at_interrupt(0) || BPF_CORE_READ(task, pid) == 0;
	hash_kernel_stack(0);
	if (!out->is_interrupt && !(BPF_CORE_READ(task, flags) & PF_KTHREAD) && !take_user_stack(0))
		count(COUNT_WAIT_USER_FAULT);
	count_stop(record->stop);
	finish_hash(state);
	out->tgid = out->is_interrupt ? 0 : BPF_CORE_READ(task, tgid);
	out->stack = send_stack(slice, record) ? record->id : (struct stack_id){.low = STACK_LOST};
	count_many(COUNT_WALK_NS, bpf_ktime_get_ns() - began_ns);
	return true;
}

/* How long it held the lock that it lets go of, at least; 0: not known. */
static __always_inline void add_hold(struct waker_sum *sum, __u64 held_ns)
{
	if (!held_ns)
		return;
	__sync_fetch_and_add(&sum->held_count, 1);
	__sync_fetch_and_add(&sum->held_ns, held_ns);
	/* Two CPUs at once may lose the longer of two that are longer than all before. */
	if (held_ns > sum->longest_held_ns)
		sum->longest_held_ns = held_ns;
}

/* A wait of `task`, which stands in `clock`, is ended by `waker`, who held what it waits for so long at least. */
static __always_inline void add_waker(struct task_struct *task, const struct thread_clock *clock, const struct waker *waker,
				      __u32 slice, __u64 waited_ns, __u64 held_ns)
{
	struct waker_key key = {.waiter = without_mark(clock->wait_stack), .waker = waker->stack, .tgid = task->tgid,
				.waker_tgid = waker->tgid, .reason = clock->reason};
	__u32 parity = slice & 1;
	void *sums = bpf_map_lookup_elem(&wakers, &parity);
	struct waker_sum fresh = {.count = 1, .ns = waited_ns};
	struct waker_sum *sum;

	if (!sums) /* nobody asks any more */
		return;
	sum = bpf_map_lookup_elem(sums, &key);
	add_hold(&fresh, held_ns);
	if (sum) {
		__sync_fetch_and_add(&sum->count, 1);
		__sync_fetch_and_add(&sum->ns, waited_ns);
		add_hold(sum, held_ns);
		return;
	}
	/* Refused, by a full map or by who made the same at the same time: one look of many is lost. */
	if (bpf_map_update_elem(sums, &key, &fresh, BPF_NOEXIST) != 0)
		count(COUNT_WAKER_REFUSED);
}

#endif
