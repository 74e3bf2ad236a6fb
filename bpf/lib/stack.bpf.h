/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stacks keyed by content: kernel part by the kernel's helper, user part by our walker, hashed, ready to be sent. */
#ifndef SONDE_BPF_LIB_STACK_BPF_H
#define SONDE_BPF_LIB_STACK_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../unwind/walk.bpf.h"
#include "compat.bpf.h"

#define KERNEL_FRAME_BYTES (SONDE_KERNEL_FRAMES * sizeof(__u64))

/* A stack whose kernel part is there, and nothing else. */
static __always_inline void begin_stack(struct stack_record *record, __u32 kernel_frames)
{
	record->kernel_frames = kernel_frames;
	record->user_frames = 0;
	record->stop = UNWIND_STOP_NONE;
}

/*
 * Puts the kernel part of the stack into the record and starts the hash with it. `ctx` is the program's. `skip` frames are
 * left out: at a tracepoint the first is the place in our own program, which would make one stack differ by call site.
 */
static __always_inline void take_kernel_stack(void *ctx, struct stack_record *record, __u64 skip)
{
	long bytes = bpf_get_stack(ctx, record->frames, KERNEL_FRAME_BYTES, skip);
	__u32 frames = bytes > 0 ? (__u32)bytes / sizeof(__u64) : 0;

	if (frames > SONDE_KERNEL_FRAMES) /* for the verifier: the helper's result is bounded by the size given */
		frames = SONDE_KERNEL_FRAMES;
	begin_stack(record, frames);
}

/* Two lanes over the kernel frames. The first `left_out` do not count: the tracing machinery's, which change when another
 * tracer comes or goes. */
static __always_inline void hash_kernel_stack(struct walk_state *state, __u32 left_out)
{
	const struct stack_record *record = &state->record;
	__u64 low = mix(record->flags, record->kernel_frames - left_out);
	__u64 high = ~low;

	for (__u32 i = 0; i < SONDE_KERNEL_FRAMES; i++) {
		if (i >= record->kernel_frames)
			break;
		if (i < left_out)
			continue;
		low = mix(low, record->frames[i]);
		high = mix_other(high, record->frames[i]);
	}
	state->hash_low = low;
	state->hash_high = high;
	state->has_addresses = 0;
}

/* The record's id, once all of its frames are in the hash. */
static __always_inline void finish_hash(struct walk_state *state)
{
	struct stack_record *record = &state->record;
	__u64 owner = state->has_addresses ? record->tgid : 0;

	record->id.low = mix(mix(state->hash_low, owner), ((__u64)record->stop << 32) | record->user_frames);
	/* Never one of the markers, and not marked as drawn. */
	record->id.high = (mix_other(state->hash_high, owner) | 1) & ~(__u64)STACK_DRAWN;
}

/* Bytes of `record` that are in use. */
static __always_inline __u64 stack_record_bytes(const struct stack_record *record)
{
	__u64 frames = record->kernel_frames + record->user_frames;

	if (frames > SONDE_MAX_FRAMES)
		frames = SONDE_MAX_FRAMES;
	return SONDE_STACK_HEADER_BYTES + frames * sizeof(__u64);
}

/* Walks the current task's user stack in the CPU's walk state, of the process that its record names. 0: the registers could
 * not be read. A global function, which the verifier reads once; the argument is nothing, for old kernels. */
__attribute__((noinline)) int take_user_stack(__u32 nothing)
{
	struct walk_state *state = walk_state_of_cpu();

	if (!state || !read_all_user_registers(state->registers, state->copy))
		return 0;
	walk_user_stack(state, state->record.tgid);
	return 1;
}

#endif
