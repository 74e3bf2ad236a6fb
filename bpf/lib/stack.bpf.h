/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stacks keyed by content: kernel part by the kernel's helper, user part by our walker, hashed, sent once. */
#ifndef SONDE_BPF_LIB_STACK_BPF_H
#define SONDE_BPF_LIB_STACK_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../unwind/walk.bpf.h"
#include "compat.bpf.h"
#include "counters.bpf.h"

#define KERNEL_FRAME_BYTES (SONDE_KERNEL_FRAMES * sizeof(__u64))

/* A stack whose kernel part is there, and nothing else. */
static __always_inline void begin_stack(struct stack_record *record, __u32 kernel_frames)
{
	record->kernel_frames = kernel_frames;
	record->user_frames = 0;
	record->stop = UNWIND_STOP_NONE;
}

/* Whose stack the record holds. */
static __always_inline void name_owner(struct stack_record *record, struct task_struct *task, __u32 flags)
{
	record->type = RECORD_STACK;
	record->tgid = BPF_CORE_READ(task, tgid);
	record->flags = flags;
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
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
static __always_inline void hash_kernel_frames(struct walk_state *state, __u32 left_out)
{
	const struct stack_record *record = &state->record;
	__u64 low = mix(record->flags, record->kernel_frames - left_out);
	__u64 high = ~low;

	for (__u32 i = 0; i < SONDE_KERNEL_FRAMES; i++) {
		__u32 index = left_out + i;

		if (index >= record->kernel_frames)
			break;
		low = mix(low, record->frames[index & 127]);
		high = mix_other(high, record->frames[index & 127]);
	}
	state->hash_low = low;
	state->hash_high = high;
	state->has_addresses = 0;
}

/* The same of the CPU's walk. A global function, which the verifier reads once, whatever is left out. */
__attribute__((noinline)) int hash_kernel_stack(__u32 left_out)
{
	struct walk_state *state = walk_state_of_cpu();

	if (state)
		hash_kernel_frames(state, left_out);
	return 0;
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

/* Sends the frames of a walked stack unless `sent`, of the slice, tells that it has them; what is new there `made` counts, if
 * not null. False when they could not be sent, which is counted as `ring_full`: the stack is lost then. */
static __always_inline bool send_once(void *sent, void *ring, struct stack_record *record, __u32 ring_full,
				      volatile __u64 *made)
{
	__u8 yes = 1;

	if (bpf_map_lookup_elem(sent, &record->id))
		return true;
	if (bpf_ringbuf_output(ring, record, stack_record_bytes(record), BPF_RB_NO_WAKEUP) != 0) {
		count(ring_full);
		return false;
	}
	/* Refused: it will be sent again, which costs room in the ring and loses nothing. */
	if (bpf_map_update_elem(sent, &record->id, &yes, BPF_ANY) == 0 && made)
		__sync_fetch_and_add(made, 1);
	return true;
}

/* Whether the walk ended at what the agent may know a moment later: such a stack is not to be used again. */
static __always_inline bool ended_too_early(const struct stack_record *record)
{
	return record->stop == UNWIND_STOP_NO_PROCESS || record->stop == UNWIND_STOP_NO_MAPPING ||
	       record->stop == UNWIND_STOP_NO_TABLE;
}

/* Copies the top of the user stack, at most to the end of its page. What could not be read stays as it was: the words in
 * it then do not give the hash of a stack, but for a chance of 2^-64. `top` is room for SLOT_WORDS. */
static __always_inline void copy_top_of_user_stack(__u64 *top, __u64 sp)
{
	__u64 bytes = rest_of_page(sp);

	barrier_var(bytes); /* keeps the bound next to its use, where the verifier can see it */
	if (bytes > SLOT_WORDS * sizeof(__u64))
		bytes = SLOT_WORDS * sizeof(__u64);
	if (bpf_probe_read_user(top, bytes, (void *)sp) != 0)
		top[0] = 0;
}

/* Of the words of a copy at `count` slots. */
static __always_inline __u64 hash_of_slots(const __u64 *top, const __u8 *slots, __u32 count)
{
	__u64 hash = 0;

	for (__u32 i = 0; i < WALK_SLOTS; i++) {
		if (i >= count)
			break;
		hash = mix(hash, top[slots[i] & (SLOT_WORDS - 1)]);
	}
	return hash;
}

/* Walks from the registers that are in the CPU's walk state, of the process that its record names. A global function, which
 * the verifier reads once; the argument is nothing, for old kernels. */
__attribute__((noinline)) int walk_from_registers(__u32 nothing)
{
	struct walk_state *state = walk_state_of_cpu();

	barrier_var(nothing);
	if (state)
		walk_user_stack(state, state->record.tgid);
	return 0;
}

/* Walks the current task's user stack. 0: its registers could not be read. Global as well. */
__attribute__((noinline)) int take_user_stack(__u32 nothing)
{
	struct walk_state *state = walk_state_of_cpu();

	barrier_var(nothing);
	if (!state || !read_all_user_registers(state->registers, state->copy))
		return 0;
	walk_user_stack(state, state->record.tgid); /* and no call more: together they may use 512 bytes of stack */
	return 1;
}

#endif
