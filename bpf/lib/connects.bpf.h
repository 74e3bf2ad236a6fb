/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP connections that this host asks for: from the socket's change to SYN_SENT, in the thread that connects, to ESTABLISHED or
 * CLOSE, wherever that happens; so for blocking and non-blocking sockets alike. Summed by process, stack and peer in a map for
 * each slice. Include once per object.
 */
#ifndef SONDE_BPF_LIB_CONNECTS_BPF_H
#define SONDE_BPF_LIB_CONNECTS_BPF_H

#include "../abi/connect.h"
#include "counters.bpf.h"
#include "find_or_make.bpf.h"
#include "length_bucket.bpf.h"
#include "socket_peer.bpf.h"
#include "submitter.bpf.h"

#define CONNECTS_UNDER_WAY 4096
#define CONNECT_SUM_ENTRIES 1024

/* By address: the kernel uses a socket's memory again only when it is closed. 0.5 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONNECTS_UNDER_WAY);
	__type(key, __u64);
	__type(value, struct connect_under_way);
} connects_under_way SEC(".maps");

struct connect_sums_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONNECT_SUM_ENTRIES);
	__type(key, struct connect_key);
	__type(value, struct connect_sum);
};

/* In slices of even and odd number; 0.3 MB each. Filled here, drained by the agent. */
struct connect_sums_map connect_sums_even SEC(".maps");
struct connect_sums_map connect_sums_odd SEC(".maps");

/* Number of the current slice, written by the agent. */
volatile __u32 connect_slice = 0;

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 connect_entries_made = 0;

static struct connect_sum no_connect_sum;

#define IPPROTO_TCP 6
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define ECONNREFUSED 111
#define ETIMEDOUT 110

static __always_inline __u32 failure_of(int error)
{
	switch (error) {
	case 0:
		return CONNECT_GIVEN_UP;
	case ECONNREFUSED:
		return CONNECT_REFUSED;
	case ETIMEDOUT:
		return CONNECT_TIMED_OUT;
	}
	return CONNECT_UNREACHABLE;
}

/* The current thread asks for a connection of `sk`, which knows its peer already. */
static __always_inline void begin_connect(void *ctx, struct sock *sk, __u64 now)
{
	struct connect_under_way begun = {.began_ns = now};
	struct task_struct *task = current_task();
	__u64 address = (__u64)sk;

	take_peer(&begun.key.peer, sk);
	if (begun.key.peer.kind != COUNTERPART_INTERNET)
		return;
	begun.key.tgid = BPF_CORE_READ(task, tgid);
	begun.key.stack = submitter_stack(ctx, task, connect_slice);
	if (bpf_map_update_elem(&connects_under_way, &address, &begun, BPF_ANY) != 0)
		count(COUNT_CONNECT_UNSEEN);
}

static __always_inline void add_established(struct wait_sum *sum, __u64 ns)
{
	__u32 bucket = bucket_of_length(ns);

	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->lengths[bucket & (WAIT_BUCKETS - 1)], 1);
	if (ns) /* keeps clang from making an atomic OR of adding zero, which 5.10 lacks */
		__sync_fetch_and_add(&sum->ns, ns);
	/* Two CPUs at once may lose the longer of two that are longer than all before. */
	if (ns > sum->longest_ns)
		sum->longest_ns = ns;
}

/* `sk` is connected, or closed. Most of these were not asked for here, or were connected before. */
static __always_inline void end_connect(struct sock *sk, bool is_established, __u64 now)
{
	void *sums = connect_slice & 1 ? (void *)&connect_sums_odd : (void *)&connect_sums_even;
	__u64 address = (__u64)sk;
	struct connect_under_way *known = bpf_map_lookup_elem(&connects_under_way, &address);
	struct connect_key key;
	struct connect_sum *sum;
	__u32 failure;
	__u64 ns;

	if (!known)
		return;
	key = known->key;
	ns = now - known->began_ns;
	/* Nobody else ends it: the kernel holds the socket's lock. */
	bpf_map_delete_elem(&connects_under_way, &address);
	sum = find_or_make(sums, &key, &no_connect_sum, &connect_entries_made, COUNT_CONNECT_LOST, COUNT_CONNECT_LOST);
	if (!sum)
		return;
	if (is_established)
		return add_established(&sum->established, ns);
	failure = failure_of(BPF_CORE_READ(sk, sk_err));
	__sync_fetch_and_add(&sum->failed[failure & (CONNECT_FAILURES - 1)], 1);
}

#endif
