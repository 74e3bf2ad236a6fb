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

/*
 * How far the run queue's clock is behind the monotonic one: the least that was seen, since what it is behind for lack of
 * reading adds to that. The least grows old as NTP turns the monotonic clock: the estimate rises by 31 ppm, which is more
 * than a clock drifts; where all of a window's readings are above it (the clock is slewed, by 500 ppm at most), by the least of
 * them. Most wake-ups read the clock afresh, so that between two good readings it rises by little. Clocks of all CPUs are
 * one where the scheduler's is stable, as it is wherever the time stamp counter is.
 */
struct clock_lag {
	__u64 ns; /* modulo 2^64 */
	__u64 seen_ns;
	__u64 window_ns; /* when the window began */
	__u32 least_excess_ns;
	__u32 readings;
};

#define LAG_RISE_SHIFT 15
#define LAG_WINDOW_NS 200000000
#define LAG_WINDOW_READINGS 32
/* Who wakes many threads on another CPU leaves them in a list, and that CPU reads its clock once for all of them: the last of ten
 * thousand come some 80 ms later, on a slow machine more. A booked instant that is further back than this is none: the clocks
 * have jumped. */
#define MOST_LATENESS_NS 2000000000

/* Of each CPU; written by its own switches and wake-ups, with interrupts off. 32 B x CPUs. */
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

static __always_inline struct clock_lag *lag_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&clock_lags, &zero);
}

static __always_inline void begin_window(struct clock_lag *lag, __u64 now)
{
	lag->window_ns = now;
	lag->least_excess_ns = 0xffffffff;
	lag->readings = 0;
}

static __always_inline __u64 risen_lag(const struct clock_lag *lag, __u64 now)
{
	return lag->ns + ((now - lag->seen_ns) >> LAG_RISE_SHIFT);
}

static __always_inline void set_lag(struct clock_lag *lag, __u64 now, __u64 clock)
{
	lag->ns = now - clock;
	lag->seen_ns = now;
	begin_window(lag, now);
}

/* Takes one reading of both clocks into account. */
static __always_inline void learn_lag(struct clock_lag *lag, __u64 now, __u64 clock)
{
	__u64 risen = risen_lag(lag, now);
	__s64 excess = now - clock - risen;

	if (lag->seen_ns == 0 || excess < 0 || excess > MOST_LATENESS_NS)
		return set_lag(lag, now, clock);
	lag->ns = risen;
	lag->seen_ns = now;
	if (excess < lag->least_excess_ns)
		lag->least_excess_ns = excess;
	lag->readings++;
	if (now - lag->window_ns < LAG_WINDOW_NS)
		return;
	if (lag->readings >= LAG_WINDOW_READINGS)
		lag->ns += lag->least_excess_ns;
	begin_window(lag, now);
}

/* The same of a reading that may be old: a thread that is woken while it still runs lets nobody read the clock. */
static __always_inline void learn_lower_lag(struct clock_lag *lag, __u64 now, __u64 clock)
{
	if ((__s64)(now - clock - risen_lag(lag, now)) < 0)
		set_lag(lag, now, clock);
}

/* When the thread `prev` leaves this CPU. REQUIRES: the run-queue lock of this CPU is held. */
static __always_inline __u64 booked_switch_ns(struct task_struct *prev)
{
	__u64 now = bpf_ktime_get_ns(), clock;
	struct clock_lag *lag;

	if (!has_run_queue_clock(prev))
		return now;
	lag = lag_of_cpu();
	if (!lag)
		return now;
	clock = prev->se.cfs_rq->rq->clock;
	learn_lag(lag, now, clock);
	return booked_ns(clock, lag, now);
}

/* What `task` has spent in run queues so far, as the scheduler has it; 0 when it does not tell. */
static __always_inline __u64 run_queue_ns_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.run_delay) ? task->sched_info.run_delay : 0;
}

/* When `task`, which waits in a run queue, was put into it, as the scheduler has it (CONFIG_SCHED_INFO, which all distributions
 * set); 0 when it does not tell. */
static __always_inline __u64 booked_queued_ns(struct task_struct *task)
{
	struct clock_lag *lag;
	__u64 queued;

	if (!bpf_core_field_exists(task->sched_info.last_queued))
		return 0;
	queued = task->sched_info.last_queued;
	lag = lag_of_cpu();
	return lag && queued ? queued + lag->ns : 0;
}

/* When `task` was put into a run queue by the wake-up in progress. REQUIRES: that queue's lock is held. */
static __always_inline __u64 booked_wake_up_ns(struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns(), clock;
	struct clock_lag *lag;

	if (!has_run_queue_clock(task))
		return now;
	lag = lag_of_cpu();
	if (!lag || lag->seen_ns == 0)
		return now;
	clock = task->se.cfs_rq->rq->clock;
	learn_lower_lag(lag, now, clock);
	return booked_ns(clock, lag, now);
}

#endif
