/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Unwinding tables, as agent/elf compiles them from CFI, agent/unwind puts them into maps and bpf/unwind walks by them.
 * x86-64: a frame is known by rsp, rbp and rip. Stack memory grows down; "CFA" is DWARF's, the caller's rsp.
 */
#ifndef SONDE_BPF_ABI_UNWIND_H
#define SONDE_BPF_ABI_UNWIND_H

#include <linux/types.h>

#ifdef __cplusplus
namespace sonde::abi {
#endif

/* Code is cut into pages of 64 KiB of file offsets; rows of one page are sorted by `pc`, the first at pc 0 of its page,
 * and each holds until the next. */
#define UNWIND_PAGE_SHIFT 16
#define UNWIND_PAGE_BYTES (1u << UNWIND_PAGE_SHIFT)

struct unwind_row {
	__u16 pc;   /* offset of the first byte within the page */
	__u16 rule; /* see below */
};

/*
 * A rule: bit 15: the CFA counts from rsp (0) or rbp (1); bits 5-14: CFA offset in words of 8 bytes (0 to 1023);
 * bits 0-4: rbp of the caller: 0 as it is, 2 to 31 saved at CFA - 8k, 1: escape. The return address is at CFA - 8.
 * Escape: bits 5-15 are a command below UNWIND_COMMANDS, or UNWIND_COMMANDS + the index of one of the file's escapes.
 */
#define UNWIND_RULE_FROM_RBP 0x8000u
#define UNWIND_RULE_CFA_SHIFT 5
#define UNWIND_RULE_CFA_WORDS 0x3ffu
#define UNWIND_RULE_RBP 0x1fu
#define UNWIND_RBP_KEPT 0u
#define UNWIND_RBP_ESCAPE 1u
#define UNWIND_RULE_INDEX_BITS 11

enum unwind_command {
	UNWIND_UNCOVERED, /* no CFI says anything about this code */
	UNWIND_BOTTOM,	  /* the return address is undefined: the outermost frame */
	UNWIND_PLT_10,	  /* CFA = rsp + 8 + ((rip & 15) >= 10 ? 8 : 0), rbp kept */
	UNWIND_PLT_11,	  /* the same with 11 */
	UNWIND_SIGNAL,	  /* the kernel's signal frame: rsp points to a struct ucontext; all registers come from it */
	UNWIND_BAD_RULE,  /* CFI that this format cannot say */
	UNWIND_FRAME_POINTER, /* CFA = rbp + 16, rbp at CFA - 16: a file without CFI */
	UNWIND_OTHER_STACK,   /* the same, but rbp points into another stack: a function of Go's that has changed stacks */
	UNWIND_COMMANDS = 16,
};

/* Registers by their DWARF number: 0 rax, 1 rdx, 2 rcx, 3 rbx, 4 rsi, 5 rdi, 6 rbp, 7 rsp, 8 to 15 r8 to r15. Others than
 * rbp and rsp are known in the innermost frame, and where a signal interrupted, only. */
#define UNWIND_REGISTERS 16
#define UNWIND_RBP 6
#define UNWIND_RSP 7
#define UNWIND_RIP 16 /* DWARF's return address */

enum unwind_escape_flags {
	UNWIND_CFA_LOADED = 1,	     /* CFA = *(register + cfa_offset) + cfa_addend; else register + cfa_offset */
	UNWIND_RBP_SAVED = 2,	     /* rbp at *(CFA + rbp_offset), or with RBP_FROM_REGISTER at *(register + rbp_offset) */
	UNWIND_RBP_FROM_REGISTER = 4, /* ... of rbp_register */
	UNWIND_RA_IN_REGISTER = 8,   /* return address in ra_register (innermost frame only); else at *(CFA + ra_offset) */
	UNWIND_RBP_UNKNOWN = 16,     /* rbp of the caller cannot be told; what needs it later must stop */
};

struct unwind_escape {
	__u8 flags;
	__u8 cfa_register;
	__u8 rbp_register;
	__u8 ra_register;
	__s32 cfa_offset;
	__s32 rbp_offset;
	union {
		__s32 ra_offset;  /* without UNWIND_CFA_LOADED */
		__s32 cfa_addend; /* with it; the return address is then at CFA - 8 */
	};
};

/* Rows lie in blocks: one value of a map each, 256 KiB. All rows of a page are in one block, which leaves a part of it empty at
 * the end: half a page's on average, and pages of libraries have 3,000 to 10,000. */
#define UNWIND_BLOCK_ROWS 65536
#define UNWIND_PAGE_ROWS 16384 /* at most */
#define UNWIND_BLOCKS_PER_ARENA 4
#define UNWIND_ARENAS 128 /* of 1 MiB: 128 MiB at most, made on demand */

struct unwind_block {
	struct unwind_row rows[UNWIND_BLOCK_ROWS];
};

/* Where the rows of a page are. rows == 0: the page is not covered. */
struct unwind_page {
	__u32 block; /* arena * UNWIND_BLOCKS_PER_ARENA + index in it */
	__u16 first;
	__u16 rows;
};

#define UNWIND_FILES 16384
#define UNWIND_PAGES 65536
#define UNWIND_ESCAPES 32768

enum unwind_file_state {
	UNWIND_FILE_EMPTY,   /* not in use */
	UNWIND_FILE_PENDING, /* its table is in the making */
	UNWIND_FILE_READY,
	UNWIND_FILE_NO_CFI,  /* nothing to compile: frame pointers are all there is */
	UNWIND_FILE_REFUSED, /* unreadable, hostile, or over the budget */
};

/* By file id. Id 0 is never given out. */
struct unwind_file {
	__u32 state; /* enum unwind_file_state; written last */
	__u32 first_page;   /* index of struct unwind_page */
	__u32 pages;
	__u32 first_escape; /* index of struct unwind_escape */
	__u32 base_page;    /* file offset >> 16 of the first page */
	__u32 version; /* another with each table that the id gets; written when all but the state is */
	__u32 escapes;
	__u32 uses; /* bumped now and then by the walker: for eviction */
};

#define UNWIND_PROCESSES 16384
#define UNWIND_MAPPINGS 65536
#define UNWIND_MAPPINGS_PER_PROCESS 4096 /* 12 steps of bisection */

/* By process id: its slab of executable mappings, sorted by start, not overlapping. Replaced as a whole. */
struct unwind_process {
	__u32 first_mapping;
	__u32 mappings;
};

#define UNWIND_FILE_ANONYMOUS 0xffff /* executable memory without a file: JIT code, by frame pointers */

struct unwind_mapping {
	__u64 start;
	__u64 bias; /* address + bias = file offset (mod 2^64) */
	__u32 pages; /* of 4 KiB */
	__u32 file; /* id, or UNWIND_FILE_ANONYMOUS */
};

/*
 * A user frame as it leaves the kernel: file id in the upper 16 bits and the file offset in the lower 48; or, with id 0 or
 * UNWIND_FILE_ANONYMOUS, the process address. Return addresses are already less one: what is named is the call.
 */
#define UNWIND_FRAME_FILE_SHIFT 48
#define UNWIND_FRAME_OFFSET ((1ull << UNWIND_FRAME_FILE_SHIFT) - 1)

/* How a walk ended. Only at the bottom is a stack complete. */
enum unwind_stop {
	UNWIND_STOP_NONE,	  /* no user part: a kernel thread */
	UNWIND_STOP_BOTTOM,
	UNWIND_STOP_TRUNCATED,	  /* deeper than the walk may go */
	UNWIND_STOP_NO_PROCESS,	  /* nothing known of the process yet */
	UNWIND_STOP_NO_MAPPING,	  /* address in no executable mapping */
	UNWIND_STOP_NO_TABLE,	  /* the file's table is in the making, or was evicted */
	UNWIND_STOP_FILE_REFUSED, /* the file could not be read */
	UNWIND_STOP_NO_ROW,	  /* the file has CFI, but not for this code */
	UNWIND_STOP_BAD_RULE,	  /* CFI that this walker cannot follow */
	UNWIND_STOP_READ_FAULT,	  /* stack memory not there (paged out, or no stack) */
	UNWIND_STOP_SP_NOT_RISING, /* a caller would lie below its callee */
	UNWIND_STOP_BAD_REGISTERS, /* a rule needs a register that is not known in this frame */
	UNWIND_STOP_BAD_FRAME_POINTER, /* code without CFI whose frame-pointer chain does not hold */
	UNWIND_STOPS,
};

#ifdef __cplusplus
static_assert(sizeof(unwind_row) == 4 && sizeof(unwind_escape) == 16);
static_assert(sizeof(unwind_page) == 8 && sizeof(unwind_file) == 32 && sizeof(unwind_mapping) == 24);
}  // namespace sonde::abi
#else
_Static_assert(sizeof(struct unwind_row) == 4 && sizeof(struct unwind_escape) == 16, "packed by the agent");
_Static_assert(sizeof(struct unwind_page) == 8 && sizeof(struct unwind_file) == 32, "packed by the agent");
_Static_assert(sizeof(struct unwind_mapping) == 24, "packed by the agent");
#endif

#endif
