/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A switch-out in the making. Its place is found and kept by global functions, which the verifier reads once each and which take
 * nothing but numbers before 5.13: what they are told, and what they tell each other, lies here.
 */
#ifndef SONDE_BPF_LIB_SWITCH_SCRATCH_BPF_H
#define SONDE_BPF_LIB_SWITCH_SCRATCH_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "compat.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_reason.bpf.h"

#define PROBE_WORDS SLOT_WORDS

/* A thread's switch-out, as the hook finds it: of the current thread. */
struct switch_out {
	__u64 now;
	__u64 arguments; /* address of the tracepoint's, which lie on the thread's kernel stack */
	__u32 slice;
	__u32 state; /* task_struct.__state */
	bool is_preempted;
	bool is_throttled; /* of a preempted one only */
	bool contends;	   /* for a sleeping lock of the kernel */
	bool has_user;	   /* it is no kernel thread */
};

/* One for each CPU, used by sched_switch only, which does not nest. 1.2 KiB x CPUs. */
struct switch_scratch {
	/* Copies of the tops of both stacks. */
	__u64 kernel_top[PROBE_WORDS];
	__u64 user_top[PROBE_WORDS];
	struct switch_out out;
	struct user_registers registers; /* of a thread that blocks; zeros: there are none */
	__u32 tag;			 /* of these */
	struct wait_reason decided;
	bool is_copied;	    /* the top of the kernel stack was */
	bool is_same_place; /* as the site at `index` */
	bool is_reused;	    /* so is that site's stack, and the walk only checks it */
	/* State of searches, in memory and volatile: in registers the verifier would follow every combination of its values. */
	struct wait_place place; /* of the thread that leaves the CPU */
	volatile __u32 index;
	volatile __u32 frame;
	volatile __u32 found;
	volatile __u32 drawn; /* enum draw */
	volatile __u32 waited_here_before; /* at a place with these user registers */
	volatile __u64 hash;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct switch_scratch);
} switch_scratches SEC(".maps");

static __always_inline struct switch_scratch *switch_scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&switch_scratches, &zero);
}

#endif
