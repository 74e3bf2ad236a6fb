// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Off-CPU and the thread clock: every switch, wake-up, fork, exec and exit, by BTF tracepoints, which exclude only
 * themselves on a CPU. Times are exact; stacks are walked at switch-out, where the thread is current.
 */
#include "../lib/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "../lib/compat.bpf.h"
#include "../lib/counters.bpf.h"
#include "../lib/scheduler_time.bpf.h"
#include "../lib/stack.bpf.h"
#include "../lib/thread_clock.bpf.h"
#include "../lib/wait_site.bpf.h"
#include "../lib/wait_sums.bpf.h"

#define STACK_ENTRIES 16384

struct stacks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STACK_ENTRIES);
	__type(key, struct stack_id);
	__type(value, __u8);
};

/* Stacks whose frames went out in the slice; 1.3 MB each. Emptied by the agent. */
struct stacks_map sent_stacks_even SEC(".maps");
struct stacks_map sent_stacks_odd SEC(".maps");

/* Frames of new stacks, accounts of exited threads, execs. 2 MiB holds 16,000 exits between two looks of the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} sched_events SEC(".maps");

/* Entries made in the current slice; the agent ends the slice before the map is full, and sets it back. */
volatile __u64 stack_entries_made = 0;

/* A reused stack is walked all the same once in so many times. */
const volatile __u32 site_check_share = 64;

/* Where the kernel's scheduler code lies, as kallsyms tells; both 0 when it does not. */
const volatile __u64 scheduler_text_start = 0;
const volatile __u64 scheduler_text_end = 0;

/* What the iterator does: make the clocks of threads that live already, or collect the slice before the current one. */
volatile bool iterator_collects = false;

static __always_inline void *sent_stacks_of_slice(__u32 slice)
{
	return slice & 1 ? (void *)&sent_stacks_odd : (void *)&sent_stacks_even;
}

static __always_inline bool is_idle_task(struct task_struct *task)
{
	return task->pid == 0;
}

/* Sends the frames of the walked stack once a slice. False when they could not be sent: the stack is lost then. */
static __always_inline bool send_stack(__u32 slice, struct stack_record *record)
{
	void *sent = sent_stacks_of_slice(slice);
	__u8 yes = 1;

	if (bpf_map_lookup_elem(sent, &record->id))
		return true;
	if (bpf_ringbuf_output(&sched_events, record, stack_record_bytes(record), BPF_RB_NO_WAKEUP) != 0) {
		count(COUNT_WAIT_RING_FULL);
		return false;
	}
	/* Refused: it will be sent again, which costs room in the ring and loses nothing. */
	if (bpf_map_update_elem(sent, &record->id, &yes, BPF_ANY) == 0)
		__sync_fetch_and_add(&stack_entries_made, 1);
	return true;
}

/* How many leading kernel frames are the tracing machinery's, above the scheduler. */
static __always_inline __u32 tracing_frames(const struct stack_record *record)
{
	const __u32 most = 8;

	for (__u32 i = 0; i < most; i++) {
		if (i >= record->kernel_frames)
			break;
		if (record->frames[i] >= scheduler_text_start && record->frames[i] < scheduler_text_end)
			return i;
	}
	return 0;
}

static __always_inline void describe(struct stack_record *record, struct task_struct *task, __u32 flags)
{
	record->type = RECORD_STACK;
	record->tgid = task->tgid;
	record->flags = flags;
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
}

/* Walks the stack of the current task, sends it if it is new in the slice, and gives its id. */
static __always_inline struct stack_id walk_and_send(void *ctx, struct task_struct *task, __u32 slice,
						     struct walk_state *state, bool has_user)
{
	struct stack_id lost = {.low = STACK_LOST};
	struct stack_record *record = &state->record;

	count(COUNT_STACK_WALKS);
	describe(record, task, 0);
	take_kernel_stack(ctx, record, 1);
	hash_kernel_stack(state, tracing_frames(record));
	forget_slots(state); /* a kernel thread has none */
	if (has_user && !take_user_stack(state))
		count(COUNT_WAIT_USER_FAULT);
	count_stop(record->stop);
	finish_hash(state);
	return send_stack(slice, record) ? record->id : lost;
}

static __always_inline bool is_lost(const struct stack_id *id)
{
	return id->high == 0;
}

/* Whether the walk ended at what the agent may know a moment later: such a stack is not to be used again. */
static __always_inline bool ended_too_early(const struct stack_record *record)
{
	return record->stop == UNWIND_STOP_NO_PROCESS || record->stop == UNWIND_STOP_NO_MAPPING ||
	       record->stop == UNWIND_STOP_NO_TABLE;
}

static __always_inline void keep_site(struct thread_sites *all, const struct user_registers *regs, __u32 tag, __u32 slice,
				      struct stack_id id, const struct walk_state *state,
				      struct switch_scratch *scratch)
{
	struct wait_site *site = place_for_site(all, tag, scratch);

	site->registers = *regs;
	site->slice = slice;
	site->stack = id;
	keep_user_slots(state, site);
	find_kernel_slots(scratch, &state->record, site);
}

/* Of a thread that blocks: one of its last sites', when the return addresses are still in place, else a walk. A kernel
 * thread has no user registers; zeros stand for them. */
static __always_inline struct stack_id stack_of_blocked(void *ctx, struct task_struct *prev, __u32 slice,
							struct thread_sites *all, struct walk_state *state,
							struct switch_scratch *scratch)
{
	bool has_user = !(prev->flags & PF_KTHREAD);
	struct user_registers regs = {};
	struct wait_site *site = NULL;
	struct stack_id id;
	bool copied;
	__u32 tag;

	if (has_user)
		has_user = read_user_registers(prev, &regs);
	tag = tag_of(&regs);
	copied = copy_kernel_top(ctx, scratch);
	if (copied)
		site = find_site(all, &regs, tag, slice, scratch);
	if (site && has_user)
		copy_user_top(scratch, regs.sp);
	if (site && !(user_top_is(scratch, site) && kernel_top_is(scratch, site)))
		site = NULL;
	if (site) {
		count(COUNT_SITE_HITS);
		if (site_check_share == 0 || bpf_get_prandom_u32() % site_check_share != 0)
			return site->stack;
		count(COUNT_SITE_CHECKS);
	}

	id = walk_and_send(ctx, prev, slice, state, has_user);
	if (is_lost(&id) || !copied || ended_too_early(&state->record))
		return id;
	if (!site) {
		keep_site(all, &regs, tag, slice, id, state, scratch);
		return id;
	}
	if (id.low != site->stack.low || id.high != site->stack.high)
		count(COUNT_SITE_WRONG);
	site->stack = id;
	return id;
}

/* Of a thread that would run on: it stops anywhere, so that its sites do not come again. Looked at as often as the on-CPU
 * profile looks, a hundred times a second; in between its last stack stands. Its time stays exact. */
static __always_inline struct stack_id stack_of_preempted(void *ctx, struct task_struct *prev, __u32 slice, __u64 now,
							  struct thread_sites *all, struct walk_state *state)
{
	if (all->drawn_slice == slice && now - all->drawn_ns < DRAWN_NS && all->drawn.high != 0) {
		count(COUNT_STACK_HELD);
		return all->drawn;
	}
	all->drawn = walk_and_send(ctx, prev, slice, state, !(prev->flags & PF_KTHREAD));
	all->drawn_slice = slice;
	all->drawn_ns = now;
	return all->drawn;
}

static __always_inline struct stack_id stack_at_switch_out(void *ctx, struct task_struct *prev, bool is_preempted,
							   __u32 slice, __u64 now)
{
	struct walk_state *state = walk_state_of_cpu();
	struct thread_sites *all = find_sites(prev);
	struct stack_id lost = {.low = STACK_LOST};
	struct switch_scratch *scratch;
	__u32 zero = 0;

	scratch = bpf_map_lookup_elem(&switch_scratches, &zero);
	if (!scratch || !state)
		return lost;
	if (!all)
		return walk_and_send(ctx, prev, slice, state, !(prev->flags & PF_KTHREAD));
	if (is_preempted)
		return stack_of_preempted(ctx, prev, slice, now, all, state);
	return stack_of_blocked(ctx, prev, slice, all, state, scratch);
}

/* The last switch of a thread: its account goes out whole, since nothing can be asked of it later. */
static __always_inline void send_exit(struct task_struct *task, struct thread_clock *clock, __u64 now)
{
	struct thread_exit_record record = {.type = RECORD_THREAD_EXIT, .ended_ns = now};
	__u64 address = (__u64)task;

	record.thread.tgid = task->tgid;
	record.thread.tid = task->pid;
	lock_clock(clock);
	record.slice = clock->slice;
	record.thread.started_ns = clock->started_ns;
	record.has_previous = clock->has_previous;
	for (int i = 0; i < THREAD_STATES; i++) {
		record.thread.ns[i] = clock->ns[i];
		record.previous_ns[i] = clock->previous_ns[i];
	}
	clock->has_previous = 0;
	unlock_clock(clock);
	add_all_held(clock, task->tgid, NO_SLICE);
	BPF_CORE_READ_INTO(&record.thread.comm, task, comm);
	BPF_CORE_READ_INTO(&record.thread.group_comm, task, group_leader, comm);
	if (bpf_ringbuf_output(&sched_events, &record, sizeof(record), BPF_RB_NO_WAKEUP) != 0)
		count(COUNT_EXIT_RING_FULL);
	if (!clocks_in_task_storage)
		bpf_map_delete_elem(&clocks_by_task, &address);
	drop_sites(task);
}

/*
 * The thread leaves a CPU that it was never seen to come to: the switch was hidden from us, as some kernels hide those of
 * protected threads. The scheduler's own clock tells how long it ran; before that it waited.
 */
static __always_inline void repair_missed_switch_in(struct task_struct *prev, struct thread_clock *clock,
						    const struct slice_bound *bound, __u64 now)
{
	__u64 ran = prev->se.sum_exec_runtime - prev->se.prev_sum_exec_runtime;
	struct wait_key key = {.tgid = prev->tgid};
	struct spent spent = {};
	__u64 came = now - ran;

	count(COUNT_SWITCH_MISSED);
	lock_clock(clock);
	key.state = clock->state;
	key.stack = clock->wait_stack;
	settle(clock, bound, came, &spent);
	clock->state = THREAD_ON_CPU;
	unlock_clock(clock);
	add_spent(bound, &key, &spent, 1);
}

static __always_inline void leave_cpu(void *ctx, bool preempt, struct task_struct *prev,
				      const struct slice_bound *bound, __u64 now)
{
	struct thread_clock *clock = find_clock(prev);
	struct spent spent = {};
	struct stack_id stack;
	__u32 state;

	if (!clock) {
		count(COUNT_CLOCK_MISSING);
		return;
	}
	state = task_state(prev);
	if (!preempt && (state & TASK_DEAD))
		state = THREAD_DEAD;
	else
		state = preempt || state == 0 ? THREAD_RUN_QUEUE : THREAD_BLOCKED;
	if (state != THREAD_DEAD)
		stack = stack_at_switch_out(ctx, prev, state == THREAD_RUN_QUEUE, bound->number, now);
	else
		stack = (struct stack_id){};

	if (clock->state != THREAD_ON_CPU)
		repair_missed_switch_in(prev, clock, bound, now);
	lock_clock(clock);
	settle(clock, bound, now, &spent);
	clock->state = state;
	clock->wait_stack = stack;
	unlock_clock(clock);
	if (spent.skipped)
		count(COUNT_CLOCK_SKIPPED);
	if (state == THREAD_DEAD)
		send_exit(prev, clock, now);
}

/* A thread that moves on from the run queue (to a CPU) or from blocked (to the run queue): the wait's part ends. */
static __always_inline void end_wait(struct task_struct *task, __u32 next_state, const struct slice_bound *bound,
				     __u64 now)
{
	struct thread_clock *clock = find_clock(task);
	struct spent spent = {};
	struct wait_key key = {.tgid = task->tgid};

	if (!clock) {
		count(COUNT_CLOCK_MISSING);
		return;
	}
	lock_clock(clock);
	key.state = clock->state;
	/* A wake-up may find the thread still on its CPU, or already in the run queue: nothing changed then. */
	if (next_state == THREAD_RUN_QUEUE && key.state != THREAD_BLOCKED) {
		unlock_clock(clock);
		return;
	}
	settle(clock, bound, now, &spent);
	clock->state = next_state;
	key.stack = clock->wait_stack;
	end_wait_in_clock(clock, &key, bound, &spent);
	if (next_state == THREAD_ON_CPU)
		count(COUNT_WAITS);
}

/* Runs with the run-queue lock held and interrupts off: nothing here sleeps, allocates or wakes anybody; one pass is
 * under 5 us. prev is current, so its user memory is there to be read. */
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct slice_bound bound = current_slice();
	/* One instant for both, before any work: what the hook itself takes is the next thread's time on the CPU, as in the
	 * scheduler's own books, and not its wait. */
	__u64 now = booked_switch_ns(prev);

	if (!is_idle_task(prev))
		leave_cpu(ctx, preempt, prev, &bound, now);
	if (!is_idle_task(next))
		end_wait(next, THREAD_ON_CPU, &bound, now);
	return 0;
}

/* In the waker's context or on the target CPU, run-queue lock held. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_wakeup, struct task_struct *task)
{
	struct slice_bound bound = current_slice();

	end_wait(task, THREAD_RUN_QUEUE, &bound, booked_wake_up_ns(task));
	return 0;
}

/* The thread's life begins here: before, nobody could have run it. Run-queue lock held. */
SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_wakeup_new, struct task_struct *task)
{
	struct thread_clock *clock = find_clock(task);
	__u32 slice = slice_number;
	__u64 now = booked_wake_up_ns(task);

	if (!clock) { /* io_uring workers are made without the fork hook; the iterator finds them */
		count(COUNT_CLOCK_MISSING);
		return 0;
	}
	lock_clock(clock);
	clock->state = THREAD_RUN_QUEUE;
	clock->slice = slice;
	clock->since_ns = now;
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
	inherit_mappings(parent->tgid, child->tgid);
	make_sites(child);
	make_clock(child, THREAD_RUN_QUEUE, bpf_ktime_get_ns(), STACK_NEW_THREAD);
	return 0;
}

/* In the thread that put its process on a new image, before it runs it. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	struct exec_record record = {.type = RECORD_EXEC, .tgid = task->tgid};
	struct thread_sites *all = find_sites(task);

	for (int i = 0; all && i < SITES; i++)
		all->tags[i] = 0; /* same addresses, other code */
	if (all)
		all->drawn_ns = 0;
	if (bpf_ringbuf_output(&sched_events, &record, sizeof(record), BPF_RB_NO_WAKEUP) != 0)
		count(COUNT_EXEC_RING_FULL);
	return 0;
}

/* The state of a thread that lives already when the agent starts. */
static __always_inline __u32 observed_state(struct task_struct *task)
{
	if (task->on_cpu)
		return THREAD_ON_CPU;
	return task_state(task) == 0 ? THREAD_RUN_QUEUE : THREAD_BLOCKED;
}

/* The kernel stack of a thread that sleeps already; of its user stack nothing can be read from here. */
static __always_inline struct stack_id stack_of_sleeper(struct task_struct *task, struct walk_state *state)
{
	struct stack_id unseen = {.low = STACK_UNSEEN};
	struct stack_record *record = &state->record;
	long bytes = bpf_get_task_stack(task, record->frames, KERNEL_FRAME_BYTES, 0);

	if (bytes <= 0)
		return unseen;
	record->kernel_frames = (__u32)bytes / sizeof(__u64);
	record->user_frames = 0;
	record->stop = UNWIND_STOP_NONE;
	describe(record, task, STACK_ASLEEP_SINCE_BEFORE);
	hash_kernel_stack(state, 0);
	finish_hash(state);
	return send_stack(slice_number, record) ? record->id : unseen;
}

/* One stack in the making; the iterator is read by one thread of the agent at a time. 14 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_state);
} iterator_state SEC(".maps");

static __always_inline void adopt(struct task_struct *task)
{
	__u32 zero = 0, state = observed_state(task);
	struct walk_state *walk = bpf_map_lookup_elem(&iterator_state, &zero);
	struct thread_clock *clock;
	struct stack_id stack;

	if (iterator_collects)
		count(COUNT_CLOCK_LATE);
	clock = make_clock(task, state, bpf_ktime_get_ns(), STACK_UNSEEN);
	make_sites(task);
	if (!clock || !walk || state != THREAD_BLOCKED)
		return;
	stack = stack_of_sleeper(task, walk);
	lock_clock(clock);
	/* Unless it moved meanwhile. */
	if (clock->state == THREAD_BLOCKED && clock->wait_stack.low == STACK_UNSEEN && clock->wait_stack.high == 0)
		clock->wait_stack = stack;
	unlock_clock(clock);
}

/* Closes the previous slice in the clock and writes its account. */
static __always_inline void collect(struct seq_file *seq, struct task_struct *task, struct thread_clock *clock)
{
	struct slice_bound bound = current_slice();
	struct thread_record record = {.tgid = task->tgid, .tid = task->pid};
	struct wait_key key = {.tgid = task->tgid};
	struct spent spent = {};
	bool has_previous;

	lock_clock(clock);
	key.state = clock->state;
	key.stack = clock->wait_stack;
	if (key.state == THREAD_DEAD) { /* its exit record tells all */
		unlock_clock(clock);
		return;
	}
	roll(clock, &bound, &spent);
	has_previous = clock->has_previous;
	clock->has_previous = 0;
	record.started_ns = clock->started_ns;
	for (int i = 0; i < THREAD_STATES; i++)
		record.ns[i] = clock->previous_ns[i];
	unlock_clock(clock);

	add_spent(&bound, &key, &spent, 0);
	add_all_held(clock, task->tgid, bound.number);
	if (!has_previous) /* it began after the slice */
		return;
	BPF_CORE_READ_INTO(&record.comm, task, comm);
	BPF_CORE_READ_INTO(&record.group_comm, task, group_leader, comm);
	bpf_seq_write(seq, &record, sizeof(record));
}

/* Process context, no lock held by us: one call for each thread of the host. */
SEC("iter/task")
int each_thread(struct bpf_iter__task *ctx)
{
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
