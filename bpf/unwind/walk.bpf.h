/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walker: user stacks by compiled CFI; by frame pointers only where there is none. One step is one global function,
 * which the verifier reads once, called from a bounded loop. Its state lies in a map, since a global function takes
 * nothing but numbers before 5.13. The same source is compiled for user space and tested there on made-up stacks.
 */
#ifndef SONDE_BPF_UNWIND_WALK_BPF_H
#define SONDE_BPF_UNWIND_WALK_BPF_H

#include "known_frames.bpf.h"
#include "rules.bpf.h"
#include "tables_lookup.bpf.h"

/* One walk of so many tells the agent which tables are in use: enough at any rate, and cheap. */
#define USE_SHARE 16

#define MOST_USER_ADDRESS (1ULL << 47)

/* The rule for a ready file's code; else how it ends, below 0. */
static __always_inline int rule_in_file(struct walk_state *state, struct unwind_file *file, __u64 frame)
{
	switch (file->state) {
	case UNWIND_FILE_READY:
		break;
	case UNWIND_FILE_NO_CFI:
		return (UNWIND_FRAME_POINTER << UNWIND_RULE_CFA_SHIFT) | UNWIND_RBP_ESCAPE;
	case UNWIND_FILE_REFUSED:
		return -UNWIND_STOP_FILE_REFUSED;
	default:
		return -UNWIND_STOP_NO_TABLE;
	}
	if (state->marks_uses)
		file->uses++;
	return find_rule(state, file, frame);
}

/* A signal's trampoline is returned to without having called: the frame is its own first byte, not the one before. */
static __always_inline bool is_trampoline(int rule)
{
	return rule == ((UNWIND_SIGNAL << UNWIND_RULE_CFA_SHIFT) | UNWIND_RBP_ESCAPE);
}

static __always_inline int step_in_file(struct walk_state *state, const struct unwind_mapping *mapping, __u64 pc)
{
	__u64 frame = frame_in_file(mapping, pc);
	__u32 id = mapping->file;
	struct unwind_file *file;
	int rule;

	file = bpf_map_lookup_elem(&unwind_files, &id);
	if (!file)
		return stop_walk(state, UNWIND_STOP_BAD_RULE);
	rule = rule_in_file(state, file, frame);
	if (is_trampoline(rule) && !state->is_exact)
		frame++;
	if (!push_frame(state, frame))
		return stop_walk(state, UNWIND_STOP_TRUNCATED);
	return rule < 0 ? stop_walk(state, -rule) : step_by_rule(state, file, rule);
}

/* Code without a file: the frame is an address, and frame pointers are all there is. */
static SELDOM int step_by_address(struct walk_state *state, __u32 file, __u64 pc)
{
	state->has_addresses = 1;
	if (!push_frame(state, ((__u64)file << UNWIND_FRAME_FILE_SHIFT) | (pc & UNWIND_FRAME_OFFSET)))
		return stop_walk(state, UNWIND_STOP_TRUNCATED);
	return step_by_frame_pointer(state);
}

/* Takes the frame at state->ip, or several, and goes to its caller. 1: the walk has ended. The argument is nothing: old kernels do not
 * take global functions without one. Of one that is not read clang passes what the register happens to hold, which may be no
 * number, and is refused then. */
__attribute__((noinline)) int unwind_step(__u32 nothing)
{
	struct walk_state *state = walk_state_of_cpu();
	const struct unwind_mapping *mapping;
	__u64 pc;

	barrier_var(nothing);
	if (!state || take_known_frames(state))
		return 1;
	pc = state->ip - (state->is_exact ? 0 : 1);
	if (pc >= MOST_USER_ADDRESS)
		return stop_walk(state, UNWIND_STOP_NO_MAPPING);
	if (!state->is_process_known)
		return step_by_address(state, 0, pc);
	mapping = find_mapping(state, pc);
	if (!mapping) {
		if (state->record.user_frames == 0) /* where it stopped is known at least */
			step_by_address(state, 0, pc);
		return stop_walk(state, UNWIND_STOP_NO_MAPPING);
	}
	if (mapping->file == UNWIND_FILE_ANONYMOUS)
		return step_by_address(state, UNWIND_FILE_ANONYMOUS, pc);
	if (mapping->file == 0) {
		step_by_address(state, 0, pc);
		return stop_walk(state, UNWIND_STOP_FILE_REFUSED);
	}
	return step_in_file(state, mapping, pc);
}

/* Makes ready to walk process `tgid` from the registers that are in `state`. */
static __always_inline void begin_walk(struct walk_state *state, __u32 tgid)
{
	const struct unwind_process *process = bpf_map_lookup_elem(&unwind_processes, &tgid);

	state->ip = state->registers[UNWIND_RIP];
	state->sp = state->registers[UNWIND_RSP];
	state->bp = state->registers[UNWIND_RBP];
	state->registers_known = 1;
	state->bp_known = 1;
	state->is_exact = 1;
	state->record.stop = UNWIND_STOP_NONE;
	state->record.user_frames = 0;
	state->has_addresses = 0;
	state->entry_sp = state->sp;
	forget_slots(state);
	state->copy_bytes = 0;
	state->marks_uses = state->walks++ % USE_SHARE == 0;
	state->is_process_known = process != NULL;
	if (process) {
		state->first_mapping = process->first_mapping;
		state->last_mapping = process->first_mapping;
		state->other_mapping = process->first_mapping;
		state->mappings = process->mappings;
	}
}

/* Appends the user frames of process `tgid` to the record, with how the walk ended. */
static __always_inline void walk_user_stack(struct walk_state *state, __u32 tgid)
{
	begin_walk(state, tgid);
	for (int i = 0; i <= SONDE_USER_FRAMES; i++)
		if (unwind_step(0) != 0)
			break;
	if (!state->is_process_known)
		state->record.stop = UNWIND_STOP_NO_PROCESS;
}

#endif
