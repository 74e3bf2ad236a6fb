/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests to block devices: keys and values of the maps that user space reads. Filled only while somebody asks. */
#ifndef SONDE_BPF_ABI_REQUEST_H
#define SONDE_BPF_ABI_REQUEST_H

#include "tables.h"

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* The order is model::RequestOperation's. */
enum request_operation {
	REQUEST_READ,
	REQUEST_WRITE,
	REQUEST_FLUSH, /* a caller's: no data, only that what was written is durable */
	REQUEST_DISCARD,
	REQUEST_OTHER, /* zones, and commands passed through to a device */
	REQUEST_OPERATIONS,
};

/* Whom a request is told for. The order is model::RequestOrigin's. */
enum request_origin {
	REQUEST_ASKED,	      /* who made it, for itself */
	REQUEST_WRITTEN_BACK, /* who dirtied the pages that a thread of the kernel writes back */
	/* The kernel's thread that writes back pages: */
	REQUEST_OF_SEVERAL, /* ... that several processes dirtied */
	REQUEST_OF_UNKNOWN, /* ... of which some were dirtied before anybody asked, or who did is not remembered */
	REQUEST_ORIGINS,
};

/* request_sums: what a process asked of a device at a stack. */
struct request_key {
	/* Where it was made, or its pages dirtied; STACK_UNSEEN: before anybody asked, or where the kernel does not tell. */
	struct stack_id stack;
	__u32 tgid;	 /* 0 with STACK_UNSEEN */
	__u32 device;	 /* major number << 20 | minor number of the whole disk */
	__u32 operation; /* enum request_operation */
	__u16 is_sync;	 /* somebody waits for it, as the kernel sees it */
	__u16 origin;	 /* enum request_origin */
};

struct request_sum {
	__u64 count; /* that ended in the slice */
	__u64 ns;    /* from when the kernel made them to their end, as /proc/diskstats has it */
	__u64 queue_ns;	 /* the part before the device had them */
	__u64 device_ns; /* and after; both 0 where that instant is not known */
	__u64 bytes;
	__u64 longest_ns;
	__u32 lengths[WAIT_BUCKETS]; /* as of wait_sum */
};

/* requests_under_way: by the address of the kernel's own record. */
struct request_under_way {
	struct request_key key;
	__u64 start_ns;
	__u64 issue_ns; /* when the device last got it; 0: not yet */
	__u32 is_of_kernel; /* a thread of the kernel made it, maybe for somebody else */
	__u32 padding;
};

/* dirty_pages: who made a page of a file dirty, by the address of the kernel's record of it (of the first, where several
 * are one). */
struct dirtier {
	struct stack_id stack; /* user frames alone, but of a thread of the kernel */
	__u32 tgid;	       /* SEVERAL_DIRTIERS: another one while the page was about to be written */
	__u32 is_issued;       /* the page is on its way to a device: whoever dirties it next begins anew */
};

#define SEVERAL_DIRTIERS (~0u)

#ifdef __cplusplus
static_assert(sizeof(request_key) == 32 && sizeof(request_sum) == 176 && sizeof(request_under_way) == 56 &&
	      sizeof(dirtier) == 24);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct request_key) == 32, "no hidden padding in a key");
_Static_assert(sizeof(struct request_sum) == 176, "read as 176 bytes by the agent");
_Static_assert(sizeof(struct request_under_way) == 56, "read as 56 bytes by the agent");
_Static_assert(sizeof(struct dirtier) == 24, "read as 24 bytes by the agent");
#endif

#endif
