// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TCP connections, while somebody asks for peers: those that this host asks for, by who does and where, with how they end; and
 * of all of them what goes wrong, segments sent again and resets.
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../lib/connects.bpf.h"
#include "../lib/heartbeat.bpf.h"
#include "../lib/run_time.bpf.h"
#include "../lib/socket_peer.bpf.h"

#define PEER_ENTRIES 1024

/* 0.1 MB. Filled here, drained by the agent at each slice's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PEER_ENTRIES);
	__type(key, struct counterpart);
	__type(value, struct peer_events);
} peer_events SEC(".maps");

/* Events of peers that found no room. */
volatile __u64 peer_events_refused = 0;

static __always_inline struct peer_events *events_of(const struct sock *sk)
{
	struct counterpart peer = {};
	struct peer_events none = {}, *events;

	if (!sk || !agent_lives(bpf_ktime_get_ns()))
		return NULL;
	take_peer(&peer, (struct sock *)sk);
	if (peer.kind != COUNTERPART_INTERNET)
		return NULL;
	events = bpf_map_lookup_elem(&peer_events, &peer);
	if (events)
		return events;
	/* Refused also when another CPU has just made it. */
	bpf_map_update_elem(&peer_events, &peer, &none, BPF_NOEXIST);
	events = bpf_map_lookup_elem(&peer_events, &peer);
	if (!events)
		__sync_fetch_and_add(&peer_events_refused, 1);
	return events;
}

/* To SYN_SENT in the thread that connects, with the socket locked and interrupts on; the rest there as well, or in the soft
 * interrupt that has the answer or the timer. Looks up and updates preallocated maps, and wakes nobody. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, const struct sock *sk, int before, int after)
{
	TIMED_RUN(on_state);
	struct sock *socket = (struct sock *)sk;
	__u64 now = bpf_ktime_get_ns();

	if (!agent_lives(now) || BPF_CORE_READ(socket, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (after == TCP_SYN_SENT)
		begin_connect(ctx, socket, now);
	else if (after == TCP_ESTABLISHED || after == TCP_CLOSE)
		end_connect(socket, after == TCP_ESTABLISHED, now);
	return 0;
}

/* In the timer's or the receiver's soft interrupt, the socket locked by the kernel; only reads, and counts. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, const struct sock *sk)
{
	TIMED_RUN(on_retransmit);
	struct peer_events *events = events_of(sk);

	if (events)
		__sync_fetch_and_add(&events->retransmits, 1);
	return 0;
}

/* The same. */
SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_received, const struct sock *sk)
{
	TIMED_RUN(on_reset_received);
	struct peer_events *events = events_of(sk);

	if (events)
		__sync_fetch_and_add(&events->resets_received, 1);
	return 0;
}

/* The same; without a socket when nobody listens. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, const struct sock *sk)
{
	TIMED_RUN(on_reset_sent);
	struct peer_events *events = events_of(sk);

	if (events)
		__sync_fetch_and_add(&events->resets_sent, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
