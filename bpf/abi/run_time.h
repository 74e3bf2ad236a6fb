/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs cost, as they tell it themselves. */
#ifndef SONDE_BPF_ABI_RUN_TIME_H
#define SONDE_BPF_ABI_RUN_TIME_H

#include <linux/types.h>

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* Every program of every object, by the name of its function. */
#define TIMED_PROGRAMS(X) \
	X(on_tick) \
	X(on_switch) X(on_waking) X(on_wakeup) X(on_wakeup_new) X(on_watched_wakeup) X(on_watched_switch) \
	X(on_fork) X(on_exec) X(on_contention_begin) X(on_contention_end) X(each_thread) X(look_at_thread) \
	X(on_user_fault) X(on_kernel_fault) X(on_growth) \
	X(on_start) X(on_insert) X(on_issue) X(on_merge) X(on_complete) X(on_done) X(on_dirty_folio) X(on_dirty_page) \
	X(join_done) X(join_issue) X(join_complete) X(join_waking) \
	X(on_state) X(on_retransmit) X(on_reset_received) X(on_reset_sent)

#define TIMED_PROGRAM_NUMBER(name) TIMED_##name,
enum timed_program { TIMED_PROGRAMS(TIMED_PROGRAM_NUMBER) TIMED_PROGRAM_COUNT };
#undef TIMED_PROGRAM_NUMBER

/* run_times: of a program on a CPU, while runs are timed. */
struct run_time {
	__u64 ns;
	__u64 runs;
};

#ifdef __cplusplus
}  // namespace sonde::abi
#endif

#endif
