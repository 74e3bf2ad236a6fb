/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which page faults are walked: a walk costs more than the fault. Faults of a CPU come in blocks of equal size, and one of
 * each block, wherever in it, stands for all of it. So each fault has the same chance whatever the others are, no program's
 * rhythm can meet ours, and a function that faults many times in a row is counted to the block. Blocks begin with one fault
 * in each slice, and grow as more are walked: who seldom faults costs nothing, and whose faults are few is counted exactly.
 *
 * A block of p faults, q of them a function's, adds q * (p - q) to the variance of that function's count: nothing where all are
 * its own. p is at most 1 + n / FAULTS_WALKED_AT_A_SHARE with n faults of the CPU in the slice, so that the standard error
 * of f faults is at most sqrt(f * p), however they are mixed with others.
 */
#ifndef SONDE_BPF_LIB_FAULT_DRAW_BPF_H
#define SONDE_BPF_LIB_FAULT_DRAW_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../abi/tables.h"

struct fault_block {
	__u32 slice;
	__u32 share;	/* the block has 1 << share faults */
	__u32 walked;	/* in blocks of this size */
	__u32 position; /* of the next fault */
	__u32 drawn;	/* which one is walked */
};

static __always_inline void begin_block(struct fault_block *block)
{
	if (block->walked >= FAULTS_WALKED_AT_A_SHARE && block->share < FAULT_LEAST_SHARE) {
		block->share++;
		block->walked = 0;
	}
	block->drawn = bpf_get_prandom_u32() & ((1u << block->share) - 1);
}

/* How many faults the next one stands for; 0: it is not walked. */
static __always_inline __u32 draw_fault(struct fault_block *block, __u32 slice)
{
	bool is_drawn;

	if (block->slice != slice)
		*block = (struct fault_block){.slice = slice}; /* the old block's end is not needed: each of its faults had its chance */
	if (block->position == 0)
		begin_block(block);
	is_drawn = block->position == block->drawn;
	block->position = (block->position + 1) & ((1u << block->share) - 1);
	if (!is_drawn)
		return 0;
	block->walked++;
	return 1u << block->share;
}

#endif
