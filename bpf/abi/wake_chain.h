/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chains of wakers: who ended a wait, who had ended that thread's own wait before, and so on. Filled only while asked for. */
#ifndef SONDE_BPF_ABI_WAKE_CHAIN_H
#define SONDE_BPF_ABI_WAKE_CHAIN_H

#include "stack.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

#define CHAIN_HOPS 8

/* All threads of one name of a process that woke the one before at one place. */
struct chain_hop {
	struct stack_id stack; /* at the wake-up */
	char comm[SONDE_COMM_LEN]; /* of the thread; empty of an interrupt, as tgid is 0 */
	__u32 tgid;
	__u32 is_interrupt;
};

/* chains: how waits of a process at a stack came to their end. The first hop is who ended them. */
struct chain_key {
	struct stack_id waiter;
	__u32 tgid;   /* of the waiter */
	__u32 reason; /* enum reason of the wait */
	__u32 hops;   /* that are known; the rest is zero */
	__u32 padding;
	struct chain_hop hop[CHAIN_HOPS];
};

struct chain_sum {
	__u64 count;
	__u64 ns; /* how long the waits were from end to end */
	/* The part of it in which the waiter waited for this hop: from when the hop was itself woken, or the wait that it
	 * ended began, to when it woke the one before. What all of them leave of `ns` is not known. */
	__u64 hop_ns[CHAIN_HOPS];
};

#ifdef __cplusplus
static_assert(sizeof(chain_hop) == 40 && sizeof(chain_key) == 352 && sizeof(chain_sum) == 80);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct chain_key) == 352, "no hidden padding in a key");
_Static_assert(sizeof(struct chain_sum) == 80, "read as 80 bytes by the agent");
#endif

#endif
