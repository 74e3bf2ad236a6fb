/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The thread clock's results: one record for each thread and slice.
 * Times are CLOCK_MONOTONIC nanoseconds, pids those of the root pid namespace.
 */
#ifndef SONDE_BPF_ABI_THREAD_H
#define SONDE_BPF_ABI_THREAD_H

#include "stack.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* Where a thread's time goes. The order is model::ThreadState's. */
enum thread_state {
	THREAD_ON_CPU = 0,
	THREAD_RUN_QUEUE = 1,
	THREAD_BLOCKED = 2,
	THREAD_STATES = 3,
	THREAD_DEAD = 3, /* left the CPU for the last time */
};

/* What the task iterator writes for each living thread at a slice's end. */
struct thread_record {
	__u32 tgid;
	__u32 tid;
	__u64 started_ns; /* when it first became runnable, or when the agent first saw it */
	__u64 ns[THREAD_STATES];
	char comm[SONDE_COMM_LEN];	 /* of the thread */
	char group_comm[SONDE_COMM_LEN]; /* of the thread group's leader */
};

/* What the last switch of a thread sends through the ring buffer. */
struct thread_exit_record {
	__u32 type; /* RECORD_THREAD_EXIT */
	__u32 slice;
	__u64 ended_ns;
	struct thread_record thread;
	__u32 has_previous; /* previous_ns belongs to slice - 1 and was not collected yet */
	__u32 padding;
	__u64 previous_ns[THREAD_STATES];
};

/* A process put on a new image: what was known of its mappings is void. */
struct exec_record {
	__u32 type; /* RECORD_EXEC */
	__u32 tgid;
};

#ifdef __cplusplus
static_assert(sizeof(thread_record) == 72);
static_assert(sizeof(thread_exit_record) == 120);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct thread_record) == 72, "read as 72 bytes by the agent");
_Static_assert(sizeof(struct thread_exit_record) == 120, "read as 120 bytes by the agent");
#endif

#endif
