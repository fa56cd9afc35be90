/*
 * index.h: what must be looked up by key: message ids, outcomes, versions of records. A projection of the journal.
 *
 * New entries live in a hash table in memory (the hot window) and are written behind: a thread puts a sealed table into
 * LMDB as one sorted transaction that also holds the journal position that it reaches. LMDB commits durably, so at any
 * moment the file is a consistent index of the log up to index_position(); the journal's tail from there on, read
 * again at start, makes the rest. A key stands in the hot table, the sealed one, or LMDB, looked up in this order.
 *
 * Keys and values are those of entries.h. All calls on the loop's thread.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/loop.h"

struct index;
struct index_store;

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
	int64_t map_bytes;         /* largest size of the file; 0: 64 GiB */
	uint32_t hot_max;          /* entries after which the hot table is sealed; 0: 65,536 */
	int64_t linger_ns;         /* after which it is sealed all the same; 0: 1 s */
	struct index_store *store; /* NULL: LMDB in `directory`, written by a thread. Taken over. */
};

EP_MUST_CHECK enum ep_status index_open(struct index **index, const struct index_options *options, struct error *error);
/* Writes what is hot and durable, waits for it, closes. */
void index_close(struct index *index);
/* Closes without writing, as a crash would leave it. For tests and simulation. */
void index_abandon(struct index *index);
/* The journal must be read again from here; 0: from the beginning. */
uint64_t index_position(const struct index *index);

/* EP_OK: *value is valid until the next call. EP_NOT_FOUND. A read error ends the process. */
EP_MUST_CHECK enum ep_status index_get(
	struct index *index, enum index_table table, struct ep_slice key, struct ep_slice *value);
/*
 * `position`: of the journal frame that says so. Puts come in the order of their positions, but for those under a hold.
 * What stands before index_position() is in the store already and ignored, so that a log may be read again from anywhere.
 * EP_AGAIN: the writer is behind, and both tables are full. Who asked index_has_room() before it appended its frame never
 * gets that for its first INDEX_ROOM entries.
 */
EP_MUST_CHECK enum ep_status index_put(
	struct index *index, enum index_table table, struct ep_slice key, struct ep_slice value, uint64_t position);
#define INDEX_ROOM 4
/*
 * A frame with more entries than the tables hold is put in pieces, while frames behind it are put already: until the
 * hold ends, index_position() doesn't pass its frame, so that after a crash all of its entries are put again.
 */
struct index_hold {
	uint64_t position;
	struct index_hold *next;
};
void index_hold_begin(struct index *index, struct index_hold *hold, uint64_t position);
void index_hold_end(struct index *index, struct index_hold *hold);
/* The journal is durable up to here. Entries of later positions are not written yet, so that the index is never ahead of
 * the log. */
void index_durable(struct index *index, uint64_t position);
/* When false: stop taking on new work until `run` (of at most 8 askers, in the order added) has been called. */
bool index_has_room(struct index *index);
void index_on_room(struct index *index, void (*run)(void *argument), void *argument);
/* The asker is gone. */
void index_off_room(struct index *index, const void *argument);
/* Start only, where the loop doesn't run yet: waits for the writer until there is room. */
void index_wait_room(struct index *index);
/* Drops message ids of days that ended before `realtime_ns`. */
void index_expire(struct index *index, int64_t realtime_ns);

#endif
