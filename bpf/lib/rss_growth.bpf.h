/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * By how much a page fault makes the memory of its process grow: one page, two megabytes, or all pages of a file around
 * it that are in the cache. Its thread's CPU is told what to look at when the fault begins, and each change of the kernel's own counters
 * is held against what they were then. They are counters with a part for each CPU, which a fault that goes on on its CPU
 * finds as it left them but for what it adds itself.
 *
 * A fault that waits and goes on on another CPU is not found again: its growth is missing. Where other threads of the process
 * may have run on its CPU meanwhile, it counts as one page. Other threads on other CPUs are in the way only once in some 32
 * pages, when the part goes over into the sum, and only what they add in that microsecond.
 */
#ifndef SONDE_BPF_LIB_RSS_GROWTH_BPF_H
#define SONDE_BPF_LIB_RSS_GROWTH_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../abi/tables.h"

#define PAGE_BYTES 4096

struct rss_count {
	__s64 sum;
	__s32 part; /* of this CPU */
};

/* A fault that is watched. */
struct fault_watch {
	__u64 task; /* 0: none */
	__u64 faults; /* that its thread had before */
	__u64 switches;
	struct cpu_key key;
	__u32 slice;
	__u32 weight;
	struct rss_count before[RSS_MEMBERS];
};

/* Of a CPU. One thread's fault may be interrupted by another thread that faults too: each has its place by its id, and the one
 * that comes last has it. */
#define FAULT_WATCHES 8 /* a power of two */

struct fault_watches {
	__u64 own_memory; /* where the CPU's own memory begins; 0: not asked yet */
	struct fault_watch of_thread[FAULT_WATCHES];
};

static __always_inline struct fault_watch *watch_of_current(struct fault_watches *watches)
{
	return &watches->of_thread[bpf_get_current_pid_tgid() & (FAULT_WATCHES - 1)];
}

static __always_inline __u64 faults_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, min_flt) + BPF_CORE_READ(task, maj_flt);
}

static __always_inline __u64 switches_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, nvcsw) + BPF_CORE_READ(task, nivcsw);
}

/*
 * Where this CPU's own memory begins: the kernel's symbol for it is not there unless it was built with all of them. But `map` has a
 * value for each CPU, whose offset stands in the map, and `value` is that of this CPU. Both are copied, since the verifier
 * lets nobody reckon with pointers.
 */
static __always_inline __u64 own_memory(const void *map, const void *value)
{
	__u64 array, address, offset;

	if (bpf_probe_read_kernel(&array, sizeof(array), &map) != 0 ||
	    bpf_probe_read_kernel(&address, sizeof(address), &value) != 0 ||
	    bpf_probe_read_kernel(&offset, sizeof(offset),
				  (void *)array + bpf_core_field_offset(((struct bpf_array *)0)->pptrs)) != 0)
		return 0;
	return address - offset;
}

/* False when it cannot be read. */
static __always_inline bool read_rss(__u64 own_memory, struct mm_struct *mm, __u32 member, struct rss_count *count)
{
	struct percpu_counter *counter = (void *)mm + bpf_core_field_offset(mm->rss_stat) +
					 (__u64)member * bpf_core_type_size(struct percpu_counter);

	count->sum = BPF_CORE_READ(counter, count);
	return bpf_probe_read_kernel(&count->part, sizeof(count->part),
				     (void *)BPF_CORE_READ(counter, counters) + own_memory) == 0;
}

/* Has the fault that begins now add its growth to `key`. REQUIRES: own_memory is known. Last of all, so that others have the least time to be in the way. */
static __always_inline void watch_growth(struct fault_watches *watches, struct task_struct *task, const struct cpu_key *key,
					 __u32 slice, __u32 weight)
{
	struct fault_watch *watch = watch_of_current(watches);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	watch->task = 0;
	if (!mm)
		return;
	watch->key = *key;
	watch->slice = slice;
	watch->weight = weight;
	watch->faults = faults_of(task);
	watch->switches = switches_of(task);
	for (__u32 member = 0; member < RSS_MEMBERS; member++)
		if (!read_rss(watches->own_memory, mm, member, &watch->before[member]))
			return;
	watch->task = (__u64)task;
}

/* Whether the change is that of the watched fault: its thread has come to the end of no fault since. */
static __always_inline bool is_within_fault(const struct fault_watch *watch, struct task_struct *task, __u64 mm, __u32 slice)
{
	return watch->slice == slice && faults_of(task) == watch->faults && (__u64)BPF_CORE_READ(task, mm) == mm;
}

/* A part that is not 0 has not gone over into the sum since, or does not tell more than that. */
static __always_inline __s64 pages_between(const struct rss_count *before, const struct rss_count *now)
{
	if (now->part != 0)
		return now->part - before->part;
	return now->sum - before->sum - before->part;
}

/* Pages by which the member has just grown within the watched fault. */
static __always_inline __u64 grown_pages(__u64 own_memory, struct fault_watch *watch, struct task_struct *task,
					struct mm_struct *mm, __u32 member)
{
	struct rss_count now;
	__s64 pages;

	if (member >= RSS_MEMBERS || member == RSS_SWAP || !read_rss(own_memory, mm, member, &now))
		return 0;
	pages = pages_between(&watch->before[member], &now);
	watch->before[member] = now;
	if (pages <= 0) /* a page that is copied goes out of one member and into another */
		return 0;
	return switches_of(task) != watch->switches && BPF_CORE_READ(mm, mm_users.counter) > 1 ? 1 : pages;
}

#endif
