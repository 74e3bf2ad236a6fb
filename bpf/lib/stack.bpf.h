/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stacks keyed by content: walked by the kernel's helpers into a record, hashed, ready to be sent. */
#ifndef SONDE_BPF_LIB_STACK_BPF_H
#define SONDE_BPF_LIB_STACK_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../abi/stack.h"

#define FRAME_BYTES (SONDE_MAX_FRAMES * sizeof(__u64))

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
	return hash ^ (hash >> 29);
}

/*
 * Two independent lanes of 64 bits: equal ids for different stacks are then not a practical concern.
 * The first `left_out` frames do not count: the tracing machinery's, which change when another tracer comes or goes.
 */
static __always_inline void hash_stack(struct stack_record *record, __u32 left_out)
{
	__u32 frames = record->kernel_frames + record->user_frames;
	__u64 low = mix(record->tgid, record->kernel_frames - left_out);
	__u64 high = mix(~low, record->user_frames);

	for (__u32 i = 0; i < 2 * SONDE_MAX_FRAMES; i++) {
		if (i >= frames)
			break;
		if (i < left_out)
			continue;
		__u64 word = record->frames[i];

		low = mix(low, word);
		high = (high + ((word << 31) | (word >> 33))) * 0xC2B2AE3D27D4EB4FULL;
		high ^= high >> 32;
	}
	record->id.low = low;
	record->id.high = high | 1; /* never one of the markers */
}

/*
 * Fills the frames of `record` with the stack of the current task: kernel frames, then user frames by frame pointers.
 * Returns false when there is a user part that could not be read. `ctx` is the program's. `skip` kernel frames are left
 * out: at a tracepoint the first is the place in our own program, which would make one stack differ by call site.
 */
static __always_inline bool walk_stack(void *ctx, struct stack_record *record, bool has_user, __u64 skip)
{
	bool readable = true;
	long bytes = bpf_get_stack(ctx, record->frames, FRAME_BYTES, skip);
	__u32 kernel = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;
	__u32 user = 0;

	if (kernel > SONDE_MAX_FRAMES) /* for the verifier: the helper's result is bounded by the size given */
		kernel = SONDE_MAX_FRAMES;
	if (has_user) {
		bytes = bpf_get_stack(ctx, &record->frames[kernel], FRAME_BYTES, BPF_F_USER_STACK);
		readable = bytes > 0;
		user = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;
		if (user > SONDE_MAX_FRAMES)
			user = SONDE_MAX_FRAMES;
	}
	record->kernel_frames = kernel;
	record->user_frames = user;
	return readable;
}

/* Bytes of `record` that are in use. */
static __always_inline __u64 stack_record_bytes(const struct stack_record *record)
{
	__u64 frames = record->kernel_frames + record->user_frames;

	if (frames > 2 * SONDE_MAX_FRAMES)
		frames = 2 * SONDE_MAX_FRAMES;
	return SONDE_STACK_HEADER_BYTES + frames * sizeof(__u64);
}

#endif
