/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The thread clock's results: one record for each thread and slice.
 * Times are CLOCK_MONOTONIC nanoseconds, pids those of the root pid namespace.
 */
#ifndef SONDE_BPF_ABI_THREAD_H
#define SONDE_BPF_ABI_THREAD_H

#include "reason.h"
#include "stack.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* What the task iterator writes for each living thread at a slice's end. */
struct thread_record {
	__u32 tgid;
	__u32 tid;
	__u64 started_ns; /* when it first became runnable, or when the agent first saw it */
	__u64 ns[REASONS];
	char comm[SONDE_COMM_LEN];	 /* of the thread */
	char group_comm[SONDE_COMM_LEN]; /* of the thread group's leader */
};

/* What the last switch of a thread sends through the ring buffer: the header and `times` words. */
struct thread_exit_record {
	__u32 type; /* RECORD_THREAD_EXIT */
	__u32 slice;
	__u64 ended_ns;
	__u64 started_ns;
	__u32 tgid;
	__u32 tid;
	char comm[SONDE_COMM_LEN];
	char group_comm[SONDE_COMM_LEN];
	__u32 times;
	__u32 has_previous; /* part belongs to slice - 1 and was not collected yet */
	__u64 time[2 * REASONS]; /* enum reason, perhaps with EXIT_TIME_PREVIOUS, above nanoseconds; what is 0 is left out */
};

#define SONDE_EXIT_HEADER_BYTES 72
#define EXIT_TIME_WHAT_SHIFT 56
#define EXIT_TIME_PREVIOUS 0x80u

/* Threads of one process that exited in a slice while the ring had no room for their own records; by process. */
struct exit_sum {
	__u64 wall_ns; /* that they existed in the slice */
	__u32 threads;
	__u32 begun; /* of these, in this slice */
	__u64 ns[REASONS];
	char group_comm[SONDE_COMM_LEN];
};

/* Of a thread without a clock: nobody saw what it is at. */
#define REASON_UNKNOWN 0xff

/* What look_at_thread writes of each living thread: where it is now, as its clock has it. */
struct thread_now {
	__u32 tgid;
	__u32 tid;
	__u16 reason;	   /* enum reason, or REASON_UNKNOWN */
	__u16 wait_reason; /* of the last wait, which is the one in progress unless the thread runs */
	__u16 wait_syscall;
	__u16 kernel_frames;
	__u64 since_ns; /* when it came to `reason`; 0: not known */
	struct stack_id wait_stack; /* at its last switch-out */
	char comm[SONDE_COMM_LEN];
	char group_comm[SONDE_COMM_LEN];
	__u64 frames[SONDE_KERNEL_FRAMES]; /* where it is in the kernel, of one off the CPU whose wait_stack is a marker */
};

/* A process put on a new image: what was known of its mappings is void. */
struct exec_record {
	__u32 type; /* RECORD_EXEC */
	__u32 tgid;
};

#ifdef __cplusplus
static_assert(sizeof(thread_record) == 272);
static_assert(sizeof(thread_now) == 72 + 8 * SONDE_KERNEL_FRAMES);
static_assert(offsetof(thread_exit_record, time) == SONDE_EXIT_HEADER_BYTES);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct thread_record) == 272, "read as 272 bytes by the agent");
_Static_assert(sizeof(struct thread_now) == 72 + 8 * SONDE_KERNEL_FRAMES, "read so by the agent");
_Static_assert(__builtin_offsetof(struct thread_exit_record, time) == SONDE_EXIT_HEADER_BYTES, "read so by the agent");
#endif

#endif
