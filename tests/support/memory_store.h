/*
 * memory_store.h: an index store in memory for tests. It outlives the index that was opened on it, so that an index
 * that is abandoned and opened again finds what was committed, as after a crash.
 */
#ifndef TESTS_MEMORY_STORE_H
#define TESTS_MEMORY_STORE_H

#include <stdlib.h>
#include <string.h>

#include "index/store.h"

struct memory_entry {
	enum index_table table;
	int32_t day;
	struct ep_slice key, value; /* owned */
};

struct memory_store {
	struct index_store store; /* first */
	struct memory_entry *entries;
	size_t count, capacity;
	uint64_t position;
	int32_t before_day;
	size_t commits;
	bool full; /* commits fail as on a full disk */
};

static struct ep_slice memory_copy(struct ep_slice slice)
{
	char *copy = malloc(slice.length + 1);

	if (!copy)
		abort();
	memcpy(copy, slice.data ? slice.data : "", slice.length);
	return ep_slice_make(copy, slice.length);
}

static enum ep_status memory_get(struct index_store *self, enum index_table table, struct ep_slice key,
	struct ep_slice *value, struct error *error)
{
	struct memory_store *memory = (struct memory_store *)self;

	(void)error;
	for (size_t i = memory->count; i-- > 0;) {
		struct memory_entry *entry = &memory->entries[i];

		if (entry->table == table && ep_slice_equal(entry->key, key) &&
			(table != INDEX_MESSAGES || entry->day >= memory->before_day)) {
			*value = entry->value;
			return EP_OK;
		}
	}
	return EP_NOT_FOUND;
}

static uint64_t memory_position(struct index_store *self)
{
	return ((struct memory_store *)self)->position;
}

static void memory_put(struct memory_store *memory, const struct store_put *put)
{
	for (size_t i = 0; i < memory->count; i++) {
		struct memory_entry *entry = &memory->entries[i];

		if (entry->table == put->table && entry->day == put->day && ep_slice_equal(entry->key, put->key)) {
			free((char *)(uintptr_t)entry->value.data);
			entry->value = memory_copy(put->value);
			return;
		}
	}
	if (memory->count == memory->capacity) {
		memory->capacity = memory->capacity ? memory->capacity * 2 : 64;
		memory->entries = realloc(memory->entries, memory->capacity * sizeof(*memory->entries));
		if (!memory->entries)
			abort();
	}
	memory->entries[memory->count++] =
		(struct memory_entry){put->table, put->day, memory_copy(put->key), memory_copy(put->value)};
}

static enum ep_status memory_commit(
	struct index_store *self, const struct store_put *puts, size_t count, uint64_t position, struct error *error)
{
	struct memory_store *memory = (struct memory_store *)self;

	if (memory->full)
		return error_set(error, EP_LIMIT, EP_ERR_DISK_FULL, "full");
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && store_put_compare(&puts[i - 1], &puts[i]) >= 0)
			abort(); /* not sorted, or one twice */
		memory_put(memory, &puts[i]);
	}
	memory->position = position;
	memory->commits++;
	return EP_OK;
}

static enum ep_status memory_refresh(struct index_store *self, struct error *error)
{
	(void)self;
	(void)error;
	return EP_OK;
}

static void memory_expire(struct index_store *self, int32_t before_day)
{
	((struct memory_store *)self)->before_day = before_day;
}

static void memory_close(struct index_store *self)
{
	(void)self;
}

static const struct index_store_ops memory_ops = {
	.get = memory_get,
	.position = memory_position,
	.commit = memory_commit,
	.refresh = memory_refresh,
	.expire = memory_expire,
	.close = memory_close,
	.threaded = false,
};

static inline void memory_store_init(struct memory_store *memory)
{
	*memory = (struct memory_store){.store = {&memory_ops}, .before_day = INT32_MIN};
}

static inline void memory_store_free(struct memory_store *memory)
{
	for (size_t i = 0; i < memory->count; i++) {
		free((char *)(uintptr_t)memory->entries[i].key.data);
		free((char *)(uintptr_t)memory->entries[i].value.data);
	}
	free(memory->entries);
}

#endif
