// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Off-CPU and the thread clock: every switch, wake-up, fork, exec and exit, by BTF tracepoints, which exclude only
 * themselves on a CPU. Times are exact; stacks are walked at switch-out, where the thread is current.
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../lib/compat.bpf.h"
#include "../lib/counterparts.bpf.h"
#include "../lib/counters.bpf.h"
#include "../lib/followed.bpf.h"
#include "../lib/heartbeat.bpf.h"
#include "../lib/lock_holds.bpf.h"
#include "../lib/queue_waits.bpf.h"
#include "../lib/run_time.bpf.h"
#include "../lib/scheduler_time.bpf.h"
#include "../lib/switch_out.bpf.h"
#include "../lib/thread_clock.bpf.h"
#include "../lib/thread_dump.bpf.h"
#include "../lib/thread_exit.bpf.h"
#include "../lib/thread_iterator.bpf.h"
#include "../lib/wait_end.bpf.h"
#include "../lib/wait_sums.bpf.h"
#include "../lib/wake_chains.bpf.h"

static __always_inline bool is_idle_task(struct task_struct *task)
{
	return task->pid == 0;
}

/*
 * The thread leaves a CPU that it was never seen to come to: the switch was hidden from us, as some kernels hide those of
 * protected threads. The scheduler's own clock tells how long it ran; before that it waited. When it was not seen to be woken
 * either, the scheduler's sum tells how much of that was in the run queue.
 */
static __always_inline void repair_missed_switch_in(struct task_struct *prev, struct thread_clock *clock,
						    const struct slice_bound *bound, __u64 now)
{
	__u64 ran = prev->se.sum_exec_runtime - prev->se.prev_sum_exec_runtime;
	struct wait_key key = {.tgid = prev->tgid};
	struct spent spent = {};
	__u64 came = now - ran, waited = clock->run_queue_ns ? run_queue_ns_of(prev) - clock->run_queue_ns : 0;
	struct wait_part queued = {.ended = 1, .longest_ns = waited};

	count(COUNT_SWITCH_MISSED);
	note_queue_wait(clock, bound, came);
	spent.bucket = bucket_of(clock, came);
	lock_clock(clock);
	take_key(clock, &key);
	settle(clock, bound, came, &spent);
	queued.ns = is_blocked(key.reason) && waited < spent.current_ns ? waited : 0;
	*time_of(clock) -= queued.ns;
	clock->ns[REASON_RUN_QUEUE] += queued.ns;
	spent.current_ns -= queued.ns;
	clock->reason = REASON_ON_CPU;
	unlock_clock(clock);
	add_spent(bound, &key, &spent, 1);
	if (!queued.ns)
		return;
	key.reason = REASON_RUN_QUEUE;
	key.syscall = REASON_NO_SYSCALL;
	add_wait(bound->number, &key, &queued);
	if (queue_watch)
		add_queue_wait(bound->number, QUEUE_WOKEN, queued.ns);
}

/* The thread stands at `place` from `now` on. REQUIRES: as of settle_in_slice(). */
static __always_inline void stand_at(struct thread_clock *clock, const struct wait_place *place, __u64 now, struct spent *spent)
{
	settle_in_slice(clock, now, spent);
	clock->reason = place->reason;
	clock->wait_reason = place->reason;
	clock->wait_syscall = place->syscall;
	clock->wait_stack = place->stack;
}

/* Puts the switch-out of `prev` into the scratch. */
static __always_inline void tell_switch_out(void *ctx, struct task_struct *prev, __u32 state, bool is_preempted, __u32 slice,
					    __u64 now, struct switch_scratch *scratch)
{
	struct switch_out *out = &scratch->out;

	out->now = now;
	out->arguments = (__u64)ctx;
	out->slice = slice;
	out->state = state;
	out->is_preempted = is_preempted;
	out->is_throttled = is_preempted && is_throttled(prev);
	out->has_user = !(prev->flags & PF_KTHREAD);
}

static __always_inline void leave_cpu(void *ctx, bool preempt, struct task_struct *prev,
				      const struct slice_bound *bound, __u64 now)
{
	struct switch_scratch *scratch = switch_scratch_of_cpu();
	struct thread_clock *clock = find_clock(prev);
	struct spent spent = {};
	__u32 state = task_state(prev);

	if (!scratch)
		return;
	if (!clock) {
		count(COUNT_CLOCK_MISSING);
		return;
	}
	if (preempt || !(state & TASK_DEAD)) {
		tell_switch_out(ctx, prev, state, preempt || state == 0, bound->number, now, scratch);
		scratch->out.contends = clock->contended != 0;
		place_at_switch_out(ctx, prev, scratch);
	} else {
		scratch->place = (struct wait_place){.reason = REASON_DEAD};
	}
	barrier(); /* from here on it is read from the scratch */

	if (clock->reason != REASON_ON_CPU) {
		settle_wake_up(prev, clock, bound, TAKEN_BY_HOOK);
		repair_missed_switch_in(prev, clock, bound, now);
	}
	clock->run_queue_ns = run_queue_ns_of(prev);
	if (is_closed_up_to(clock, bound)) {
		stand_at(clock, &scratch->place, now, &spent);
	} else {
		lock_clock(clock);
		roll(clock, bound, &spent);
		stand_at(clock, &scratch->place, now, &spent);
		unlock_clock(clock);
	}
	if (spent.skipped)
		count(COUNT_CLOCK_SKIPPED);
	if (scratch->place.reason == REASON_DEAD)
		send_exit(now);
}

/* Has the clock of a thread that comes to a CPU, and was never seen to be woken, as if that had been seen. */
static __always_inline void repair_missed_wake_up(struct task_struct *next, struct thread_clock *clock, __u64 now)
{
	__u64 queued = missed_wake_up_ns(next, clock);

	count(COUNT_WAKE_UP_MISSED);
	if (queued && queued < now)
		note_wake_up(clock, REASON_RUN_QUEUE, queued);
}

static __always_inline void come_to_cpu(struct task_struct *next, const struct slice_bound *bound, __u64 now)
{
	struct thread_clock *clock = find_clock(next);
	__u64 woken_ns;

	if (!clock) {
		count(COUNT_CLOCK_MISSING);
		return;
	}
	woken_ns = *(volatile __u64 *)&clock->woken_ns;
	barrier(); /* before the reason: the iterator may end the wait that a wake-up left */
	if (!woken_ns && is_blocked(clock->reason))
		repair_missed_wake_up(next, clock, now);
	note_queue_wait(clock, bound, now);
	if (end_wait_in_place(clock, bound, now))
		return;
	settle_wake_up(next, clock, bound, TAKEN_BY_HOOK);
	end_wait(next, clock, REASON_ON_CPU, bound, now, TAKEN_BY_HOOK);
}

/* Runs with the run-queue lock held and interrupts off: nothing here sleeps, allocates or wakes anybody; one pass is
 * under 5 us. prev is current, so its user memory is there to be read. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	TIMED_RUN(on_switch);
	struct slice_bound bound = current_slice();
	/* One instant for both, before any work: what the hook itself takes is the next thread's time on the CPU, as in the
	 * scheduler's own books, and not its wait. */
	__u64 now = booked_switch_ns(prev);

	if (!agent_lives(now))
		return 0;
	if (!is_idle_task(prev))
		leave_cpu(ctx, preempt, prev, &bound, now);
	if (!is_idle_task(next))
		come_to_cpu(next, &bound, now);
	return 0;
}

/* In the waker's context, which the next hook may not be; the run-queue lock is not held, interrupts are off. */
SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task)
{
	TIMED_RUN(on_waking);
	__u64 now = bpf_ktime_get_ns(), held_ns;
	struct thread_clock *clock;

	if (!agent_lives(now))
		return 0;
	clock = find_clock(task);
	if (!clock)
		return 0;
	held_ns = note_release(task, current_task(), now);
	look_at_wake_up(ctx, task, clock, held_ns, now);
	note_owner(task, current_task());
	return 0;
}

/* Attached beside on_wakeup while somebody asks for the other side of waits; safe as that is. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_watched_wakeup, struct task_struct *task)
{
	TIMED_RUN(on_watched_wakeup);
	__u64 now = booked_wake_up_ns(task);
	struct thread_clock *clock;

	if (!agent_lives(now))
		return 0;
	clock = find_clock(task);
	if (clock)
		end_awaited(task, clock, now);
	return 0;
}

/* Attached after on_switch while somebody asks for the other side of waits, so that the clock has its reason already. As
 * there, prev is current, nothing sleeps or allocates, interrupts are off. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_watched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	TIMED_RUN(on_watched_switch);
	__u64 now = bpf_ktime_get_ns();
	struct thread_clock *clock;

	if (!agent_lives(now))
		return 0;
	/* A thread comes to its CPU while its wait is not ended: its wake-up was hidden from us. */
	clock = find_clock(next);
	if (clock)
		end_awaited(next, clock, now);
	clock = find_clock(prev);
	if (clock)
		note_counterpart(prev, clock, true, 0);
	return 0;
}

/* In the waker's context or on the target CPU, run-queue lock held. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	TIMED_RUN(on_wakeup);
	__u64 now = booked_wake_up_ns(task);
	struct thread_clock *clock;

	if (!agent_lives(now))
		return 0;
	clock = find_clock(task);
	if (clock)
		note_wake_up(clock, is_throttled(task) ? REASON_THROTTLED : REASON_RUN_QUEUE, now);
	else
		count(COUNT_CLOCK_MISSING);
	return 0;
}

/* The thread's life begins here: before, nobody could have run it. Run-queue lock held. */
SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	TIMED_RUN(on_wakeup_new);
	struct thread_clock *clock = find_clock(task);
	__u32 slice = slice_number;
	__u64 now = booked_wake_up_ns(task);

	if (!agent_lives(now))
		return 0;
	if (!clock) { /* io_uring workers are made without the fork hook; the iterator finds them */
		count(COUNT_CLOCK_MISSING);
		return 0;
	}
	lock_clock(clock);
	clock->reason = REASON_RUN_QUEUE;
	clock->slice = slice;
	clock->since_ns = now;
	clock->began_ns = now;
	clock->started_ns = now;
	unlock_clock(clock);
	return 0;
}

/* A new process has its parent's mappings until it calls exec: the agent, which will tell the same, needs a few
 * milliseconds, and many processes do not live longer. */
static __always_inline void inherit_mappings(__u32 parent_tgid, __u32 child_tgid)
{
	struct unwind_process *process = bpf_map_lookup_elem(&unwind_processes, &parent_tgid);

	/* Refused, when it is full: the child is not known then, as the parent may be. */
	if (process && parent_tgid != child_tgid)
		bpf_map_update_elem(&unwind_processes, &child_tgid, process, BPF_ANY);
}

/* In the parent, no run-queue lock: the place to make the child's clock. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	TIMED_RUN(on_fork);
	const struct wait_place place = {.stack = {.low = STACK_NEW_THREAD},
					 .reason = REASON_RUN_QUEUE,
					 .syscall = REASON_NO_SYSCALL};
	__u64 now = bpf_ktime_get_ns();

	if (!agent_lives(now))
		return 0;
	inherit_mappings(parent->tgid, child->tgid);
	follow_child(parent->tgid, child->tgid);
	make_sites(child);
	make_clock(child, &place, now);
	return 0;
}

/* In the thread that put its process on a new image, before it runs it. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	TIMED_RUN(on_exec);
	struct exec_record record = {.type = RECORD_EXEC, .tgid = task->tgid};
	struct thread_sites *all = find_sites(task);

	if (!agent_lives(bpf_ktime_get_ns()))
		return 0;
	for (int i = 0; all && i < SITES; i++)
		all->tags[i] = 0; /* same addresses, other code */
	if (all) {
		all->drawn_ns = 0;
		all->outermost_sp = all->once_sp = 0;
	}
	if (bpf_ringbuf_output(&sched_events, &record, sizeof(record), BPF_RB_NO_WAKEUP) != 0)
		count(COUNT_EXEC_RING_FULL);
	return 0;
}

/* In the thread that wants the lock, before it blocks; spinning is time on the CPU. Nothing is taken or allocated here, and
 * nothing but the thread's own clock is touched: no heartbeat is asked for. */
SEC("tp_btf/contention_begin")
int BPF_PROG(on_contention_begin, void *lock, unsigned int flags)
{
	TIMED_RUN(on_contention_begin);
	struct thread_clock *clock;

	if (flags & CONTENTION_SPIN)
		return 0;
	clock = find_clock(current_task());
	if (clock)
		clock->contended = pack_contended(lock, flags & 0xff);
	return 0;
}

/* The same. Within a wait for one lock another may be contended and had, as the spin lock of a mutex. */
SEC("tp_btf/contention_end")
int BPF_PROG(on_contention_end, void *lock, int result)
{
	TIMED_RUN(on_contention_end);
	struct thread_clock *clock = find_clock(current_task());

	if (clock && clock->contended && contended_lock(clock->contended) == (__u64)lock)
		clock->contended = 0;
	return 0;
}

/* Process context, no lock held by us: one call for each thread of the host. */
SEC("iter/task")
int each_thread(struct bpf_iter__task *ctx)
{
	TIMED_RUN(each_thread);
	struct task_struct *task = ctx->task;
	struct thread_clock *clock;

	if (!task || is_idle_task(task))
		return 0;
	clock = find_clock(task);
	if (!clock)
		adopt(task);
	else if (iterator_collects)
		collect(ctx->meta->seq, task, clock);
	return 0;
}

/* As each_thread; run when somebody asks where threads are now. It moves no clock. */
SEC("iter/task")
int look_at_thread(struct bpf_iter__task *ctx)
{
	TIMED_RUN(look_at_thread);
	struct task_struct *task = ctx->task;

	if (task && !is_idle_task(task) && (!dump_tgid || (__u32)task->tgid == dump_tgid))
		tell_where(ctx->meta->seq, task);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
