/*
 * store_lmdb.c: the index's store in LMDB: one database a table, message ids in one a day, and `state` with the journal
 * position and the format.
 *
 * A commit is one transaction with LMDB's default sync: data pages are written and synced, then one of two meta pages, in
 * turn. A crash at any moment leaves the meta page of the commit before, whole, whose pages were not reused. So entries
 * and position always agree, and checkpoints in two generations, which the design asks of an index, are what the file
 * itself does: nothing here must be copied or renamed.
 *
 * The writer's thread is in commit() only; the loop reads through a read transaction that refresh() renews. A database is
 * made and dropped in commit(); the loop takes part in neither, since it learns of a new day by refresh() and forgets an
 * old one by expire() before.
 */
#include "index/store.h"

#include <errno.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/disk.h"

#define DAYS_MAX 1100 /* three years; more are refused like a full disk */
#define MAP_BYTES_USUAL (INT64_C(64) * 1024 * 1024 * 1024)
#define FORMAT UINT64_C(1)
#define FULL_BYTES (INT64_C(1024) * 1024) /* a disk with less free space is full */
#define DAY_PREFIX "messages-"

struct day {
	int32_t day;
	MDB_dbi database;
};

struct days {
	struct day list[DAYS_MAX]; /* ascending */
	size_t count;
};

struct store_lmdb {
	struct index_store store; /* first */
	MDB_env *environment;
	MDB_txn *reading; /* the loop's */
	MDB_dbi outcomes, records, state;
	uint64_t position;         /* as the loop sees it */
	uint64_t position_written; /* by the writer */
	struct days seen;          /* by the loop */
	struct days written;       /* by the writer; the loop copies it in refresh() */
	struct days before;        /* the writer's, before the transaction under way */
	int32_t expired_before;    /* days to be dropped by the next commit */
};

static struct store_lmdb *of(struct index_store *store)
{
	return (struct store_lmdb *)store;
}

static enum ep_status lmdb_error(struct error *error, int code, const char *what)
{
	return error_set(error, EP_IO, EP_ERR_IO, "%s: %s", what, mdb_strerror(code));
}

static MDB_val value_of(struct ep_slice slice)
{
	MDB_val value = {slice.length, (void *)(uintptr_t)slice.data};

	return value;
}

static enum ep_status get_from(
	struct store_lmdb *lmdb, MDB_dbi database, struct ep_slice key, struct ep_slice *value, struct error *error)
{
	MDB_val wanted = value_of(key), found;
	int code = mdb_get(lmdb->reading, database, &wanted, &found);

	if (code == MDB_NOTFOUND)
		return EP_NOT_FOUND;
	if (code != 0)
		return lmdb_error(error, code, "the index can't be read");
	*value = ep_slice_make(found.mv_data, found.mv_size);
	return EP_OK;
}

static enum ep_status lmdb_get(struct index_store *store, enum index_table table, struct ep_slice key,
	struct ep_slice *value, struct error *error)
{
	struct store_lmdb *lmdb = of(store);

	if (table == INDEX_OUTCOMES)
		return get_from(lmdb, lmdb->outcomes, key, value, error);
	if (table == INDEX_RECORDS)
		return get_from(lmdb, lmdb->records, key, value, error);
	for (size_t i = lmdb->seen.count; i-- > 0;) { /* newest first */
		enum ep_status status = get_from(lmdb, lmdb->seen.list[i].database, key, value, error);

		if (status != EP_NOT_FOUND)
			return status;
	}
	return EP_NOT_FOUND;
}

static uint64_t lmdb_position(struct index_store *store)
{
	return of(store)->position;
}

static void lmdb_expire(struct index_store *store, int32_t before_day)
{
	struct store_lmdb *lmdb = of(store);
	size_t gone = 0;

	while (gone < lmdb->seen.count && lmdb->seen.list[gone].day < before_day)
		gone++;
	lmdb->seen.count -= gone;
	memmove(lmdb->seen.list, lmdb->seen.list + gone, lmdb->seen.count * sizeof(lmdb->seen.list[0]));
	if (before_day > lmdb->expired_before)
		lmdb->expired_before = before_day;
}

static int drop_expired(struct store_lmdb *lmdb, MDB_txn *txn)
{
	struct days *days = &lmdb->written;
	size_t gone = 0;
	int code = 0;

	while (code == 0 && gone < days->count && days->list[gone].day < lmdb->expired_before)
		code = mdb_drop(txn, days->list[gone++].database, 1);
	days->count -= gone;
	memmove(days->list, days->list + gone, days->count * sizeof(days->list[0]));
	return code;
}

/* The day's database, made if there is none. */
static int open_day(struct days *days, MDB_txn *txn, int32_t day, MDB_dbi *database)
{
	size_t at = days->count;
	char name[32];
	int code;

	while (at > 0 && days->list[at - 1].day >= day)
		at--;
	if (at < days->count && days->list[at].day == day) {
		*database = days->list[at].database;
		return 0;
	}
	if (days->count == DAYS_MAX)
		return MDB_DBS_FULL;
	snprintf(name, sizeof(name), DAY_PREFIX "%010d", day);
	code = mdb_dbi_open(txn, name, MDB_CREATE, database);
	if (code != 0)
		return code;
	memmove(days->list + at + 1, days->list + at, (days->count - at) * sizeof(days->list[0]));
	days->list[at] = (struct day){day, *database};
	days->count++;
	return 0;
}

static int put_all(struct store_lmdb *lmdb, MDB_txn *txn, const struct store_put *puts, size_t count)
{
	MDB_dbi database = 0;

	for (size_t i = 0; i < count; i++) {
		const struct store_put *put = &puts[i];
		MDB_val key = value_of(put->key), value = value_of(put->value);
		int code = 0;

		if (put->table == INDEX_OUTCOMES)
			database = lmdb->outcomes;
		else if (put->table == INDEX_RECORDS)
			database = lmdb->records;
		else if (i == 0 || puts[i - 1].table != put->table || puts[i - 1].day != put->day)
			code = open_day(&lmdb->written, txn, put->day, &database);
		if (code == 0)
			code = mdb_put(txn, database, &key, &value, 0);
		if (code != 0)
			return code;
	}
	return 0;
}

static int put_number(struct store_lmdb *lmdb, MDB_txn *txn, const char *name, uint64_t number)
{
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value = {sizeof(number), &number};

	return mdb_put(txn, lmdb->state, &key, &value, 0);
}

/* The days that a transaction made are gone with it; those that it dropped have lost their handles, and are found again
 * by the next start. */
static void days_undo(struct days *days, const struct days *before)
{
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < days->count; i++) {
		while (at < before->count && before->list[at].day < days->list[i].day)
			at++;
		if (at < before->count && before->list[at].day == days->list[i].day)
			days->list[kept++] = days->list[i];
	}
	days->count = kept;
}

/*
 * LMDB says EIO of a write that was cut short, which is what a disk does that is nearly full. Nothing refers to the pages
 * of a transaction that failed, so it can be tried again even after a failed sync.
 */
static enum ep_status commit_error(struct error *error, MDB_env *environment, int code, const char *what)
{
	const char *directory = NULL;
	int64_t free_bytes = -1;

	if (code == EIO && mdb_env_get_path(environment, &directory) == 0)
		free_bytes = disk_free_bytes(directory);
	if (free_bytes != -1 && free_bytes < FULL_BYTES)
		code = ENOSPC;
	if (code == ENOSPC || code == EDQUOT || code == EFBIG)
		return error_set(error, EP_LIMIT, EP_ERR_DISK_FULL, "%s: %s", what, mdb_strerror(code));
	return lmdb_error(error, code, what);
}

static enum ep_status lmdb_commit(
	struct index_store *store, const struct store_put *puts, size_t count, uint64_t position, struct error *error)
{
	struct store_lmdb *lmdb = of(store);
	const char *what = "entries can't be put";
	MDB_txn *txn;
	int code = mdb_txn_begin(lmdb->environment, NULL, 0, &txn);

	if (code != 0)
		return lmdb_error(error, code, "no transaction");
	lmdb->before = lmdb->written;
	code = drop_expired(lmdb, txn);
	if (code == 0)
		code = put_all(lmdb, txn, puts, count);
	if (code == 0)
		code = put_number(lmdb, txn, "position", position);
	if (code != 0) {
		mdb_txn_abort(txn);
	} else {
		what = "the transaction can't be committed";
		code = mdb_txn_commit(txn); /* ends it in any case */
	}
	if (code != 0) {
		days_undo(&lmdb->written, &lmdb->before);
		return commit_error(error, lmdb->environment, code, what);
	}
	lmdb->position_written = position;
	return EP_OK;
}

static enum ep_status lmdb_refresh(struct index_store *store, struct error *error)
{
	struct store_lmdb *lmdb = of(store);
	int code;

	mdb_txn_reset(lmdb->reading);
	code = mdb_txn_renew(lmdb->reading);
	if (code != 0)
		return lmdb_error(error, code, "the read transaction can't be renewed");
	lmdb->position = lmdb->position_written;
	memcpy(lmdb->seen.list, lmdb->written.list, lmdb->written.count * sizeof(lmdb->seen.list[0]));
	lmdb->seen.count = lmdb->written.count;
	lmdb_expire(store, lmdb->expired_before);
	return EP_OK;
}

static void lmdb_close(struct index_store *store)
{
	struct store_lmdb *lmdb = of(store);

	if (lmdb->reading)
		mdb_txn_abort(lmdb->reading);
	if (lmdb->environment)
		mdb_env_close(lmdb->environment);
	free(lmdb);
}

static const struct index_store_ops ops = {
	.get = lmdb_get,
	.position = lmdb_position,
	.commit = lmdb_commit,
	.refresh = lmdb_refresh,
	.expire = lmdb_expire,
	.close = lmdb_close,
	.threaded = true,
};

/* Number stored under the name in `state`; 0 if there is none. */
static int read_number(struct store_lmdb *lmdb, MDB_txn *txn, const char *name, uint64_t *number)
{
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value;
	int code = mdb_get(txn, lmdb->state, &key, &value);

	*number = 0;
	if (code == MDB_NOTFOUND)
		return 0;
	if (code == 0 && value.mv_size != sizeof(*number))
		return MDB_CORRUPTED;
	if (code == 0)
		memcpy(number, value.mv_data, sizeof(*number));
	return code;
}

/* The days' databases, from their names in the main database. They are collected first: a cursor doesn't like it when
 * databases are opened under it. */
static int open_days(struct store_lmdb *lmdb, MDB_txn *txn)
{
	MDB_dbi names, ignored;
	MDB_cursor *cursor;
	MDB_val key, value;
	int32_t found[DAYS_MAX];
	size_t count = 0;
	int code = mdb_dbi_open(txn, NULL, 0, &names);

	if (code == 0)
		code = mdb_cursor_open(txn, names, &cursor);
	if (code != 0)
		return code;
	while (count < DAYS_MAX && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		char name[32] = "";
		char *end;

		if (key.mv_size >= sizeof(name) || key.mv_size <= strlen(DAY_PREFIX) ||
			memcmp(key.mv_data, DAY_PREFIX, strlen(DAY_PREFIX)) != 0)
			continue;
		memcpy(name, key.mv_data, key.mv_size);
		found[count] = (int32_t)strtol(name + strlen(DAY_PREFIX), &end, 10);
		if (*end == '\0')
			count++;
	}
	mdb_cursor_close(cursor);
	if (code == MDB_NOTFOUND)
		code = 0;
	for (size_t i = 0; code == 0 && i < count; i++)
		code = open_day(&lmdb->written, txn, found[i], &ignored);
	return code;
}

static enum ep_status open_databases(struct store_lmdb *lmdb, struct error *error)
{
	MDB_txn *txn;
	uint64_t format = 0;
	int code = mdb_txn_begin(lmdb->environment, NULL, 0, &txn);

	if (code != 0)
		return lmdb_error(error, code, "the index can't be opened");
	code = mdb_dbi_open(txn, "state", MDB_CREATE, &lmdb->state);
	if (code == 0)
		code = mdb_dbi_open(txn, "outcomes", MDB_CREATE, &lmdb->outcomes);
	if (code == 0)
		code = mdb_dbi_open(txn, "records", MDB_CREATE, &lmdb->records);
	if (code == 0)
		code = open_days(lmdb, txn);
	if (code == 0)
		code = read_number(lmdb, txn, "position", &lmdb->position_written);
	if (code == 0)
		code = read_number(lmdb, txn, "format", &format);
	if (code == 0 && format == 0)
		code = put_number(lmdb, txn, "format", FORMAT);
	if (code != 0) {
		mdb_txn_abort(txn);
		return lmdb_error(error, code, "the index can't be opened");
	}
	code = mdb_txn_commit(txn);
	if (code != 0)
		return lmdb_error(error, code, "the index can't be opened");
	if (format != 0 && format != FORMAT)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT,
			"the index has format %llu; this version reads format %llu", (unsigned long long)format,
			(unsigned long long)FORMAT);
	return EP_OK;
}

static enum ep_status open_environment(
	struct store_lmdb *lmdb, const char *directory, int64_t map_bytes, struct error *error)
{
	int readers_gone;
	int code = mdb_env_create(&lmdb->environment);

	if (code == 0)
		code = mdb_env_set_mapsize(lmdb->environment, (size_t)map_bytes);
	if (code == 0)
		code = mdb_env_set_maxdbs(lmdb->environment, DAYS_MAX + 8);
	if (code == 0) /* no read-ahead: lookups are scattered */
		code = mdb_env_open(lmdb->environment, directory, MDB_NOTLS | MDB_NORDAHEAD, 0600);
	if (code == 0) /* of a process that was killed */
		code = mdb_reader_check(lmdb->environment, &readers_gone);
	if (code != 0)
		return error_set(
			error, EP_IO, EP_ERR_IO, "the index in %s can't be opened: %s", directory, mdb_strerror(code));
	return EP_OK;
}

enum ep_status store_lmdb_open(
	const char *directory, int64_t map_bytes, struct index_store **store, struct error *error)
{
	struct store_lmdb *lmdb = calloc(1, sizeof(*lmdb));
	enum ep_status status;
	int code;

	*store = NULL;
	if (!lmdb)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index");
	lmdb->store.ops = &ops;
	lmdb->expired_before = INT32_MIN;
	status = open_environment(lmdb, directory, map_bytes ? map_bytes : MAP_BYTES_USUAL, error);
	if (status == EP_OK)
		status = open_databases(lmdb, error);
	if (status == EP_OK) {
		code = mdb_txn_begin(lmdb->environment, NULL, MDB_RDONLY, &lmdb->reading);
		if (code != 0)
			status = lmdb_error(error, code, "the index can't be read");
	}
	if (status == EP_OK)
		status = lmdb_refresh(&lmdb->store, error);
	if (status != EP_OK) {
		lmdb_close(&lmdb->store);
		return status;
	}
	*store = &lmdb->store;
	return EP_OK;
}
