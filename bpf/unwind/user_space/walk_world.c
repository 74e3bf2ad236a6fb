// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "walk_world.h"

#include <string.h>

#include "../walk.bpf.h"

static struct walk_world *world;
static struct walk_state state;
static char arenas[UNWIND_ARENAS]; /* their addresses stand for the inner maps */

/* The maps themselves are nothing but addresses here. */
static void *element(const void *from, __u32 count, size_t size, __u32 index)
{
	return index < count ? (char *)from + index * size : NULL;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 index = *(const __u32 *)key;
	char *arena = map;

	if (map == &walk_states)
		return &state;
	if (map == &unwind_processes)
		return index == world->tgid ? &world->process : NULL;
	if (map == &unwind_mappings)
		return element(world->mappings, world->mapping_count, sizeof(*world->mappings), index);
	if (map == &unwind_files)
		return element(world->files, world->file_count, sizeof(*world->files), index);
	if (map == &unwind_pages)
		return element(world->pages, world->page_count, sizeof(*world->pages), index);
	if (map == &unwind_escapes)
		return element(world->escapes, world->escape_count, sizeof(*world->escapes), index);
	if (map == &unwind_arenas)
		return element(arenas, UNWIND_ARENAS, 1, index);
	if (arena >= arenas && arena < arenas + UNWIND_ARENAS)
		return element(world->blocks, world->block_count, sizeof(*world->blocks),
			       (__u32)(arena - arenas) * UNWIND_BLOCKS_PER_ARENA + index);
	return NULL;
}

long bpf_probe_read_user(void *to, __u32 bytes, const void *from)
{
	__u64 offset = (__u64)from - world->stack_start;

	world->reads++;
	if (offset > world->stack_bytes || bytes > world->stack_bytes - offset)
		return -14;
	memcpy(to, world->stack + offset, bytes);
	return 0;
}

void walk_in_user_space(struct walk_world *walked, __u32 tgid, const __u64 registers[UNWIND_REGISTERS + 1],
			struct walked_stack *out)
{
	world = walked;
	if (world->walks == 0)
		memset(&state, 0, sizeof(state));
	else
		memset(&state, 0, offsetof(struct walk_state, known_rows));
	state.walks = world->walks++;
	memcpy(state.registers, registers, sizeof(state.registers));
	walk_user_stack(&state, tgid);
	out->stop = state.record.stop;
	out->frames = state.record.user_frames;
	out->has_addresses = state.has_addresses;
	out->hash_low = state.hash_low;
	out->hash_high = state.hash_high;
	memcpy(out->frame, state.record.frames, sizeof(out->frame));
}
