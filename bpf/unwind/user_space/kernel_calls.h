/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What <bpf/bpf_helpers.h> declares, where the walker is compiled for user space. */
#ifndef SONDE_BPF_UNWIND_USER_SPACE_KERNEL_CALLS_H
#define SONDE_BPF_UNWIND_USER_SPACE_KERNEL_CALLS_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#define SEC(name)
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[]
#define barrier_var(variable) __asm__ volatile("" : "+r"(variable))

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_probe_read_user(void *to, __u32 bytes, const void *from);

#endif
