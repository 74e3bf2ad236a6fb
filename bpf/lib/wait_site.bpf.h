/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Threads leave the CPU at the same places again and again. A thread's last sites are kept with their stacks; a stack is
 * reused when registers and system call are the same and its return addresses are still found in place: one bulk copy of
 * each stack's top costs a tenth of a walk. What lies beyond the copies is taken on trust, once some walks came to the same;
 * a random share of reuses is walked all the same and compared, and the share of wrong ones is published. A place that was
 * seen to lead to two stacks is walked each time. Where the user stack was found the same for long, it is looked at once in
 * CHECK_TRUSTED_ONE_IN times, since that copy is the dearest part of a switch; each time this trust is found wrong, it takes
 * twice as long to come again.
 */
#ifndef SONDE_BPF_LIB_WAIT_SITE_BPF_H
#define SONDE_BPF_LIB_WAIT_SITE_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../abi/counterpart.h"
#include "compat.bpf.h"
#include "stack.bpf.h"
#include "switch_scratch.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_reason.bpf.h"

#define KERNEL_SLOTS WALK_SLOTS

/* A place where a thread left the CPU, with the stack it had and what to find again before that stack is reused. */
struct wait_site {
	struct user_registers registers;
	__u64 user_hash;    /* hash of the words at user_slots */
	__u8 user_slots[WALK_SLOTS]; /* where return addresses lay, in words above the stack pointer */
	__u64 kernel_hash;  /* hash of the words at kernel_slots */
	__u8 kernel_slots[KERNEL_SLOTS]; /* where return addresses lay, in words above the tracepoint's arguments */
	__u16 kernel_count;
	__u16 user_count;
	struct wait_reason reason;
	__u32 slice;	    /* in which the frames were sent; older ones are not reused */
	__u32 doubts;	    /* so many walks have to come to this stack again before it is reused */
	__u32 same;	    /* times in a row that this place's stack was the same, where it was looked at */
	__u32 trusted_from; /* so many of them make it trusted */
	struct stack_id stack;
};

/* Of a place that is new, and of one that was found to lead to two stacks: the same function waits there for several callers,
 * further up than what is compared. */
#define DOUBTS_AT_FIRST 2
#define DOUBTS_ABOUT_TWO 64

/* Where two callers take turns of some length, the first waits of each turn go to the other one: 7 at most each time that trust is
 * lost. That takes twice as many waits at the same stack in a row each time, in the end 65,536. */
#define TRUSTED_FROM 256
#define TRUSTED_FROM_MOST 65536
#define CHECK_TRUSTED_ONE_IN 8

#define SITES 8 /* a power of two: a database server waits at four to six in turn */

/* What the thread waits for; written by its own switch-out, ended by who wakes it (counterparts.bpf.h). */
struct awaited {
	struct counterpart with;
	struct stack_id stack;
	__u64 began_ns;
	__u64 since_ns; /* from when on it is not yet counted; 0: for nothing */
	__u32 watch;	/* counterpart_watch as it was */
	__u32 reason;
};

#define NO_WAKE_UP 0xffffffffu

/* Since when a thread has run, and by which wake-up; written by who wakes it (wake_chains.bpf.h). */
struct wake_up_link {
	__u64 since_ns;
	__u64 began_ns; /* the last wait that was seen to end */
	__u32 index; /* of the wake-up; NO_WAKE_UP: not known */
	__u32 watch; /* chain_watch as it was */
};

/* Written and read by the thread's own switch-out only, but for the last two. */
struct thread_sites {
	__u32 tags[SITES]; /* hash of what a site must equal, to find it at a glance; 0: nothing there */
	struct wait_site sites[SITES];
	__u32 next;
	__u32 drawn_slice;
	__u64 outermost_sp; /* the highest stack pointer at which the thread waited as main loops do, twice, in this program */
	__u64 once_sp;	    /* the same of places where it waited once */
	__u64 once_ns;	    /* when it did */
	__u64 drawn_ns;
	__u32 walked_slice;
	__u32 walked;	       /* in walked_slice, where no site fitted and chance had no say */
	struct stack_id drawn; /* where it was last seen preempted, at drawn_ns */
	struct awaited awaited;
	struct wake_up_link woken;
};

/* As the clocks: one for each thread, made at fork, freed with the thread. 1.1 KiB x threads. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_sites);
} sites SEC(".maps");

/* For kernels without task storage: 8,192 x 1.1 KiB = 9 MB. Threads beyond have none, and are walked each time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct thread_sites);
} sites_by_task SEC(".maps");

/* What they begin as: too large for a program's stack. */
static struct thread_sites no_sites;

static __always_inline struct thread_sites *find_sites(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (clocks_in_task_storage)
		return bpf_task_storage_get(&sites, task, 0, 0);
	return bpf_map_lookup_elem(&sites_by_task, &address);
}

/* Process context only, as of make_clock. Refused: the thread is walked each time. */
static __always_inline void make_sites(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (clocks_in_task_storage)
		bpf_task_storage_get(&sites, task, &no_sites, BPF_LOCAL_STORAGE_GET_F_CREATE);
	else
		bpf_map_update_elem(&sites_by_task, &address, &no_sites, BPF_NOEXIST);
}

static __always_inline void drop_sites(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (!clocks_in_task_storage)
		bpf_map_delete_elem(&sites_by_task, &address);
}

/* Whether the walked return addresses of a site are where they were. A site without any has only its registers. */
static __always_inline bool user_top_is(const struct switch_scratch *scratch, const struct wait_site *site)
{
	return hash_of_slots(scratch->user_top, site->user_slots, site->user_count) == site->user_hash;
}

static __always_inline void keep_user_slots(const struct walk_state *state, struct wait_site *site)
{
	__builtin_memcpy(site->user_slots, state->slot, sizeof(site->user_slots));
	site->user_count = state->slots;
	site->user_hash = state->slot_hash;
}

/* Copies the top of the kernel stack, which begins at the tracepoint's arguments. */
static __always_inline bool copy_kernel_top(struct switch_scratch *scratch)
{
	return bpf_probe_read_kernel(scratch->kernel_top, sizeof(scratch->kernel_top), (void *)scratch->out.arguments) == 0;
}

/* Remembers where the innermost return addresses of a walked stack lie. */
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
	__u64 hash = hash_of_slots(scratch->kernel_top, site->kernel_slots, site->kernel_count);

	return hash == site->kernel_hash && site->kernel_count > 0;
}

static __always_inline bool same_registers(const struct wait_site *site, const struct user_registers *regs)
{
	const struct user_registers *kept = &site->registers;

	return kept->ip == regs->ip && kept->sp == regs->sp && kept->bp == regs->bp && kept->syscall == regs->syscall &&
	       kept->first_argument == regs->first_argument;
}

/* Of what a place is known by. Not how deep in the kernel it is: the kernel moves its stack with each system call. Never
 * 0: nothing is there. */
static __always_inline __u32 tag_of(const struct user_registers *regs)
{
	__u64 hash = mix(mix(regs->ip, regs->sp), regs->first_argument ^ (regs->syscall << 32));

	return (__u32)(hash >> 32) | 1;
}

/* Sets scratch->index to the site with this tag whose kernel stack is in place, or to SITES: one system call may block at several
 * places in the kernel, in turn (an fsync does at the pages, the journal and the device). */
static __always_inline void find_place(const struct thread_sites *all, __u32 tag, struct switch_scratch *scratch)
{
	scratch->index = SITES;
	scratch->waited_here_before = 0;
	for (__u32 i = 0; i < SITES; i++) {
		if (all->tags[i] != tag)
			continue;
		scratch->waited_here_before = 1;
		if (kernel_top_is(scratch, &all->sites[i]))
			scratch->index = i;
	}
}

/* The thread's site at scratch->index, if it has these registers and is of the slice; else null. */
static __always_inline struct wait_site *site_of_slice(struct thread_sites *all, const struct user_registers *regs, __u32 slice,
						       const struct switch_scratch *scratch)
{
	struct wait_site *site;
	__u32 index = scratch->index;

	if (index >= SITES)
		return NULL;
	site = &all->sites[index];
	return site->slice == slice && same_registers(site, regs) ? site : NULL;
}

static __always_inline bool same_stack(const struct stack_id *one, const struct stack_id *other)
{
	return one->low == other->low && one->high == other->high;
}

static __always_inline bool is_trusted(const struct wait_site *site)
{
	return site->same >= site->trusted_from;
}

/* Whether the site's user stack may go unseen this time. */
static __always_inline bool is_trusted_now(struct wait_site *site)
{
	return is_trusted(site) && ++site->same % CHECK_TRUSTED_ONE_IN != 0;
}

/* The site's stack was looked at, and was another. */
static __always_inline void distrust(struct wait_site *site)
{
	if (is_trusted(site) && site->trusted_from < TRUSTED_FROM_MOST)
		site->trusted_from *= 2;
	site->same = 0;
}

/* After a walk to `walked` from what looks like the site. */
static __always_inline void doubt(struct wait_site *site, const struct stack_id *walked)
{
	if (!same_stack(&site->stack, walked)) {
		site->doubts = DOUBTS_ABOUT_TWO;
		distrust(site);
	} else if (site->doubts > 0)
		site->doubts--;
}

/* Where the thread's next site goes: to the one at scratch->index, whose stack is another by now, or round and round. */
static __always_inline struct wait_site *place_for_site(struct thread_sites *all, __u32 tag,
							const struct switch_scratch *scratch)
{
	struct wait_site *site;
	__u32 index;

	if (scratch->index < SITES)
		return &all->sites[scratch->index & (SITES - 1)];
	index = all->next++ & (SITES - 1);
	all->tags[index] = tag;
	site = &all->sites[index];
	site->doubts = DOUBTS_AT_FIRST;
	site->same = 0;
	site->trusted_from = TRUSTED_FROM;
	return site;
}

#endif
