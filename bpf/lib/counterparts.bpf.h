/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * With whom or for what a thread waits: noted as it leaves the CPU, summed as it is woken. Only while the agent asks. Include
 * once per object.
 *
 * A wait's time is taken by moving the instant up to which it is counted, under the clock's lock: by who wakes the thread, or
 * by the iterator for a wait that outlasts the slice; so each nanosecond is taken once.
 */
#ifndef SONDE_BPF_LIB_COUNTERPARTS_BPF_H
#define SONDE_BPF_LIB_COUNTERPARTS_BPF_H

#include "../abi/counterpart.h"
#include "find_or_make.bpf.h"
#include "selection.bpf.h"
#include "socket_peer.bpf.h"
#include "thread_clock.bpf.h"
#include "wait_site.bpf.h"
#include "wait_sums.bpf.h"

#define COUNTERPART_ENTRIES 4096

struct counterparts_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, COUNTERPART_ENTRIES);
	__uint(key_size, sizeof(struct counterpart_key));
	__uint(value_size, sizeof(struct wait_sum));
};

/* In slices of even and odd number; 1.1 MB each, made by the agent while it asks, and else not there. Filled here, drained
 * by the agent as the sums of waits are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct counterparts_map);
} counterparts SEC(".maps");

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 counterpart_entries_made = 0;

/* Raised by the agent each time it begins to ask: what was noted before is void. 0: nobody asks. */
volatile __u32 counterpart_watch = 0;

static __always_inline __s64 descriptor_waited_for(const struct syscall_arguments *with, bool is_current)
{
	struct poll_entry entry = {};

	switch (class_of(with->number)) {
	case CLASS_READ:
	case CLASS_WRITE:
	case CLASS_CONNECT:
	case CLASS_ACCEPT:
		return (__s32)with->first;
	case CLASS_POLL: /* of one descriptor, as the reason was decided */
		if (!is_current || with->second != 1 || bpf_probe_read_user(&entry, sizeof(entry), (void *)with->first) != 0)
			return -1;
		return entry.descriptor;
	}
	return -1;
}

/* Instead of struct sock and struct file the verifier sees numbers here: all is read by CO-RE. */
static __always_inline void take_socket(struct counterpart *out, struct task_struct *task, bool is_current)
{
	struct syscall_arguments with;
	struct sock *sk;
	__s64 descriptor;

	if (!read_syscall_arguments(task, &with))
		return;
	descriptor = descriptor_waited_for(&with, is_current);
	if (descriptor < 0)
		return;
	sk = socket_of(file_of(task, descriptor));
	if (sk)
		take_peer(out, sk);
}

static __always_inline void take_lock_address(struct counterpart *out, __u64 address)
{
	__builtin_memcpy(out->address, &address, sizeof(address));
}

/* What the C library's mutexes wait on; beside that word is the owner's thread id, as its process knows it. */
#define CONTENDED_MUTEX 2
#define MUTEX_OWNER_OFFSET 8
#define FUTEX_LOCK_PI 6
#define FUTEX_LOCK_PI2 13
#define FUTEX_TID_MASK 0x3fffffff

/* The owner is in the process's own memory, which is read of the current thread only. */
static __always_inline void take_futex(struct counterpart *out, struct task_struct *task, bool is_current)
{
	struct syscall_arguments with;
	__u32 command, owner = 0;

	if (!read_syscall_arguments(task, &with) || class_of(with.number) != CLASS_FUTEX)
		return;
	out->kind = COUNTERPART_FUTEX;
	take_lock_address(out, with.first);
	if (!is_current)
		return;
	command = with.second & FUTEX_COMMAND;
	if (command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2) {
		if (bpf_probe_read_user(&owner, sizeof(owner), (void *)with.first) == 0)
			out->owner = owner & FUTEX_TID_MASK;
	} else if ((__u32)with.third == CONTENDED_MUTEX) {
		if (bpf_probe_read_user(&owner, sizeof(owner), (void *)(with.first + MUTEX_OWNER_OFFSET)) == 0)
			out->owner = owner;
	}
	if (out->owner)
		out->flags |= COUNTERPART_OWNER_IN_WORD;
}

static __always_inline void take_kernel_lock(struct counterpart *out, struct task_struct *task, __u64 contended)
{
	__u64 address = contended_lock(contended);
	struct mm_struct *memory = BPF_CORE_READ(task, mm);

	out->kind = COUNTERPART_KERNEL_LOCK;
	out->flags = contended_flags(contended) << COUNTERPART_LOCK_SHIFT;
	take_lock_address(out, address);
	if (memory && address == (__u64)__builtin_preserve_access_index(&memory->mmap_lock))
		out->flags |= COUNTERPART_OF_MEMORY;
}

static __always_inline void take_counterpart(struct counterpart *out, struct task_struct *task, bool is_current, __u32 reason,
					     __u64 contended)
{
	switch (reason) {
	case REASON_RECEIVE:
	case REASON_SEND:
	case REASON_CONNECT:
	case REASON_UNIX_SOCKET:
	case REASON_ACCEPT:
	case REASON_IDLE_RECEIVE:
		take_socket(out, task, is_current);
		break;
	case REASON_LOCK:
	case REASON_IDLE_LOCK:
		take_futex(out, task, is_current);
		break;
	case REASON_KERNEL_LOCK:
		take_kernel_lock(out, task, contended);
		break;
	}
}

static __always_inline void add_counterpart(__u32 slice, const struct counterpart_key *key, const struct wait_part *part)
{
	__u32 parity = slice & 1;
	void *sums = bpf_map_lookup_elem(&counterparts, &parity);
	struct counterpart_key of_anybody = *key;
	struct wait_sum *sum;

	if (!sums) /* nobody asks any more */
		return;
	/* Owners are many where each task has a thread of its own: the last room is for other locks and peers. */
	if (counterpart_entries_made > COUNTERPART_ENTRIES * 3 / 4)
		of_anybody.with.owner = 0;
	sum = find_or_make(sums, &of_anybody, &no_sum, &counterpart_entries_made, COUNT_COUNTERPART_REFUSED,
			   COUNT_COUNTERPART_REFUSED);
	if (sum)
		add_one_to(sum, part);
}

static __always_inline void make_key(struct counterpart_key *key, struct task_struct *task, const struct awaited *awaited)
{
	key->stack = awaited->stack;
	key->tgid = task->tgid;
	key->reason = awaited->reason;
	key->padding = 0;
	key->with = awaited->with;
}

/* `since` is up to when the wait was counted: the part that lies in the slice before `bound`. */
static __always_inline void add_part_before(const struct slice_bound *bound, const struct counterpart_key *key,
					    const struct awaited *awaited, __u64 since)
{
	struct wait_part part = {.ns = bound->start_ns - since, .longest_ns = bound->start_ns - awaited->began_ns};

	add_counterpart(bound->number - 1, key, &part);
}

/* What `task`, which is blocked, waits for: it is current and leaves the CPU, or the iterator comes by it. After the clock has
 * got its reason and its stack. The time before `since_ns` is not counted. */
static __always_inline void note_counterpart(struct task_struct *task, struct thread_clock *clock, bool is_current, __u64 since_ns)
{
	struct thread_sites *all = find_sites(task);
	struct awaited fresh = {.watch = counterpart_watch};

	if (!all || !is_blocked(clock->reason))
		return;
	fresh.reason = clock->reason;
	fresh.began_ns = clock->began_ns;
	fresh.since_ns = fresh.began_ns > since_ns ? fresh.began_ns : since_ns;
	fresh.stack = without_mark(clock->wait_stack);
	take_counterpart(&fresh.with, task, is_current, fresh.reason, clock->contended);
	if (fresh.with.kind == COUNTERPART_NONE)
		fresh.since_ns = 0;
	lock_clock(clock);
	/* Unless it moved meanwhile. */
	if (clock->began_ns == fresh.began_ns && clock->reason == fresh.reason)
		all->awaited = fresh;
	unlock_clock(clock);
}

/* Who unlocks wakes in a futex call; otherwise it is a signal, a thread's end, or an interrupt that found it running. */
static __always_inline bool is_unlocking(struct task_struct *waker)
{
	struct syscall_arguments with;

	if ((BPF_CORE_READ(waker, flags) & PF_KTHREAD) || !read_syscall_arguments(waker, &with))
		return false;
	return class_of(with.number) == CLASS_FUTEX;
}

/* `task` is about to be woken by `waker`, who held the lock last, as far as it can be known. */
static __always_inline void note_owner(struct task_struct *task, struct task_struct *waker)
{
	struct thread_sites *all = find_sites(task);
	struct counterpart *with;

	if (!all || all->awaited.since_ns == 0 || all->awaited.watch != counterpart_watch)
		return;
	with = &all->awaited.with;
	if (with->kind == COUNTERPART_KERNEL_LOCK || (with->kind == COUNTERPART_FUTEX && is_unlocking(waker))) {
		with->owner = BPF_CORE_READ(waker, pid);
		with->flags &= ~COUNTERPART_OWNER_IN_WORD;
	}
}

/* From when on the wait was not counted; it is counted up to `until` now. 0: nothing is left to count. */
static __always_inline __u64 take_time(struct awaited *awaited, struct thread_clock *clock, __u64 until, __u64 next)
{
	__u64 since;

	lock_clock(clock);
	since = awaited->since_ns;
	if (since && since < until)
		awaited->since_ns = next;
	unlock_clock(clock);
	return since < until ? since : 0;
}

/* The wait of `task` ends at `now`, as in its clock. */
static __always_inline void end_awaited(struct task_struct *task, struct thread_clock *clock, __u64 now)
{
	struct thread_sites *all = find_sites(task);
	struct slice_bound bound = current_slice();
	struct counterpart_key key;
	struct awaited *awaited;
	struct wait_part part = {.ended = 1};
	__u64 since;

	if (!all || all->awaited.since_ns == 0 || all->awaited.watch != counterpart_watch)
		return;
	awaited = &all->awaited;
	make_key(&key, task, awaited);
	since = take_time(awaited, clock, now, 0);
	if (!since)
		return;
	if (since < bound.start_ns) {
		add_part_before(&bound, &key, awaited, since);
		since = bound.start_ns;
	}
	part.ns = now - since;
	part.longest_ns = now - awaited->began_ns;
	part.bucket = bucket_of_length(part.longest_ns);
	add_counterpart(bound.number, &key, &part);
}

/* A thread that the iterator comes by still waits: what it waited in the slice that ends. One that has waited since before
 * anybody asked is noted here. */
static __always_inline void count_awaited(struct task_struct *task, struct thread_clock *clock, const struct slice_bound *bound)
{
	struct thread_sites *all = find_sites(task);
	struct counterpart_key key;
	struct awaited *awaited;
	__u64 since;

	if (!all || counterpart_watch == 0)
		return;
	awaited = &all->awaited;
	if (awaited->watch != counterpart_watch)
		note_counterpart(task, clock, false, slice_start_ns[(bound->number - 1) & 1]);
	if (awaited->since_ns == 0 || awaited->watch != counterpart_watch)
		return;
	make_key(&key, task, awaited);
	since = take_time(awaited, clock, bound->start_ns, bound->start_ns);
	if (since)
		add_part_before(bound, &key, awaited, since);
}

#endif
