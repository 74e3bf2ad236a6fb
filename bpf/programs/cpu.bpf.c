// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * On-CPU: what runs when each CPU's clock ticks, summed by stack in the kernel.
 *
 * The event may be a PMU's and then runs in NMI. So every map that this object updates is its own, and in the unwinding
 * tables, which it shares, it only looks up (a test compares the sets); hashes are preallocated and double-buffered: this
 * program writes the half of the current slice, user space touches only the other. What is refused is counted and the sample is kept for its process.
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../lib/counters.bpf.h"
#include "../lib/heartbeat.bpf.h"
#include "../lib/run_time.bpf.h"
#include "../lib/stack.bpf.h"

#define CPU_SAMPLE_ENTRIES 8192

struct cpu_samples_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CPU_SAMPLE_ENTRIES);
	__type(key, struct cpu_key);
	__type(value, __u64);
};

/* Samples by stack and process in slices of even and odd number; 0.8 MB each, half of that on hosts of one or
 * two CPUs. A busy 2-CPU host at 99 Hz makes at most 1,980 keys in 10 s. Filled by on_tick, drained by the agent. */
struct cpu_samples_map cpu_samples_even SEC(".maps");
struct cpu_samples_map cpu_samples_odd SEC(".maps");

/* Frames of stacks new in the slice. 1 MiB holds 2,000 of 60 frames between two looks of the agent (0.1 s); half of that on
 * hosts of one or two CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} cpu_stacks SEC(".maps");

/* The last sample of each CPU, for who asks where threads are now; 48 B x CPUs. Written by on_tick on its own CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct last_sample);
} last_samples SEC(".maps");

/* Number of the current slice, written by the agent. */
volatile __u32 cpu_slice = 0;

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 cpu_entries_made = 0;

static __always_inline void *samples_of_slice(__u32 slice)
{
	return slice & 1 ? (void *)&cpu_samples_odd : (void *)&cpu_samples_even;
}

/* Adds one to `key`; false when it is not there. */
static __always_inline bool add_to_known(void *samples, const struct cpu_key *key)
{
	__u64 *sum = bpf_map_lookup_elem(samples, key);

	if (!sum)
		return false;
	__sync_fetch_and_add(sum, 1);
	return true;
}

/* Inserts `key` with count one. The same key may come in from another CPU between look-up and insertion. */
static __always_inline bool insert(void *samples, const struct cpu_key *key)
{
	const long eexist = -17;
	__u64 one = 1;
	long error = bpf_map_update_elem(samples, key, &one, BPF_NOEXIST);

	if (error == 0) {
		__sync_fetch_and_add(&cpu_entries_made, 1);
		return true;
	}
	if (error == eexist && add_to_known(samples, key))
		return true;
	count_refusal(error, COUNT_CPU_MAP_FULL, COUNT_CPU_MAP_BUSY);
	return false;
}

/* A stack first seen in this slice: its frames go out, then it counts. False when either is refused. */
static __always_inline bool add_new(void *samples, const struct cpu_key *key, struct stack_record *record)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	name_owner(record, task, 0);
	/* No wake-up: the agent looks by timer, so that sampling never causes scheduling. */
	if (bpf_ringbuf_output(&cpu_stacks, record, stack_record_bytes(record), BPF_RB_NO_WAKEUP) != 0) {
		count(COUNT_CPU_RING_FULL);
		return false;
	}
	return insert(samples, key);
}

static __always_inline void note_last(__u64 ids, __u64 now, const struct stack_id *stack)
{
	__u32 zero = 0;
	struct last_sample *last = bpf_map_lookup_elem(&last_samples, &zero);

	if (!last)
		return;
	last->begun++;
	barrier();
	last->tgid = ids >> 32;
	last->tid = (__u32)ids;
	last->at_ns = now;
	last->stack = *stack;
	barrier(); /* x86-64 stores in order */
	*(volatile __u64 *)&last->finished = last->begun;
}

/* Of a thread that runs its own code: the event has its registers, and nothing of the kernel is on its stack. */
static __always_inline void take_stack_in_user_space(const __u64 *context, struct walk_state *state)
{
	begin_stack(&state->record, 0);
	hash_kernel_stack(0);
	order_registers(state->registers, context);
	walk_from_registers(0);
}

static __always_inline void take_stack_in_kernel(void *context, struct walk_state *state)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	take_kernel_stack(context, &state->record, 0);
	hash_kernel_stack(0);
	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD) && !take_user_stack(0))
		count(COUNT_CPU_USER_FAULT);
}

/* Safe in NMI and hard interrupt: look-ups, an update of a preallocated map and a ring that only this program takes. */
SEC("perf_event")
int on_tick(__u64 *ctx)
{
	TIMED_RUN(on_tick);
	__u64 ids = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	void *samples = samples_of_slice(cpu_slice);
	struct cpu_key key = {};
	struct stack_record *record;
	struct walk_state *state;

	if ((__u32)ids == 0 || !agent_lives(now)) /* the idle task: no thread's time */
		return 0;
	state = walk_state_of_cpu();
	if (!state)
		return 0;
	record = &state->record;
	count(COUNT_CPU_SAMPLES);

	record->tgid = ids >> 32;
	record->flags = 0;
	if (interrupted_user_space(ctx))
		take_stack_in_user_space(ctx, state);
	else
		take_stack_in_kernel(ctx, state);
	count_stop(record->stop);
	finish_hash(state);

	key.tgid = record->tgid;
	key.stack = record->id;
	note_last(ids, now, &key.stack);
	if (add_to_known(samples, &key) || add_new(samples, &key, record))
		return 0;

	key.stack.low = STACK_LOST;
	key.stack.high = 0;
	if (!add_to_known(samples, &key) && !insert(samples, &key))
		count(COUNT_CPU_SAMPLE_LOST);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
