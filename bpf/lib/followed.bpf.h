/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes that somebody follows: a command, and all that it and they fork, however short they live. Told at fork, in the
 * parent, so that none is missed. Include once per object.
 */
#ifndef SONDE_BPF_LIB_FOLLOWED_BPF_H
#define SONDE_BPF_LIB_FOLLOWED_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "counters.bpf.h"

#define FOLLOWED_ENTRIES 4096

/* Process -> the command that it is of. Preallocated: 4,096 x 64 B = 0.3 MB. The agent puts commands in, and takes out what has
 * ended as slices end: so many processes may live, or end, within ten seconds. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FOLLOWED_ENTRIES);
	__type(key, __u32);
	__type(value, __u32);
} followed SEC(".maps");

/* How many commands are followed, written by the agent: without any, a fork costs a load more. */
volatile __u32 commands_followed = 0;

static __always_inline void follow_child(__u32 parent_tgid, __u32 child_tgid)
{
	__u32 *command;

	if (!commands_followed || parent_tgid == child_tgid)
		return;
	command = bpf_map_lookup_elem(&followed, &parent_tgid);
	if (command && bpf_map_update_elem(&followed, &child_tgid, command, BPF_ANY) != 0)
		count(COUNT_FOLLOWED_REFUSED);
}

#endif
