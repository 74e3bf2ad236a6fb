/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel stacks that were walked lately at switch-out, found again by one copy. The kernel's walk of ten frames takes 2 us with
 * warm caches and 18 us as it is on a busy host, for its tables lie far apart; the stack itself was used just now. Each return
 * address is compared, so that what is found is the walk's own: but for the outermost one of a system call, which that implies
 * (the kernel moves all that lies below it by chance). A random share is walked all the same, and the share of wrong ones is
 * published with that of reused stacks. Include once per object, for one program: its own frames lie below the copy.
 */
#ifndef SONDE_BPF_LIB_KNOWN_KERNEL_STACKS_BPF_H
#define SONDE_BPF_LIB_KNOWN_KERNEL_STACKS_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "counters.bpf.h"
#include "stack.bpf.h"

#define KERNEL_COPY_WORDS 256 /* an index in it fits a byte */
#define KNOWN_FRAMES 32
#define KNOWN_WAYS 4
#define KNOWN_SETS 16
#define TRACING_FRAMES 6 /* at most; they come before what is in the copy */
#define WALK_KNOWN_ONE_IN 64
#define LEARNT_AT_ONCE 16

#define NOT_KNOWN 0xffffffffu

/* frames == 0: nothing there. */
struct known_kernel_stack {
	__u64 entered_by; /* as entry_of() has it */
	__u64 hash;	  /* of the words at `slots` */
	__u16 frames;
	__u16 slots_count; /* of the last frames, but for the outermost of a system call */
	__u32 unused;
	__u8 slots[KNOWN_FRAMES]; /* where return addresses lie, in words above the tracepoint's arguments */
	__u64 addresses[KNOWN_FRAMES];
};

struct known_kernel_stacks {
	/* Of the search in progress, in memory as that of sites is. */
	__u64 entered_by;
	__u64 top; /* address of the tracepoint's arguments */
	volatile __u64 hash;
	volatile __u32 index; /* of what was found; NOT_KNOWN: nothing */
	volatile __u32 frame;
	volatile __u32 found;
	__u32 next;
	__u64 copy[KERNEL_COPY_WORDS];
	struct known_kernel_stack known[KNOWN_SETS * KNOWN_WAYS];
};

/* One for each CPU: switch-outs do not nest. 22 KiB x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct known_kernel_stacks);
} known_kernel_stacks SEC(".maps");

static __always_inline struct known_kernel_stacks *known_stacks_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&known_kernel_stacks, &zero);
}

/* By what the current task came into the kernel: the number of its system call, NO_SYSCALL_NUMBER for what else there is, or
 * for a kernel thread, which never came, a number of its own. */
static __always_inline __u64 entry_of(struct task_struct *task)
{
	struct user_registers regs;

	if (task->flags & PF_KTHREAD)
		return 1ULL << 32 | (__u32)task->pid;
	return read_user_registers(task, &regs) ? regs.syscall : NO_SYSCALL_NUMBER;
}

static __always_inline bool is_by_system_call(__u64 entered_by)
{
	return entered_by >> 32 == 0;
}

static __always_inline __u32 first_way(__u64 entered_by)
{
	return (__u32)(mix(entered_by, 0) >> 32) % KNOWN_SETS * KNOWN_WAYS;
}

/* Copies what the kernel stack holds above `top`. */
static __always_inline bool copy_kernel_stack(struct known_kernel_stacks *all)
{
	__u64 bytes = KERNEL_STACK_BYTES - (all->top & (KERNEL_STACK_BYTES - 1));

	barrier_var(bytes); /* keeps the bound next to its use, where the verifier can see it */
	if (bytes > sizeof(all->copy))
		bytes = sizeof(all->copy);
	return bpf_probe_read_kernel(all->copy, (__u32)bytes, (void *)all->top) == 0;
}

static __always_inline bool is_in_place(struct known_kernel_stacks *all, const struct known_kernel_stack *one)
{
	all->hash = 0;
	for (__u32 i = 0; i < KNOWN_FRAMES; i++) {
		if (i >= one->slots_count)
			break;
		all->hash = mix(all->hash, all->copy[one->slots[i]]);
	}
	return all->hash == one->hash;
}

/* Fills the kernel part of the CPU's record with the known stack that is in place; all->index says which. A global function, which
 * the verifier reads once; the argument is nothing, for old kernels. */
__attribute__((noinline)) int recall_kernel_stack(__u32 nothing)
{
	struct known_kernel_stacks *all = known_stacks_of_cpu();
	struct walk_state *state = walk_state_of_cpu();
	const struct known_kernel_stack *one;
	__u32 first, index;

	barrier_var(nothing);
	if (!all || !state)
		return 0;
	all->index = NOT_KNOWN;
	if (!copy_kernel_stack(all)) {
		all->top = 0; /* nothing to be learnt either */
		return 0;
	}
	first = first_way(all->entered_by);
	for (__u32 way = 0; way < KNOWN_WAYS; way++) {
		one = &all->known[(first + way) & (KNOWN_SETS * KNOWN_WAYS - 1)];
		if (one->frames && one->entered_by == all->entered_by && is_in_place(all, one))
			all->index = first + way;
	}
	index = all->index;
	if (index >= KNOWN_SETS * KNOWN_WAYS)
		return 0;
	one = &all->known[index];
	begin_stack(&state->record, one->frames);
	for (__u32 i = 0; i < KNOWN_FRAMES; i++)
		state->record.frames[i] = one->addresses[i];
	return 1;
}

/* Compared from the outermost frame on: those of the tracing machinery may be more or less than they were. */
static __always_inline void count_if_wrong(const struct known_kernel_stack *one, const struct stack_record *record)
{
	__u32 compared = one->slots_count + is_by_system_call(one->entered_by);
	bool is_wrong = record->kernel_frames < compared;

	for (__u32 i = 1; i <= KNOWN_FRAMES; i++) {
		if (i > compared || i > record->kernel_frames)
			break;
		if (one->addresses[(one->frames - i) & (KNOWN_FRAMES - 1)] != record->frames[(record->kernel_frames - i) & 127])
			is_wrong = true;
	}
	if (is_wrong)
		count(COUNT_SITE_WRONG);
}

/* Looks for the next frames of the CPU's record, of which `compared` are looked for, in LEARNT_AT_ONCE words of the copy. 0: all are
 * found. Global as well: most of what the verifier would follow in learn_kernel_stack(). */
__attribute__((noinline)) int learn_words(__u32 index, __u32 first, __u32 compared)
{
	struct known_kernel_stacks *all = known_stacks_of_cpu();
	struct walk_state *state = walk_state_of_cpu();
	const struct stack_record *record;
	struct known_kernel_stack *one;

	if (!all || !state)
		return 0;
	record = &state->record;
	one = &all->known[index & (KNOWN_SETS * KNOWN_WAYS - 1)];
	for (__u32 i = 0; i < LEARNT_AT_ONCE; i++) {
		__u64 word = all->copy[(first + i) & (KERNEL_COPY_WORDS - 1)];

		for (__u32 j = 1; j < TRACING_FRAMES; j++)
			if (all->found == 0 && word == record->frames[j])
				all->frame = j;
		if (all->frame >= compared || all->found >= KNOWN_FRAMES || word != record->frames[all->frame & 127])
			continue;
		all->hash = mix(all->hash, word);
		one->slots[all->found & (KNOWN_FRAMES - 1)] = (__u8)(first + i);
		all->found++;
		all->frame++;
	}
	return all->found == 0 || all->frame < compared;
}

/* Keeps the kernel part of the CPU's record, walked, in the place of the one that was recalled, or of the oldest of its set. Global
 * as well. */
__attribute__((noinline)) int learn_kernel_stack(__u32 nothing)
{
	struct known_kernel_stacks *all = known_stacks_of_cpu();
	struct walk_state *state = walk_state_of_cpu();
	struct known_kernel_stack *one;
	const struct stack_record *record;
	__u32 index, compared;

	barrier_var(nothing);
	if (!all || !state || all->top == 0)
		return 0;
	record = &state->record;
	compared = record->kernel_frames - is_by_system_call(all->entered_by);
	index = all->index;
	if (index < KNOWN_SETS * KNOWN_WAYS)
		count_if_wrong(&all->known[index & (KNOWN_SETS * KNOWN_WAYS - 1)], record);
	else
		index = first_way(all->entered_by) + all->next++ % KNOWN_WAYS;
	one = &all->known[index & (KNOWN_SETS * KNOWN_WAYS - 1)];
	one->frames = 0;
	all->frame = 0;
	all->found = 0;
	all->hash = 0;
	for (__u32 first = 0; first < KERNEL_COPY_WORDS; first += LEARNT_AT_ONCE)
		if (!learn_words(index, first, compared))
			break;
	if (record->kernel_frames > KNOWN_FRAMES || all->found == 0 || all->frame != compared)
		return 0;
	one->entered_by = all->entered_by;
	one->hash = all->hash;
	one->slots_count = (__u16)all->found;
	for (__u32 i = 0; i < KNOWN_FRAMES; i++)
		one->addresses[i] = record->frames[i];
	one->frames = record->kernel_frames;
	return 0;
}

/* As take_kernel_stack(), of the current `task`, at its switch-out; `ctx` lies on its stack. */
static __always_inline void take_known_kernel_stack(void *ctx, struct task_struct *task, struct stack_record *record)
{
	struct known_kernel_stacks *all = known_stacks_of_cpu();
	bool is_known;

	if (!all)
		return take_kernel_stack(ctx, record, 1);
	all->entered_by = entry_of(task);
	all->top = (__u64)ctx;
	is_known = recall_kernel_stack(0);
	if (is_known && bpf_get_prandom_u32() % WALK_KNOWN_ONE_IN != 0)
		return;
	if (is_known)
		count(COUNT_SITE_CHECKS);
	take_kernel_stack(ctx, record, 1);
	learn_kernel_stack(0);
}

#endif
