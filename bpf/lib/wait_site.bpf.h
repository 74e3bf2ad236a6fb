/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Threads leave the CPU at the same places again and again. A thread's last sites are kept with their stacks; a stack is
 * reused when registers and system call are the same and its return addresses are still found in place: one bulk copy of
 * each stack's top costs a tenth of a walk. What lies beyond the copies is taken on trust; a random share of reuses is
 * walked all the same and compared, and the share of wrong ones is published.
 */
#ifndef SONDE_BPF_LIB_WAIT_SITE_BPF_H
#define SONDE_BPF_LIB_WAIT_SITE_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "stack.bpf.h"
#include "thread_clock.bpf.h"

#define PROBE_WORDS SLOT_WORDS
#define KERNEL_SLOTS 8

/* Copies of the tops of both stacks: one for each CPU, used by sched_switch only, which does not nest. 1 KiB x CPUs. */
struct switch_scratch {
	__u64 kernel_top[PROBE_WORDS];
	__u64 user_top[PROBE_WORDS];
	/* State of find_kernel_slots. */
	volatile __u32 frame;
	volatile __u32 found;
	volatile __u64 hash;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct switch_scratch);
} switch_scratches SEC(".maps");

/* Copies the top of the user stack, at most to the end of its page. What could not be read stays as it was: the words in
 * it then do not give the hash of a site, but for a chance of 2^-64. */
static __always_inline void copy_user_top(struct switch_scratch *scratch, __u64 sp)
{
	__u64 bytes = STACK_PAGE_BYTES - (sp & (STACK_PAGE_BYTES - 1));

	barrier_var(bytes); /* keeps the bound next to its use, where the verifier can see it */
	if (bytes > sizeof(scratch->user_top))
		bytes = sizeof(scratch->user_top);
	if (bpf_probe_read_user(scratch->user_top, bytes, (void *)sp) != 0)
		scratch->user_top[0] = 0;
}

/* Whether the walked return addresses of a site are where they were. A site without any has only its registers. */
static __always_inline bool user_top_is(const struct switch_scratch *scratch, const struct wait_site *site)
{
	__u64 hash = 0;

	for (__u32 i = 0; i < WALK_SLOTS; i++) {
		if (i >= site->user_count)
			break;
		hash = mix(hash, scratch->user_top[site->user_slots[i] & (PROBE_WORDS - 1)]);
	}
	return hash == site->user_hash;
}

static __always_inline void keep_user_slots(const struct walk_state *state, struct wait_site *site)
{
	__builtin_memcpy(site->user_slots, state->slot, sizeof(site->user_slots));
	site->user_count = state->slots;
	site->user_hash = state->slot_hash;
}

/* Copies the top of the kernel stack, which begins at the tracepoint's arguments. */
static __always_inline bool copy_kernel_top(void *ctx, struct switch_scratch *scratch)
{
	return bpf_probe_read_kernel(scratch->kernel_top, sizeof(scratch->kernel_top), ctx) == 0;
}

/* Remembers where the innermost return addresses of a walked stack lie. The search's state is kept in memory and
 * volatile: in registers the verifier would follow every combination of its values, and give up. */
static __always_inline void find_kernel_slots(struct switch_scratch *scratch, const struct stack_record *record,
					      struct wait_site *site)
{
	scratch->frame = 0;
	scratch->found = 0;
	scratch->hash = 0;
	for (__u32 i = 0; i < PROBE_WORDS; i++) {
		__u64 word = scratch->kernel_top[i];

		/* The first frames are the tracing machinery's own, below the copy. */
		for (__u32 j = 1; j < 6; j++)
			if (scratch->found == 0 && word == record->frames[j])
				scratch->frame = j;
		if (scratch->frame >= record->kernel_frames || scratch->found >= KERNEL_SLOTS ||
		    word != record->frames[scratch->frame & 127])
			continue;
		scratch->hash = mix(scratch->hash, word);
		site->kernel_slots[scratch->found & 7] = (__u8)i;
		scratch->found++;
		scratch->frame++;
	}
	site->kernel_hash = scratch->hash;
	site->kernel_count = scratch->found;
}

static __always_inline bool kernel_top_is(struct switch_scratch *scratch, const struct wait_site *site)
{
	__u64 hash = 0;

	for (__u32 i = 0; i < KERNEL_SLOTS; i++) {
		if (i >= site->kernel_count)
			break;
		hash = mix(hash, scratch->kernel_top[site->kernel_slots[i] & (PROBE_WORDS - 1)]);
	}
	return hash == site->kernel_hash && site->kernel_count > 0;
}

static __always_inline bool same_registers(const struct wait_site *site, const struct user_registers *regs)
{
	return site->user_ip == regs->ip && site->user_sp == regs->sp && site->user_bp == regs->bp &&
	       site->syscall == regs->syscall && site->first_argument == regs->first_argument;
}

#endif
