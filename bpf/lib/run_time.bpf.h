/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs cost, told by themselves: the kernel's own count (BPF_ENABLE_STATS) is for CAP_SYS_ADMIN alone, which the
 * agent has neither as a packaged service nor in Kubernetes. As there, a timed run costs two readings of the clock, so that the
 * agent has runs timed one second in nine; else a run costs one load more. Include once per object.
 */
#ifndef SONDE_BPF_LIB_RUN_TIME_BPF_H
#define SONDE_BPF_LIB_RUN_TIME_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "../abi/run_time.h"

/* Written by the agent, which finds it in every object by its section, the only variable of that. */
volatile __u32 runs_are_timed SEC(".data.timing") = 0;

/* enum timed_program -> time and runs. 32 x 16 B x CPUs. Look-ups only: safe in NMI. A program does not interrupt itself on a CPU
 * (the kernel skips such a run, and counts it as missed), so that each value has one writer. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TIMED_PROGRAM_COUNT);
	__type(key, __u32);
	__type(value, struct run_time);
} run_times SEC(".maps");

struct timed_run {
	__u64 began_ns; /* 0: not timed */
	__u32 program;
};

static __always_inline void end_run(struct timed_run *run)
{
	struct run_time *sum;

	if (!run->began_ns)
		return;
	sum = bpf_map_lookup_elem(&run_times, &run->program);
	if (!sum)
		return;
	sum->ns += bpf_ktime_get_ns() - run->began_ns;
	sum->runs++;
}

/* First in each program: from here on until it returns, wherever that is, its run is timed. */
#define TIMED_RUN(name) \
	struct timed_run timed_run __attribute__((cleanup(end_run), unused)) = { \
		.began_ns = runs_are_timed ? bpf_ktime_get_ns() : 0, .program = TIMED_##name}

#endif
