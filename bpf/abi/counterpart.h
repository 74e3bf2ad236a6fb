/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The other side of a wait: the peer of a socket, or a lock and who holds it. */
#ifndef SONDE_BPF_ABI_COUNTERPART_H
#define SONDE_BPF_ABI_COUNTERPART_H

#include "stack.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

enum counterpart_kind {
	COUNTERPART_NONE,
	COUNTERPART_INTERNET,
	COUNTERPART_UNIX,
	COUNTERPART_FUTEX,
	COUNTERPART_KERNEL_LOCK,
};

enum counterpart_flag {
	/* Of sockets. */
	COUNTERPART_LISTENS = 1, /* for connections */
	COUNTERPART_SERVES = 2,	 /* the local port is the known one: the peer asks */
	COUNTERPART_DATAGRAM = 4,
	COUNTERPART_IPV6 = 8,
	/* Of locks. */
	COUNTERPART_OWNER_IN_WORD = 16, /* `owner` was read beside the futex: true of pthread mutexes only */
	COUNTERPART_OF_MEMORY = 32,	/* the lock of the process's own mappings */
};

/* Beyond these, of kernel locks: the flags of contention_begin. */
#define COUNTERPART_LOCK_SHIFT 8
#define CONTENTION_READ 2
#define CONTENTION_WRITE 4
#define CONTENTION_REAL_TIME 8
#define CONTENTION_PER_CPU 16
#define CONTENTION_MUTEX 32

struct counterpart {
	__u16 kind;  /* enum counterpart_kind */
	__u16 flags; /* enum counterpart_flag */
	/* Of internet sockets, in host order: only the port that somebody chose to be found at; the ephemeral one is 0. */
	__u16 local_port;
	__u16 peer_port;
	__u32 owner; /* of a lock: thread that held it last, 0 unknown; of a Unix socket: process at its other end */
	__u32 padding;
	__u8 address[16]; /* of the peer, in network order; of a lock: its address, 8 bytes */
};

/* counterparts: what a process waited for, at a stack. Value: struct wait_sum. */
struct counterpart_key {
	struct stack_id stack;
	__u32 tgid;
	__u16 reason; /* enum reason */
	__u16 padding;
	struct counterpart with;
};

/* peer_events: what happened to connections with a peer. Key: struct counterpart of COUNTERPART_INTERNET, which has no owner
 * and the flags of sockets. */
struct peer_events {
	__u64 retransmits; /* segments sent again */
	__u64 resets_received;
	__u64 resets_sent;
};

#ifdef __cplusplus
static_assert(sizeof(counterpart) == 32 && sizeof(counterpart_key) == 56 && sizeof(peer_events) == 24);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct counterpart) == 32, "no hidden padding in a key");
_Static_assert(sizeof(struct counterpart_key) == 56, "no hidden padding in a key");
#endif

#endif
