// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Page faults by stack, and the memory that they brought. Every fault runs a program, which counts; few are walked
 * (fault_draw.bpf.h).
 *
 * BTF tracepoints: they exclude but themselves on a CPU, and share no map with the sampling program, which may interrupt
 * the kernel where a fault is handled. They run as a fault begins, in its thread, with interrupts off. A fault that the kernel
 * does not serve, because whoever made it cannot wait (a program's own read of user memory, in any context), is none.
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../lib/compat.bpf.h"
#include "../lib/counters.bpf.h"
#include "../lib/fault_draw.bpf.h"
#include "../lib/find_or_make.bpf.h"
#include "../lib/heartbeat.bpf.h"
#include "../lib/rss_growth.bpf.h"
#include "../lib/run_time.bpf.h"
#include "../lib/stack.bpf.h"

/* Whether on_growth can tell what a fault brought, as the kernel's BTF says; else a fault counts as a page. */
const volatile bool tells_growth = false;

#define FAULT_SUM_ENTRIES 8192

struct fault_sums_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FAULT_SUM_ENTRIES);
	__type(key, struct cpu_key);
	__type(value, struct fault_sum);
};

/* By stack and process in slices of even and odd number; 0.9 MB each. Two CPUs that do nothing but fault make 6,000 keys in
 * 10 s when all their stacks are different. Filled here, drained by the agent. */
struct fault_sums_map fault_sums_even SEC(".maps");
struct fault_sums_map fault_sums_odd SEC(".maps");

/* Frames of stacks new in the slice. 512 KiB hold some 1,000 of 60 frames between two looks of the agent (0.1 s). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 << 10);
} fault_stacks SEC(".maps");

struct fault_cpu {
	struct fault_block block;
	struct fault_watches watches;
	__u64 lives_ticks; /* when the agent was last seen to live */
};

/* 1.1 KB x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fault_cpu);
} fault_cpus SEC(".maps");

/* Number of the current slice, written by the agent. */
volatile __u32 fault_slice = 0;

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 fault_entries_made = 0;

static __always_inline struct fault_cpu *this_fault_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fault_cpus, &zero);
}

static __always_inline void *sums_of_slice(__u32 slice)
{
	return slice & 1 ? (void *)&fault_sums_odd : (void *)&fault_sums_even;
}

static __always_inline struct fault_sum *make_sum(void *sums, const struct cpu_key *key)
{
	const struct fault_sum none = {};

	return find_or_make(sums, key, &none, &fault_entries_made, COUNT_FAULT_MAP_FULL, COUNT_FAULT_MAP_BUSY);
}

/* The sum at the record's stack, whose frames go out when it is new in the slice. Null when either is refused. */
static __always_inline struct fault_sum *sum_of_stack(void *sums, struct cpu_key *key, struct task_struct *task,
						      struct stack_record *record)
{
	struct fault_sum *sum = bpf_map_lookup_elem(sums, key);

	if (sum)
		return sum;
	name_owner(record, task, 0);
	if (bpf_ringbuf_output(&fault_stacks, record, stack_record_bytes(record), BPF_RB_NO_WAKEUP) != 0) {
		count(COUNT_FAULT_RING_FULL);
		return NULL;
	}
	return make_sum(sums, key);
}

static __always_inline struct fault_sum *sum_of(void *sums, struct cpu_key *key, struct task_struct *task,
						struct stack_record *record)
{
	struct fault_sum *sum = sum_of_stack(sums, key, task, record);

	if (sum)
		return sum;
	key->stack = (struct stack_id){.low = STACK_LOST};
	sum = make_sum(sums, key);
	if (!sum)
		count(COUNT_FAULT_LOST);
	return sum;
}

/* Of the current task, which faults in user space or, `ctx` being the tracepoint's, in the kernel. */
static __always_inline void take_stack(void *ctx, struct task_struct *task, struct walk_state *state, bool in_kernel)
{
	struct stack_record *record = &state->record;

	record->tgid = BPF_CORE_READ(task, tgid);
	record->flags = 0;
	if (in_kernel)
		take_kernel_stack(ctx, record, 1);
	else
		begin_stack(record, 0);
	hash_kernel_stack(0);
	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD) && !take_user_stack(0))
		count(COUNT_FAULT_USER_FAULT);
	count(COUNT_FAULT_WALKS);
	if (record->stop != UNWIND_STOP_BOTTOM && record->stop != UNWIND_STOP_NONE)
		count(COUNT_FAULT_CUT);
	finish_hash(state);
}

static __always_inline void take_fault(void *ctx, struct fault_cpu *cpu, __u32 slice, __u32 weight, bool in_kernel)
{
	struct task_struct *task = current_task();
	struct walk_state *state = walk_state_of_cpu();
	struct fault_sum *sum;
	struct cpu_key key = {};

	if (!state)
		return;
	take_stack(ctx, task, state, in_kernel);
	key.tgid = state->record.tgid;
	key.stack = state->record.id;
	sum = sum_of(sums_of_slice(slice), &key, task, &state->record);
	if (!sum)
		return;
	__sync_fetch_and_add(&sum->faults, weight);
	if (!tells_growth) {
		__sync_fetch_and_add(&sum->bytes, (__u64)weight * PAGE_BYTES);
		return;
	}
	if (!cpu->watches.own_memory)
		cpu->watches.own_memory = own_memory(&fault_cpus, cpu);
	watch_growth(&cpu->watches, task, &key, slice, weight);
}

/* As agent_lives(), but the clock, which takes half as long as all else here, is read only when some of the kernel's own ticks
 * have passed: 25 are a quarter of a second at most. */
static __always_inline bool agent_lives_here(struct fault_cpu *cpu)
{
	const __u64 stands_ticks = 25;
	__u64 ticks = bpf_jiffies64();

	if (ticks - cpu->lives_ticks < stands_ticks)
		return true;
	if (!agent_lives(bpf_ktime_get_ns()))
		return false;
	cpu->lives_ticks = ticks;
	return true;
}

static __always_inline int fault(void *ctx, bool in_kernel)
{
	struct fault_cpu *cpu = this_fault_cpu();
	__u32 slice = fault_slice, weight;

	if (!cpu || !agent_lives_here(cpu))
		return 0;
	count(COUNT_FAULTS);
	weight = draw_fault(&cpu->block, slice);
	if (weight != 0)
		take_fault(ctx, cpu, slice, weight, in_kernel);
	return 0;
}

SEC("tp_btf/page_fault_user")
int on_user_fault(void *ctx)
{
	TIMED_RUN(on_user_fault);

	return fault(ctx, false);
}

/* User memory that the kernel reads or writes for the thread. */
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(on_kernel_fault, unsigned long address)
{
	TIMED_RUN(on_kernel_fault);

	/* The upper half is the kernel's own. Nothing was touched yet: it may be one of ours that comes here. */
	if ((long)address < 0 || is_page_fault_disabled())
		return 0;
	return fault(ctx, true);
}

/* In whatever thread a process's memory changes, mostly within a fault; only the one that is watched here goes on. */
SEC("tp_btf/rss_stat")
int on_growth(__u64 *ctx)
{
	TIMED_RUN(on_growth);
	struct task_struct *task = current_task();
	struct fault_cpu *cpu = this_fault_cpu();
	__u32 slice = fault_slice;
	struct fault_watch *watch;
	struct fault_sum *sum;
	struct cpu_key key;
	__u64 pages;

	if (!cpu)
		return 0;
	watch = watch_of_current(&cpu->watches);
	if (watch->task != (__u64)task)
		return 0;
	if (!is_within_fault(watch, task, ctx[0], slice)) {
		watch->task = 0;
		return 0;
	}
	pages = grown_pages(cpu->watches.own_memory, watch, task, (struct mm_struct *)ctx[0], (__u32)ctx[1]);
	if (pages == 0)
		return 0;
	key = watch->key;
	sum = bpf_map_lookup_elem(sums_of_slice(slice), &key);
	if (sum) /* made when the watch began, in the same slice */
		__sync_fetch_and_add(&sum->bytes, pages * watch->weight * PAGE_BYTES);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
