/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP connections that this host asks for: keys and values of the maps that user space reads. Filled only while somebody asks. */
#ifndef SONDE_BPF_ABI_CONNECT_H
#define SONDE_BPF_ABI_CONNECT_H

#include "counterpart.h"
#include "tables.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

enum connect_failure {
	CONNECT_REFUSED,
	CONNECT_TIMED_OUT,
	CONNECT_UNREACHABLE, /* or another error that the network told */
	CONNECT_GIVEN_UP,    /* the program closed the socket, or had no port for it */
	CONNECT_FAILURES,
};

/* connect_sums: what a process asked for at a stack, of one peer. */
struct connect_key {
	struct stack_id stack; /* in connect() */
	__u32 tgid;
	__u32 padding;
	struct counterpart peer; /* COUNTERPART_INTERNET */
};

struct connect_sum {
	struct wait_sum established; /* how long it took, whether anybody waited for it or not */
	__u64 failed[CONNECT_FAILURES];
};

/* connects_under_way: by the address of the kernel's socket. */
struct connect_under_way {
	struct connect_key key;
	__u64 began_ns;
};

#ifdef __cplusplus
static_assert(sizeof(connect_key) == 56 && sizeof(connect_sum) == 184 && sizeof(connect_under_way) == 64);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct connect_key) == 56, "no hidden padding in a key");
_Static_assert(sizeof(struct connect_sum) == 184, "read as 184 bytes by the agent");
_Static_assert(sizeof(struct connect_under_way) == 64, "read as 64 bytes by the agent");
#endif

#endif
