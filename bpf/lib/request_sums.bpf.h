/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What requests come to: summed by who made them, where, and of which device, in a map for each slice. Include once per object. */
#ifndef SONDE_BPF_LIB_REQUEST_SUMS_BPF_H
#define SONDE_BPF_LIB_REQUEST_SUMS_BPF_H

#include "../abi/request.h"
#include "counters.bpf.h"
#include "find_or_make.bpf.h"
#include "length_bucket.bpf.h"

#define REQUEST_SUM_ENTRIES 4096

struct request_sums_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REQUEST_SUM_ENTRIES);
	__type(key, struct request_key);
	__type(value, struct request_sum);
};

/* In slices of even and odd number; 1.1 MB each, half of that on hosts of one or two CPUs. Filled here, drained by the
 * agent. */
struct request_sums_map request_sums_even SEC(".maps");
struct request_sums_map request_sums_odd SEC(".maps");

/* Number of the current slice, written by the agent. */
volatile __u32 request_slice = 0;

/* Written by the agent once every hook is attached, at which instant it reads the kernel's own books too. */
volatile bool counts_requests = false;

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 request_entries_made = 0;

/* What a new sum begins as: too large for a program's stack. */
static struct request_sum no_request_sum;

/* One request that ended, or bytes of one that goes on. */
struct request_part {
	__u64 ns;
	__u64 queue_ns;
	__u64 device_ns;
	__u64 bytes;
	bool ended;
};

/* The sum at `key`, made if need be; null when it is refused. */
static __always_inline struct request_sum *find_request_sum(void *sums, const struct request_key *key)
{
	return find_or_make(sums, key, &no_request_sum, &request_entries_made, COUNT_REQUEST_MAP_FULL,
			    COUNT_REQUEST_MAP_BUSY);
}

static __always_inline struct request_sum *find_sum_or_bare(void *sums, const struct request_key *key)
{
	struct request_key without_stack = *key;
	struct request_sum *sum = find_request_sum(sums, key);

	if (sum)
		return sum;
	without_stack.stack = (struct stack_id){.low = STACK_LOST};
	return find_request_sum(sums, &without_stack);
}

/* What finds no room keeps its process and loses its stack. The tests keep clang from making an atomic OR of adding zero,
 * which 5.10 lacks. */
static __always_inline void add_request(const struct request_key *key, const struct request_part *part)
{
	void *sums = request_slice & 1 ? (void *)&request_sums_odd : (void *)&request_sums_even;
	__u32 bucket = bucket_of_length(part->ns);
	struct request_sum *sum;

	if (!counts_requests || !(part->bytes || part->ended))
		return;
	sum = find_sum_or_bare(sums, key);
	if (!sum) {
		count(COUNT_REQUEST_LOST);
		return;
	}
	if (part->bytes)
		__sync_fetch_and_add(&sum->bytes, part->bytes);
	if (!part->ended)
		return;
	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->lengths[bucket & (WAIT_BUCKETS - 1)], 1);
	if (part->ns)
		__sync_fetch_and_add(&sum->ns, part->ns);
	if (part->queue_ns)
		__sync_fetch_and_add(&sum->queue_ns, part->queue_ns);
	if (part->device_ns)
		__sync_fetch_and_add(&sum->device_ns, part->device_ns);
	/* Two CPUs at once may lose the longer of two that are longer than all before. */
	if (part->ns > sum->longest_ns)
		sum->longest_ns = part->ns;
}

#endif
