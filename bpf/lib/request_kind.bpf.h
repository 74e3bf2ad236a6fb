/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request asks of a block device. Include once per object. */
#ifndef SONDE_BPF_LIB_REQUEST_KIND_BPF_H
#define SONDE_BPF_LIB_REQUEST_KIND_BPF_H

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../abi/request.h"

/* By request.cmd_flags, of so many bytes to be done, or done now. A write of nothing is a flush. */
static __always_inline __u32 operation_of(__u32 flags, __u32 bytes)
{
	switch (flags & REQ_OP_MASK) {
	case REQ_OP_READ:
		return REQUEST_READ;
	case REQ_OP_WRITE:
	case REQ_OP_WRITE_ZEROES:
		return bytes ? REQUEST_WRITE : REQUEST_FLUSH;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		return REQUEST_DISCARD;
	}
	return REQUEST_OTHER;
}

/* Of request.rq_flags, as the agent finds it in BTF. It is not relocated: for a type that the kernel lacks libbpf looks through the
 * BTF of modules, which is for CAP_SYS_ADMIN alone. */
const volatile __u32 flush_step_bit = 4;

/* A write that is flushed before or after is done in parts, of which this is not the last. */
static __always_inline bool is_within_flush(struct request *rq)
{
	return rq->rq_flags & 1u << flush_step_bit;
}

/* What the kernel itself sends to a device on behalf of all flushes that wait: theirs is the time, not its own. */
static __always_inline bool serves_flushes(struct request *rq)
{
	return (rq->cmd_flags & REQ_OP_MASK) == REQ_OP_FLUSH;
}

#endif
