/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an address to its mapping, and from a place in a file to the rule that holds there. */
#ifndef SONDE_BPF_UNWIND_TABLES_LOOKUP_BPF_H
#define SONDE_BPF_UNWIND_TABLES_LOOKUP_BPF_H

#include "tables.bpf.h"
#include "walk_state.bpf.h"

#define MAPPING_STEPS 13 /* of bisection: UNWIND_MAPPINGS_PER_PROCESS */
#define ROW_STEPS 15	 /* UNWIND_PAGE_ROWS */

#define NO_RULE (-UNWIND_STOP_NO_ROW)

static __always_inline bool covers(const struct unwind_mapping *mapping, __u64 pc)
{
	return pc - mapping->start < (__u64)mapping->pages << 12;
}

/* The mapping that holds `pc`, or null. A list that is replaced meanwhile may give a wrong one: the walk then finds no
 * rule, or a frame that the next walk does not. */
static __always_inline const struct unwind_mapping *find_mapping(struct walk_state *state, __u64 pc)
{
	__u32 low = 0, high = state->mappings, index = state->last_mapping, middle;
	const struct unwind_mapping *mapping;

	if (high == 0) /* just after exec: what lies at its index is another process's */
		return NULL;
	mapping = bpf_map_lookup_elem(&unwind_mappings, &index); /* callers lie mostly beside their callees */
	if (mapping && covers(mapping, pc))
		return mapping;
	for (int i = 0; i < MAPPING_STEPS; i++) { /* the first whose start is above pc */
		if (low >= high)
			break;
		middle = (low + high) / 2;
		index = state->first_mapping + middle;
		mapping = bpf_map_lookup_elem(&unwind_mappings, &index);
		if (!mapping)
			return NULL;
		if (mapping->start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	index = state->first_mapping + low - 1;
	mapping = bpf_map_lookup_elem(&unwind_mappings, &index);
	if (!mapping || !covers(mapping, pc))
		return NULL;
	state->last_mapping = index;
	return mapping;
}

static __always_inline const struct unwind_block *find_block(__u32 number)
{
	__u32 arena = number / UNWIND_BLOCKS_PER_ARENA;
	__u32 index = number % UNWIND_BLOCKS_PER_ARENA;
	void *blocks = bpf_map_lookup_elem(&unwind_arenas, &arena);

	return blocks ? bpf_map_lookup_elem(blocks, &index) : NULL;
}

/* The rule for the code at `offset` of a ready file; NO_RULE when it has none. */
static __always_inline int find_rule(const struct unwind_file *file, __u64 offset)
{
	__u64 page_number = (offset >> UNWIND_PAGE_SHIFT) - file->base_page;
	__u16 pc = (__u16)offset;
	const struct unwind_block *block;
	const struct unwind_page *page;
	__u32 index, low, high, middle;

	if (page_number >= file->pages)
		return NO_RULE;
	index = file->first_page + (__u32)page_number;
	page = bpf_map_lookup_elem(&unwind_pages, &index);
	if (!page || page->rows == 0)
		return NO_RULE;
	block = find_block(page->block);
	if (!block)
		return NO_RULE;
	index = page->first;
	low = index;
	high = low + page->rows;
	for (int i = 0; i < ROW_STEPS; i++) { /* the first whose pc is above ours */
		if (low >= high)
			break;
		middle = (low + high) / 2;
		if (block->rows[middle & (UNWIND_BLOCK_ROWS - 1)].pc <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low <= index)
		return NO_RULE;
	return block->rows[(low - 1) & (UNWIND_BLOCK_ROWS - 1)].rule;
}

#endif
