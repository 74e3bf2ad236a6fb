/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A made-up process and its tables, walked by the kernel side's own code. */
#ifndef SONDE_BPF_UNWIND_USER_SPACE_WALK_WORLD_H
#define SONDE_BPF_UNWIND_USER_SPACE_WALK_WORLD_H

#include "../../abi/stack.h"
#include "../../abi/unwind.h"

#ifdef __cplusplus
namespace sonde::abi {
extern "C" {
#endif

/* All is borrowed. Keys beyond the counts are not found. */
struct walk_world {
	__u32 tgid;
	struct unwind_process process;
	const struct unwind_mapping *mappings;
	__u32 mapping_count;
	struct unwind_file *files; /* by id */
	__u32 file_count;
	const struct unwind_page *pages;
	__u32 page_count;
	const struct unwind_escape *escapes;
	__u32 escape_count;
	const struct unwind_block *blocks;
	__u32 block_count;
	__u64 stack_start; /* nothing else can be read */
	const __u8 *stack;
	__u64 stack_bytes;
	__u64 reads; /* of user memory, so far */
	__u32 walks; /* so far: the first knows no rows, and marks which tables it uses; the next ones do not, but for each 16th */
};

struct walked_stack {
	__u32 stop;
	__u32 frames;
	__u32 has_addresses;
	__u64 hash_low;
	__u64 hash_high;
	__u64 frame[SONDE_USER_FRAMES];
};

/* `registers`: by DWARF number, rip last. One walk at a time. */
void walk_in_user_space(struct walk_world *world, __u32 tgid, const __u64 registers[UNWIND_REGISTERS + 1],
			struct walked_stack *out);

#ifdef __cplusplus
}
}  // namespace sonde::abi
#endif

#endif
