/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts by cause. Include once per object; the map belongs to that object alone. */
#ifndef SONDE_BPF_LIB_COUNTERS_BPF_H
#define SONDE_BPF_LIB_COUNTERS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../abi/tables.h"

/* enum counter -> count, per CPU so that no two CPUs share a line. 68 x 8 B x CPUs. Look-ups only: safe in NMI. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count_many(__u32 what, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &what);

	/* An interrupt between load and store loses a count at worst on the interrupted CPU; both sides of such a pair
	 * live in different objects (perf event, scheduler), which have different maps. */
	if (value)
		*value += n;
}

static __always_inline void count(__u32 what)
{
	count_many(what, 1);
}

/* How a walk ended. */
static __always_inline void count_stop(__u32 reason)
{
	if (reason < UNWIND_STOPS)
		count(COUNT_STOPS + reason);
}

/* A refused map update: full, or busy (a lock not to be had, an allocator interrupted). */
static __always_inline void count_refusal(long error, __u32 full, __u32 busy)
{
	const long e2big = -7, enomem = -12;

	count(error == e2big || error == enomem ? full : busy);
}

#endif
