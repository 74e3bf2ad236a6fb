/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who ends waits: the thread that wakes, with its stack, for waits within work that took a while. In an interrupt the
 * stack is that of whatever was interrupted, below the interrupt's own. Looked at no more often than LOOK_PAUSE_NS on each
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

/* In slices of even and odd number; 0.5 MB each, made by the agent while it asks, and else not there. Filled here, drained
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

static __always_inline bool is_within_work(__u32 reason)
{
	return reason >= REASON_FIRST_BLOCKED && reason < REASON_KERNEL_IDLE;
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

static __always_inline void add_waker(__u32 slice, const struct waker_key *key, __u64 waited_ns)
{
	__u32 parity = slice & 1;
	void *sums = bpf_map_lookup_elem(&wakers, &parity);
	struct waker_sum fresh = {.count = 1, .ns = waited_ns};
	struct waker_sum *sum;

	if (!sums) /* nobody asks any more */
		return;
	sum = bpf_map_lookup_elem(sums, key);
	if (sum) {
		__sync_fetch_and_add(&sum->count, 1);
		__sync_fetch_and_add(&sum->ns, waited_ns);
		return;
	}
	/* Refused, by a full map or by who made the same at the same time: one look of many is lost. */
	if (bpf_map_update_elem(sums, key, &fresh, BPF_NOEXIST) != 0)
		count(COUNT_WAKER_REFUSED);
}

/* `task` is about to be woken by the current one, or by an interrupt of it. Interrupts are off, as in the switch's hook: the
 * two never use this CPU's walk at once. */
static __always_inline void look_at_waker(void *ctx, struct task_struct *task, struct thread_clock *clock, __u64 now)
{
	struct waker_key key = {.waiter = without_mark(clock->wait_stack), .tgid = task->tgid, .reason = clock->reason};
	struct task_struct *waker = current_task();
	__u64 waited_ns = now - clock->began_ns;
	struct walk_state *state;
	__u32 slice = slice_number;

	if (!is_within_work(key.reason) || (__s64)waited_ns < LEAST_WAIT_NS || !is_time_to_look(now))
		return;
	state = walk_state_of_cpu();
	if (!state)
		return;
	key.waker_tgid = BPF_CORE_READ(waker, tgid);
	key.waker = walk_and_send(ctx, waker, slice, state, !(BPF_CORE_READ(waker, flags) & PF_KTHREAD));
	if (!is_lost(&key.waker))
		add_waker(slice, &key, waited_ns);
}

#endif
