/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For whom a thread of the kernel writes: by every page of its request, when the device gets it and no more can be merged into
 * it. Include once per object.
 */
#ifndef SONDE_BPF_LIB_WRITTEN_PAGES_BPF_H
#define SONDE_BPF_LIB_WRITTEN_PAGES_BPF_H

#include "dirty_pages.bpf.h"

#define PAGE_BYTES 4096
/* 4 MiB, the largest request that the kernel makes unless told otherwise. */
#define MOST_PAGES 1024

/* A way through the pages of a request, and what they came to so far. */
struct page_walk {
	struct bio *bio;
	__u64 vector;	    /* address of the part of `bio` that comes next */
	__u64 page;	    /* address of the next page; 0: `vector` is to be read */
	__u64 head;	    /* of the folio that the page before is of, in `vector`; 0: none */
	__u32 bio_bytes;    /* left in `bio` */
	__u32 vector_bytes; /* left in `vector`, from `page` on */
	__u32 page_bytes;   /* of `page`, in `vector` */
	__u32 vector_done;  /* of `vector`, before this request */
	struct stack_id stack;
	__u32 tgid;	  /* whose all pages are so far; 0: none yet */
	__u8 has_others;  /* pages that were not dirty: a journal's */
	__u8 has_unknown;
	__u8 has_several;
	__u8 padding;
};

/* Used by who has the CPU's walk (submitter.bpf.h). 80 B x CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct page_walk);
} page_walks SEC(".maps");

static __always_inline void enter_bio(struct page_walk *walk, struct bio *bio)
{
	walk->bio = bio;
	walk->page = 0;
	walk->bio_bytes = 0;
	if (!bio)
		return;
	walk->bio_bytes = BPF_CORE_READ(bio, bi_iter.bi_size);
	walk->vector = (__u64)BPF_CORE_READ(bio, bi_io_vec) +
		       (__u64)BPF_CORE_READ(bio, bi_iter.bi_idx) * bpf_core_type_size(struct bio_vec);
	walk->vector_done = BPF_CORE_READ(bio, bi_iter.bi_bvec_done);
}

static __always_inline void enter_vector(struct page_walk *walk)
{
	struct bio_vec *vector = (struct bio_vec *)walk->vector;
	__u32 offset = BPF_CORE_READ(vector, bv_offset) + walk->vector_done;

	walk->vector_bytes = BPF_CORE_READ(vector, bv_len) - walk->vector_done;
	if (walk->vector_bytes > walk->bio_bytes)
		walk->vector_bytes = walk->bio_bytes;
	walk->page = (__u64)BPF_CORE_READ(vector, bv_page) + (__u64)(offset / PAGE_BYTES) * bpf_core_type_size(struct page);
	walk->page_bytes = PAGE_BYTES - offset % PAGE_BYTES;
	walk->vector += bpf_core_type_size(struct bio_vec);
	walk->vector_done = 0;
	walk->head = 0;
}

/* To the next page; false when there is none. */
static __always_inline bool find_page(struct page_walk *walk)
{
	struct bio *bio = walk->bio;

	if (walk->page)
		return true;
	if (bio && !walk->bio_bytes)
		enter_bio(walk, BPF_CORE_READ(bio, bi_next));
	if (!walk->bio || !walk->bio_bytes)
		return false;
	enter_vector(walk);
	return true;
}

static __always_inline void leave_page(struct page_walk *walk)
{
	__u32 bytes = walk->page_bytes < walk->vector_bytes ? walk->page_bytes : walk->vector_bytes;

	walk->vector_bytes -= bytes;
	walk->bio_bytes -= bytes;
	walk->page = walk->vector_bytes ? walk->page + bpf_core_type_size(struct page) : 0;
	walk->page_bytes = PAGE_BYTES;
}

/* 0: not known. Where the kernel does not tell it of a page that is not itself one, the page before was of the same folio. */
static __always_inline __u64 head_of(struct page_walk *walk)
{
	struct page *page = (struct page *)walk->page;

	if (!is_tail(page))
		return walk->page;
	return head_of_tail(page) ?: walk->head;
}

/* The bits of `mapping` that say that a page is of no file. */
#define MAPPING_FLAGS 3

static __always_inline bool is_of_file(struct page *head)
{
	__u64 mapping = (__u64)BPF_CORE_READ(head, mapping);

	return mapping && !(mapping & MAPPING_FLAGS);
}

static __always_inline void add_folio(struct page_walk *walk, __u64 head)
{
	struct dirtier *by;

	if (!is_written_back((struct page *)head) || !is_of_file((struct page *)head)) {
		walk->has_others = 1;
		return;
	}
	by = bpf_map_lookup_elem(&dirty_pages, &head);
	if (!by) {
		walk->has_unknown = 1;
		return;
	}
	by->is_issued = 1;
	if (by->tgid == SEVERAL_DIRTIERS || (walk->tgid && walk->tgid != by->tgid)) {
		walk->has_several = 1;
	} else if (!walk->tgid) {
		walk->tgid = by->tgid;
		walk->stack = by->stack;
	} else if (walk->stack.low != by->stack.low || walk->stack.high != by->stack.high) {
		walk->stack = (struct stack_id){.low = STACK_SEVERAL};
	}
}

/* At the page of this number; 0: there is none, or too many. A global function, which the verifier reads once. */
__attribute__((noinline)) int look_at_page(__u32 number)
{
	__u32 zero = 0;
	struct page_walk *walk = bpf_map_lookup_elem(&page_walks, &zero);
	__u64 head;

	if (!walk || !find_page(walk))
		return 0;
	if (number >= MOST_PAGES) {
		walk->has_unknown = 1;
		return 0;
	}
	head = head_of(walk);
	if (!head)
		walk->has_unknown = 1;
	else if (head != walk->head)
		add_folio(walk, head);
	walk->head = head;
	leave_page(walk);
	return 1;
}

/* Tells `key` whose the pages of a request are, which a thread of the kernel made. */
static __always_inline void take_origin(struct request_key *key, const struct page_walk *walk)
{
	if (walk->has_others || !(walk->tgid || walk->has_unknown || walk->has_several))
		return;
	if (walk->has_unknown) {
		key->origin = REQUEST_OF_UNKNOWN;
	} else if (walk->has_several) {
		key->origin = REQUEST_OF_SEVERAL;
	} else {
		key->origin = REQUEST_WRITTEN_BACK;
		key->tgid = walk->tgid;
		key->stack = walk->stack;
	}
}

/* The same, of a request to write that a device is about to get for the first time. */
static __always_inline void find_origin(struct request *rq, struct request_key *key)
{
	__u32 zero = 0;
	struct page_walk *walk = bpf_map_lookup_elem(&page_walks, &zero);

	if (!walk || !claim_walk()) {
		key->origin = REQUEST_OF_UNKNOWN;
		return;
	}
	*walk = (struct page_walk){};
	enter_bio(walk, rq->bio);
	for (__u32 i = 0; i <= MOST_PAGES; i++)
		if (!look_at_page(i))
			break;
	take_origin(key, walk);
	release_walk();
}

#endif
