/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a thread's time goes to: every nanosecond of a thread's life is under one of these. The order is profile::Reason's. */
#ifndef SONDE_BPF_ABI_REASON_H
#define SONDE_BPF_ABI_REASON_H

#ifdef __cplusplus
namespace sonde::abi {
#endif

enum reason {
	REASON_ON_CPU,

	/* Could run, but another thread has the CPU. */
	REASON_RUN_QUEUE, /* since it was woken */
	REASON_PREEMPTED, /* since its CPU was taken from it */
	REASON_THROTTLED, /* its control group has used up its CPU quota */

	/* Blocked within work. */
	REASON_DISK,	      /* block device, or the file system on top of it */
	REASON_RECEIVE,	      /* data of a network peer */
	REASON_SEND,	      /* room to send to one */
	REASON_CONNECT,
	REASON_PIPE,
	REASON_UNIX_SOCKET,
	REASON_LOCK,	      /* futex: mutex, condition variable, semaphore; file lock */
	REASON_KERNEL_LOCK,   /* a sleeping lock within the kernel */
	REASON_MAJOR_FAULT,   /* memory that comes from a file or from swap */
	REASON_MINOR_FAULT,   /* other page faults */
	REASON_SLEEP,	      /* a timer of its own */
	REASON_POLL,	      /* poll family with nothing ready */
	REASON_CHILD,
	REASON_IPC,	      /* System V and POSIX queues and semaphores, eventfd */
	REASON_IO_URING,
	REASON_TERMINAL,
	REASON_STOPPED,	      /* by a signal, a tracer or the freezer */
	REASON_OTHER,	      /* the system call is told beside it */

	/* Blocked until there is work. */
	REASON_KERNEL_IDLE,  /* a kernel thread with nothing to do */
	REASON_ACCEPT,	     /* for a connection */
	REASON_IDLE_POLL,    /* as REASON_POLL, at the thread's outermost waiting place; as the next two */
	REASON_IDLE_LOCK,
	REASON_IDLE_RECEIVE,
	REASON_IDLE_SIGNAL,

	REASONS,
	REASON_DEAD = REASONS, /* left the CPU for the last time */
};

#define REASON_FIRST_BLOCKED REASON_DISK
#define REASON_NO_SYSCALL 0xffff /* of all but REASON_OTHER, and where that is in none */
#define REASON_SLOTS 32 /* a power of two that holds them all, REASON_DEAD too */

#ifdef __cplusplus
static_assert(REASONS == 28 && REASON_DEAD < REASON_SLOTS);
}  // namespace sonde::abi
#endif

#endif
