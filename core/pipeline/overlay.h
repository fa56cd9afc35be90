/*
 * overlay.h: the keys of one message's records so far, which are not in the index before the message's outcome is
 * appended: from a key's fingerprint to where its newest version stands in the output. 16 bytes a slot, so that a
 * message of millions of records costs tens of megabytes at most, whatever its keys and records are.
 */
#ifndef PIPELINE_OVERLAY_H
#define PIPELINE_OVERLAY_H

#include "base/error.h"

#define OVERLAY_MAX ((uint32_t)4 * 1024 * 1024) /* records of one message */

struct overlay_slot {
	uint64_t fingerprint; /* of the key; 0: empty */
	uint64_t place;       /* offset and length in the output */
};

struct overlay {
	struct overlay_slot *slots; /* owned; NULL until the first entry */
	uint32_t count, mask;
};

/* Walks the entries of one fingerprint: different keys may share it, so the finder compares the key at the place. */
struct overlay_walk {
	uint64_t fingerprint;
	uint32_t at;
};

void overlay_free(struct overlay *overlay);
struct overlay_walk overlay_find(const struct overlay *overlay, struct ep_slice key, uint16_t record);
/* The next entry with the walk's fingerprint; NULL: none left. Its place may be replaced. */
struct overlay_slot *overlay_next(const struct overlay *overlay, struct overlay_walk *walk);
/* EP_LIMIT beyond OVERLAY_MAX entries; EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status overlay_add(struct overlay *overlay, uint64_t fingerprint, uint64_t place);

/* Offsets below 2^42, lengths below 2^22. */
static inline uint64_t overlay_place(uint64_t offset, uint64_t length)
{
	ASSERT(offset < UINT64_C(1) << 42 && length < UINT64_C(1) << 22);
	return offset << 22 | length;
}
static inline uint64_t overlay_offset(uint64_t place)
{
	return place >> 22;
}
static inline uint64_t overlay_length(uint64_t place)
{
	return place & ((UINT64_C(1) << 22) - 1);
}

#endif
