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
#include "switch_scratch.bpf.h"
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

/* How many leading kernel frames of the CPU's record are the tracing machinery's, above the scheduler. A global function, which the
 * verifier reads once. */
__attribute__((noinline)) int tracing_frames(__u32 zero)
{
	const struct walk_state *state = bpf_map_lookup_elem(&walk_states, &zero);
	const __u32 most = 8;

	if (!state)
		return 0;
	for (__u32 i = 0; i < most; i++) {
		if (i >= state->record.kernel_frames)
			break;
		if (state->record.frames[i] >= scheduler_text_start && state->record.frames[i] < scheduler_text_end)
			return i;
	}
	return 0;
}

static __always_inline bool is_lost(const struct stack_id *id)
{
	return id->high == 0;
}

static __always_inline void keep_site(struct thread_sites *all, const struct walk_state *state, struct switch_scratch *scratch)
{
	struct wait_site *site = place_for_site(all, scratch->tag, scratch);
	const struct stack_id *id = &scratch->place.stack;

	if (!same_stack(&site->stack, id) || !same_registers(site, &scratch->registers))
		distrust(site);
	site->registers = scratch->registers;
	site->slice = scratch->out.slice;
	site->stack = *id;
	site->reason = scratch->decided;
	keep_user_slots(state, site);
	find_kernel_slots(scratch, &state->record, site);
}

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

/* What the decided reason comes to where the thread blocks. */
static __always_inline void settle_reason(struct switch_scratch *scratch, const struct wait_reason *decided,
					  struct thread_sites *all)
{
	__u64 sp = scratch->registers.sp, now = scratch->out.now;

	if (is_of_main_loops(decided))
		note_waiting_place(all, sp, now, scratch->waited_here_before);
	scratch->place.reason = is_outermost(all, sp, now) ? decided->outermost : decided->reason;
	scratch->place.syscall = decided->syscall;
}

/* The site that has these registers and whose return addresses are all in place, or trusted to be; else null. */
static __always_inline struct wait_site *find_same_place(struct thread_sites *all, bool has_user, struct switch_scratch *scratch)
{
	struct wait_site *site;

	find_place(all, scratch->tag, scratch);
	site = site_of_slice(all, &scratch->registers, scratch->out.slice, scratch);
	if (!site)
		return NULL;
	if (is_trusted_now(site))
		return site;
	if (has_user)
		copy_top_of_user_stack(scratch->user_top, scratch->registers.sp);
	if (!has_user || user_top_is(scratch, site)) {
		if (!is_trusted(site))
			site->same++;
		return site;
	}
	distrust(site);
	return NULL;
}

static __always_inline void compare(struct wait_site *site, const struct switch_scratch *scratch)
{
	if (!same_stack(&site->stack, &scratch->place.stack) || site->reason.reason != scratch->decided.reason)
		count(COUNT_SITE_WRONG);
	site->stack = scratch->place.stack;
	site->reason = scratch->decided;
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

/* Of a thread without sites. True: the stack is to be walked. */
static __always_inline bool find_without_sites(struct switch_scratch *scratch)
{
	const struct switch_out *out = &scratch->out;
	struct wait_reason decided = {.reason = REASON_PREEMPTED, .syscall = REASON_NO_SYSCALL};

	if (!out->is_preempted)
		decided = decided_reason(out->state, out->contends);
	scratch->place.reason = decided.reason;
	scratch->place.syscall = decided.syscall;
	scratch->drawn = draw_at_new_site(NULL, out->slice, &scratch->place);
	return scratch->drawn != DRAW_LEFT_OUT;
}

/* Of a thread that would run on: it stops anywhere, so that its sites do not come again. Looked at as often as the on-CPU
 * profile looks, a hundred times a second, or less often when that costs too much; in between its last stack stands. Its
 * time stays exact. True: it is to be walked. */
static __always_inline bool find_preempted(const struct thread_sites *all, struct switch_scratch *scratch)
{
	const struct switch_out *out = &scratch->out;

	scratch->place.reason = out->is_throttled ? REASON_THROTTLED : REASON_PREEMPTED;
	if (all->drawn_slice == out->slice && out->now - all->drawn_ns < preempted_pause_ns && all->drawn.high != 0) {
		count(COUNT_STACK_HELD);
		scratch->place.stack = all->drawn;
		return false;
	}
	count(COUNT_PREEMPTED_WALKS);
	return true;
}

/* Whether the site's stack stands for this one, and no walk has to check that. */
static __always_inline bool reuse_site(struct wait_site *site, struct thread_sites *all, struct switch_scratch *scratch)
{
	count(COUNT_SITE_HITS);
	if (class_of(scratch->registers.syscall) == CLASS_POLL) /* one stack, whatever the array holds this time */
		site->reason = decided_reason(scratch->out.state, scratch->out.contends);
	settle_reason(scratch, &site->reason, all);
	scratch->place.stack = site->stack;
	if (!is_to_be_checked(site))
		return true;
	count(COUNT_SITE_CHECKS);
	return false;
}

/* Of a thread that blocks: one of its last sites', when the return addresses are still in place, else a walk, when true. A kernel
 * thread has no user registers; zeros stand for them. */
static __always_inline bool find_blocked(struct task_struct *task, struct thread_sites *all, struct switch_scratch *scratch)
{
	bool has_user = scratch->out.has_user;
	struct wait_site *site = NULL;

	scratch->registers = (struct user_registers){};
	if (has_user)
		has_user = read_user_registers(task, &scratch->registers);
	scratch->tag = tag_of(&scratch->registers);
	scratch->out.has_user = has_user;
	scratch->waited_here_before = 0;
	scratch->is_copied = copy_kernel_top(scratch);
	if (scratch->is_copied)
		site = find_same_place(all, has_user, scratch);
	scratch->is_same_place = site != NULL;
	scratch->is_reused = site && site->doubts == 0;
	if (site && site->doubts == 0 && reuse_site(site, all, scratch))
		return false;

	scratch->decided = decided_reason(scratch->out.state, scratch->out.contends);
	settle_reason(scratch, &scratch->decided, all);
	scratch->drawn = scratch->is_reused ? DRAW_CERTAIN : draw_at_new_site(all, scratch->out.slice, &scratch->place);
	return scratch->drawn != DRAW_LEFT_OUT;
}

/* Fills in where and why the current thread leaves the CPU, as far as that is known without a walk: in scratch->place. 1: its
 * stack is to be walked. A global function, which the verifier reads once. */
__attribute__((noinline)) int find_place_at_switch_out(__u32 zero)
{
	struct switch_scratch *scratch = bpf_map_lookup_elem(&switch_scratches, &zero);
	struct task_struct *task = storage_owner();
	struct thread_sites *all;

	if (!scratch)
		return 0;
	scratch->place = (struct wait_place){.stack = {.low = STACK_LOST}, .reason = REASON_OTHER, .syscall = REASON_NO_SYSCALL};
	scratch->drawn = DRAW_CERTAIN;
	scratch->is_copied = false;
	all = find_sites(task);
	if (!all)
		return find_without_sites(scratch);
	return scratch->out.is_preempted ? find_preempted(all, scratch) : find_blocked(task, all, scratch);
}

static __always_inline void keep_preempted(struct thread_sites *all, const struct switch_scratch *scratch)
{
	all->drawn = scratch->place.stack;
	all->drawn_slice = scratch->out.slice;
	all->drawn_ns = scratch->out.now;
}

/* Of a thread that blocks, the walked stack. */
static __always_inline void keep_blocked(struct thread_sites *all, const struct walk_state *state,
					 struct switch_scratch *scratch)
{
	struct wait_site *site;

	if (scratch->is_same_place) {
		site = &all->sites[scratch->index & (SITES - 1)];
		doubt(site, &scratch->place.stack);
		if (scratch->is_reused)
			return compare(site, scratch);
	}
	keep_site(all, state, scratch);
}

/* Sends the stack of the current thread, which was walked, if it is new in the slice; puts it into scratch->place, and keeps it with
 * the thread. Global as well. */
__attribute__((noinline)) int keep_place_at_switch_out(__u32 zero)
{
	struct switch_scratch *scratch = bpf_map_lookup_elem(&switch_scratches, &zero);
	struct walk_state *state = walk_state_of_cpu();
	struct thread_sites *all = find_sites(storage_owner());

	if (!scratch || !state)
		return 0;
	finish_hash(state);
	if (send_stack(scratch->out.slice, &state->record))
		scratch->place.stack = state->record.id;
	if (all && scratch->out.is_preempted)
		keep_preempted(all, scratch);
	else if (all && scratch->is_copied && !is_lost(&scratch->place.stack) && !ended_too_early(&state->record))
		keep_blocked(all, state, scratch);
	if (scratch->drawn == DRAW_BY_CHANCE)
		mark_drawn(&scratch->place.stack);
	return 0;
}

/* Walks the stack of `prev`, which is current. */
static __always_inline void walk_at_switch_out(void *ctx, struct task_struct *prev, const struct switch_scratch *scratch)
{
	struct walk_state *state = walk_state_of_cpu();
	__u64 began_ns = bpf_ktime_get_ns();

	if (!state)
		return;
	count(COUNT_STACK_WALKS);
	name_owner(&state->record, prev, 0);
	take_known_kernel_stack(ctx, prev, &state->record);
	hash_kernel_stack(tracing_frames(0));
	forget_slots(state); /* a kernel thread has none */
	if (scratch->out.has_user && !take_user_stack(0))
		count(COUNT_WAIT_USER_FAULT);
	count_stop(state->record.stop);
	keep_place_at_switch_out(0);
	count_many(COUNT_WALK_NS, bpf_ktime_get_ns() - began_ns);
}

/* Fills in where and why `prev`, which is current and leaves the CPU as scratch->out tells: in scratch->place, since on the stack
 * the verifier would follow every combination of its values through all that comes after. */
static __always_inline void place_at_switch_out(void *ctx, struct task_struct *prev, const struct switch_scratch *scratch)
{
	if (find_place_at_switch_out(0))
		walk_at_switch_out(ctx, prev, scratch);
}

#endif
