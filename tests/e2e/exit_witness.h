/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between exit_witness.bpf.c and exit_witness.cpp. */
#ifndef SONDE_TESTS_E2E_EXIT_WITNESS_H
#define SONDE_TESTS_E2E_EXIT_WITNESS_H

#include <linux/types.h>

/* Sums over the threads of one process that have exited; the last two also over the others. */
struct last_words {
  __u64 threads;
  __u64 life_ns; /* since each was made */
  __u64 cpu_ns;
  __u64 run_queue_ns;
  __u64 slept_in_queue_ns; /* of run_queue_ns, in truth asleep */
  __u64 unbooked_ns;       /* in the run queue in truth, and not in run_queue_ns */
};

#endif
