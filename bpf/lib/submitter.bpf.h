/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stack of who asks a block device or a TCP peer for something: walked where the request is made, in the asking thread;
 * its frames are sent once a slice. Include once per object.
 */
#ifndef SONDE_BPF_LIB_SUBMITTER_BPF_H
#define SONDE_BPF_LIB_SUBMITTER_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "counters.bpf.h"
#include "stack.bpf.h"

#define SUBMITTER_STACKS 2048

struct submitter_stacks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SUBMITTER_STACKS);
	__type(key, struct stack_id);
	__type(value, __u8);
};

/* Stacks whose frames went out in the slice; 0.2 MB each, half of that on hosts of one or two CPUs, as of the frames below.
 * Emptied by the agent. */
struct submitter_stacks_map submitter_stacks_even SEC(".maps");
struct submitter_stacks_map submitter_stacks_odd SEC(".maps");

/* Their frames. 512 KiB hold some 1,000 of 60 frames between two looks of the agent (0.1 s). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 << 10);
} submitter_frames SEC(".maps");

/* Whether a walk is under way on the CPU: where these hooks run interrupts are on, and one may ask a device too. An
 * interrupt ends before what it interrupted goes on, so that plain reads and writes will do. 4 B x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} walk_in_use SEC(".maps");

static __always_inline bool send_submitter_stack(__u32 slice, struct stack_record *record)
{
	void *sent = slice & 1 ? (void *)&submitter_stacks_odd : (void *)&submitter_stacks_even;

	return send_once(sent, &submitter_frames, record, COUNT_SUBMITTER_RING_FULL, NULL);
}

static __always_inline struct stack_id walk_and_send(void *ctx, struct task_struct *task, __u32 slice,
						     struct walk_state *state)
{
	struct stack_record *record = &state->record;

	name_owner(record, task, 0);
	take_kernel_stack(ctx, record, 1);
	hash_kernel_stack(0);
	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD) && !take_user_stack(0))
		count(COUNT_SUBMITTER_USER_FAULT);
	count_stop(record->stop);
	finish_hash(state);
	return send_submitter_stack(slice, record) ? record->id : (struct stack_id){.low = STACK_LOST};
}

/* The CPU's walk, to be given back by release_walk(); null when it is under way. */
static __always_inline struct walk_state *claim_walk(void)
{
	struct walk_state *state = walk_state_of_cpu();
	__u32 zero = 0, *in_use = bpf_map_lookup_elem(&walk_in_use, &zero);

	if (!state || !in_use)
		return NULL;
	if (*(volatile __u32 *)in_use) {
		count(COUNT_SUBMITTER_WALK_BUSY);
		return NULL;
	}
	*(volatile __u32 *)in_use = 1;
	return state;
}

static __always_inline void release_walk(void)
{
	__u32 zero = 0, *in_use = bpf_map_lookup_elem(&walk_in_use, &zero);

	if (in_use)
		*(volatile __u32 *)in_use = 0;
}

/* Of the current task, which asks. */
static __always_inline struct stack_id submitter_stack(void *ctx, struct task_struct *task, __u32 slice)
{
	struct stack_id id = {.low = STACK_LOST};
	struct walk_state *state = claim_walk();

	if (!state)
		return id;
	id = walk_and_send(ctx, task, slice, state);
	release_walk();
	return id;
}

#endif
