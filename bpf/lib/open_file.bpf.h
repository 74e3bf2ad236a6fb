/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a descriptor of the current task refers to. Every read is by CO-RE and may fail: the answer is then FILE_UNKNOWN. */
#ifndef SONDE_BPF_LIB_OPEN_FILE_BPF_H
#define SONDE_BPF_LIB_OPEN_FILE_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum file_kind {
	FILE_UNKNOWN,
	FILE_ON_DISK, /* regular file, directory, block device */
	FILE_PIPE,
	FILE_TERMINAL,
	FILE_INTERNET,
	FILE_UNIX,
	FILE_EVENT,	/* eventfd */
	FILE_TIMER,	/* timerfd */
	FILE_OTHER_EVENT, /* signalfd, inotify, epoll and others without an inode of their own */
};

struct open_file {
	__u32 kind; /* enum file_kind */
	/* Of sockets. Ports in host order; 0: none. */
	__u16 local_port;
	__u16 peer_port;
	__u8 state; /* TCP's */
};

#define TCP_SYN_SENT 2
#define TCP_LISTEN 10

#define MODE_FORMAT 0170000
#define MODE_SOCKET 0140000
#define MODE_REGULAR 0100000
#define MODE_BLOCK 0060000
#define MODE_DIRECTORY 0040000
#define MODE_CHARACTER 0020000
#define MODE_PIPE 0010000
#define ANON_INODE_FS_MAGIC 0x09041934
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

/* From the documentation of devices: 4 consoles and serial lines, 5 /dev/tty, 136 to 143 pseudo terminals. */
static __always_inline bool is_terminal(__u32 device)
{
	__u32 major = device >> 20;

	return major == 4 || major == 5 || (major >= 136 && major <= 143);
}

static __always_inline struct file *file_of(struct task_struct *task, __u32 descriptor)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), files + descriptor) != 0)
		return NULL;
	return file;
}

/* Files without an inode of their own go by the name of their kind: "[eventfd]". */
static __always_inline __u32 kind_by_name(struct file *file)
{
	char name[4] = {};

	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (name[1] == 'e' && name[2] == 'v' && name[3] == 'e')
		return FILE_EVENT;
	if (name[1] == 't' && name[2] == 'i' && name[3] == 'm')
		return FILE_TIMER;
	return FILE_OTHER_EVENT;
}

static __always_inline void look_at_socket(struct file *file, struct open_file *out)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_UNIX) {
		out->kind = FILE_UNIX;
		return;
	}
	if (family != AF_INET && family != AF_INET6)
		return;
	out->kind = FILE_INTERNET;
	out->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	out->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	out->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* REQUIRES: `task` is current. */
static __always_inline void look_at_descriptor(struct task_struct *task, __u32 descriptor, struct open_file *out)
{
	struct file *file = file_of(task, descriptor);
	struct inode *inode;

	*out = (struct open_file){};
	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) == ANON_INODE_FS_MAGIC) {
		out->kind = kind_by_name(file);
		return;
	}
	switch (BPF_CORE_READ(inode, i_mode) & MODE_FORMAT) {
	case MODE_SOCKET:
		look_at_socket(file, out);
		break;
	case MODE_PIPE:
		out->kind = FILE_PIPE;
		break;
	case MODE_CHARACTER:
		if (is_terminal(BPF_CORE_READ(inode, i_rdev)))
			out->kind = FILE_TERMINAL;
		break;
	case MODE_REGULAR:
	case MODE_DIRECTORY:
	case MODE_BLOCK:
		out->kind = FILE_ON_DISK;
		break;
	}
}

#endif
