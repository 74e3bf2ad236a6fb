/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is sent of a thread as it leaves its CPU for the last time. Include once per object. */
#ifndef SONDE_BPF_LIB_THREAD_EXIT_BPF_H
#define SONDE_BPF_LIB_THREAD_EXIT_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../abi/thread.h"
#include "counters.bpf.h"
#include "find_or_make.bpf.h"
#include "switch_out.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_site.bpf.h"
#include "wait_sums.bpf.h"

/* The account of a thread in the making. For each CPU, used by its sched_switch only, which does not nest. 0.5 KiB x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread_exit_record);
} exit_records SEC(".maps");

#define EXIT_ENTRIES 512

struct exits_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EXIT_ENTRIES);
	__type(key, __u32);
	__type(value, struct exit_sum);
};

/* Sums of exited threads that the ring had no room for, by process, of slices of even and odd number; 0.17 MB each. A process of
 * ten thousand threads may end within a tenth of a second. */
struct exits_map exits_even SEC(".maps");
struct exits_map exits_odd SEC(".maps");

/* What they begin as: too large for a program's stack. */
static struct exit_sum no_exits;

/* Entries made in the current slice. */
volatile __u64 exit_entries_made = 0;

static __always_inline void put_time(struct thread_exit_record *record, __u64 ns, __u64 what)
{
	volatile __u32 *times = &record->times; /* in memory: in a register the verifier would follow all its values */
	__u32 index = *times;

	if (ns == 0 || index >= 2 * REASONS)
		return;
	record->time[index] = (what << EXIT_TIME_WHAT_SHIFT) | ns;
	*times = index + 1;
}

static __always_inline __u64 exit_record_bytes(const struct thread_exit_record *record)
{
	__u64 times = *(const volatile __u32 *)&record->times;

	if (times > 2 * REASONS)
		times = 2 * REASONS;
	return SONDE_EXIT_HEADER_BYTES + times * sizeof(__u64);
}

static __always_inline struct exit_sum *find_exits(const struct thread_exit_record *record, __u32 slice)
{
	void *exits = slice & 1 ? (void *)&exits_odd : (void *)&exits_even;
	__u32 tgid = record->tgid;
	struct exit_sum *sum = find_or_make(exits, &tgid, &no_exits, &exit_entries_made, COUNT_EXIT_LOST, COUNT_EXIT_LOST);

	if (sum)
		__builtin_memcpy(sum->group_comm, record->group_comm, sizeof(sum->group_comm));
	return sum;
}

/* Adds what the thread had of one slice, in which it existed until `end_ns`. `part` is 0 or EXIT_TIME_PREVIOUS. */
static __always_inline void add_exit(struct exit_sum *sum, const struct thread_exit_record *record, __u32 part,
				     __u64 slice_start, __u64 end_ns)
{
	__u64 began_ns = record->started_ns > slice_start ? record->started_ns : slice_start;

	if (end_ns > began_ns)
		__sync_fetch_and_add(&sum->wall_ns, end_ns - began_ns);
	__sync_fetch_and_add(&sum->threads, 1);
	if (record->started_ns >= slice_start)
		__sync_fetch_and_add(&sum->begun, 1);
	for (__u32 i = 0; i < 2 * REASONS; i++) {
		__u64 time = i < record->times ? record->time[i] : 0;
		__u32 what = time >> EXIT_TIME_WHAT_SHIFT, reason = what & (REASON_SLOTS - 1);

		if (time && (what & EXIT_TIME_PREVIOUS) == part && reason < REASONS)
			__sync_fetch_and_add(&sum->ns[reason], time & ((1ULL << EXIT_TIME_WHAT_SHIFT) - 1));
	}
}

/* Keeps this CPU's record, which the ring has no room for, in the sums of its process: what it has of its slice, or of the one before.
 * A global function, which the verifier reads once. */
__attribute__((noinline)) int keep_exit(__u32 is_previous)
{
	__u32 zero = 0, slice, part = is_previous ? EXIT_TIME_PREVIOUS : 0;
	struct thread_exit_record *record = bpf_map_lookup_elem(&exit_records, &zero);
	struct exit_sum *sum;

	if (!record || (is_previous && !record->has_previous))
		return 0;
	slice = is_previous ? record->slice - 1 : record->slice;
	sum = find_exits(record, slice);
	if (sum)
		add_exit(sum, record, part, slice_start_ns[slice & 1],
			 is_previous ? slice_start_ns[record->slice & 1] : record->ended_ns);
	return 0;
}

/* The last switch of the current thread, at `now`: its account goes out whole, since nothing can be asked of it later. Global as
 * well. */
__attribute__((noinline)) int send_exit(__u64 now)
{
	struct task_struct *task = storage_owner();
	struct thread_clock *clock = find_any_clock(task);
	struct thread_exit_record *record;
	__u64 address = (__u64)task;
	__u32 zero = 0;

	record = bpf_map_lookup_elem(&exit_records, &zero);
	if (!record || !clock)
		return 0;
	record->type = RECORD_THREAD_EXIT;
	record->ended_ns = now;
	record->tgid = BPF_CORE_READ(task, tgid);
	record->tid = BPF_CORE_READ(task, pid);
	record->times = 0;
	lock_clock(clock);
	record->slice = clock->slice;
	record->started_ns = clock->started_ns;
	record->has_previous = clock->has_previous;
	for (__u32 i = 0; i < REASONS; i++) {
		put_time(record, clock->ns[i], i);
		if (record->has_previous)
			put_time(record, clock->previous_ns[i], i | EXIT_TIME_PREVIOUS);
	}
	clock->has_previous = 0;
	unlock_clock(clock);
	add_all_held(clock, record->tgid, NO_SLICE, TAKEN_BY_HOOK);
	BPF_CORE_READ_INTO(&record->comm, task, comm);
	BPF_CORE_READ_INTO(&record->group_comm, task, group_leader, comm);
	if (bpf_ringbuf_output(&sched_events, record, exit_record_bytes(record), BPF_RB_NO_WAKEUP) != 0) {
		count(COUNT_EXIT_RING_FULL);
		keep_exit(0);
		keep_exit(1);
	}
	if (!clocks_in_task_storage)
		bpf_map_delete_elem(&clocks_by_task, &address);
	drop_sites(task);
	return 0;
}

#endif
