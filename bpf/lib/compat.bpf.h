/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every difference between kernels, behind one accessor each, with its cause. Decided by what is there, never by version. */
#ifndef SONDE_BPF_LIB_COMPAT_BPF_H
#define SONDE_BPF_LIB_COMPAT_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* task_struct.state became __state (u32) in 5.14, commit 2f064a59a11f. */
struct task_struct___before_5_14 {
	volatile long state;
} __attribute__((preserve_access_index));

/* REQUIRES: `task` is a hook's argument or the iterator's, which may be read without a helper (35 ns each). */
static __always_inline __u32 task_state(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return (__u32)((struct task_struct___before_5_14 *)task)->state;
}

/* The helper's number as kernels since 5.15 have it (dd6e10fbd9fb); asked for by name because older BTF lacks it. */
enum bpf_func_id___with_task_pt_regs {
	BPF_FUNC_task_pt_regs___with_task_pt_regs = 175,
};

/* 16 KiB kernel stacks (32 KiB only with KASAN, which no distribution ships), user registers at their very top. */
#define KERNEL_STACK_BYTES 16384
/* sizeof(struct pt_regs) of x86-64; ours is cut down to the fields that we read. */
#define PT_REGS_BYTES 168

struct user_registers {
	__u64 ip;
	__u64 sp;
	__u64 bp;
	__u64 first_argument;
	__u64 syscall; /* -1: not in a system call */
};

#define NO_SYSCALL_NUMBER (~0ULL)

struct syscall_arguments {
	__u64 number; /* NO_SYSCALL_NUMBER: in none */
	__u64 first;
	__u64 second;
	__u64 third;
};

static __always_inline bool has_task_pt_regs(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id___with_task_pt_regs,
					  BPF_FUNC_task_pt_regs___with_task_pt_regs);
}

/* For CO-RE reads only on kernels before 5.11. */
static __always_inline struct task_struct *current_task(void)
{
	if (has_task_pt_regs()) /* that is 5.15: bpf_get_current_task_btf has no probe of its own there */
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* The same on 5.10 to 5.14: computed. No FRED there, so nothing stands above the registers. */
static __always_inline struct pt_regs *computed_pt_regs(struct task_struct *task)
{
	return (struct pt_regs *)(BPF_CORE_READ(task, stack) + KERNEL_STACK_BYTES - PT_REGS_BYTES);
}

/* Where those of `task` lie, for CO-RE and bulk reads. */
static __always_inline struct pt_regs *user_registers_of(struct task_struct *task)
{
	return has_task_pt_regs() ? (struct pt_regs *)bpf_task_pt_regs(task) : computed_pt_regs(task);
}

/* Whether the current task may not wait for a page now, so that the kernel serves none. */
static __always_inline bool is_page_fault_disabled(void)
{
	if (has_task_pt_regs())
		return bpf_get_current_task_btf()->pagefault_disabled;
	/* The helper that reads it sets it for as long. */
	return BPF_CORE_READ(current_task(), pagefault_disabled) > 1;
}

/* Puts registers in the order of struct pt_regs, which is part of the kernel's user interface, into that of DWARF numbers,
 * rip last (16). */
static __always_inline void order_registers(__u64 *registers, const __u64 *saved)
{
	registers[0] = saved[10]; /* rax */
	registers[1] = saved[12]; /* rdx */
	registers[2] = saved[11]; /* rcx */
	registers[3] = saved[5];  /* rbx */
	registers[4] = saved[13]; /* rsi */
	registers[5] = saved[14]; /* rdi */
	registers[6] = saved[4];  /* rbp */
	registers[7] = saved[19]; /* rsp */
	registers[8] = saved[9];  /* r8 */
	registers[9] = saved[8];
	registers[10] = saved[7];
	registers[11] = saved[6];
	registers[12] = saved[3];
	registers[13] = saved[2];
	registers[14] = saved[1];
	registers[15] = saved[0];
	registers[16] = saved[16]; /* rip */
}

/* All registers of user space. `saved` is room for PT_REGS_BYTES. REQUIRES: current is no kernel thread. */
static __always_inline bool read_all_user_registers(__u64 *registers, __u64 *saved)
{
	if (bpf_probe_read_kernel(saved, PT_REGS_BYTES, user_registers_of(current_task())) != 0)
		return false;
	order_registers(registers, saved);
	return true;
}

/* Of a perf event's context, which begins with the interrupted registers as struct pt_regs orders them: whether they are
 * user space's. */
static __always_inline bool interrupted_user_space(const __u64 *context)
{
	return context[17] & 3; /* cs: the privilege level */
}

/* User-space registers of `task`, which is current and not a kernel thread. False when they cannot be read. */
static __always_inline bool read_user_registers(struct task_struct *task, struct user_registers *out)
{
	struct pt_regs *regs;

	if (has_task_pt_regs()) {
		regs = (struct pt_regs *)bpf_task_pt_regs(task);
		out->ip = regs->ip;
		out->sp = regs->sp;
		out->bp = regs->bp;
		out->first_argument = regs->di;
		out->syscall = regs->orig_ax;
		return true;
	}
	regs = computed_pt_regs(task);
	if (bpf_core_read(&out->ip, sizeof(out->ip), &regs->ip) != 0)
		return false;
	out->sp = BPF_CORE_READ(regs, sp);
	out->bp = BPF_CORE_READ(regs, bp);
	out->first_argument = BPF_CORE_READ(regs, di);
	out->syscall = BPF_CORE_READ(regs, orig_ax);
	return true;
}

/* The system call that `task`, no kernel thread, is in. False when it cannot be read. */
static __always_inline bool read_syscall_arguments(struct task_struct *task, struct syscall_arguments *out)
{
	struct pt_regs *regs = user_registers_of(task);

	if (bpf_core_read(&out->number, sizeof(out->number), &regs->orig_ax) != 0)
		return false;
	out->first = BPF_CORE_READ(regs, di);
	out->second = BPF_CORE_READ(regs, si);
	out->third = BPF_CORE_READ(regs, dx);
	return true;
}

#define TS_COMPAT 0x2

/* Whether the current system call is one of 32 bit, whose numbers are others. */
static __always_inline bool is_compat_task(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

/* Whether the group of `task` may not run for lack of CPU quota (CONFIG_CFS_BANDWIDTH, which all distributions set).
 * REQUIRES: as task_state(). */
static __always_inline bool is_throttled(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->se.cfs_rq->throttle_count))
		return false;
	return task->se.cfs_rq->throttle_count > 0;
}

/* request.rq_disk went to the queue in 5.15 and was gone in 5.17, commits d152c682f03c and f3fa33acca9f. */
struct request___before_5_17 {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

/* Of the whole disk: major << 20 | minor; 0 where there is none. */
static __always_inline __u32 device_of(struct request *rq)
{
	struct request___before_5_17 *old = (struct request___before_5_17 *)rq;
	struct gendisk *disk;

	if (bpf_core_field_exists(old->rq_disk))
		disk = BPF_CORE_READ(old, rq_disk);
	else
		disk = BPF_CORE_READ(rq, q, disk);
	return disk ? (__u32)BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor) : 0;
}

/* page.flags became a struct in 6.18. */
struct page___before_6_18 {
	unsigned long flags;
} __attribute__((preserve_access_index));

static __always_inline unsigned long page_flags(struct page *page)
{
	if (bpf_core_field_exists(page->flags.f))
		return BPF_CORE_READ(page, flags.f);
	return BPF_CORE_READ((struct page___before_6_18 *)page, flags);
}

/* page.compound_head became compound_info, which need not hold an address, as 7.2 has it; bit 0 says the same. */
struct page___of_7_2 {
	unsigned long compound_info;
} __attribute__((preserve_access_index));

/* Whether a page is another than the head of its folio. */
static __always_inline bool is_tail(struct page *page)
{
	struct page___of_7_2 *newer = (struct page___of_7_2 *)page;

	if (bpf_core_field_exists(page->compound_head))
		return BPF_CORE_READ(page, compound_head) & 1;
	return bpf_core_field_exists(newer->compound_info) && BPF_CORE_READ(newer, compound_info) & 1;
}

/* The address of its head; 0 where the kernel does not tell. */
static __always_inline __u64 head_of_tail(struct page *page)
{
	return bpf_core_field_exists(page->compound_head) ? BPF_CORE_READ(page, compound_head) - 1 : 0;
}

/* Whether current is the one who calls, and not interrupted: x86-64 serves interrupts on stacks of their own. `ctx` is a
 * tracepoint's, whose arguments lie on the caller's stack. */
static __always_inline bool is_in_process(void *ctx, struct task_struct *task)
{
	__u64 address;

	/* Copied, since the verifier lets nobody reckon with the pointer itself. */
	if (bpf_probe_read_kernel(&address, sizeof(address), &ctx) != 0)
		return false;
	return address - (__u64)BPF_CORE_READ(task, stack) < KERNEL_STACK_BYTES;
}

#endif
