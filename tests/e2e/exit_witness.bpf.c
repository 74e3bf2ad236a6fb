// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the kernel itself counted for each thread, read at the thread's last switch: the numbers of
 * /proc/PID/task/TID/schedstat, at the one moment when they are final. Nobody can read that file then any more.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exit_witness.h"

#define TASK_DEAD 0x0080

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sched_entity {
	__u64 sum_exec_runtime;
};
struct sched_info {
	unsigned long long run_delay;
};
struct task_struct {
	unsigned int __state;
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

static __always_inline long state_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return ((struct task_struct___before_5_14 *)task)->state;
}

/* Run-queue lock held: nothing here sleeps or allocates from what may sleep. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, _Bool preempt, struct task_struct *prev)
{
	struct last_words fresh = {}, *sum;
	__u32 tgid = prev->tgid;

	if (preempt || !(state_of(prev) & TASK_DEAD))
		return 0;
	bpf_map_update_elem(&processes, &tgid, &fresh, BPF_NOEXIST);
	sum = bpf_map_lookup_elem(&processes, &tgid);
	if (!sum)
		return 0;
	__sync_fetch_and_add(&sum->threads, 1);
	__sync_fetch_and_add(&sum->life_ns, bpf_ktime_get_ns() - prev->start_time);
	__sync_fetch_and_add(&sum->cpu_ns, prev->se.sum_exec_runtime);
	__sync_fetch_and_add(&sum->run_queue_ns, prev->sched_info.run_delay);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
