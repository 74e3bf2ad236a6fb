/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is at the other end of a socket. Every read is by CO-RE and may fail: the field is then 0. */
#ifndef SONDE_BPF_LIB_SOCKET_PEER_BPF_H
#define SONDE_BPF_LIB_SOCKET_PEER_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../abi/counterpart.h"
#include "open_file.bpf.h"
#include "wait_reason.bpf.h"

#define SOCKET_DATAGRAM 2

/* Of the two ports the one that somebody chose: clients of one server are one peer, whatever their port. */
static __always_inline void take_ports(struct counterpart *out, __u16 local_port, __u16 peer_port)
{
	if (out->flags & COUNTERPART_LISTENS)
		out->local_port = local_port;
	else if (local_port && !is_ephemeral(local_port) && is_ephemeral(peer_port)) {
		out->flags |= COUNTERPART_SERVES;
		out->local_port = local_port;
	} else {
		out->peer_port = peer_port;
	}
}

static __always_inline void take_internet_peer(struct counterpart *out, struct sock *sk, __u16 family)
{
	__u16 peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	__u32 address;

	out->kind = COUNTERPART_INTERNET;
	if (BPF_CORE_READ(sk, sk_type) == SOCKET_DATAGRAM)
		out->flags |= COUNTERPART_DATAGRAM;
	else if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		out->flags |= COUNTERPART_LISTENS;
	take_ports(out, BPF_CORE_READ(sk, __sk_common.skc_num), peer_port);
	if (family == AF_INET6) {
		out->flags |= COUNTERPART_IPV6;
		BPF_CORE_READ_INTO(&out->address, sk, __sk_common.skc_v6_daddr);
		return;
	}
	address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	__builtin_memcpy(out->address, &address, sizeof(address));
}

/* The kernel keeps who made the other end; of a listening socket that is its own process. */
static __always_inline void take_unix_peer(struct counterpart *out, struct sock *sk)
{
	struct pid *peer = BPF_CORE_READ(sk, sk_peer_pid);

	out->kind = COUNTERPART_UNIX;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		out->flags |= COUNTERPART_LISTENS;
	else if (peer)
		out->owner = BPF_CORE_READ(peer, numbers[0].nr);
}

static __always_inline void take_peer(struct counterpart *out, struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_INET || family == AF_INET6)
		take_internet_peer(out, sk, family);
	else if (family == AF_UNIX)
		take_unix_peer(out, sk);
}

/* The socket that is `file`; null when it is none. */
static __always_inline struct sock *socket_of(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & MODE_FORMAT) != MODE_SOCKET)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

#endif
