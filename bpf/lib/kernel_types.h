/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every kernel type and field that the BPF side reads, and nothing else: offsets are relocated at load (CO-RE),
 * so the build needs no kernel BTF. Older or newer shapes of a type are flavours in compat.bpf.h.
 */
#ifndef SONDE_BPF_LIB_KERNEL_TYPES_H
#define SONDE_BPF_LIB_KERNEL_TYPES_H

#include <linux/bpf.h>
#include <linux/types.h>

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010 /* io_uring's, in the process that asked */
/* Of contention_begin: the lock is spun for. */
#define CONTENTION_SPIN 1
/* The lowest bits of request.cmd_flags, and those operations that have been the same in all kernels from 5.10 on. */
#define REQ_OP_MASK 0xff
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1
#define REQ_OP_FLUSH 2
#define REQ_OP_DISCARD 3
#define REQ_OP_SECURE_ERASE 5
#define REQ_OP_WRITE_ZEROES 9

/* Bits of request.cmd_flags; numbers are relocated at load. */
enum req_flag_bits {
	__REQ_SYNC = 11,
	__REQ_FUA = 17,
	__REQ_PREFLUSH = 18,
};

/* Bits of a page's flags; numbers are relocated at load. */
enum pageflags {
	PG_writeback = 1,
	PG_swapcache = 10, /* of memory that is not a file's: it has a place in swap; another's with files */
	PG_swapbacked = 17,
};

/* What mm_struct.rss_stat counts; part of the kernel's user interface by the tracepoint rss_stat. */
enum rss_member {
	RSS_FILE,
	RSS_ANONYMOUS,
	RSS_SWAP,
	RSS_SHARED,
	RSS_MEMBERS,
};
/* Set together with the last schedule() of a thread, never taken back. */
#define TASK_DEAD 0x0080

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* x86-64: registers of user space as saved on entry to the kernel. */
struct pt_regs {
	unsigned long bp;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
};

/* A CPU's run queue, and the part of it that a group of tasks has. */
struct rq {
	__u64 clock; /* nanoseconds of the scheduler's own clock, when it last read it */
};

struct cfs_rq {
	struct rq *rq;
	int throttle_count; /* how many groups above it have used up their quota */
};

/* CPU time of the fair class: in all, and when the thread last came to a CPU. */
struct sched_entity {
	__u64 sum_exec_runtime;
	__u64 prev_sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* of the task's CPU, whatever its class */
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned int i_rdev;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct in6_addr {
	__u8 in6_u[16];
};

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	unsigned short skc_num;
	__u16 skc_dport;
	__u32 skc_daddr;
	struct in6_addr skc_v6_daddr;
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level; /* 0: the initial pid namespace knows it alone */
	struct upid numbers[1]; /* the first as the initial pid namespace has it, level + 1 in all */
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
	int sk_err; /* what was wrong, 0: nothing */
	struct pid *sk_peer_pid;
};

struct rw_semaphore;

/* Each CPU adds to a part of its own, which goes over into the sum when it is large. */
struct percpu_counter {
	__s64 count;
	__s32 *counters; /* as an offset from where a CPU's own memory begins */
};

/* A map of BPF that has values for each CPU. */
struct bpf_array {
	void *pptrs[1]; /* of each, as an offset */
};

struct mm_struct {
	struct {
		char first;
	} mmap_lock;
	struct {
		int counter;
	} mm_users; /* its threads, most of the time */
	struct percpu_counter rss_stat[4]; /* pages by enum rss_member; so since 6.2 */
};

struct socket {
	struct sock *sk;
};

struct thread_info {
	__u32 status;
};

struct sched_info {
	__u64 run_delay;   /* nanoseconds in run queues so far */
	__u64 last_queued; /* by the run queue's clock; 0: in none, or on a CPU */
};

struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	unsigned int __state;
	unsigned int flags;
	int pid;  /* thread id */
	int tgid; /* process id */
	unsigned int on_cpu; /* int, later u8: unsigned, so that a load may be narrowed */
	unsigned int on_rq;  /* the same */
	char comm[16];
	struct task_struct *group_leader;
	struct pid *thread_pid;
	void *stack;
	struct files_struct *files;
	struct mm_struct *mm;
	unsigned in_iowait : 1;
	int pagefault_disabled;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt; /* faults that came to their end, without and with waiting for a disk */
	unsigned long maj_flt;
	struct sched_info sched_info;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_perf_event_data_kern;
struct linux_binprm;

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct address_space;

typedef struct {
	unsigned long f;
} memdesc_flags_t;

/* Of a page of memory; the first of a folio is its head, and stands for all of it. */
struct page {
	memdesc_flags_t flags;
	struct address_space *mapping; /* of what file; in the lowest bits, what else it may be of */
	unsigned long compound_head;   /* of the others: the address of the head, and 1 */
};

struct bio_vec {
	struct page *bv_page; /* the first of some that lie behind each other */
	unsigned int bv_len;
	unsigned int bv_offset;
};

struct bvec_iter {
	unsigned int bi_size; /* bytes that are not done yet */
	unsigned int bi_idx;
	unsigned int bi_bvec_done; /* of the one at bi_idx */
};

/* A part of a request, as it was handed in. */
struct bio {
	struct bio *bi_next;
	struct bvec_iter bi_iter;
	struct bio_vec *bi_io_vec;
};

/* What a block device is asked to do. */
struct request {
	struct request_queue *q;
	struct bio *bio;
	unsigned int cmd_flags; /* the operation in the lowest 8 bits, and enum req_flag_bits */
	unsigned int rq_flags;	/* enum rqf_flags */
	unsigned int __data_len; /* bytes that are not done yet */
	__u64 start_time_ns; /* when it was made; 0: nobody keeps books on this queue */
};

#pragma clang attribute pop

#endif
