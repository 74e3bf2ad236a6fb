/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A walk in the making, and how it reads the stack. Include once per object: the map belongs to that object alone. */
#ifndef SONDE_BPF_UNWIND_WALK_STATE_BPF_H
#define SONDE_BPF_UNWIND_WALK_STATE_BPF_H

#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#else
#include "user_space/kernel_calls.h"
#endif

#include "../abi/stack.h"
#include "../abi/unwind.h"
#include "../lib/mix.h"
#include "../lib/seldom.h"

#define STACK_PAGE_BYTES 4096
#define STACK_COPY_WORDS 128 /* a kilobyte */

/* Return addresses near the stack pointer: where they lay tells later, by one copy, whether they still do. */
#define WALK_SLOTS 8
#define SLOT_WORDS 64

/* Rows found lately: code is sampled at the same places again and again, and what leads from a place in a file to its row is
 * ten lines of memory in four maps, cold at a hundred samples a second. */
#define KNOWN_ROWS 512 /* a power of two; one of the CPU's busy programs has as many call sites */

struct known_row {
	__u64 frame; /* as it leaves the kernel; 0: nothing there */
	__u32 version; /* of the file's table */
	__u32 rule;
};

struct walk_state {
	__u64 ip;
	__u64 sp;
	__u64 bp;
	__u64 registers[UNWIND_REGISTERS + 1]; /* by DWARF number, rip last; while registers_known */
	__u32 registers_known;
	__u32 bp_known;
	__u32 is_exact; /* ip is where execution stopped; else it is a return address, and the call lies before it */
	__u32 is_process_known;
	__u32 first_mapping;
	__u32 mappings;
	__u32 last_mapping;  /* where the frame before was */
	__u32 other_mapping; /* and where those before it */
	__u32 walks; /* so far */
	__u32 marks_uses; /* this walk tells which tables are in use */
	__u32 has_addresses; /* some frames are addresses of the process and not places in files */
	__u64 hash_low;
	__u64 hash_high;
	__u64 entry_sp;
	__u64 slot_hash;
	__u32 slots;
	__u8 slot[WALK_SLOTS]; /* in words above entry_sp */
	__u64 copy_start;
	__u64 copy_bytes;
	__u64 copy[STACK_COPY_WORDS];
	struct stack_record record;
	struct known_row known_rows[KNOWN_ROWS];
};

/* One for each CPU: programs of one object do not nest in each other on a CPU. 19 KiB x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_state);
} walk_states SEC(".maps");

static __always_inline struct walk_state *walk_state_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&walk_states, &zero);
}

static __always_inline void forget_slots(struct walk_state *state)
{
	state->slots = 0;
	state->slot_hash = 0;
}

static __always_inline __u64 rest_of_page(__u64 address)
{
	return STACK_PAGE_BYTES - (address & (STACK_PAGE_BYTES - 1));
}

/* Copies from `address` on, within its page: one bulk read costs as much as three of a word. Most walks need less than a
 * kilobyte, and copying the whole page costs a cold cache more than everything else. */
static __always_inline bool copy_stack(struct walk_state *state, __u64 address)
{
	__u64 bytes = rest_of_page(address);

	barrier_var(bytes); /* keeps the bound next to its use, where the verifier can see it */
	if (bytes > sizeof(state->copy))
		bytes = sizeof(state->copy);
	state->copy_start = address;
	state->copy_bytes = bytes;
	if (bpf_probe_read_user(state->copy, (__u32)bytes, (void *)address) == 0)
		return true;
	state->copy_bytes = 0;
	return false;
}

/* A word of the target's stack that is in the copy; false when it is not. */
static __always_inline bool copied_word(const struct walk_state *state, __u64 address, __u64 *word)
{
	__u64 offset = address - state->copy_start;

	if ((address & 7) || offset >= state->copy_bytes)
		return false;
	*word = state->copy[(offset >> 3) & (STACK_COPY_WORDS - 1)];
	return true;
}

/* One that is not. */
static __always_inline bool read_word(struct walk_state *state, __u64 address, __u64 *word)
{
	if (address & 7)
		return bpf_probe_read_user(word, sizeof(*word), (void *)address) == 0;
	if (!copy_stack(state, address))
		return false;
	*word = state->copy[0];
	return true;
}

/* Reads a word of the target's stack; false when it is not there. */
static __always_inline bool stack_word(struct walk_state *state, __u64 address, __u64 *word)
{
	return copied_word(state, address, word) || read_word(state, address, word);
}

/* Takes a frame into the record; false when there is no room. */
static __always_inline bool push_frame(struct walk_state *state, __u64 frame)
{
	__u64 index = state->record.kernel_frames + state->record.user_frames;

	barrier_var(index);
	if (state->record.user_frames >= SONDE_USER_FRAMES || index >= SONDE_MAX_FRAMES)
		return false;
	state->record.frames[index] = frame;
	state->record.user_frames++;
	state->hash_low = mix(state->hash_low, frame);
	state->hash_high = mix_other(state->hash_high, frame);
	return true;
}

#endif
