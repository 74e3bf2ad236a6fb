/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an address to its mapping, and from a place in a file to the rule that holds there. */
#ifndef SONDE_BPF_UNWIND_TABLES_LOOKUP_BPF_H
#define SONDE_BPF_UNWIND_TABLES_LOOKUP_BPF_H

#include "tables.bpf.h"
#include "walk_state.bpf.h"

#define MAPPING_STEPS 13 /* of bisection: UNWIND_MAPPINGS_PER_PROCESS */
#define ROW_STEPS 15	 /* UNWIND_PAGE_ROWS */

#define NO_RULE (-UNWIND_STOP_NO_ROW)
#define NO_MAPPING 0xffffffffu

/* How the frame at `pc` leaves the kernel. */
static __always_inline __u64 frame_in_file(const struct unwind_mapping *mapping, __u64 pc)
{
	return ((__u64)mapping->file << UNWIND_FRAME_FILE_SHIFT) | ((pc + mapping->bias) & UNWIND_FRAME_OFFSET);
}

static __always_inline bool covers(const struct unwind_mapping *mapping, __u64 pc)
{
	return pc - mapping->start < (__u64)mapping->pages << 12;
}

/* Where the walk's process has the mapping that starts last at or below `pc`; NO_MAPPING: nowhere. Global functions are read once
 * by the verifier, and loops whose end the compiler does not know stay loops: code that runs seldom is to be short. */
__attribute__((noinline)) int unwind_mapping_before(__u64 pc)
{
	struct walk_state *state = walk_state_of_cpu();
	__u32 first, count, half, index, steps = MAPPING_STEPS;
	const struct unwind_mapping *mapping;

	if (!state)
		return NO_MAPPING;
	first = state->first_mapping;
	count = state->mappings;
	barrier_var(steps);
	for (__u32 i = 0; i < steps; i++) { /* it is among `count` from `first` on, or nowhere */
		if (count <= 1)
			break;
		half = count / 2;
		index = first + half;
		mapping = bpf_map_lookup_elem(&unwind_mappings, &index);
		if (!mapping)
			return NO_MAPPING;
		if (mapping->start <= pc)
			first = index;
		count -= half;
	}
	return first;
}

/* The mapping at `index` if it holds `pc`, else null. */
static __always_inline const struct unwind_mapping *mapping_at(__u32 index, __u64 pc)
{
	const struct unwind_mapping *mapping = bpf_map_lookup_elem(&unwind_mappings, &index);

	return mapping && covers(mapping, pc) ? mapping : NULL;
}

/* The mapping that holds `pc`, or null. A list that is replaced meanwhile may give a wrong one: the walk then finds no
 * rule, or a frame that the next walk does not. */
static __always_inline const struct unwind_mapping *find_mapping(struct walk_state *state, __u64 pc)
{
	const struct unwind_mapping *mapping;
	__u32 index;

	if (state->mappings == 0) /* just after exec: what lies at its index is another process's */
		return NULL;
	index = state->last_mapping; /* callers lie mostly beside their callees */
	mapping = mapping_at(index, pc);
	if (mapping)
		return mapping;
	index = state->other_mapping;
	mapping = mapping_at(index, pc);
	if (!mapping) {
		index = unwind_mapping_before(pc);
		mapping = mapping_at(index, pc);
	}
	if (mapping) {
		state->other_mapping = state->last_mapping;
		state->last_mapping = index;
	}
	return mapping;
}

static __always_inline const struct unwind_block *find_block(__u32 number)
{
	__u32 arena = number / UNWIND_BLOCKS_PER_ARENA;
	__u32 index = number % UNWIND_BLOCKS_PER_ARENA;
	void *blocks = bpf_map_lookup_elem(&unwind_arenas, &arena);

	return blocks ? bpf_map_lookup_elem(blocks, &index) : NULL;
}

/* The rule for the code at `offset` of file `id`; NO_RULE when it has none. */
__attribute__((noinline)) int unwind_rule_at(__u32 id, __u64 offset)
{
	const struct unwind_file *file = bpf_map_lookup_elem(&unwind_files, &id);
	__u64 page_number;
	__u32 index, count, half, above, pc = offset & (UNWIND_PAGE_BYTES - 1), steps = ROW_STEPS;
	const struct unwind_block *block;
	const struct unwind_page *page;

	if (!file)
		return NO_RULE;
	page_number = (offset >> UNWIND_PAGE_SHIFT) - file->base_page;
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
	count = page->rows;
	barrier_var(steps);
	for (__u32 i = 0; i < steps; i++) { /* it is among `count` from `index` on, or nowhere */
		if (count <= 1)
			break;
		half = count / 2;
		/* By arithmetic: a jump that goes either way with equal chance costs more than all the rest. */
		above = (pc - block->rows[(index + half) & (UNWIND_BLOCK_ROWS - 1)].pc) >> 31;
		index += half & (above - 1);
		count -= half;
	}
	index &= UNWIND_BLOCK_ROWS - 1;
	return block->rows[index].pc <= pc ? block->rows[index].rule : NO_RULE;
}

static __always_inline __u32 known_row_index(__u64 frame)
{
	return (frame * 0x9E3779B97F4A7C15ULL >> 40) & (KNOWN_ROWS - 1);
}

/* The same, by what was found before. */
static __always_inline int find_rule(struct walk_state *state, const struct unwind_file *file, __u64 frame)
{
	__u32 version = *(const volatile __u32 *)&file->version; /* before any row, so that a row is never newer than it */
	struct known_row *known = &state->known_rows[known_row_index(frame)];
	int rule;

	if (known->frame == frame && known->version == version)
		return known->rule;
	rule = unwind_rule_at((__u32)(frame >> UNWIND_FRAME_FILE_SHIFT), frame & UNWIND_FRAME_OFFSET);
	if (rule < 0)
		return NO_RULE;
	known->frame = frame;
	known->version = version;
	known->rule = rule;
	return rule;
}

#endif
