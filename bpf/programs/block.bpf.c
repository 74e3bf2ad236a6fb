// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests to block devices, while somebody asks: who made each, where, how long it waited for the device and how long the
 * device had it; and who made dirty what is written back. What ends is summed in the kernel. The instants and what counts as a request are those of /proc/diskstats.
 *
 * These hooks run in whatever thread asks, works off a queue or is interrupted by a device, with no lock of ours and mostly
 * with interrupts on. They look up and update preallocated maps, and wake nobody. BTF tracepoints: each excludes but itself
 * on a CPU, and an interrupt within one may find another one of them under way (see submitter.bpf.h).
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../lib/compat.bpf.h"
#include "../lib/counters.bpf.h"
#include "../lib/heartbeat.bpf.h"
#include "../lib/request_kind.bpf.h"
#include "../lib/request_sums.bpf.h"
#include "../lib/run_time.bpf.h"
#include "../lib/submitter.bpf.h"
#include "../lib/written_pages.bpf.h"

/* What this kernel's tracepoints are like, as its BTF tells: whether two tell who makes a request and when the kernel books
 * its end (block_io_start and block_io_done, since 6.5), and whether the others name the queue first (before 5.11). */
const volatile bool tells_start = false;
const volatile bool has_queue_argument = false;

#define REQUESTS_UNDER_WAY 8192

/* By address: the kernel uses a request's memory again only when it has ended. 1.1 MB, half of that
 * on hosts of one or two CPUs, as the sums and stacks of requests. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REQUESTS_UNDER_WAY);
	__type(key, __u64);
	__type(value, struct request_under_way);
} requests_under_way SEC(".maps");

static __always_inline __u32 flag(__u32 bit)
{
	return 1u << bit;
}

/* As the kernel's own op_is_sync(). */
static __always_inline bool is_sync(__u32 flags)
{
	return (flags & REQ_OP_MASK) == REQ_OP_READ ||
	       flags & (flag(bpf_core_enum_value(enum req_flag_bits, __REQ_SYNC)) |
			flag(bpf_core_enum_value(enum req_flag_bits, __REQ_FUA)) |
			flag(bpf_core_enum_value(enum req_flag_bits, __REQ_PREFLUSH)));
}

/* All of the key but who made it. `bytes`: what is to be done, or is done now. */
static __always_inline void describe(struct request *rq, __u32 bytes, struct request_key *key)
{
	__u32 flags = rq->cmd_flags;

	key->device = device_of(rq);
	key->operation = operation_of(flags, bytes);
	key->is_sync = is_sync(flags);
}

/* Remembers a request that was not known. `is_submitter`: current is who made it. */
static __always_inline void begin_request(void *ctx, struct request *rq, __u64 now, bool is_submitter)
{
	struct request_under_way begun = {.key.stack.low = STACK_UNSEEN, .start_ns = now};
	struct task_struct *task = current_task();
	__u64 address = (__u64)rq;

	describe(rq, rq->__data_len, &begun.key);
	if (is_submitter) {
		begun.key.tgid = BPF_CORE_READ(task, tgid);
		begun.key.stack = submitter_stack(ctx, task, request_slice);
		begun.is_of_kernel = (BPF_CORE_READ(task, flags) & PF_KTHREAD) != 0;
	}
	if (bpf_map_lookup_elem(&requests_under_way, &address))
		count(COUNT_REQUEST_END_MISSED);
	if (bpf_map_update_elem(&requests_under_way, &address, &begun, BPF_ANY) != 0)
		count(COUNT_REQUEST_UNSEEN);
}

/* In the thread that makes the request, before any of the others. */
SEC("tp_btf/block_io_start")
int BPF_PROG(on_start, struct request *rq)
{
	TIMED_RUN(on_start);
	__u64 now = bpf_ktime_get_ns();

	if (agent_lives(now) && !serves_flushes(rq))
		begin_request(ctx, rq, now, true);
	return 0;
}

/* The request at its address, or null when that is not known: an older one's memory may have been taken over by another
 * that was merged into its neighbour. Only where nothing tells the start is the kernel's own instant of it there in time. */
static __always_inline struct request_under_way *find_request(struct request *rq)
{
	__u64 address = (__u64)rq, made_ns = rq->start_time_ns;
	struct request_under_way *known = bpf_map_lookup_elem(&requests_under_way, &address);

	if (known && !tells_start && made_ns && known->start_ns != made_ns)
		return NULL;
	return known;
}

static __always_inline int insert(void *ctx, struct request *rq)
{
	__u64 now = bpf_ktime_get_ns();

	if (agent_lives(now) && !serves_flushes(rq) && !find_request(rq))
		begin_request(ctx, rq, rq->start_time_ns ?: now, true);
	return 0;
}

/* In the thread that makes the request, when it goes to a queue; in a worker when it goes there once more. Only for kernels
 * that do not tell the start. */
SEC("tp_btf/block_rq_insert")
int on_insert(__u64 *ctx)
{
	TIMED_RUN(on_insert);

	if (has_queue_argument)
		return insert(ctx, (struct request *)ctx[1]);
	return insert(ctx, (struct request *)ctx[0]);
}

/* A thread of the kernel writes, maybe back what somebody else dirtied, and the device has not had the request yet. */
static __always_inline bool is_for_others(struct request *rq, const struct request_under_way *known)
{
	return known->is_of_kernel && !known->issue_ns && (rq->cmd_flags & REQ_OP_MASK) == REQ_OP_WRITE;
}

static __always_inline int issue(void *ctx, struct request *rq)
{
	__u64 now = bpf_ktime_get_ns();
	struct request_under_way *known;

	if (!agent_lives(now) || serves_flushes(rq))
		return 0;
	known = find_request(rq);
	if (!known && !tells_start) { /* past the queue: by who makes it, or by a worker or an interrupt when the device was busy */
		begin_request(ctx, rq, rq->start_time_ns ?: now, is_in_process(ctx, current_task()));
		known = find_request(rq);
	}
	if (!known)
		return 0;
	if (is_for_others(rq, known))
		find_origin(rq, &known->key);
	/* Once more when the device gave it back: until then it was in the queue. */
	known->issue_ns = now;
	return 0;
}

/* Where a driver takes the request: in the thread that makes it, a worker or an interrupt. */
SEC("tp_btf/block_rq_issue")
int on_issue(__u64 *ctx)
{
	TIMED_RUN(on_issue);

	if (has_queue_argument)
		return issue(ctx, (struct request *)ctx[1]);
	return issue(ctx, (struct request *)ctx[0]);
}

/* It becomes part of another one, whose maker has its bytes and its time from here on, and does not end by itself. */
static __always_inline int forget(struct request *rq)
{
	__u64 address = (__u64)rq;

	bpf_map_delete_elem(&requests_under_way, &address); /* not there: it was not known */
	return 0;
}

SEC("tp_btf/block_rq_merge")
int on_merge(__u64 *ctx)
{
	TIMED_RUN(on_merge);

	if (has_queue_argument)
		return forget((struct request *)ctx[1]);
	return forget((struct request *)ctx[0]);
}

/* Whether on_done tells the end: of requests of which the kernel keeps books. Else it is when the device was done. */
static __always_inline bool is_booked_later(struct request *rq)
{
	return tells_start && rq->start_time_ns;
}

static __always_inline void measure(struct request *rq, const struct request_under_way *known, __u64 now,
				    struct request_part *part)
{
	__u64 start = rq->start_time_ns;

	if (!start)
		start = known ? known->start_ns : now;
	part->ended = true;
	part->ns = now > start ? now - start : 0;
	if (!known || !known->issue_ns || known->issue_ns > now)
		return;
	part->device_ns = now - known->issue_ns;
	if (part->device_ns > part->ns)
		part->device_ns = part->ns;
	part->queue_ns = part->ns - part->device_ns;
}

/* For on_done, which no longer finds how many bytes there were. */
static __always_inline struct request_under_way *remember_unseen(struct request *rq, const struct request_key *key, __u64 now)
{
	struct request_under_way unseen = {.key = *key, .start_ns = now};
	__u64 address = (__u64)rq;

	if (bpf_map_update_elem(&requests_under_way, &address, &unseen, BPF_ANY) != 0)
		count(COUNT_REQUEST_LOST);
	return bpf_map_lookup_elem(&requests_under_way, &address);
}

/* A device is done with a request or some of its bytes; mostly in an interrupt. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request *rq, int error, unsigned int bytes)
{
	TIMED_RUN(on_complete);
	__u64 now = bpf_ktime_get_ns(), address = (__u64)rq;
	struct request_key key = {.stack.low = STACK_UNSEEN};
	struct request_part part = {.bytes = bytes};
	struct request_under_way *known;

	if (!agent_lives(now) || serves_flushes(rq))
		return 0;
	known = find_request(rq);
	if (known)
		key = known->key;
	else
		describe(rq, bytes, &key);
	if (!known && is_booked_later(rq))
		known = remember_unseen(rq, &key, now);
	if (bytes >= rq->__data_len && !is_within_flush(rq) && !is_booked_later(rq))
		measure(rq, known, now, &part);
	add_request(&key, &part);
	if (part.ended && known)
		bpf_map_delete_elem(&requests_under_way, &address); /* not there: forgotten meanwhile, as well */
	return 0;
}

/* The same context, a moment later: pages have been given back, and the kernel books the request. */
SEC("tp_btf/block_io_done")
int BPF_PROG(on_done, struct request *rq)
{
	TIMED_RUN(on_done);
	__u64 now = bpf_ktime_get_ns(), address = (__u64)rq;
	struct request_part part = {};
	struct request_under_way *known;
	struct request_key key;

	if (!agent_lives(now) || is_within_flush(rq) || !is_booked_later(rq))
		return 0;
	known = find_request(rq);
	if (!known)
		return 0;
	key = known->key;
	measure(rq, known, now, &part);
	add_request(&key, &part);
	bpf_map_delete_elem(&requests_under_way, &address);
	return 0;
}

static __always_inline int dirty(void *ctx, __u64 head)
{
	if (agent_lives(bpf_ktime_get_ns()))
		note_dirtier(ctx, head, request_slice);
	return 0;
}

/* In the thread that makes a folio dirty, whose mapping's lock is held and interrupts are off: nothing here sleeps or
 * allocates. Once until the folio is clean again, and before the mapping's marks tell of it. */
SEC("tp_btf/writeback_dirty_folio")
int on_dirty_folio(__u64 *ctx)
{
	TIMED_RUN(on_dirty_folio);

	return dirty(ctx, ctx[0]);
}

/* The same before 5.16, where there are pages alone. */
SEC("tp_btf/writeback_dirty_page")
int on_dirty_page(__u64 *ctx)
{
	TIMED_RUN(on_dirty_page);

	return dirty(ctx, ctx[0]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
