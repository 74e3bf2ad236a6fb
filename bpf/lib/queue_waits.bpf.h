/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long threads waited in the queue of the CPU that they came to, while somebody asks. Whole waits, from end to end, in
 * the slice in which they end. Time without quota is no wait for this CPU, and is left out. Include once per object.
 */
#ifndef SONDE_BPF_LIB_QUEUE_WAITS_BPF_H
#define SONDE_BPF_LIB_QUEUE_WAITS_BPF_H

#include "../abi/tables.h"
#include "length_bucket.bpf.h"
#include "thread_clock.bpf.h"

/* Whether anybody asks, set by the agent: else one load is all that it costs. */
volatile __u32 queue_watch = 0;

/* By slice, even or odd, and by whether the thread was woken or had been preempted. 4 x 152 B x CPUs. Written by the CPU's
 * own switches, with interrupts off; read and cleared by the agent when the slice is over. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * QUEUE_KINDS);
	__type(key, __u32);
	__type(value, struct wait_sum);
} queue_waits SEC(".maps");

/* A global function, which the verifier reads once; not to be called under a clock's lock. */
__attribute__((noinline)) int add_queue_wait(__u32 slice, __u32 kind, __u64 length_ns)
{
	__u32 key = (slice & 1) * QUEUE_KINDS + (kind & 1), bucket = bucket_of_length(length_ns);
	struct wait_sum *sum = bpf_map_lookup_elem(&queue_waits, &key);

	/* Never null: the key is one of the array's. The verifier asks all the same. */
	if (!sum)
		return 0;
	barrier_var(bucket); /* keeps the bound next to its use, where the verifier can see it */
	bucket &= WAIT_BUCKETS - 1;
	sum->count++;
	sum->ns += length_ns;
	sum->lengths[bucket]++;
	if (length_ns > sum->longest_ns)
		sum->longest_ns = length_ns;
	return 0;
}

/* Before the clock is moved, of a thread that came to this CPU at `now`: nobody else moves it meanwhile, but for its slice. */
static __always_inline void note_queue_wait(const struct thread_clock *clock, const struct slice_bound *bound, __u64 now)
{
	__u64 woken_ns = *(const volatile __u64 *)&clock->woken_ns, since_ns = woken_ns ? woken_ns : clock->began_ns;
	__u32 reason = woken_ns ? clock->woken_reason : clock->reason;

	if (queue_watch && (reason == REASON_RUN_QUEUE || reason == REASON_PREEMPTED))
		add_queue_wait(bound->number, reason == REASON_PREEMPTED ? QUEUE_PREEMPTED : QUEUE_WOKEN,
			       now > since_ns ? now - since_ns : 0);
}

#endif
