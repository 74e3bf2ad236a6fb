/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries of maps that user space drains. */
#ifndef SONDE_BPF_LIB_FIND_OR_MAKE_BPF_H
#define SONDE_BPF_LIB_FIND_OR_MAKE_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "counters.bpf.h"

/* The entry at `key`; made as `fresh` if need be, which `made` counts. Null when it is refused, counted as `full` or `busy`. */
static __always_inline void *find_or_make(void *map, const void *key, const void *fresh, volatile __u64 *made, __u32 full,
					  __u32 busy)
{
	const long eexist = -17;
	void *entry = bpf_map_lookup_elem(map, key);
	long error;

	if (entry)
		return entry;
	error = bpf_map_update_elem(map, key, fresh, BPF_NOEXIST);
	if (error == 0)
		__sync_fetch_and_add(made, 1);
	else if (error != eexist)
		count_refusal(error, full, busy);
	return bpf_map_lookup_elem(map, key);
}

#endif
