/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a frame to its caller by one rule. Each returns 0, or 1 when the walk ends with the record's stop set. */
#ifndef SONDE_BPF_UNWIND_RULES_BPF_H
#define SONDE_BPF_UNWIND_RULES_BPF_H

#include "tables.bpf.h"
#include "walk_state.bpf.h"

/* How far above the stack pointer a frame pointer is believed. */
#define FRAME_POINTER_REACH (64 << 10)

/* The kernel's signal frame, seen from its struct ucontext: where the interrupted registers begin, in sigcontext's order. */
#define UCONTEXT_REGISTERS 40
#define SIGCONTEXT_WORDS 17

static __always_inline int stop_walk(struct walk_state *state, __u32 reason)
{
	state->record.stop = (__u16)reason;
	return 1;
}

/* Remembers a return address that lies near the innermost stack pointer. */
static __always_inline void note_slot(struct walk_state *state, __u64 slot, __u64 word)
{
	__u64 offset = slot - state->entry_sp;

	if (state->slots >= WALK_SLOTS || (offset & 7) || offset >= SLOT_WORDS * 8 || offset >= rest_of_page(state->entry_sp))
		return;
	state->slot[state->slots & (WALK_SLOTS - 1)] = (__u8)(offset >> 3);
	state->slot_hash = mix(state->slot_hash, word);
	state->slots++;
}

/* The caller returns to `ip`, with the stack pointer at `cfa`. */
static __always_inline int go_to_caller(struct walk_state *state, __u64 ip, __u64 cfa)
{
	state->ip = ip;
	state->sp = cfa;
	state->is_exact = 0;
	state->registers_known = 0;
	return ip == 0 ? stop_walk(state, UNWIND_STOP_BOTTOM) : 0;
}

/* By the return address at `slot`, wherever that lies. */
static __always_inline int return_to(struct walk_state *state, __u64 cfa, __u64 slot)
{
	__u64 ip;

	if (!stack_word(state, slot, &ip))
		return stop_walk(state, UNWIND_STOP_READ_FAULT);
	note_slot(state, slot, ip);
	return go_to_caller(state, ip, cfa);
}

/* The same within one stack. */
static __always_inline int return_from(struct walk_state *state, __u64 cfa, __u64 slot)
{
	if (cfa <= state->sp)
		return stop_walk(state, UNWIND_STOP_SP_NOT_RISING);
	return return_to(state, cfa, slot);
}

static __always_inline bool load_bp(struct walk_state *state, __u64 address)
{
	__u64 bp;

	if (!stack_word(state, address, &bp))
		return false;
	state->bp = bp;
	state->bp_known = 1;
	return true;
}

/* The psABI has a zero frame pointer mark the outermost frame. Not in the innermost one: there it may as well be a register
 * of code that keeps no frame pointer and never used it. */
static __always_inline int step_by_frame_pointer(struct walk_state *state)
{
	__u64 bp = state->bp;

	if (!state->bp_known)
		return stop_walk(state, UNWIND_STOP_BAD_FRAME_POINTER);
	if (bp == 0 && state->record.user_frames > 1)
		return stop_walk(state, UNWIND_STOP_BOTTOM);
	if ((bp & 7) || bp < state->sp || bp - state->sp >= FRAME_POINTER_REACH)
		return stop_walk(state, UNWIND_STOP_BAD_FRAME_POINTER);
	if (!load_bp(state, bp))
		return stop_walk(state, UNWIND_STOP_READ_FAULT);
	return return_from(state, bp + 16, bp + 8);
}

/* Walks of stacks that lead to each other in a ring end at the deepest frame. */
static __always_inline int step_to_other_stack(struct walk_state *state)
{
	__u64 bp = state->bp;

	if (!state->bp_known || bp == 0 || (bp & 7))
		return stop_walk(state, UNWIND_STOP_BAD_FRAME_POINTER);
	if (!load_bp(state, bp))
		return stop_walk(state, UNWIND_STOP_READ_FAULT);
	return return_to(state, bp + 16, bp + 8);
}

/* Everything comes from the interrupted context; the handler may have run on another stack. */
static __always_inline int step_over_signal(struct walk_state *state)
{
	__u64 *saved = state->copy; /* the program's stack has no room */

	state->copy_bytes = 0;
	if (bpf_probe_read_user(saved, SIGCONTEXT_WORDS * sizeof(__u64), (void *)(state->sp + UCONTEXT_REGISTERS)) != 0)
		return stop_walk(state, UNWIND_STOP_READ_FAULT);
	for (int i = 0; i < 8; i++)
		state->registers[8 + i] = saved[i]; /* r8 to r15 */
	state->registers[5] = saved[8];		    /* rdi */
	state->registers[4] = saved[9];		    /* rsi */
	state->registers[6] = state->bp = saved[10];
	state->registers[3] = saved[11]; /* rbx */
	state->registers[1] = saved[12]; /* rdx */
	state->registers[0] = saved[13]; /* rax */
	state->registers[2] = saved[14]; /* rcx */
	state->registers[7] = state->sp = saved[15];
	state->ip = saved[16];
	state->registers_known = 1;
	state->bp_known = 1;
	state->is_exact = 1;
	return 0;
}

static __always_inline int step_over_plt(struct walk_state *state, __u64 pushed_from)
{
	__u64 cfa = state->sp + 8 + ((state->ip & 15) >= pushed_from ? 8 : 0);

	return return_from(state, cfa, cfa - 8);
}

static SELDOM int step_by_command(struct walk_state *state, __u32 command)
{
	switch (command) {
	case UNWIND_UNCOVERED:
		return stop_walk(state, UNWIND_STOP_NO_ROW);
	case UNWIND_BOTTOM:
		return stop_walk(state, UNWIND_STOP_BOTTOM);
	case UNWIND_PLT_10:
		return step_over_plt(state, 10);
	case UNWIND_PLT_11:
		return step_over_plt(state, 11);
	case UNWIND_SIGNAL:
		return step_over_signal(state);
	case UNWIND_FRAME_POINTER:
		return step_by_frame_pointer(state);
	case UNWIND_OTHER_STACK:
		return step_to_other_stack(state);
	default:
		return stop_walk(state, UNWIND_STOP_BAD_RULE);
	}
}

/* The value of a register in this frame; false when it is not known here. */
static __always_inline bool register_value(const struct walk_state *state, __u32 number, __u64 *value)
{
	if (number == UNWIND_RSP) {
		*value = state->sp;
		return true;
	}
	if (number == UNWIND_RBP) {
		*value = state->bp;
		return state->bp_known;
	}
	*value = state->registers[number & (UNWIND_REGISTERS - 1)];
	return state->registers_known;
}

static SELDOM int step_by_escape(struct walk_state *state, const struct unwind_escape *escape)
{
	__u64 cfa, base, slot, ip = 0;
	__u32 flags = escape->flags;

	if (!register_value(state, escape->cfa_register, &cfa) ||
	    ((flags & UNWIND_RA_IN_REGISTER) && !register_value(state, escape->ra_register, &ip)))
		return stop_walk(state, UNWIND_STOP_BAD_REGISTERS);
	cfa += escape->cfa_offset;
	if (flags & UNWIND_CFA_LOADED) {
		if (!stack_word(state, cfa, &base))
			return stop_walk(state, UNWIND_STOP_READ_FAULT);
		cfa = base + escape->cfa_addend;
		slot = cfa - 8;
	} else {
		slot = cfa + escape->ra_offset;
	}
	base = cfa;
	if ((flags & UNWIND_RBP_FROM_REGISTER) && !register_value(state, escape->rbp_register, &base))
		return stop_walk(state, UNWIND_STOP_BAD_REGISTERS);
	if ((flags & UNWIND_RBP_SAVED) && !load_bp(state, base + escape->rbp_offset))
		return stop_walk(state, UNWIND_STOP_READ_FAULT);
	if (flags & UNWIND_RBP_UNKNOWN)
		state->bp_known = 0;
	if (!(flags & UNWIND_RA_IN_REGISTER))
		return return_from(state, cfa, slot);
	if (cfa < state->sp)
		return stop_walk(state, UNWIND_STOP_SP_NOT_RISING);
	return go_to_caller(state, ip, cfa);
}

static __always_inline int step_by_rule(struct walk_state *state, const struct unwind_file *file, __u32 rule)
{
	__u32 bp_rule = rule & UNWIND_RULE_RBP, index = rule >> UNWIND_RULE_CFA_SHIFT;
	const struct unwind_escape *escape;
	__u64 cfa = state->sp;

	if (bp_rule == UNWIND_RBP_ESCAPE) {
		if (index < UNWIND_COMMANDS)
			return step_by_command(state, index);
		index -= UNWIND_COMMANDS;
		if (index >= file->escapes)
			return stop_walk(state, UNWIND_STOP_BAD_RULE);
		index += file->first_escape;
		escape = bpf_map_lookup_elem(&unwind_escapes, &index);
		return escape ? step_by_escape(state, escape) : stop_walk(state, UNWIND_STOP_BAD_RULE);
	}
	if (rule & UNWIND_RULE_FROM_RBP) {
		if (!state->bp_known)
			return stop_walk(state, UNWIND_STOP_BAD_REGISTERS);
		cfa = state->bp;
	}
	cfa += (__u64)(index & UNWIND_RULE_CFA_WORDS) * 8;
	if (bp_rule != UNWIND_RBP_KEPT && !load_bp(state, cfa - 8 * (__u64)bp_rule))
		return stop_walk(state, UNWIND_STOP_READ_FAULT);
	return return_from(state, cfa, cfa - 8);
}

#endif
