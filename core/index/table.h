/*
 * table.h: a hash table of index entries in memory, filled until it is sealed, then emptied all at once.
 *
 * Open addressing; entries lie one after the other in a region of fixed size. Everything is allocated and touched when
 * the table is made: zero pages met one by one on the hot path would cost more than the lookups.
 */
#ifndef INDEX_TABLE_H
#define INDEX_TABLE_H

#include "index/store.h"

struct table_slot {
	uint32_t tag; /* of the hash, so that most misses don't touch an entry */
	uint32_t at;  /* entry's offset / 8 + 1; 0: empty */
};

struct table {
	struct table_slot *slots; /* owned */
	uint32_t mask;
	uint32_t count;
	uint32_t count_max;
	char *entries; /* owned */
	size_t used, size;
	uint64_t last_position; /* of the puts so far */
	int64_t first_ns;       /* when it got its first entry; monotonic */
};

EP_MUST_CHECK enum ep_status table_create(struct table *table, uint32_t count_max, struct error *error);
void table_free(struct table *table);
void table_clear(struct table *table);
/* Keys of at most INDEX_KEY_MAX, values of at most INDEX_VALUE_MAX bytes. EP_LIMIT: full. */
EP_MUST_CHECK enum ep_status table_put(
	struct table *table, enum index_table of, struct ep_slice key, struct ep_slice value, uint64_t hash);
bool table_get(
	const struct table *table, enum index_table of, struct ep_slice key, uint64_t hash, struct ep_slice *value);
/* `count` more entries of the largest size surely fit. */
bool table_fits(const struct table *table, uint32_t count);
/* All entries, into `puts` of table->count, in the order of the region; days are left 0. */
void table_list(const struct table *table, struct store_put *puts);

#endif
