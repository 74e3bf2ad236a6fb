/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long who lets go of a lock had held it at least. Of a futex whose word names its owner: when that is who wakes the waiter,
 * and nobody was seen to let go of the lock since the waiter began to wait, then it was held all that time. Who took it without
 * waiting and had no waiter yet is not seen, so that it may have been longer. Only while the agent asks. Include once per object.
 */
#ifndef SONDE_BPF_LIB_LOCK_HOLDS_BPF_H
#define SONDE_BPF_LIB_LOCK_HOLDS_BPF_H

#include "counterparts.bpf.h"

#define LOCK_RELEASES 1024

struct lock_of_process {
	__u64 address;
	__u32 tgid;
	__u32 padding;
};

/* When somebody last let go of a lock that others waited for. Those let go of longest ago make room. 0.1 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LOCK_RELEASES);
	__type(key, struct lock_of_process);
	__type(value, __u64);
} lock_releases SEC(".maps");

/* The thread's id as its own process knows it. */
static __always_inline __u32 innermost_tid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 tid = 0, level = BPF_CORE_READ(pid, level);

	if (level == 0)
		return BPF_CORE_READ(task, pid);
	/* Unreadable: no thread has the number 0. */
	bpf_probe_read_kernel(&tid, sizeof(tid), (void *)&pid->numbers + (__u64)level * bpf_core_type_size(struct upid));
	return tid;
}

/* `task` is about to be woken by `waker`: how long that one had held the lock at least; 0: not known. Before note_owner(). */
static __always_inline __u64 note_release(struct task_struct *task, struct task_struct *waker, __u64 now)
{
	struct lock_of_process lock = {.tgid = task->tgid};
	struct thread_sites *all = find_sites(task);
	const struct awaited *awaited;
	__u64 *released, held_ns = 0;

	if (!all || all->awaited.since_ns == 0 || all->awaited.watch != counterpart_watch)
		return 0;
	awaited = &all->awaited;
	if (awaited->with.kind != COUNTERPART_FUTEX || !is_unlocking(waker))
		return 0;
	__builtin_memcpy(&lock.address, awaited->with.address, sizeof(lock.address));
	released = bpf_map_lookup_elem(&lock_releases, &lock);
	if ((awaited->with.flags & COUNTERPART_OWNER_IN_WORD) && awaited->with.owner == innermost_tid(waker) &&
	    !(released && *released >= awaited->began_ns))
		held_ns = now - awaited->began_ns;
	/* Refused: what this release hides of the next ones' time would be told too long. */
	if (bpf_map_update_elem(&lock_releases, &lock, &now, BPF_ANY) != 0)
		count(COUNT_COUNTERPART_REFUSED);
	return held_ns;
}

#endif
