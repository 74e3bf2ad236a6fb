/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The agent says ten times a second that it lives. Programs whose agent hangs do nothing any more: nobody would empty their
 * maps, and whatever made it hang is no time to take any from the host. (When it dies, the kernel detaches them.)
 */
#ifndef SONDE_BPF_LIB_HEARTBEAT_BPF_H
#define SONDE_BPF_LIB_HEARTBEAT_BPF_H

#include "../abi/tables.h"
#include "kernel_types.h"

/* CLOCK_MONOTONIC, written by the agent. */
volatile __u64 heartbeat_ns = 0;

static __always_inline bool agent_lives(__u64 now)
{
	return (__s64)(now - heartbeat_ns) < (__s64)HEARTBEAT_PATIENCE_NS;
}

#endif
