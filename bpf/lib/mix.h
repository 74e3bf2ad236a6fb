/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hashes of stacks and of what is found in them. */
#ifndef SONDE_BPF_LIB_MIX_H
#define SONDE_BPF_LIB_MIX_H

#include <linux/types.h>

static inline __attribute__((always_inline)) __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
	return hash ^ (hash >> 29);
}

/* A second lane, independent of the first: equal pairs for different stacks are then not a practical concern. */
static inline __attribute__((always_inline)) __u64 mix_other(__u64 hash, __u64 word)
{
	hash = (hash + ((word << 31) | (word >> 33))) * 0xC2B2AE3D27D4EB4FULL;
	return hash ^ (hash >> 32);
}

#endif
