/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which stacks are walked at switch-out when walking all would cost more than the agent may take. The agent turns these
 * between slices; clocks, counts and reasons stay exact whatever they say. Include once per object.
 *
 * Only stacks that no known site fits are drawn, and of those the first few of a thread in a slice are certain: whoever
 * seldom leaves the CPU costs nothing, and waits long. The rest is drawn by chance alone: how long a wait will be is not
 * known yet, so that a drawn one stands for 1/share of its like, long or short. A thread at a new site is drawn for at each
 * of its switch-outs until it has that site; from then on its stack is reused, and exact.
 */
#ifndef SONDE_BPF_LIB_SELECTION_BPF_H
#define SONDE_BPF_LIB_SELECTION_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../abi/stack.h"
#include "../abi/tables.h"
#include "wait_site.bpf.h"

/* A reused stack is walked all the same once in so many times, one of a trusted place in eight times as many; 0: never. What
 * is published of these checks is therefore rather worse than what is not checked. */
volatile __u32 check_one_in = CHECK_ONE_IN;

/* How long a preempted thread's stack stands for the next ones. */
volatile __u64 preempted_pause_ns = PREEMPTED_PAUSE_NS;

/* How many of WALK_ALL stacks that no known site fits are walked, once a thread had so many walked in the slice. */
volatile __u32 walk_share = WALK_ALL;
volatile __u32 certain_walks = 0;

static __always_inline bool is_to_be_checked(const struct wait_site *site)
{
	__u32 one_in = check_one_in * (is_trusted(site) ? CHECK_TRUSTED_ONE_IN : 1);

	return one_in != 0 && bpf_get_prandom_u32() % one_in == 0;
}

/* How a stack that no known site fits was drawn. */
enum draw {
	DRAW_LEFT_OUT, /* not walked */
	DRAW_CERTAIN,  /* walked whatever chance says */
	DRAW_BY_CHANCE, /* walked, and stands for others */
};

static __always_inline bool has_certain_walk(struct thread_sites *all, __u32 slice)
{
	if (all->walked_slice != slice) {
		all->walked_slice = slice;
		all->walked = 0;
	}
	if (all->walked >= certain_walks)
		return false;
	all->walked++;
	return true;
}

/* For a thread with these sites; null: it has none. */
static __always_inline enum draw draw(struct thread_sites *all, __u32 slice)
{
	__u32 share = walk_share;

	if (share >= WALK_ALL || (all && has_certain_walk(all, slice)))
		return DRAW_CERTAIN;
	return bpf_get_prandom_u32() % WALK_ALL < share ? DRAW_BY_CHANCE : DRAW_LEFT_OUT;
}

/* Marks the stack of a wait that was drawn by chance: its sums are then apart from those of waits at the same stack that were
 * certain to be seen. Markers have no such mark. */
static __always_inline void mark_drawn(struct stack_id *id)
{
	if (id->high != 0)
		id->high |= STACK_DRAWN;
}

static __always_inline struct stack_id without_mark(struct stack_id id)
{
	id.high &= ~(__u64)STACK_DRAWN;
	return id;
}

#endif
