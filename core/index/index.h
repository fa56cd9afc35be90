/*
 * index.h: what must be looked up by key: message ids, outcomes, versions of records. A projection of the journal.
 *
 * New entries live in a hash table in memory (the hot window) and are written behind: a thread puts a sealed table into
 * LMDB as one sorted transaction that also holds the journal position that it reaches. LMDB commits durably, so at any
 * moment the file is a consistent index of the log up to index_position(); the journal's tail from there on, read
 * again at start, makes the rest. A key stands in the hot table, the sealed one, or LMDB, looked up in this order.
 *
 * All calls on the loop's thread.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/loop.h"

struct index;

enum index_table {
	INDEX_MESSAGES = 1, /* (source, event id or digest) -> message; dropped by day with the window */
	INDEX_OUTCOMES = 2, /* message id -> inbox position, outbox position */
	INDEX_RECORDS = 3,  /* (source, type, business key) -> version, content, revision, attempt */
	INDEX_TABLES
};

#define INDEX_KEY_MAX 500 /* bytes (LMDB: 511); a longer key is its first 400 bytes and its SHA-256 */
#define INDEX_VALUE_MAX 1024

struct index_options {
	const char *directory;
	struct loop *loop;
	int64_t map_bytes;  /* largest size of the file; 0: 64 GiB */
	uint32_t hot_max;   /* entries after which the hot table is sealed; 0: 65,536 */
	int64_t linger_ns;  /* after which it is sealed all the same; 0: 1 s */
};

EP_MUST_CHECK enum ep_status index_open(struct index **index, const struct index_options *options, struct error *error);
/* Writes what is hot, waits for it, closes. */
void index_close(struct index *index);
/* The journal must be read again from here; 0: from the beginning. */
uint64_t index_position(const struct index *index);

/* EP_OK: *value is valid until the next call. EP_NOT_FOUND. A read error ends the process. */
EP_MUST_CHECK enum ep_status index_get(
	struct index *index, enum index_table table, struct ep_slice key, struct ep_slice *value);
/* `position`: of the journal frame that says so. EP_AGAIN: the writer is behind, and both tables are full: stop taking
 * on new work until index_on_room has run. */
EP_MUST_CHECK enum ep_status index_put(struct index *index, enum index_table table, struct ep_slice key,
	struct ep_slice value, uint64_t position);
/* The journal is durable up to here. Entries of later positions are not written yet, so that the index is never ahead of
 * the log. Puts come in the order of their positions; index_position() is that of the last put written, and putting the
 * same again when the log is read from there on changes nothing. */
void index_durable(struct index *index, uint64_t position);
bool index_has_room(const struct index *index);
void index_on_room(struct index *index, void (*run)(void *argument), void *argument);
/* Drops message ids of days that ended before `realtime_ns`. */
void index_expire(struct index *index, int64_t realtime_ns);

#endif
