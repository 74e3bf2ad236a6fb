/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The instants at which the scheduler books a switch or a wake-up, in CLOCK_MONOTONIC's nanoseconds. They are earlier than
 * the tracepoint: by a tenth of a microsecond mostly, by several after a wake-up that preempts, since the scheduler does
 * not read its clock again before the switch (rq_clock_skip_update). Who takes the tracepoint's own time charges the way
 * from the interrupt to the switch to the preempted thread, where /proc and cgroups charge it to the woken one.
 */
#ifndef SONDE_BPF_LIB_SCHEDULER_TIME_BPF_H
#define SONDE_BPF_LIB_SCHEDULER_TIME_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* How far the run queue's clock is behind the monotonic one: the least that was seen, since what it is behind for lack of
 * reading adds to that. NTP turns the monotonic clock by 500 ppm at most; the estimate may rise so fast, and no faster. */
struct clock_lag {
	__u64 ns; /* modulo 2^64 */
	__u64 seen_ns;
};

#define LAG_RISE_SHIFT 11
/* A booked instant that is further back than any wake-up takes is none: the clocks have jumped. */
#define MOST_LATENESS_NS 1000000

/* Of each CPU; written by its own switches, which do not nest. 16 B x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock_lag);
} clock_lags SEC(".maps");

/* Whether the run queue's clock can be reached (CONFIG_FAIR_GROUP_SCHED, which all distributions set). */
static __always_inline bool has_run_queue_clock(struct task_struct *task)
{
	return bpf_core_field_exists(task->se.cfs_rq);
}

static __always_inline __u64 booked_ns(__u64 run_queue_clock, const struct clock_lag *lag, __u64 now)
{
	__u64 booked = run_queue_clock + lag->ns;

	return now - booked < MOST_LATENESS_NS ? booked : now;
}

/* When the thread `prev` leaves this CPU. REQUIRES: the run-queue lock of this CPU is held. */
static __always_inline __u64 booked_switch_ns(struct task_struct *prev)
{
	__u64 now = bpf_ktime_get_ns(), clock, risen;
	struct clock_lag *lag;
	__u32 zero = 0;

	if (!has_run_queue_clock(prev))
		return now;
	lag = bpf_map_lookup_elem(&clock_lags, &zero);
	if (!lag)
		return now;
	clock = prev->se.cfs_rq->rq->clock;
	risen = lag->ns + ((now - lag->seen_ns) >> LAG_RISE_SHIFT);
	lag->ns = (__s64)(now - clock - risen) < 0 || lag->seen_ns == 0 || now - clock - risen > MOST_LATENESS_NS
			  ? now - clock
			  : risen;
	lag->seen_ns = now;
	return booked_ns(clock, lag, now);
}

/* When `task` was put into a run queue by the wake-up in progress. REQUIRES: that queue's lock is held. */
static __always_inline __u64 booked_wake_up_ns(struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns();
	struct clock_lag *lag;
	__u32 zero = 0;

	if (!has_run_queue_clock(task))
		return now;
	lag = bpf_map_lookup_elem(&clock_lags, &zero);
	if (!lag || lag->seen_ns == 0)
		return now;
	return booked_ns(task->se.cfs_rq->rq->clock, lag, now);
}

#endif
