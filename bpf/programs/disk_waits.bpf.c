// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which request to a block device ended a thread's wait. The kernel ends a request between block_rq_complete and
 * block_io_done, in one context, and wakes there who waits for it or for its pages: what is woken meanwhile in that context is
 * woken by that request. A wait that some other thread ends, which a request woke (a journal's, say), is not joined. Loaded only
 * while the agent asks.
 *
 * These hooks run where drivers take and end requests, and with interrupts off where threads are woken; they look up and update
 * preallocated maps and wake nobody. BTF tracepoints: each excludes but itself on a CPU.
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../abi/request_wait.h"
#include "../lib/compat.bpf.h"
#include "../lib/counters.bpf.h"
#include "../lib/find_or_make.bpf.h"
#include "../lib/heartbeat.bpf.h"
#include "../lib/request_kind.bpf.h"
#include "../lib/run_time.bpf.h"
#include "../lib/thread_clock.bpf.h"

#define REQUESTS_ISSUED 8192
#define ENDING 1024
#define REQUEST_WAIT_ENTRIES 2048

/* When a device last got a request, by its address. 0.5 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REQUESTS_ISSUED);
	__type(key, __u64);
	__type(value, __u64);
} issue_times SEC(".maps");

struct ending_request {
	struct request_wait_sum one; /* but for the wait's own length */
	__u32 device;
	__u32 operation;
	__u32 is_swap;
	__u32 padding;
};

/* The request that is being ended, by the address of the current task: one for each context that may do it, and one that is
 * preempted meanwhile takes it along to another CPU. 0.1 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENDING);
	__type(key, __u64);
	__type(value, struct ending_request);
} ending_requests SEC(".maps");

struct request_waits_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REQUEST_WAIT_ENTRIES);
	__type(key, struct request_wait_key);
	__type(value, struct request_wait_sum);
};

/* In slices of even and odd number; 0.3 MB each. Filled here, drained by the agent. */
struct request_waits_map request_waits_even SEC(".maps");
struct request_waits_map request_waits_odd SEC(".maps");

/* Number of the current slice, written by the agent. */
volatile __u32 wait_slice = 0;

/* Entries made in the current slice. */
volatile __u64 request_wait_entries_made = 0;

/* What they begin as. */
static const struct request_wait_sum no_sum;

/* In the context of join_complete, a moment later: all have been told. Attached before it, in the order that programs stand here,
 * so that nothing stays that is not ended. */
SEC("tp_btf/block_io_done")
int BPF_PROG(join_done, struct request *rq)
{
	TIMED_RUN(join_done);
	__u64 address = (__u64)rq, context = (__u64)current_task();

	bpf_map_delete_elem(&ending_requests, &context); /* not there: it began before anybody asked */
	bpf_map_delete_elem(&issue_times, &address);
	return 0;
}

/* Where a driver takes the request. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(join_issue, struct request *rq)
{
	TIMED_RUN(join_issue);
	__u64 now = bpf_ktime_get_ns(), address = (__u64)rq;

	if (agent_lives(now) && !serves_flushes(rq) && bpf_map_update_elem(&issue_times, &address, &now, BPF_ANY) != 0)
		count(COUNT_REQUEST_WAIT_LOST);
	return 0;
}

/* As in block.bpf.c: block_io_done tells the end of requests of which the kernel keeps books, and of no part of a flush. */
static __always_inline bool is_told_when_done(struct request *rq)
{
	return rq->start_time_ns && !is_within_flush(rq);
}

static __always_inline unsigned long page_flag(__u32 bit)
{
	return 1ul << bit;
}

/* Whether a request that reads brings memory back from swap: its page is in the swap cache until that is told. */
static __always_inline bool is_from_swap(struct request *rq)
{
	unsigned long both = page_flag(bpf_core_enum_value(enum pageflags, PG_swapcache)) |
			     page_flag(bpf_core_enum_value(enum pageflags, PG_swapbacked));
	struct bio *bio = rq->bio;
	struct page *page = bio ? BPF_CORE_READ(bio, bi_io_vec, bv_page) : NULL;

	return page && (page_flags(page) & both) == both;
}

/* A device is done with it, and nobody has been told yet. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(join_complete, struct request *rq, int error, unsigned int bytes)
{
	TIMED_RUN(join_complete);
	__u64 now = bpf_ktime_get_ns(), address = (__u64)rq, context = (__u64)current_task();
	struct ending_request ending = {.one = {.count = 1, .bytes = bytes}};
	__u64 *issued;

	/* Of a part that is done nobody is told yet. */
	if (!agent_lives(now) || bytes < rq->__data_len || serves_flushes(rq) || !is_told_when_done(rq))
		return 0;
	ending.device = device_of(rq);
	ending.operation = operation_of(rq->cmd_flags, bytes);
	ending.is_swap = ending.operation == REQUEST_READ && is_from_swap(rq);
	ending.one.request_ns = now > rq->start_time_ns ? now - rq->start_time_ns : 0;
	issued = bpf_map_lookup_elem(&issue_times, &address);
	if (issued && now - *issued <= ending.one.request_ns) {
		ending.one.device_ns = now - *issued;
		ending.one.queue_ns = ending.one.request_ns - ending.one.device_ns;
	}
	if (bpf_map_update_elem(&ending_requests, &context, &ending, BPF_ANY) != 0)
		count(COUNT_REQUEST_WAIT_LOST);
	return 0;
}

static __always_inline void add_wait(const struct request_wait_key *key, const struct request_wait_sum *one)
{
	void *sums = wait_slice & 1 ? (void *)&request_waits_odd : (void *)&request_waits_even;
	struct request_wait_sum *sum = find_or_make(sums, key, &no_sum, &request_wait_entries_made, COUNT_REQUEST_WAIT_LOST,
						    COUNT_REQUEST_WAIT_LOST);

	if (!sum)
		return;
	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->ns, one->ns);
	__sync_fetch_and_add(&sum->request_ns, one->request_ns);
	__sync_fetch_and_add(&sum->queue_ns, one->queue_ns);
	__sync_fetch_and_add(&sum->device_ns, one->device_ns);
	__sync_fetch_and_add(&sum->bytes, one->bytes);
}

/* In the context of who wakes, before the thread's clock moves. */
SEC("tp_btf/sched_waking")
int BPF_PROG(join_waking, struct task_struct *task)
{
	TIMED_RUN(join_waking);
	__u64 now = bpf_ktime_get_ns(), context = (__u64)current_task();
	struct ending_request *ending = bpf_map_lookup_elem(&ending_requests, &context);
	struct request_wait_key key = {};
	struct request_wait_sum one;
	struct thread_clock *clock;

	if (!ending || !agent_lives(now))
		return 0;
	clock = find_clock(task);
	if (!clock || (clock->reason != REASON_DISK && clock->reason != REASON_MAJOR_FAULT))
		return 0;
	key.stack = clock->wait_stack;
	key.tgid = task->tgid;
	key.reason = clock->reason;
	key.operation = ending->operation;
	key.device = ending->device;
	key.is_swap = ending->is_swap;
	one = ending->one;
	one.ns = now - clock->began_ns;
	add_wait(&key, &one);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
