/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What waits come to: summed by process, reason and stack in a map for each slice. A thread's own sums at the last few
 * stacks it waited at are held in its clock and go into the map when another stack takes their place, when the slice's
 * end collects the clock, or with the thread. Include once per object.
 */
#ifndef SONDE_BPF_LIB_WAIT_SUMS_BPF_H
#define SONDE_BPF_LIB_WAIT_SUMS_BPF_H

#include "../abi/tables.h"
#include "counters.bpf.h"
#include "find_or_make.bpf.h"
#include "length_bucket.bpf.h"
#include "thread_clock.bpf.h"

#define WAIT_ENTRIES 16384

struct waits_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAIT_ENTRIES);
	__type(key, struct wait_key);
	__type(value, struct wait_sum);
};

/* Time off the CPU by process, reason and stack, in slices of even and odd number; 3.8 MB each, half of that on hosts of
 * one or two CPUs. Filled here, drained by the agent once the slice is closed in every clock. */
struct waits_map offcpu_waits_even SEC(".maps");
struct waits_map offcpu_waits_odd SEC(".maps");

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 wait_entries_made = 0;

static __always_inline void *waits_of_slice(__u32 slice)
{
	return slice & 1 ? (void *)&offcpu_waits_odd : (void *)&offcpu_waits_even;
}

/* What a new sum begins as: too large for a program's stack. */
static struct wait_sum no_sum;

/* Part of one wait, or of several that were held together. */
struct wait_part {
	__u64 ns;	  /* within the slice */
	__u64 longest_ns; /* of one that ended, or is in progress, from end to end */
	__u32 ended;	  /* waits */
	__u32 bucket;	  /* of the one that ended */
};

/* The bucket of what the clock stands at, if that ends now: nobody else moves the clock meanwhile, but for its slice. */
static __always_inline __u32 bucket_of(const struct thread_clock *clock, __u64 now)
{
	return now > clock->began_ns ? bucket_of_length(now - clock->began_ns) : 0;
}

/* The sum at `key`, made if need be; null when it is refused. */
static __always_inline struct wait_sum *find_sum(void *waits, const struct wait_key *key)
{
	return find_or_make(waits, key, &no_sum, &wait_entries_made, COUNT_WAIT_MAP_FULL, COUNT_WAIT_MAP_BUSY);
}

/* All but how long they were. The tests keep clang from making an atomic OR of adding zero, which 5.10 lacks. */
static __always_inline void add_part_to(struct wait_sum *sum, const struct wait_part *part)
{
	if (part->ns)
		__sync_fetch_and_add(&sum->ns, part->ns);
	if (part->ended)
		__sync_fetch_and_add(&sum->count, part->ended);
	/* Two CPUs at once may lose the longer of two that are longer than all before. */
	if (part->longest_ns > sum->longest_ns)
		sum->longest_ns = part->longest_ns;
}

/* Part of one wait, with its length if it ended. */
static __always_inline void add_one_to(struct wait_sum *sum, const struct wait_part *part)
{
	add_part_to(sum, part);
	if (part->ended)
		__sync_fetch_and_add(&sum->lengths[part->bucket & (WAIT_BUCKETS - 1)], 1);
}

/* As find_sum(); what finds no room keeps its process and reason and loses its stack. Null when that is refused too. */
static __always_inline struct wait_sum *find_sum_or_bare(__u32 slice, const struct wait_key *key)
{
	struct wait_key without_stack = *key;
	void *waits = waits_of_slice(slice);
	struct wait_sum *sum = find_sum(waits, key);

	if (!sum) {
		without_stack.stack = (struct stack_id){.low = STACK_LOST};
		sum = find_sum(waits, &without_stack);
	}
	if (!sum)
		count(COUNT_WAIT_LOST);
	return sum;
}

/* Adds the part of one wait that lies within the slice. */
static __always_inline void add_wait(__u32 slice, const struct wait_key *key, const struct wait_part *part)
{
	struct wait_sum *sum;

	if (part->ns == 0 && part->ended == 0)
		return;
	sum = find_sum_or_bare(slice, key);
	if (sum)
		add_one_to(sum, part);
}

/* The key of what the clock stands at, but for the process. REQUIRES: the clock's lock is held. */
static __always_inline void take_key(const struct thread_clock *clock, struct wait_key *key)
{
	key->reason = clock->reason;
	key->syscall = is_blocked(clock->reason) ? clock->wait_syscall : REASON_NO_SYSCALL;
	key->stack = clock->wait_stack;
}

/* Adds what a clock just settled of the slice before, if it was off the CPU there. */
static __always_inline void add_previous(const struct slice_bound *bound, const struct wait_key *key, const struct spent *spent)
{
	struct wait_part part = {.ns = spent->previous_ns, .longest_ns = bound->start_ns - spent->began_ns};

	if (spent->skipped)
		count(COUNT_CLOCK_SKIPPED);
	if (spent->previous_ns && is_off_cpu(key->reason))
		add_wait(bound->number - 1, key, &part);
}

/* Adds what a clock just settled off the CPU to the sums of both slices that it may touch. */
static __always_inline void add_spent(const struct slice_bound *bound, const struct wait_key *key, const struct spent *spent,
				      __u32 ended)
{
	struct wait_part part = {.ns = spent->current_ns, .longest_ns = spent->ended_ns - spent->began_ns, .ended = ended,
				 .bucket = spent->bucket};

	add_previous(bound, key, spent);
	if (is_off_cpu(key->reason))
		add_wait(bound->number, key, &part);
}

/* What was moved out of a clock and goes to the map: one for hooks, which run with interrupts off, and one for the iterator,
 * which they may interrupt. 256 B x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct held_waits);
} taken_waits SEC(".maps");

#define TAKEN_BY_HOOK 0
#define TAKEN_BY_ITERATOR 1

/* Empty. */
static __always_inline struct held_waits *begin_taking(__u32 who)
{
	struct held_waits *taken = bpf_map_lookup_elem(&taken_waits, &who);

	if (!taken)
		return NULL;
	taken->ns[0] = taken->ns[1] = 0;
	taken->count[0] = taken->count[1] = 0;
	return taken;
}

static __always_inline bool holds_nothing(const struct held_waits *held)
{
	return !(held->ns[0] | held->ns[1] | held->count[0] | held->count[1]);
}

/* Moves what is held, if anything, to `taken`. REQUIRES: the clock's lock is held. */
static __always_inline void take_held(struct held_waits *held, struct held_waits *taken)
{
	*taken = *held;
	__builtin_memset(held, 0, sizeof(*held));
}

/* Where the clock holds waits at the stack of the one in progress. */
static __always_inline struct held_waits *held_place(struct thread_clock *clock)
{
	return &clock->held[clock->wait_stack.low & (HELD_WAITS - 1)];
}

/* Whether what is held there is of the wait in progress, and of the slice. */
static __always_inline bool holds_place(const struct held_waits *held, const struct thread_clock *clock, __u32 slice)
{
	return held->slice == slice && held->stack.low == clock->wait_stack.low && held->stack.high == clock->wait_stack.high &&
	       held->reason == clock->wait_reason && held->syscall == clock->wait_syscall;
}

/* Whether one more wait of that length can be counted. */
static __always_inline bool has_room(const struct held_waits *held, __u32 part, __u32 bucket)
{
	barrier_var(bucket); /* keeps the bound next to its use, where the verifier can see it */
	return held->lengths[part][bucket & (WAIT_BUCKETS - 1)] != 0xff;
}

/* Adds `ns` of a wait that ended and took `length_ns` from end to end. REQUIRES: it has room. */
static __always_inline void add_to_held(struct held_waits *held, __u32 part, __u64 ns, __u64 length_ns, __u32 bucket)
{
	held->ns[part] += ns;
	held->count[part]++;
	barrier_var(bucket);
	held->lengths[part][bucket & (WAIT_BUCKETS - 1)]++;
	if (length_ns > held->longest_ns[part])
		held->longest_ns[part] = length_ns;
}

/*
 * Holds a part of a wait that ended; what was held in its place of another stack, reason or slice, or has no room for one
 * more, is moved to `taken`. True: the first of its stack and slice. REQUIRES: the clock's lock is held, the reason is one
 * off the CPU.
 */
static __always_inline bool hold(struct thread_clock *clock, const struct wait_key *key, __u32 slice, const struct spent *spent,
				 struct held_waits *taken)
{
	struct held_waits *held = held_place(clock);
	__u32 part = is_blocked(key->reason);
	bool is_first = !holds_place(held, clock, slice);

	if (is_first || !has_room(held, part, spent->bucket)) {
		take_held(held, taken);
		held->stack = clock->wait_stack;
		held->slice = slice;
		held->reason = clock->wait_reason;
		held->syscall = clock->wait_syscall;
	}
	add_to_held(held, part, spent->current_ns, spent->ended_ns - spent->began_ns, spent->bucket);
	return is_first;
}

/* Why a thread waits for a CPU that has left the last one for `reason`. */
static __always_inline __u16 reason_in_run_queue(__u16 reason)
{
	return is_blocked(reason) ? REASON_RUN_QUEUE : reason;
}

static __always_inline void add_held_part(const struct held_waits *held, const struct wait_key *key, __u32 which)
{
	struct wait_part part = {.ns = held->ns[which], .longest_ns = held->longest_ns[which], .ended = held->count[which]};
	struct wait_sum *sum;

	if (part.ns == 0 && part.ended == 0)
		return;
	sum = find_sum_or_bare(held->slice, key);
	if (!sum)
		return;
	add_part_to(sum, &part);
	for (int i = 0; i < WAIT_BUCKETS; i++)
		if (held->lengths[which][i])
			__sync_fetch_and_add(&sum->lengths[i], held->lengths[which][i]);
}

/* Adds what was taken out of a clock of process `tgid`. A global function, which the verifier reads once; not to be called
 * under a clock's lock. */
__attribute__((noinline)) int add_taken(__u32 tgid, __u32 who)
{
	const struct held_waits *held = bpf_map_lookup_elem(&taken_waits, &who);
	struct wait_key key = {.tgid = tgid, .syscall = REASON_NO_SYSCALL};

	if (!held || holds_nothing(held))
		return 0;
	key.stack = held->stack;
	key.reason = reason_in_run_queue(held->reason);
	add_held_part(held, &key, 0);
	key.reason = held->reason;
	key.syscall = held->syscall;
	add_held_part(held, &key, 1);
	return 0;
}

#define NO_SLICE 0xffffffffu

/* Adds all that the clock holds, but of `slice`. */
static __always_inline void add_all_held(struct thread_clock *clock, __u32 tgid, __u32 slice, __u32 who)
{
	for (int i = 0; i < HELD_WAITS; i++) {
		struct held_waits *taken = begin_taking(who);

		if (!taken)
			return;
		lock_clock(clock);
		if (clock->held[i].slice != slice)
			take_held(&clock->held[i], taken);
		unlock_clock(clock);
		add_taken(tgid, who);
	}
}

/* A wait ended of which `spent` is the last part; `taken` is from begin_taking(who), or null. REQUIRES: the lock is held;
 * releases it. */
static __always_inline void end_wait_in_clock(struct thread_clock *clock, const struct wait_key *key,
					      const struct slice_bound *bound, const struct spent *spent,
					      struct held_waits *taken, __u32 who)
{
	/* What the clock cannot tell again from the reason at the switch-out goes to the map at once. */
	__u32 expected = is_blocked(key->reason) ? clock->wait_reason : reason_in_run_queue(clock->wait_reason);
	bool is_first = false, holds = taken && clocks_have_lock && is_off_cpu(key->reason) && key->reason == expected;

	if (holds)
		is_first = hold(clock, key, bound->number, spent, taken);
	unlock_clock(clock);
	if (!holds)
		return add_spent(bound, key, spent, 1);
	add_previous(bound, key, spent);
	/* The entry is made now, so that the agent sees the map fill up. Refused: the sum will lose its stack. */
	if (is_first)
		find_sum(waits_of_slice(bound->number), key);
	if (!holds_nothing(taken))
		add_taken(key->tgid, who);
}

#endif
