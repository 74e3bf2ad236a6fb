/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a system call of x86-64 may wait for, by its number (asm/unistd_64.h). */
#ifndef SONDE_BPF_LIB_SYSCALL_CLASS_BPF_H
#define SONDE_BPF_LIB_SYSCALL_CLASS_BPF_H

#include <asm/unistd_64.h>

#include "kernel_types.h"

/* Newer than the headers of Debian 12. */
#ifndef __NR_futex_wait
#define __NR_futex_wait 455
#endif

enum syscall_class {
	CLASS_OTHER,
	CLASS_READ,	/* by what its first argument, a descriptor, is */
	CLASS_WRITE,
	CLASS_CONNECT,
	CLASS_ACCEPT,
	CLASS_POLL,	/* of an array of descriptors; a sleep when there is none */
	CLASS_SELECT,
	CLASS_EPOLL,
	CLASS_FUTEX,
	CLASS_FUTEX_VECTOR,
	CLASS_FILE_LOCK,
	CLASS_FCNTL,
	CLASS_SLEEP,
	CLASS_DISK,	/* file systems, whatever they wait for */
	CLASS_CHILD,
	CLASS_IPC,
	CLASS_IO_URING,
	CLASS_SIGNAL,
};

#define SYSCALLS 512

/* Read by index; 512 B. */
static const __u8 class_of_syscall[SYSCALLS] = {
	[__NR_read] = CLASS_READ, [__NR_readv] = CLASS_READ, [__NR_pread64] = CLASS_READ, [__NR_preadv] = CLASS_READ,
	[__NR_preadv2] = CLASS_READ, [__NR_recvfrom] = CLASS_READ, [__NR_recvmsg] = CLASS_READ,
	[__NR_recvmmsg] = CLASS_READ, [__NR_splice] = CLASS_READ, [__NR_tee] = CLASS_READ,
	[__NR_write] = CLASS_WRITE, [__NR_writev] = CLASS_WRITE, [__NR_pwrite64] = CLASS_WRITE,
	[__NR_pwritev] = CLASS_WRITE, [__NR_pwritev2] = CLASS_WRITE, [__NR_sendto] = CLASS_WRITE,
	[__NR_sendmsg] = CLASS_WRITE, [__NR_sendmmsg] = CLASS_WRITE, [__NR_sendfile] = CLASS_WRITE,
	[__NR_vmsplice] = CLASS_WRITE,
	[__NR_connect] = CLASS_CONNECT, [__NR_accept] = CLASS_ACCEPT, [__NR_accept4] = CLASS_ACCEPT,
	[__NR_poll] = CLASS_POLL, [__NR_ppoll] = CLASS_POLL, [__NR_select] = CLASS_SELECT,
	[__NR_pselect6] = CLASS_SELECT, [__NR_epoll_wait] = CLASS_EPOLL, [__NR_epoll_pwait] = CLASS_EPOLL,
	[__NR_epoll_pwait2] = CLASS_EPOLL,
	[__NR_futex] = CLASS_FUTEX, [__NR_futex_waitv] = CLASS_FUTEX_VECTOR, [__NR_futex_wait] = CLASS_FUTEX_VECTOR,
	[__NR_flock] = CLASS_FILE_LOCK, [__NR_fcntl] = CLASS_FCNTL,
	[__NR_nanosleep] = CLASS_SLEEP, [__NR_clock_nanosleep] = CLASS_SLEEP,
	[__NR_fsync] = CLASS_DISK, [__NR_fdatasync] = CLASS_DISK, [__NR_sync] = CLASS_DISK, [__NR_syncfs] = CLASS_DISK,
	[__NR_sync_file_range] = CLASS_DISK, [__NR_msync] = CLASS_DISK, [__NR_open] = CLASS_DISK,
	[__NR_openat] = CLASS_DISK, [__NR_openat2] = CLASS_DISK, [__NR_creat] = CLASS_DISK, [__NR_close] = CLASS_DISK,
	[__NR_stat] = CLASS_DISK, [__NR_lstat] = CLASS_DISK, [__NR_fstat] = CLASS_DISK, [__NR_newfstatat] = CLASS_DISK,
	[__NR_statx] = CLASS_DISK, [__NR_access] = CLASS_DISK, [__NR_faccessat] = CLASS_DISK,
	[__NR_faccessat2] = CLASS_DISK, [__NR_rename] = CLASS_DISK, [__NR_renameat] = CLASS_DISK,
	[__NR_renameat2] = CLASS_DISK, [__NR_unlink] = CLASS_DISK, [__NR_unlinkat] = CLASS_DISK,
	[__NR_mkdir] = CLASS_DISK, [__NR_mkdirat] = CLASS_DISK, [__NR_rmdir] = CLASS_DISK, [__NR_link] = CLASS_DISK,
	[__NR_linkat] = CLASS_DISK, [__NR_symlink] = CLASS_DISK, [__NR_symlinkat] = CLASS_DISK,
	[__NR_readlink] = CLASS_DISK, [__NR_readlinkat] = CLASS_DISK, [__NR_getdents] = CLASS_DISK,
	[__NR_getdents64] = CLASS_DISK, [__NR_truncate] = CLASS_DISK, [__NR_ftruncate] = CLASS_DISK,
	[__NR_fallocate] = CLASS_DISK, [__NR_chmod] = CLASS_DISK, [__NR_fchmod] = CLASS_DISK,
	[__NR_fchmodat] = CLASS_DISK, [__NR_chown] = CLASS_DISK, [__NR_fchown] = CLASS_DISK, [__NR_lchown] = CLASS_DISK,
	[__NR_fchownat] = CLASS_DISK, [__NR_utimensat] = CLASS_DISK, [__NR_statfs] = CLASS_DISK,
	[__NR_fstatfs] = CLASS_DISK, [__NR_mount] = CLASS_DISK, [__NR_umount2] = CLASS_DISK, [__NR_execve] = CLASS_DISK,
	[__NR_execveat] = CLASS_DISK, [__NR_chdir] = CLASS_DISK, [__NR_fchdir] = CLASS_DISK,
	[__NR_readahead] = CLASS_DISK, [__NR_fadvise64] = CLASS_DISK, [__NR_copy_file_range] = CLASS_DISK,
	[__NR_io_getevents] = CLASS_DISK, [__NR_io_pgetevents] = CLASS_DISK, [__NR_io_submit] = CLASS_DISK,
	[__NR_swapoff] = CLASS_DISK,
	[__NR_wait4] = CLASS_CHILD, [__NR_waitid] = CLASS_CHILD, [__NR_vfork] = CLASS_CHILD, [__NR_clone] = CLASS_CHILD,
	[__NR_clone3] = CLASS_CHILD,
	[__NR_semop] = CLASS_IPC, [__NR_semtimedop] = CLASS_IPC, [__NR_msgsnd] = CLASS_IPC, [__NR_msgrcv] = CLASS_IPC,
	[__NR_mq_timedsend] = CLASS_IPC, [__NR_mq_timedreceive] = CLASS_IPC,
	[__NR_io_uring_enter] = CLASS_IO_URING,
	[__NR_pause] = CLASS_SIGNAL, [__NR_rt_sigsuspend] = CLASS_SIGNAL, [__NR_rt_sigtimedwait] = CLASS_SIGNAL,
};

static __always_inline __u32 class_of(__u64 syscall)
{
	return syscall < SYSCALLS ? class_of_syscall[syscall] : CLASS_OTHER;
}

#endif
