/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where and why a thread leaves the CPU: a stack known before when it is still in place, else a walk; and with it the
 * reason. Stacks are sent once a slice. Include once per object.
 */
#ifndef SONDE_BPF_LIB_SWITCH_OUT_BPF_H
#define SONDE_BPF_LIB_SWITCH_OUT_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "counters.bpf.h"
#include "known_kernel_stacks.bpf.h"
#include "selection.bpf.h"
#include "stack.bpf.h"
#include "wait_reason.bpf.h"
#include "wait_site.bpf.h"

#define STACK_ENTRIES 16384

struct stacks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STACK_ENTRIES);
	__type(key, struct stack_id);
	__type(value, __u8);
};

/* Stacks whose frames went out in the slice; 1.4 MB each, half of that on hosts of one or two CPUs. Emptied by the agent. */
struct stacks_map sent_stacks_even SEC(".maps");
struct stacks_map sent_stacks_odd SEC(".maps");

/* Frames of new stacks, accounts of exited threads, execs. 2 MiB holds some 16,000 exits between two looks of the agent; half
 * of that on hosts of one or two CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} sched_events SEC(".maps");

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 stack_entries_made = 0;

/* Where the kernel's scheduler code lies, as kallsyms tells; both 0 when it does not. */
const volatile __u64 scheduler_text_start = 0;
const volatile __u64 scheduler_text_end = 0;

static __always_inline bool send_stack(__u32 slice, struct stack_record *record)
{
	void *sent = slice & 1 ? (void *)&sent_stacks_odd : (void *)&sent_stacks_even;

	return send_once(sent, &sched_events, record, COUNT_WAIT_RING_FULL, &stack_entries_made);
}

/* How many leading kernel frames are the tracing machinery's, above the scheduler. */
static __always_inline __u32 tracing_frames(const struct stack_record *record)
{
	const __u32 most = 8;

	for (__u32 i = 0; i < most; i++) {
		if (i >= record->kernel_frames)
			break;
		if (record->frames[i] >= scheduler_text_start && record->frames[i] < scheduler_text_end)
			return i;
	}
	return 0;
}

/* Walks the stack of the current task, sends it if it is new in the slice, and gives its id. */
static __always_inline struct stack_id walk_and_send(void *ctx, struct task_struct *task, __u32 slice,
						     struct walk_state *state, bool has_user)
{
	struct stack_id lost = {.low = STACK_LOST};
	struct stack_record *record = &state->record;
	__u64 began_ns = bpf_ktime_get_ns();
	bool is_sent;

	count(COUNT_STACK_WALKS);
	name_owner(record, task, 0);
	take_known_kernel_stack(ctx, task, record);
	hash_kernel_stack(state, tracing_frames(record));
	forget_slots(state); /* a kernel thread has none */
	if (has_user && !take_user_stack(0))
		count(COUNT_WAIT_USER_FAULT);
	count_stop(record->stop);
	finish_hash(state);
	is_sent = send_stack(slice, record);
	count_many(COUNT_WALK_NS, bpf_ktime_get_ns() - began_ns);
	return is_sent ? record->id : lost;
}

static __always_inline bool is_lost(const struct stack_id *id)
{
	return id->high == 0;
}

static __always_inline void keep_site(struct thread_sites *all, const struct user_registers *regs, __u32 tag, __u32 slice,
				      struct stack_id id, const struct wait_reason *reason,
				      const struct walk_state *state, struct switch_scratch *scratch)
{
	struct wait_site *site = place_for_site(all, tag, scratch);

	if (!same_stack(&site->stack, &id) || !same_registers(site, regs))
		distrust(site);
	site->registers = *regs;
	site->slice = slice;
	site->stack = id;
	site->reason = *reason;
	keep_user_slots(state, site);
	find_kernel_slots(scratch, &state->record, site);
}

/* A thread's switch-out, as the hook finds it. */
struct switch_out {
	__u64 now;
	__u32 slice;
	__u32 state; /* task_struct.__state */
	bool is_preempted;
	bool contends; /* for a sleeping lock of the kernel */
};

static __always_inline bool is_of_main_loops(const struct wait_reason *decided)
{
	if (decided->outermost != decided->reason)
		return true;
	switch (decided->reason) {
	case REASON_DISK:
	case REASON_LOCK:
	case REASON_KERNEL_LOCK:
	case REASON_MAJOR_FAULT:
	case REASON_MINOR_FAULT:
	case REASON_STOPPED:
	case REASON_OTHER:
		return false;
	}
	return true;
}

/* A thread that begins may wait once further out than it ever will again: until its main loop is known as such, and no
 * longer. */
#define ONCE_COUNTS_NS 10000000000

/* Only where a thread waits for others or for a timer does it have a main loop: it may come to wait for a disk or a lock,
 * and to fault, anywhere. And a loop comes back. */
static __always_inline void note_waiting_place(struct thread_sites *all, __u64 sp, __u64 now, bool waited_here_before)
{
	if (waited_here_before && sp > all->outermost_sp)
		all->outermost_sp = sp;
	if (!waited_here_before && (sp >= all->once_sp || now - all->once_ns > ONCE_COUNTS_NS)) {
		all->once_sp = sp;
		all->once_ns = now;
	}
}

static __always_inline bool is_outermost(const struct thread_sites *all, __u64 sp, __u64 now)
{
	return sp >= all->outermost_sp && (sp >= all->once_sp || now - all->once_ns > ONCE_COUNTS_NS);
}

/* What the decided reason comes to at this stack pointer. */
static __always_inline void settle_reason(struct switch_scratch *scratch, const struct wait_reason *decided,
					  struct thread_sites *all, __u64 sp, __u64 now)
{
	if (is_of_main_loops(decided))
		note_waiting_place(all, sp, now, scratch->waited_here_before);
	scratch->place.reason = is_outermost(all, sp, now) ? decided->outermost : decided->reason;
	scratch->place.syscall = decided->syscall;
}

/* The site that has these registers and whose return addresses are all in place, or trusted to be; else null. */
static __always_inline struct wait_site *find_same_place(struct thread_sites *all, const struct user_registers *regs,
							 __u32 tag, bool has_user, __u32 slice,
							 struct switch_scratch *scratch)
{
	struct wait_site *site;

	find_place(all, tag, scratch);
	site = site_of_slice(all, regs, slice, scratch);
	if (!site)
		return NULL;
	if (is_trusted_now(site))
		return site;
	if (has_user)
		copy_top_of_user_stack(scratch->user_top, regs->sp);
	if (!has_user || user_top_is(scratch, site)) {
		if (!is_trusted(site))
			site->same++;
		return site;
	}
	distrust(site);
	return NULL;
}

static __always_inline void compare(struct wait_site *site, const struct wait_place *walked, const struct wait_reason *decided)
{
	if (!same_stack(&site->stack, &walked->stack) || site->reason.reason != decided->reason)
		count(COUNT_SITE_WRONG);
	site->stack = walked->stack;
	site->reason = *decided;
}

/* Draws for a stack that no known site fits. One that is left out gets its marker. */
static __always_inline enum draw draw_at_new_site(struct thread_sites *all, __u32 slice, struct wait_place *place)
{
	enum draw drawn = draw(all, slice);

	if (drawn == DRAW_LEFT_OUT)
		place->stack = (struct stack_id){.low = STACK_NOT_DRAWN};
	count(drawn == DRAW_LEFT_OUT ? COUNT_STACK_NOT_DRAWN : COUNT_NEW_SITE_WALKS);
	return drawn;
}

/* Of a thread that blocks: one of its last sites', when the return addresses are still in place, else a walk. A kernel
 * thread has no user registers; zeros stand for them. */
static __always_inline void place_of_blocked(void *ctx, struct task_struct *prev, const struct switch_out *out,
					     struct thread_sites *all, struct walk_state *state,
					     struct switch_scratch *scratch)
{
	struct wait_place *place = &scratch->place;
	bool has_user = !(prev->flags & PF_KTHREAD);
	struct user_registers regs = {};
	struct wait_site *site = NULL;
	struct wait_reason decided;
	bool copied, is_reused;
	__u32 tag;

	if (has_user)
		has_user = read_user_registers(prev, &regs);
	tag = tag_of(&regs);
	copied = copy_kernel_top(ctx, scratch);
	scratch->waited_here_before = 0;
	if (copied)
		site = find_same_place(all, &regs, tag, has_user, out->slice, scratch);
	is_reused = site && site->doubts == 0;
	if (is_reused) {
		count(COUNT_SITE_HITS);
		if (class_of(regs.syscall) == CLASS_POLL) /* one stack, whatever the array holds this time */
			site->reason = decided_reason(out->state, out->contends);
		settle_reason(scratch, &site->reason, all, regs.sp, out->now);
		place->stack = site->stack;
		if (!is_to_be_checked(site))
			return;
		count(COUNT_SITE_CHECKS);
	}

	decided = decided_reason(out->state, out->contends);
	settle_reason(scratch, &decided, all, regs.sp, out->now);
	scratch->drawn = is_reused ? DRAW_CERTAIN : draw_at_new_site(all, out->slice, place);
	if (scratch->drawn == DRAW_LEFT_OUT)
		return;
	place->stack = walk_and_send(ctx, prev, out->slice, state, has_user);
	if (is_lost(&place->stack))
		return;
	if (copied && !ended_too_early(&state->record)) {
		if (site)
			doubt(site, &place->stack);
		if (is_reused)
			compare(site, place, &decided);
		else
			keep_site(all, &regs, tag, out->slice, place->stack, &decided, state, scratch);
	}
	if (scratch->drawn == DRAW_BY_CHANCE)
		mark_drawn(&place->stack);
}

/* Of a thread that would run on: it stops anywhere, so that its sites do not come again. Looked at as often as the on-CPU
 * profile looks, a hundred times a second, or less often when that costs too much; in between its last stack stands. Its
 * time stays exact. */
static __always_inline void place_of_preempted(void *ctx, struct task_struct *prev, const struct switch_out *out,
					       struct thread_sites *all, struct walk_state *state,
					       struct wait_place *place)
{
	place->reason = is_throttled(prev) ? REASON_THROTTLED : REASON_PREEMPTED;
	if (all->drawn_slice == out->slice && out->now - all->drawn_ns < preempted_pause_ns && all->drawn.high != 0) {
		count(COUNT_STACK_HELD);
		place->stack = all->drawn;
		return;
	}
	count(COUNT_PREEMPTED_WALKS);
	place->stack = walk_and_send(ctx, prev, out->slice, state, !(prev->flags & PF_KTHREAD));
	all->drawn = place->stack;
	all->drawn_slice = out->slice;
	all->drawn_ns = out->now;
}

/* Fills in where and why `prev`, which is current, leaves the CPU: in scratch->place, since on the stack the verifier would
 * follow every combination of its values through all that comes after. */
static __always_inline void place_at_switch_out(void *ctx, struct task_struct *prev, const struct switch_out *out,
						struct switch_scratch *scratch)
{
	struct walk_state *state = walk_state_of_cpu();
	struct thread_sites *all = find_sites(prev);
	struct wait_reason decided = {.reason = REASON_PREEMPTED, .syscall = REASON_NO_SYSCALL};
	struct wait_place *place = &scratch->place;

	*place = (struct wait_place){.stack = {.low = STACK_LOST}, .reason = REASON_OTHER, .syscall = REASON_NO_SYSCALL};
	if (!state)
		return;
	if (!all) {
		if (!out->is_preempted)
			decided = decided_reason(out->state, out->contends);
		place->reason = decided.reason;
		place->syscall = decided.syscall;
		scratch->drawn = draw_at_new_site(NULL, out->slice, place);
		if (scratch->drawn == DRAW_LEFT_OUT)
			return;
		place->stack = walk_and_send(ctx, prev, out->slice, state, !(prev->flags & PF_KTHREAD));
		if (scratch->drawn == DRAW_BY_CHANCE)
			mark_drawn(&place->stack);
	} else if (out->is_preempted) {
		place_of_preempted(ctx, prev, out, all, state, place);
	} else {
		place_of_blocked(ctx, prev, out, all, state, scratch);
	}
}

#endif
