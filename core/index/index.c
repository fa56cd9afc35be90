/*
 * index.c: see index.h. Two tables in memory: `hot` takes puts; when it is full or has lingered it becomes `sealed`,
 * waits until the journal is durable past its last entry, and is committed by the writer.
 *
 * Invariants: a table is handed to the writer only when every frame that its entries come from is durable, so the store is
 * never ahead of the log. The position committed is never past a frame of which entries are still to be put (holds).
 */
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/disk.h"
#include "base/hash.h"
#include "base/log.h"
#include "index/writer.h"

#define HOT_USUAL 65536u
#define HOT_LEAST (4u * INDEX_ROOM)
#define LINGER_USUAL NS_PER_S
#define RETRY_NS NS_PER_S /* after a commit that the full disk refused */
#define ASKERS_MAX 8
#define KEY_KEPT 400 /* bytes of a long key that are kept */
#define NS_PER_DAY (86400 * NS_PER_S)

struct asker {
	void (*run)(void *argument);
	void *argument;
};

struct index {
	struct loop *loop;
	struct index_store *store;
	struct writer *writer;
	struct table tables[2];
	struct table *hot;
	struct table *sealed; /* NULL: nothing is */
	bool writing;         /* `sealed` is with the writer */
	bool full;            /* the disk was at its last commit: it is tried again */
	struct loop_timer retry;
	uint64_t durable;
	int64_t linger_ns;
	struct loop_timer linger;
	struct index_hold *holds; /* in no order; a handful */
	struct asker askers[ASKERS_MAX];
	size_t asker_count;
	struct loop_task room;
	bool wanted;     /* somebody was told that there is no room */
	bool complained; /* that the disk is full */
	int32_t expire_before;
	char long_key[KEY_KEPT + SHA256_BYTES];
};

static struct ep_slice shortened(struct index *index, struct ep_slice key)
{
	if (key.length <= INDEX_KEY_MAX)
		return key;
	memcpy(index->long_key, key.data, KEY_KEPT);
	sha256_of(key, (uint8_t *)index->long_key + KEY_KEPT);
	return ep_slice_make(index->long_key, sizeof(index->long_key));
}

static uint64_t hash_of(enum index_table table, struct ep_slice key)
{
	return xxh3(key.data, key.length, table);
}

uint64_t index_position(const struct index *index)
{
	return index->store->ops->position(index->store);
}

/* What the commit of the sealed table may claim: all entries of frames before it are in the store then. */
static uint64_t claim(const struct index *index)
{
	uint64_t position = index->sealed->last_position;

	for (const struct index_hold *hold = index->holds; hold; hold = hold->next)
		if (hold->position < position)
			position = hold->position;
	return position > index_position(index) ? position : index_position(index);
}

static void write_sealed(struct index *index)
{
	if (!index->sealed || index->writing || index->full || index->sealed->last_position >= index->durable)
		return;
	index->store->ops->expire(index->store, index->expire_before);
	index->writing = true;
	writer_start(index->writer, index->sealed, claim(index));
}

static void set_linger(struct index *index)
{
	int64_t age = clock_monotonic_ns() - index->hot->first_ns;

	loop_timer_set(&index->linger, age < index->linger_ns ? index->linger_ns - age : 0);
}

/* The hot table becomes the sealed one; there must be none. */
static void seal(struct index *index)
{
	struct table *hot = index->hot;

	ASSERT(!index->sealed);
	index->sealed = hot;
	index->hot = hot == &index->tables[0] ? &index->tables[1] : &index->tables[0];
	loop_timer_cancel(&index->linger);
	write_sealed(index);
}

static void on_linger(void *argument)
{
	struct index *index = argument;

	if (index->hot->count && !index->sealed)
		seal(index); /* otherwise the next on_written() looks again */
}

/* What others filled the disk with may go again. Until then the tables fill up, and intake refuses. */
static void wait_for_disk(struct index *index)
{
	if (!index->complained)
		log_error("the index can't be written, and waits", log_text("reason", "the disk is full"));
	index->complained = index->full = true;
	loop_timer_set(&index->retry, RETRY_NS);
}

static void on_retry(void *argument)
{
	struct index *index = argument;

	index->full = false;
	write_sealed(index);
}

static void on_written(void *argument, enum ep_status status)
{
	struct index *index = argument;
	struct error error = {0};

	index->writing = false;
	if (status != EP_OK) {
		wait_for_disk(index);
		return;
	}
	if (index->complained)
		log_info("the index is written again", log_number("position", (int64_t)index->sealed->last_position));
	index->complained = false;
	if (index->store->ops->refresh(index->store, &error) != EP_OK)
		index_die("the index can't be read", &error);
	table_clear(index->sealed);
	index->sealed = NULL;
	if (index->hot->count)
		set_linger(index);
	if (index->wanted)
		loop_task_queue(index->loop, &index->room);
}

static void on_room(void *argument)
{
	struct index *index = argument;

	if (!index_has_room(index))
		return;
	index->wanted = false;
	for (size_t i = 0; i < index->asker_count; i++)
		index->askers[i].run(index->askers[i].argument);
}

/* index_close() without the last write. */
static void release(struct index *index)
{
	loop_timer_end(&index->linger);
	loop_timer_end(&index->retry);
	loop_task_cancel(index->loop, &index->room);
	writer_destroy(index->writer);
	if (index->store)
		index->store->ops->close(index->store);
	table_free(&index->tables[0]);
	table_free(&index->tables[1]);
	free(index);
}

static enum ep_status open_store(struct index *index, const struct index_options *options, struct error *error)
{
	if (options->store) {
		index->store = options->store;
		return EP_OK;
	}
	if (disk_make_directory(options->directory, 0700) == -1 && errno != EEXIST)
		return error_set_errno(error, EP_ERR_IO, "%s can't be made", options->directory);
	return store_lmdb_open(options->directory, options->map_bytes, &index->store, error);
}

enum ep_status index_open(struct index **out, const struct index_options *options, struct error *error)
{
	uint32_t hot_max = options->hot_max ? options->hot_max : HOT_USUAL;
	struct index *index = calloc(1, sizeof(*index));
	enum ep_status status;

	*out = NULL;
	if (!index)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index");
	if (hot_max < HOT_LEAST)
		hot_max = HOT_LEAST;
	index->loop = options->loop;
	index->linger_ns = options->linger_ns ? options->linger_ns : LINGER_USUAL;
	index->room = (struct loop_task){.run = on_room, .argument = index};
	index->hot = &index->tables[0];
	index->expire_before = INT32_MIN;
	loop_timer_init(&index->linger, options->loop, on_linger, index);
	loop_timer_init(&index->retry, options->loop, on_retry, index);
	status = open_store(index, options, error);
	if (status == EP_OK)
		status = table_create(&index->tables[0], hot_max, error);
	if (status == EP_OK)
		status = table_create(&index->tables[1], hot_max, error);
	if (status == EP_OK)
		status = writer_create(&index->writer, options->loop, index->store, hot_max, on_written, index, error);
	if (status != EP_OK) {
		release(index);
		return status;
	}
	*out = index;
	return EP_OK;
}

void index_close(struct index *index)
{
	if (!index)
		return;
	/* What the writer has, what is sealed, what is hot; what the disk has no room for is in the journal */
	for (int i = 0; i < 3 && !index->full; i++) {
		if (index->writing)
			writer_wait(index->writer);
		if (!index->sealed && index->hot->count)
			seal(index);
	}
	release(index);
}

void index_abandon(struct index *index)
{
	if (!index)
		return;
	if (index->writing)
		writer_wait(index->writer);
	release(index);
}

enum ep_status index_get(struct index *index, enum index_table table, struct ep_slice key, struct ep_slice *value)
{
	struct ep_slice used = shortened(index, key);
	uint64_t hash = hash_of(table, used);
	struct error error = {0};
	enum ep_status status;

	if (table_get(index->hot, table, used, hash, value))
		return EP_OK;
	if (index->sealed && table_get(index->sealed, table, used, hash, value))
		return EP_OK;
	status = index->store->ops->get(index->store, table, used, value, &error);
	if (status != EP_OK && status != EP_NOT_FOUND)
		index_die("the index can't be read", &error);
	return status;
}

static bool is_held(const struct index *index, uint64_t position)
{
	for (const struct index_hold *hold = index->holds; hold; hold = hold->next)
		if (hold->position == position)
			return true;
	return false;
}

enum ep_status index_put(
	struct index *index, enum index_table table, struct ep_slice key, struct ep_slice value, uint64_t position)
{
	struct ep_slice used = shortened(index, key);
	uint64_t hash = hash_of(table, used);

	ASSERT(value.length <= INDEX_VALUE_MAX);
	if (position < index_position(index))
		return EP_OK;
	ASSERT(position >= index->hot->last_position || is_held(index, position));
	ASSERT(!index->sealed || position >= index->sealed->last_position || is_held(index, position));
	if (table_put(index->hot, table, used, value, hash) != EP_OK) {
		if (index->sealed) {
			index->wanted = true;
			return EP_AGAIN;
		}
		seal(index);
		if (table_put(index->hot, table, used, value, hash) != EP_OK)
			PANIC("an entry doesn't fit into an empty table");
	}
	if (index->hot->first_ns == 0) {
		index->hot->first_ns = clock_monotonic_ns();
		if (!index->sealed)
			set_linger(index);
	}
	if (position > index->hot->last_position)
		index->hot->last_position = position;
	return EP_OK;
}

void index_hold_begin(struct index *index, struct index_hold *hold, uint64_t position)
{
	hold->position = position;
	hold->next = index->holds;
	index->holds = hold;
}

void index_hold_end(struct index *index, struct index_hold *hold)
{
	struct index_hold **link = &index->holds;

	while (*link != hold)
		link = &(*link)->next;
	*link = hold->next;
}

void index_durable(struct index *index, uint64_t position)
{
	if (position > index->durable)
		index->durable = position;
	write_sealed(index);
}

bool index_has_room(struct index *index)
{
	uint32_t margin = index->hot->count_max / 16;

	if (!index->sealed || table_fits(index->hot, margin > INDEX_ROOM ? margin : INDEX_ROOM))
		return true;
	index->wanted = true; /* who is told that there is none will be told when there is */
	return false;
}

void index_on_room(struct index *index, void (*run)(void *argument), void *argument)
{
	ASSERT(index->asker_count < ASKERS_MAX);
	index->askers[index->asker_count++] = (struct asker){run, argument};
}

void index_off_room(struct index *index, const void *argument)
{
	size_t kept = 0;

	for (size_t i = 0; i < index->asker_count; i++)
		if (index->askers[i].argument != argument)
			index->askers[kept++] = index->askers[i];
	index->asker_count = kept;
}

void index_wait_room(struct index *index)
{
	const struct error full = {.code = EP_ERR_DISK_FULL, .text = "the disk is full"};

	while (!index_has_room(index)) {
		if (index->full)
			index_die("the index can't be written", &full);
		if (!index->writing)
			PANIC("the index waits for a journal that isn't durable");
		writer_wait(index->writer);
	}
}

void index_expire(struct index *index, int64_t realtime_ns)
{
	int32_t day = (int32_t)(realtime_ns / NS_PER_DAY);

	if (day > index->expire_before)
		index->expire_before = day;
}
