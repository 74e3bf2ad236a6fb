/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chains of wakers: who ended a wait, by whom that thread itself had last been woken, and so on, up to CHAIN_HOPS. Only while
 * the agent asks. Include once per object.
 *
 * Each wake-up is kept for a while in its CPU's part of a ring, with a link to the last wake-up of who did it; each thread has
 * a link to its own last one. So a wake-up costs one stack and one entry, however long the chains are, and a chain is put
 * together only where a wait that is to be explained ends. A link names the instant too: where the entry was used again since,
 * the chain ends. A thread that waited for less than LEAST_HOP_NS counts as if it had run on.
 *
 * An interrupt ends the chain: a timer or a device is waited for, and not who happened to run.
 */
#ifndef SONDE_BPF_LIB_WAKE_CHAINS_BPF_H
#define SONDE_BPF_LIB_WAKE_CHAINS_BPF_H

#include "../abi/wake_chain.h"
#include "counterparts.bpf.h"
#include "find_or_make.bpf.h"
#include "wakers.bpf.h"

#define WAKE_UPS 16384
#define CHAIN_ENTRIES 512
#define LEAST_HOP_NS 50000
/* At some 3 us a stack: 6 % of a CPU at most, after the first of a burst. */
#define HOP_PAUSE_NS 50000
#define HOP_BURST 64

/* A wait that ended. */
struct wake_up {
	struct stack_id stack; /* of who ended it */
	char comm[SONDE_COMM_LEN];
	__u32 tgid;
	__u32 is_interrupt;
	__u64 began_ns;
	__u64 ended_ns;
	struct wake_up_link cause; /* since when who ended it had run */
};

/* In parts of wake_ups_per_cpu: nobody but its CPU writes one. 1.3 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WAKE_UPS);
	__type(key, __u32);
	__type(value, struct wake_up);
} wake_ups SEC(".maps");

/* A power of two; by the agent before load. */
const volatile __u32 wake_ups_per_cpu = 1;

struct chains_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CHAIN_ENTRIES);
	__type(key, struct chain_key);
	__type(value, struct chain_sum);
};

/* In slices of even and odd number; 0.25 MB each. Filled here, drained by the agent as the sums of waits are. */
struct chains_map chains_even SEC(".maps");
struct chains_map chains_odd SEC(".maps");

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 chain_entries_made = 0;

/* Raised by the agent each time it begins to ask, at this instant: what was noted before is void. 0: nobody asks. */
volatile __u32 chain_watch = 0;
volatile __u64 chain_watch_began_ns = 0;

/* What each CPU has of its own; the chain in the making is too large for a program's stack. The hook has interrupts off: one
 * is enough. 0.5 KiB x CPUs. */
struct chain_scratch {
	struct chain_key key;
	__u64 hop_ns[CHAIN_HOPS];
	__u64 stacks_paid_until_ns;
	__u32 wake_ups_made;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chain_scratch);
} chain_scratches SEC(".maps");

static struct chain_sum no_chain_sum;

static __always_inline struct chain_scratch *chain_scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&chain_scratches, &zero);
}

/* Whether the CPU may walk one stack more. */
static __always_inline bool may_look_at_hop(struct chain_scratch *scratch, __u64 now)
{
	const __u64 burst_ns = HOP_BURST * HOP_PAUSE_NS;

	if (scratch->stacks_paid_until_ns > now)
		return false;
	if (scratch->stacks_paid_until_ns < now - burst_ns)
		scratch->stacks_paid_until_ns = now - burst_ns;
	scratch->stacks_paid_until_ns += HOP_PAUSE_NS;
	return true;
}

/* Since when the current thread has run, and by whose doing. */
static __always_inline struct wake_up_link cause_of_current(void)
{
	struct wake_up_link unknown = {.since_ns = bpf_ktime_get_ns(), .index = NO_WAKE_UP};
	struct task_struct *task = storage_owner();
	struct thread_sites *all = find_sites(task);
	struct thread_clock *clock = find_clock(task);

	if (!all || !clock)
		return unknown;
	/* Who ended its last wait is hidden from us. */
	if (all->awaited.watch == counterpart_watch && all->awaited.began_ns != all->woken.began_ns)
		return unknown;
	if (all->woken.watch == chain_watch)
		return all->woken;
	/* It has not waited since anybody asked, or since it began to be. */
	unknown.since_ns = clock->started_ns > chain_watch_began_ns ? clock->started_ns : chain_watch_began_ns;
	return unknown;
}

/* Keeps the wake-up of a thread that stands in `clock`. Gives its index, or NO_WAKE_UP. */
static __always_inline __u32 keep_wake_up(struct chain_scratch *scratch, const struct thread_clock *clock,
					  const struct waker *waker, __u64 now)
{
	__u32 index = bpf_get_smp_processor_id() * wake_ups_per_cpu + (scratch->wake_ups_made++ & (wake_ups_per_cpu - 1));
	struct wake_up *wake_up = bpf_map_lookup_elem(&wake_ups, &index);

	if (!wake_up)
		return NO_WAKE_UP;
	wake_up->ended_ns = now;
	wake_up->began_ns = clock->began_ns;
	wake_up->stack = waker->stack;
	wake_up->tgid = waker->tgid;
	wake_up->is_interrupt = waker->is_interrupt;
	if (waker->is_interrupt) {
		__builtin_memset(wake_up->comm, 0, sizeof(wake_up->comm));
		wake_up->cause = (struct wake_up_link){.index = NO_WAKE_UP};
	} else {
		bpf_get_current_comm(wake_up->comm, sizeof(wake_up->comm));
		wake_up->cause = cause_of_current();
	}
	return index;
}

/* Adds the hops that lead to the wake-up at `index`, which ended at `ended_ns` a wait that began at `began_ns`. */
static __always_inline void take_hops(struct chain_scratch *scratch, __u32 index, __u64 began_ns, __u64 ended_ns)
{
	for (int i = 0; i < CHAIN_HOPS; i++) {
		const struct wake_up *wake_up = bpf_map_lookup_elem(&wake_ups, &index);
		struct chain_hop *hop = &scratch->key.hop[i];
		__u64 from_ns;

		if (!wake_up || wake_up->ended_ns != ended_ns)
			return;
		hop->stack = wake_up->stack;
		__builtin_memcpy(hop->comm, wake_up->comm, sizeof(hop->comm));
		hop->tgid = wake_up->tgid;
		hop->is_interrupt = wake_up->is_interrupt;
		scratch->key.hops = i + 1;
		/* What the woken thread did before it waited was not waiting for this hop. */
		from_ns = wake_up->began_ns > began_ns ? wake_up->began_ns : began_ns;
		if (wake_up->cause.since_ns <= from_ns) {
			scratch->hop_ns[i] = ended_ns - from_ns;
			return;
		}
		scratch->hop_ns[i] = ended_ns - wake_up->cause.since_ns;
		index = wake_up->cause.index;
		ended_ns = wake_up->cause.since_ns;
	}
}

static __always_inline void add_chain(const struct chain_scratch *scratch, __u32 slice, __u64 waited_ns)
{
	void *chains = slice & 1 ? (void *)&chains_odd : (void *)&chains_even;
	struct chain_sum *sum = find_or_make(chains, &scratch->key, &no_chain_sum, &chain_entries_made, COUNT_CHAIN_REFUSED,
					     COUNT_CHAIN_REFUSED);

	if (!sum)
		return;
	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->ns, waited_ns);
	for (int i = 0; i < CHAIN_HOPS; i++)
		if (scratch->hop_ns[i]) /* keeps clang from making an atomic OR of adding zero, which 5.10 lacks */
			__sync_fetch_and_add(&sum->hop_ns[i], scratch->hop_ns[i]);
}

/* `waker`, null when it was not looked at, ends a wait of `task`: what there is to know of it for chains. */
static __always_inline void follow_wake_up(struct task_struct *task, const struct thread_clock *clock, const struct waker *waker,
					   struct chain_scratch *scratch, __u32 slice, __u64 now)
{
	struct wake_up_link link = {.since_ns = now, .began_ns = clock->began_ns, .index = NO_WAKE_UP, .watch = chain_watch};
	struct thread_sites *all = find_sites(task);
	__u64 waited_ns = now - clock->began_ns;

	if (!all)
		return;
	if ((__s64)waited_ns < LEAST_HOP_NS) {
		all->woken.began_ns = clock->began_ns;
		return;
	}
	if (waker)
		link.index = keep_wake_up(scratch, clock, waker, now);
	else
		count(COUNT_HOP_LEFT_OUT);
	all->woken = link;
	if (link.index == NO_WAKE_UP || !is_to_be_explained(clock->reason, waited_ns))
		return;
	__builtin_memset(&scratch->key, 0, sizeof(scratch->key));
	__builtin_memset(scratch->hop_ns, 0, sizeof(scratch->hop_ns));
	scratch->key.waiter = without_mark(clock->wait_stack);
	scratch->key.tgid = task->tgid;
	scratch->key.reason = clock->reason;
	take_hops(scratch, link.index, clock->began_ns, now);
	add_chain(scratch, slice, waited_ns);
}

/* `task` is about to be woken by the current one, which held so long at least what it waits for (0: not known), or by an
 * interrupt of it. Interrupts are off, as in the switch's hook: the two never use this CPU's walk at once. */
static __always_inline void look_at_wake_up(void *ctx, struct task_struct *task, const struct thread_clock *clock, __u64 held_ns,
					    __u64 now)
{
	struct chain_scratch *scratch = chain_scratch_of_cpu();
	__u64 waited_ns = now - clock->began_ns;
	__u32 slice = slice_number;
	struct waker waker = {};
	bool tells_waker, is_hop, is_seen = false;

	if (!scratch || !is_blocked(clock->reason))
		return;
	tells_waker = is_to_be_explained(clock->reason, waited_ns) && is_time_to_look(now);
	is_hop = chain_watch != 0;
	if (tells_waker || (is_hop && (__s64)waited_ns >= LEAST_HOP_NS && may_look_at_hop(scratch, now)))
		is_seen = look_at_waker(ctx, slice, &waker);
	if (tells_waker && is_seen && !is_lost(&waker.stack))
		add_waker(task, clock, &waker, slice, waited_ns, held_ns);
	if (is_hop)
		follow_wake_up(task, clock, is_seen ? &waker : NULL, scratch, slice, now);
}

#endif
