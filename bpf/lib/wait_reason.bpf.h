/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a thread blocks, decided as it leaves the CPU: by its state, by what the kernel itself says it waits for (block I/O,
 * a contended lock), then by its system call and what the descriptor in it is. Some waits are idleness when they are at
 * the thread's outermost waiting place: where its main loop waits for work, and nothing deeper waits for an answer.
 * Decided at the walk, kept with the site, so that what this reads costs little.
 */
#ifndef SONDE_BPF_LIB_WAIT_REASON_BPF_H
#define SONDE_BPF_LIB_WAIT_REASON_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../abi/reason.h"
#include "compat.bpf.h"
#include "open_file.bpf.h"
#include "syscall_class.bpf.h"

/* task_struct.__state */
#define STATE_UNINTERRUPTIBLE 0x2
#define STATE_STOPPED_OR_TRACED 0xc
#define STATE_NOLOAD 0x400
#define STATE_FROZEN 0x8000 /* since 6.1 */

/* Ports that the kernel hands out to who connects; the agent tells. Servers are not there. */
const volatile __u16 first_ephemeral_port = 32768;
const volatile __u16 last_ephemeral_port = 60999;

struct wait_reason {
	__u8 reason;	  /* enum reason */
	__u8 outermost;	  /* what it is instead at the thread's outermost waiting place */
	__u16 syscall;	  /* of REASON_OTHER only */
};

static __always_inline bool is_ephemeral(__u16 port)
{
	return port >= first_ephemeral_port && port <= last_ephemeral_port;
}

static __always_inline void set_reason(struct wait_reason *out, __u8 reason)
{
	out->reason = out->outermost = reason;
}

static __always_inline void set_poll(struct wait_reason *out)
{
	set_reason(out, REASON_POLL);
	out->outermost = REASON_IDLE_POLL;
}

/* A server waits for its clients' next request; a client that waits has asked something. */
static __always_inline void set_receive(struct wait_reason *out, const struct open_file *file)
{
	set_reason(out, file->state == TCP_LISTEN ? REASON_ACCEPT : REASON_RECEIVE);
	if (file->state != TCP_LISTEN && file->local_port && !is_ephemeral(file->local_port) &&
	    is_ephemeral(file->peer_port))
		out->outermost = REASON_IDLE_RECEIVE;
}

static __always_inline void set_by_file(struct wait_reason *out, const struct open_file *file, bool writes)
{
	switch (file->kind) {
	case FILE_INTERNET:
		if (writes)
			set_reason(out, file->state == TCP_SYN_SENT ? REASON_CONNECT : REASON_SEND);
		else
			set_receive(out, file);
		break;
	case FILE_UNIX:
		set_reason(out, REASON_UNIX_SOCKET);
		break;
	case FILE_PIPE:
		set_reason(out, REASON_PIPE);
		break;
	case FILE_TERMINAL:
		set_reason(out, REASON_TERMINAL);
		break;
	case FILE_ON_DISK:
		set_reason(out, REASON_DISK);
		break;
	case FILE_EVENT:
		set_reason(out, REASON_IPC);
		break;
	case FILE_TIMER:
		set_reason(out, REASON_SLEEP);
		break;
	case FILE_OTHER_EVENT:
		set_poll(out);
		break;
	}
}

struct poll_entry {
	__s32 descriptor;
	__s16 events;
	__s16 returned;
};

#define POLL_OUT 4

/* Of one descriptor it is a read or a write with a time limit. */
static __always_inline void set_by_poll(struct wait_reason *out, struct task_struct *task, bool is_current,
					const struct syscall_arguments *with)
{
	struct poll_entry entry = {};
	struct open_file file;

	set_poll(out);
	if (with->second == 0)
		return set_reason(out, REASON_SLEEP);
	if (!is_current || with->second != 1)
		return;
	if (bpf_probe_read_user(&entry, sizeof(entry), (void *)with->first) != 0 || entry.descriptor < 0)
		return;
	look_at_descriptor(task, entry.descriptor, &file);
	set_by_file(out, &file, entry.events & POLL_OUT);
}

#define FUTEX_COMMAND 0x7f
#define FUTEX_WAIT 0
#define FUTEX_WAIT_BITSET 9
#define PARKED 0xffffffffu

/* Condition variables and semaphores of the C library and Go's parked threads wait while the word is 0, Rust's while it is
 * -1; mutexes and read-write locks, which are never idleness, wait on other values. */
static __always_inline void set_by_futex(struct wait_reason *out, const struct syscall_arguments *with)
{
	__u32 command = with->second & FUTEX_COMMAND, expected = with->third;

	set_reason(out, REASON_LOCK);
	if ((command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) && (expected == 0 || expected == PARKED))
		out->outermost = REASON_IDLE_LOCK;
}

#define F_SETLKW 7
#define F_OFD_SETLKW 38

static __always_inline void set_by_syscall(struct wait_reason *out, struct task_struct *task, bool is_current, __u32 class,
					   const struct syscall_arguments *with)
{
	struct open_file file;

	switch (class) {
	case CLASS_READ:
	case CLASS_WRITE:
		look_at_descriptor(task, with->first, &file);
		set_by_file(out, &file, class == CLASS_WRITE);
		break;
	case CLASS_CONNECT:
		look_at_descriptor(task, with->first, &file);
		set_reason(out, file.kind == FILE_UNIX ? REASON_UNIX_SOCKET : REASON_CONNECT);
		break;
	case CLASS_ACCEPT:
		set_reason(out, REASON_ACCEPT);
		break;
	case CLASS_POLL:
		set_by_poll(out, task, is_current, with);
		break;
	case CLASS_SELECT:
		if (with->first == 0)
			set_reason(out, REASON_SLEEP);
		else
			set_poll(out);
		break;
	case CLASS_EPOLL:
		set_poll(out);
		break;
	case CLASS_FUTEX:
		set_by_futex(out, with);
		break;
	case CLASS_FUTEX_VECTOR:
	case CLASS_FILE_LOCK:
		set_reason(out, REASON_LOCK);
		break;
	case CLASS_FCNTL:
		if (with->second == F_SETLKW || with->second == F_OFD_SETLKW)
			set_reason(out, REASON_LOCK);
		break;
	case CLASS_SLEEP:
		set_reason(out, REASON_SLEEP);
		break;
	case CLASS_DISK:
		set_reason(out, REASON_DISK);
		break;
	case CLASS_CHILD:
		set_reason(out, REASON_CHILD);
		break;
	case CLASS_IPC:
		set_reason(out, REASON_IPC);
		break;
	case CLASS_SIGNAL:
		set_reason(out, REASON_IDLE_SIGNAL);
		break;
	}
}

static __always_inline bool waits_for_block_device(struct task_struct *task)
{
	return BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait);
}

static __always_inline void decide_kernel_thread(struct wait_reason *out, __u32 state)
{
	bool is_idle = !(state & STATE_UNINTERRUPTIBLE) || (state & STATE_NOLOAD);

	set_reason(out, is_idle ? REASON_KERNEL_IDLE : REASON_OTHER);
}

/* Why `task` is blocked in `state`. What its own memory says is known of the current task only. */
static __always_inline void decide(struct wait_reason *out, struct task_struct *task, bool is_current, __u32 state,
				   bool contends)
{
	struct syscall_arguments with;
	__u32 class;

	set_reason(out, REASON_OTHER);
	if (state & (STATE_STOPPED_OR_TRACED | STATE_FROZEN))
		return set_reason(out, REASON_STOPPED);
	if (contends)
		return set_reason(out, REASON_KERNEL_LOCK);
	if (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) {
		if (waits_for_block_device(task))
			return set_reason(out, REASON_DISK);
		return decide_kernel_thread(out, state);
	}
	if (!read_syscall_arguments(task, &with))
		return;
	if (with.number == NO_SYSCALL_NUMBER)
		return set_reason(out, waits_for_block_device(task) ? REASON_MAJOR_FAULT : REASON_MINOR_FAULT);
	class = is_compat_task(task) ? CLASS_OTHER : class_of(with.number);
	if (class == CLASS_IO_URING)
		return set_reason(out, REASON_IO_URING);
	if (waits_for_block_device(task))
		return set_reason(out, REASON_DISK);
	set_by_syscall(out, task, is_current, class, &with);
	if (out->reason == REASON_OTHER)
		out->syscall = with.number;
}

/* Why the current task blocks in `state`: a struct wait_reason. `contends`: for a sleeping lock of the kernel. A global
 * function, so that the verifier does not follow each answer through all that comes after. */
__attribute__((noinline)) int reason_to_block(__u32 state, __u32 contends)
{
	struct wait_reason decided = {.syscall = REASON_NO_SYSCALL};

	decide(&decided, current_task(), true, state, contends);
	return decided.reason | decided.outermost << 8 | (__u32)decided.syscall << 16;
}

static __always_inline struct wait_reason decided_reason(__u32 state, bool contends)
{
	__u32 packed = reason_to_block(state, contends);
	struct wait_reason decided = {.reason = packed, .outermost = packed >> 8, .syscall = packed >> 16};

	return decided;
}

#endif
