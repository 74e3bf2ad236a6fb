/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Waits that the end of a request to a block device ended. Filled only while somebody asks. */
#ifndef SONDE_BPF_ABI_REQUEST_WAIT_H
#define SONDE_BPF_ABI_REQUEST_WAIT_H

#include "stack.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* request_waits: a process's waits at a stack, by what ended them. */
struct request_wait_key {
	struct stack_id stack; /* of the wait, and marked as its key is */
	__u32 tgid;
	__u16 reason;	 /* enum reason */
	__u16 operation; /* enum request_operation */
	__u32 device;	 /* as of request_key */
	__u32 is_swap;	 /* memory comes back from swap: not a file's */
};

struct request_wait_sum {
	__u64 count;	  /* waits that were ended */
	__u64 ns;	  /* from end to end */
	__u64 request_ns; /* of these waits' requests, each from when the kernel made it to its end */
	__u64 queue_ns;	  /* the part before the device had it */
	__u64 device_ns;  /* and after; both 0 where that instant is not known */
	__u64 bytes;
};

#ifdef __cplusplus
static_assert(sizeof(request_wait_key) == 32 && sizeof(request_wait_sum) == 48);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct request_wait_key) == 32, "no hidden padding in a key");
_Static_assert(sizeof(struct request_wait_sum) == 48, "read as 48 bytes by the agent");
#endif

#endif
