/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One stack as the walker saw it, at the instant at which the kernel dumped its registers and stack memory. */
#ifndef SONDE_TESTS_ORACLE_ORACLE_RECORD_H
#define SONDE_TESTS_ORACLE_ORACLE_RECORD_H

#include "../../bpf/abi/stack.h"

struct oracle_record {
  __u32 cpu;
  __u32 tgid;
  __u32 tid;
  __u32 stop; /* enum unwind_stop */
  __u32 frames;
  __u32 padding;
  __u64 time_ns; /* monotonic */
  __u64 ip;
  __u64 sp;
  __u64 frame[SONDE_USER_FRAMES];
};

#endif
