/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The usual way up a stack, in registers: frames whose mapping is the one before's, whose row was found lately, whose rule is a
 * plain one and whose words are in the copy. Everything else, and every end but the bottom, is left to the long way, which
 * does the same for such a frame.
 */
#ifndef SONDE_BPF_UNWIND_KNOWN_FRAMES_BPF_H
#define SONDE_BPF_UNWIND_KNOWN_FRAMES_BPF_H

#include "rules.bpf.h"
#include "tables_lookup.bpf.h"

/* In one call: the verifier follows each, and at some point calls cost less than it does. */
#define KNOWN_FRAMES_AT_ONCE 8

/* The row of `frame` as it was found lately, null when it was not. */
static __always_inline const struct known_row *known_row_of(const struct walk_state *state, __u64 frame, __u32 version)
{
	const struct known_row *known = &state->known_rows[known_row_index(frame)];

	return known->frame == frame && known->version == version ? known : NULL;
}

/* The caller of the frame that `rule` belongs to, into the registers given; false when it takes more than a plain rule. */
static __always_inline bool go_by_plain_rule(struct walk_state *state, __u32 rule, __u64 *ip, __u64 *sp, __u64 *bp)
{
	__u32 bp_rule = rule & UNWIND_RULE_RBP;
	__u64 cfa = rule & UNWIND_RULE_FROM_RBP ? *bp : *sp, word, saved_bp = *bp;

	cfa += (__u64)(rule >> UNWIND_RULE_CFA_SHIFT & UNWIND_RULE_CFA_WORDS) * 8;
	if (bp_rule == UNWIND_RBP_ESCAPE || cfa <= *sp || !copied_word(state, cfa - 8, &word))
		return false;
	if (bp_rule != UNWIND_RBP_KEPT && !copied_word(state, cfa - 8 * (__u64)bp_rule, &saved_bp))
		return false;
	note_slot(state, cfa - 8, word);
	*ip = word;
	*sp = cfa;
	*bp = saved_bp;
	return true;
}

/* Takes some known frames, if the one at state->ip is such. 1: the walk has ended. */
static __always_inline int take_known_frames(struct walk_state *state)
{
	const struct unwind_mapping *mapping;
	const struct unwind_file *file;
	const struct known_row *known;
	__u64 ip = state->ip, sp = state->sp, bp = state->bp, pc, frame;
	__u32 id, version, most = KNOWN_FRAMES_AT_ONCE;

	if (state->marks_uses || !state->bp_known || state->mappings == 0)
		return 0;
	mapping = mapping_at(state->last_mapping, ip - 1);
	if (!mapping)
		return 0;
	id = mapping->file;
	file = bpf_map_lookup_elem(&unwind_files, &id);
	if (!file || file->state != UNWIND_FILE_READY)
		return 0;
	version = *(const volatile __u32 *)&file->version;
	barrier_var(most); /* a loop whose end the compiler does not know stays one */
	for (__u32 i = 0; i < most; i++) {
		pc = ip - (state->is_exact ? 0 : 1);
		if (!covers(mapping, pc))
			break;
		frame = frame_in_file(mapping, pc);
		known = known_row_of(state, frame, version);
		if (!known || !go_by_plain_rule(state, known->rule, &ip, &sp, &bp) || !push_frame(state, frame))
			break;
		state->is_exact = 0;
		state->registers_known = 0;
		if (ip == 0)
			return stop_walk(state, UNWIND_STOP_BOTTOM);
	}
	state->ip = ip;
	state->sp = sp;
	state->bp = bp;
	return 0;
}

#endif
