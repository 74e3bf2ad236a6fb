/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unwinding tables. Made once by the agent and given to every object that walks. Walks only look up here, and
 * look-ups in arrays and in a preallocated hash wait for nobody, so that one in NMI may share them with all others.
 */
#ifndef SONDE_BPF_UNWIND_TABLES_BPF_H
#define SONDE_BPF_UNWIND_TABLES_BPF_H

#ifdef __bpf__
#include <bpf/bpf_helpers.h>
#else
#include "user_space/kernel_calls.h"
#endif

#include "../abi/unwind.h"

/* Equal shapes keep the look-up inlined. 1 MiB, written through a mapping. */
struct unwind_arena {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_BLOCKS_PER_ARENA);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct unwind_block));
};

/* Rows, in arenas that come and go with the tables: 1 MiB each, 24 MiB for six million rows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_ARENAS);
	__type(key, __u32);
	__array(values, struct unwind_arena);
} unwind_arenas SEC(".maps");

/* Where each page's rows are; a file's pages are consecutive. 512 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_PAGES);
	__type(key, __u32);
	__type(value, struct unwind_page);
} unwind_pages SEC(".maps");

/* 512 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_ESCAPES);
	__type(key, __u32);
	__type(value, struct unwind_escape);
} unwind_escapes SEC(".maps");

/* By file id. 512 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_FILES);
	__type(key, __u32);
	__type(value, struct unwind_file);
} unwind_files SEC(".maps");

/* Slabs of mappings; processes with equal mappings share one, others have six to ten. 1.5 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_MAPPINGS);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} unwind_mappings SEC(".maps");

/* By process id; a fork copies its parent's. Preallocated, as old kernels demand for perf events: 1.2 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_PROCESSES);
	__type(key, __u32);
	__type(value, struct unwind_process);
} unwind_processes SEC(".maps");

#endif
