/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who made a page of a file dirty: noted as it becomes dirty, in the thread that does it, and looked up when a thread of the
 * kernel writes it back. A page that was dirty before anybody asked is of nobody, and so is one that was forgotten for want of
 * room; who writes to a page that is dirty already does not show. Include once per object.
 */
#ifndef SONDE_BPF_LIB_DIRTY_PAGES_BPF_H
#define SONDE_BPF_LIB_DIRTY_PAGES_BPF_H

#include "../abi/request.h"
#include "submitter.bpf.h"

#define DIRTY_PAGES 32768

/* By the address of a page's (a folio's) head: 128 MiB of single pages, the least recently used is forgotten. 3.0 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DIRTY_PAGES);
	__type(key, __u64);
	__type(value, struct dirtier);
} dirty_pages SEC(".maps");

/* Where user code on the CPU last dirtied a page, and what to find again before its stack is taken for the same: registers,
 * and the innermost return addresses in place. What lies further out is taken on trust. */
struct dirtying_place {
	struct user_registers registers;
	__u32 tid;
	__u32 slice; /* in which the frames were sent */
	__u64 hash;  /* of the words at `slots` */
	__u8 slots[WALK_SLOTS];
	__u32 slots_used;
	__u32 padding;
	struct stack_id stack;
	__u64 top[SLOT_WORDS];
};

/* Touched with interrupts off only. 0.6 KiB x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dirtying_place);
} dirtying_places SEC(".maps");

static __always_inline bool is_same_place(struct dirtying_place *place, const struct user_registers *regs, __u32 tid,
					  __u32 slice)
{
	const struct user_registers *kept = &place->registers;

	if (place->tid != tid || place->slice != slice || place->slots_used == 0 || kept->ip != regs->ip ||
	    kept->sp != regs->sp || kept->bp != regs->bp || kept->syscall != regs->syscall)
		return false;
	copy_top_of_user_stack(place->top, regs->sp);
	return hash_of_slots(place->top, place->slots, place->slots_used) == place->hash;
}

/* The user part alone: how the kernel gets from there to the page is the same for all. The process is in its hash, so that the
 * frames also tell the name of one that is gone when its pages are written. */
static __always_inline struct stack_id walk_dirtier(struct task_struct *task, __u32 slice, struct walk_state *state)
{
	struct stack_record *record = &state->record;

	count(COUNT_DIRTIER_WALKS);
	name_owner(record, task, 0);
	begin_stack(record, 0);
	hash_kernel_stack(0);
	if (!take_user_stack(0))
		count(COUNT_SUBMITTER_USER_FAULT);
	count_stop(record->stop);
	state->has_addresses = 1;
	finish_hash(state);
	return send_submitter_stack(slice, record) ? record->id : (struct stack_id){.low = STACK_LOST};
}

static __always_inline void keep_place(struct dirtying_place *place, const struct user_registers *regs, __u32 tid, __u32 slice,
				       const struct walk_state *state, struct stack_id stack)
{
	place->registers = *regs;
	place->tid = tid;
	place->slice = slice;
	place->hash = state->slot_hash;
	__builtin_memcpy(place->slots, state->slot, sizeof(place->slots));
	place->slots_used = stack.high && !ended_too_early(&state->record) ? state->slots : 0;
	place->stack = stack;
}

/* Of user code, which is current. */
static __always_inline struct stack_id user_stack_of_dirtier(struct task_struct *task, __u32 slice)
{
	struct stack_id stack = {.low = STACK_LOST};
	__u32 zero = 0, tid = BPF_CORE_READ(task, pid);
	struct dirtying_place *place = bpf_map_lookup_elem(&dirtying_places, &zero);
	struct user_registers regs = {};
	struct walk_state *state;

	if (!place || !read_user_registers(task, &regs))
		return stack;
	if (is_same_place(place, &regs, tid, slice))
		return place->stack;
	state = claim_walk();
	if (!state)
		return stack;
	stack = walk_dirtier(task, slice, state);
	keep_place(place, &regs, tid, slice, state, stack);
	release_walk();
	return stack;
}

/* Of a folio that is not on its way to a device, the process; else 0. No pointer: the verifier of 5.10 would lose what it is. */
static __always_inline __u32 dirtier_before(const __u64 *head)
{
	const struct dirtier *known = bpf_map_lookup_elem(&dirty_pages, head);

	return known && !known->is_issued ? known->tgid : 0;
}

static __always_inline bool is_written_back(struct page *head)
{
	return page_flags(head) & 1ul << bpf_core_enum_value(enum pageflags, PG_writeback);
}

/* The current task makes the clean folio at `head` dirty. */
static __always_inline void note_dirtier(void *ctx, __u64 head, __u32 slice)
{
	struct task_struct *task = current_task();
	bool is_of_kernel = BPF_CORE_READ(task, flags) & PF_KTHREAD;
	struct dirtier by = {.tgid = BPF_CORE_READ(task, tgid)};
	__u32 before = dirtier_before(&head);

	/* A thread of the kernel that could not write what somebody dirtied puts it back: of whom it is then is not known. */
	if (before && is_of_kernel) {
		bpf_map_delete_elem(&dirty_pages, &head); /* not there: forgotten meanwhile, as well */
		return;
	}
	by.stack = is_of_kernel ? submitter_stack(ctx, task, slice) : user_stack_of_dirtier(task, slice);
	/* About to be written for another one, and dirty again: what will be written is of both. */
	if (before && before != by.tgid && is_written_back((struct page *)head))
		by = (struct dirtier){.stack = {.low = STACK_SEVERAL}, .tgid = SEVERAL_DIRTIERS};
	count(bpf_map_update_elem(&dirty_pages, &head, &by, BPF_ANY) == 0 ? COUNT_PAGES_DIRTIED : COUNT_DIRTIER_REFUSED);
}

#endif
