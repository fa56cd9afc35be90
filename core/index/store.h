/*
 * store.h: where the index keeps what it has written: LMDB, or in tests and simulation memory. A seam.
 *
 * get() sees what the last refresh() saw, while another thread may be in commit(). There is one commit at a time, and
 * expire(), refresh() and close() are never called during one.
 */
#ifndef INDEX_STORE_H
#define INDEX_STORE_H

#include "index/index.h"

struct store_put {
	enum index_table table;
	int32_t day; /* since 1970, of INDEX_MESSAGES; 0 for the others */
	struct ep_slice key, value;
};

struct index_store_ops {
	/* EP_OK: valid until the next get, refresh or close. EP_NOT_FOUND, EP_IO. */
	enum ep_status (*get)(struct index_store *store, enum index_table table, struct ep_slice key,
		struct ep_slice *value, struct error *error);
	/* As of the last commit that refresh() has seen; 0: none yet. */
	uint64_t (*position)(struct index_store *store);
	/* All or nothing, durable when it returns EP_OK. `puts` are in the order of table, day, key; none twice. EP_LIMIT: the
	 * disk is full; the same may be tried again. */
	enum ep_status (*commit)(struct index_store *store, const struct store_put *puts, size_t count,
		uint64_t position, struct error *error);
	/* get() sees the last commit from now on. */
	enum ep_status (*refresh)(struct index_store *store, struct error *error);
	/* Days before this one are not seen any more, and dropped by the next commit. */
	void (*expire)(struct index_store *store, int32_t before_day);
	void (*close)(struct index_store *store);
	bool threaded; /* commit() takes time: call it on a thread of its own */
};

struct index_store {
	const struct index_store_ops *ops;
};

EP_MUST_CHECK enum ep_status store_lmdb_open(
	const char *directory, int64_t map_bytes, struct index_store **store, struct error *error);

/* The order in which puts are committed: an LMDB page is filled once, not visited again and again. */
int store_put_compare(const void *a, const void *b);

#endif
