// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the kernel itself counted for each thread, read at the thread's last switch: the numbers of
 * /proc/PID/task/TID/schedstat, at the one moment when they are final. Nobody can read that file then any more.
 *
 * And where these numbers are wrong: since Linux 6.12 a thread that falls asleep may stay in its run queue for a while
 * (DELAY_DEQUEUE). When it is moved to another CPU then, it is booked as queued there, and as nothing ends that but its
 * next coming to a CPU, all the rest of its sleep counts as time in the run queue. And a thread that is preempted on its way to
 * sleep waits for a CPU, which is not booked at all, unless it is moved.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exit_witness.h"

#define TASK_DEAD 0x0080

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct rq {
	__u64 clock;
};
struct cfs_rq {
	struct rq *rq;
};
struct sched_entity {
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};
struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_queued;
};
struct task_struct {
	unsigned int __state;
	int pid;
	int tgid;
	__u64 start_time;
	struct sched_entity se;
	struct sched_info sched_info;
};
struct task_struct___before_5_14 {
	volatile long state;
};
#pragma clang attribute pop

/* By process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct last_words);
} processes SEC(".maps");

/* When threads were preempted that had begun to sleep, by thread: they are few, and gone at their next coming to a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} preempted_asleep SEC(".maps");

static __always_inline long state_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return ((struct task_struct___before_5_14 *)task)->state;
}

static __always_inline struct last_words *words_of(__u32 tgid)
{
	struct last_words fresh = {};

	bpf_map_update_elem(&processes, &tgid, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&processes, &tgid);
}

static __always_inline __u64 clock_of(struct task_struct *task)
{
	return task->se.cfs_rq->rq->clock;
}

/* The thread comes to a CPU; what it is booked for is not added up yet. */
static __always_inline void end_preempted(struct task_struct *task)
{
	__u32 tid = task->pid, tgid = task->tgid;
	__u64 *since = bpf_map_lookup_elem(&preempted_asleep, &tid);
	struct last_words *sum;
	__u64 booked, until;

	if (!since)
		return;
	booked = task->sched_info.last_queued;
	until = booked ? booked : clock_of(task);
	sum = words_of(tgid);
	if (sum && until > *since)
		__sync_fetch_and_add(&sum->unbooked_ns, until - *since);
	bpf_map_delete_elem(&preempted_asleep, &tid);
}

/* Run-queue lock held: nothing here sleeps or allocates from what may sleep. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct last_words *sum;
	__u32 tid = prev->pid;
	__u64 now;

	end_preempted(next);
	if (preempt && state_of(prev) != 0) {
		now = clock_of(prev);
		bpf_map_update_elem(&preempted_asleep, &tid, &now, BPF_ANY);
	}
	if (preempt || !(state_of(prev) & TASK_DEAD))
		return 0;
	sum = words_of(prev->tgid);
	if (!sum)
		return 0;
	__sync_fetch_and_add(&sum->threads, 1);
	__sync_fetch_and_add(&sum->life_ns, bpf_ktime_get_ns() - prev->start_time);
	__sync_fetch_and_add(&sum->cpu_ns, prev->se.sum_exec_runtime);
	__sync_fetch_and_add(&sum->run_queue_ns, prev->sched_info.run_delay);
	return 0;
}

/* The run queue's lock is held, and its clock is what a thread that was put there just now is booked by. One that is booked
 * earlier was so in its sleep. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	__u64 queued = task->sched_info.last_queued, clock = clock_of(task);
	struct last_words *sum;
	__u32 tid = task->pid;

	if (!queued || queued >= clock || bpf_map_lookup_elem(&preempted_asleep, &tid))
		return 0;
	sum = words_of(task->tgid);
	if (sum)
		__sync_fetch_and_add(&sum->slept_in_queue_ns, clock - queued);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
