/* tally.h: counts how often a 64-bit hash was seen, up to a maximum of different ones. */
#ifndef RECORD_TALLY_H
#define RECORD_TALLY_H

#include <entrepot/plugin.h>

struct tally_slot {
	uint64_t hash; /* 0: free */
	uint64_t count;
};

struct tally {
	struct tally_slot *slots; /* owned; a power of two of them */
	size_t capacity;
	size_t used;
};

#define TALLY_MAX (4 * 1024 * 1024) /* different hashes: 128 MiB */

/* One more of `hash`; *count is how often it has been seen, this time included. EP_LIMIT, EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status tally_add(struct tally *tally, uint64_t hash, uint64_t *count);
uint64_t tally_count(const struct tally *tally, uint64_t hash);
void tally_free(struct tally *tally);

#endif
