/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every kernel type and field that the BPF side reads, and nothing else: offsets are relocated at load (CO-RE),
 * so the build needs no kernel BTF. Older or newer shapes of a type are flavours in compat.bpf.h.
 */
#ifndef SONDE_BPF_LIB_KERNEL_TYPES_H
#define SONDE_BPF_LIB_KERNEL_TYPES_H

#include <linux/bpf.h>
#include <linux/types.h>

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define PF_KTHREAD 0x00200000
/* Set together with the last schedule() of a thread, never taken back. */
#define TASK_DEAD 0x0080

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* x86-64: registers of user space as saved on entry to the kernel. */
struct pt_regs {
	unsigned long bp;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
};

/* A CPU's run queue, and the part of it that a group of tasks has. */
struct rq {
	__u64 clock; /* nanoseconds of the scheduler's own clock, when it last read it */
};

struct cfs_rq {
	struct rq *rq;
};

/* CPU time of the fair class: in all, and when the thread last came to a CPU. */
struct sched_entity {
	__u64 sum_exec_runtime;
	__u64 prev_sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* of the task's CPU, whatever its class */
};

struct task_struct {
	struct sched_entity se;
	unsigned int __state;
	unsigned int flags;
	int pid;  /* thread id */
	int tgid; /* process id */
	unsigned int on_cpu; /* int, later u8: unsigned, so that a load may be narrowed */
	int on_rq;
	char comm[16];
	struct task_struct *group_leader;
	void *stack;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_perf_event_data_kern;
struct linux_binprm;

#pragma clang attribute pop

#endif
