/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stacks as they leave the kernel: keyed by content, frames sent once a slice through a ring buffer.
 * Written by bpf/, read by agent/capture. All fields little-endian as the host has them.
 */
#ifndef SONDE_BPF_ABI_STACK_H
#define SONDE_BPF_ABI_STACK_H

#include <linux/types.h>

#ifdef __cplusplus
#include <cstddef>

namespace sonde::abi {
#endif

/* Kernel part: what the kernel's own walkers return at most (kernel.perf_event_max_stack). User part: as deep as a walk goes. */
#define SONDE_KERNEL_FRAMES 127
#define SONDE_USER_FRAMES 1024
#define SONDE_MAX_FRAMES (SONDE_KERNEL_FRAMES + SONDE_USER_FRAMES)
#define SONDE_COMM_LEN 16

/* 128-bit hash over the frames, and over the tgid where frames are addresses of a process. Values below 16 in `low` with `high` 0 are the markers of enum stack_marker. */
struct stack_id {
	__u64 low;
	__u64 high;
};

enum stack_marker {
	STACK_LOST = 0,	      /* it could not be recorded; counted by cause */
	STACK_NEW_THREAD = 1, /* a thread that has not run yet */
	STACK_UNSEEN = 2,     /* off the CPU since before the agent started, and nothing to be read */
	STACK_NOT_DRAWN = 3,  /* left out, to keep the agent's cost within its budget */
	STACK_SEVERAL = 4,    /* pages that were dirtied at several places, written by one request */
};

/* In `high` of a stack in a wait's key, never of the stack itself: this wait was drawn by chance, and stands for others that
 * were left out. */
#define STACK_DRAWN 2

enum ring_record_type {
	RECORD_STACK = 1,
	RECORD_THREAD_EXIT = 2,
	RECORD_EXEC = 3,
};

enum stack_flags {
	STACK_ASLEEP_SINCE_BEFORE = 1, /* taken by the task iterator: kernel frames only */
};

/* Header of a RECORD_STACK; `kernel_frames` addresses then `user_frames` as unwind.h has them follow, leaf first. */
struct stack_record {
	__u32 type;
	__u32 tgid;
	struct stack_id id;
	__u16 kernel_frames;
	__u16 user_frames;
	__u16 flags;
	__u16 stop; /* enum unwind_stop: how the user part ended */
	char comm[SONDE_COMM_LEN]; /* of the thread group's leader */
	__u64 frames[SONDE_MAX_FRAMES];
};

#define SONDE_STACK_HEADER_BYTES 48

#ifdef __cplusplus
static_assert(sizeof(stack_id) == 16);
static_assert(offsetof(stack_record, frames) == SONDE_STACK_HEADER_BYTES);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct stack_id) == 16, "read as 16 bytes by the agent");
_Static_assert(__builtin_offsetof(struct stack_record, frames) == SONDE_STACK_HEADER_BYTES, "read so by the agent");
#endif

#endif
