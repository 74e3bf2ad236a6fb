// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks what each CPU's clock interrupts, and lets the kernel dump registers and stack memory of the same instant. */
#include "bpf/lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/compat.bpf.h"
#include "bpf/unwind/walk.bpf.h"
#include "tests/oracle/oracle_record.h"

/* 16 MiB: some 8,000 stacks of 250 frames. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} walked SEC(".maps");

/* One record in the making for each CPU. 8 KiB x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct oracle_record);
} records SEC(".maps");

volatile __u64 ring_full = 0;
/* The observer is not observed. */
const volatile __u32 own_tgid = 0;

SEC("perf_event")
int on_tick(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 ids = bpf_get_current_pid_tgid();
	struct walk_state *state = walk_state_of_cpu();
	struct oracle_record *record;
	__u64 bytes;
	__u32 zero = 0;

	record = bpf_map_lookup_elem(&records, &zero);
	if ((__u32)ids == 0 || ids >> 32 == own_tgid || !record || !state ||
	    (BPF_CORE_READ(task, flags) & PF_KTHREAD) || !read_all_user_registers(state->registers, state->copy))
		return 0;
	record->time_ns = bpf_ktime_get_ns();
	record->cpu = bpf_get_smp_processor_id();
	record->tgid = ids >> 32;
	record->tid = (__u32)ids;
	record->ip = state->registers[UNWIND_RIP];
	record->sp = state->registers[UNWIND_RSP];
	state->record.kernel_frames = 0;
	walk_user_stack(state, record->tgid);
	record->stop = state->record.stop;
	record->frames = state->record.user_frames;
	bpf_probe_read_kernel(record->frame, sizeof(record->frame), state->record.frames);
	bytes = record->frames * sizeof(__u64);
	barrier_var(bytes);
	if (bytes > sizeof(record->frame))
		bytes = sizeof(record->frame);
	if (bpf_ringbuf_output(&walked, record, offsetof(struct oracle_record, frame) + bytes, BPF_RB_NO_WAKEUP) != 0) {
		__sync_fetch_and_add(&ring_full, 1);
		return 0;
	}
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
