/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long a thing took from end to end, as one of the powers of two of struct wait_sum. */
#ifndef SONDE_BPF_LIB_LENGTH_BUCKET_BPF_H
#define SONDE_BPF_LIB_LENGTH_BUCKET_BPF_H

#include "../abi/tables.h"

/* A global function, so that the verifier does not follow each answer; not to be called under a clock's lock. */
__attribute__((noinline)) int bucket_of_length(__u64 length_ns)
{
	__u64 rest = length_ns >> WAIT_FIRST_BUCKET_SHIFT;
	int bucket = 0;

	for (int i = 0; i < WAIT_BUCKETS - 1; i++) {
		if (rest >> i == 0)
			break;
		bucket = i + 1;
	}
	return bucket;
}

#endif
