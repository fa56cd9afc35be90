/* table.c: see table.h. */
#include "index/table.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES_USUAL ((size_t)192) /* the region is this much an entry */

struct entry {
	uint16_t table;
	uint16_t key_length;
	uint16_t value_length;
	uint16_t value_room;
};

#define ENTRY_BYTES_MAX (sizeof(struct entry) + INDEX_KEY_MAX + INDEX_VALUE_MAX + 8)

enum ep_status table_create(struct table *table, uint32_t count_max, struct error *error)
{
	uint32_t slots = 16;

	while (slots < count_max * 2)
		slots *= 2;
	*table = (struct table){.mask = slots - 1, .count_max = count_max};
	table->size = count_max * ENTRY_BYTES_USUAL;
	if (table->size < ENTRY_BYTES_MAX * 2 * INDEX_ROOM)
		table->size = ENTRY_BYTES_MAX * 2 * INDEX_ROOM;
	table->slots = malloc(slots * sizeof(*table->slots));
	table->entries = malloc(table->size);
	if (!table->slots || !table->entries) {
		table_free(table);
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index's tables");
	}
	memset(table->slots, 0, slots * sizeof(*table->slots));
	memset(table->entries, 0, table->size); /* touched here, once */
	return EP_OK;
}

void table_free(struct table *table)
{
	free(table->slots);
	free(table->entries);
	*table = (struct table){0};
}

void table_clear(struct table *table)
{
	memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof(*table->slots));
	table->count = 0;
	table->used = 0;
	table->last_position = 0;
	table->first_ns = 0;
}

static struct entry *entry_at(const struct table *table, uint32_t at)
{
	return (struct entry *)(void *)(table->entries + (size_t)(at - 1) * 8);
}

static char *key_of(struct entry *entry)
{
	return (char *)(entry + 1);
}

static char *value_of(struct entry *entry)
{
	return key_of(entry) + entry->key_length;
}

/* The slot of the key, or the empty one where it belongs. There are twice as many slots as entries. */
static struct table_slot *find(const struct table *table, enum index_table of, struct ep_slice key, uint64_t hash)
{
	const uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & table->mask;; i = (i + 1) & table->mask) {
		struct table_slot *slot = &table->slots[i];
		struct entry *entry;

		if (slot->at == 0)
			return slot;
		if (slot->tag != tag)
			continue;
		entry = entry_at(table, slot->at);
		if (entry->table == (uint16_t)of && entry->key_length == key.length &&
			memcmp(key_of(entry), key.data, key.length) == 0)
			return slot;
	}
}

/* An entry of its own at the end of the region. */
static enum ep_status add(
	struct table *table, struct table_slot *slot, enum index_table of, struct ep_slice key, struct ep_slice value)
{
	size_t bytes = (sizeof(struct entry) + key.length + value.length + 7) & ~(size_t)7;
	struct entry *entry = (struct entry *)(void *)(table->entries + table->used);

	if (bytes > table->size - table->used || (slot->at == 0 && table->count == table->count_max))
		return EP_LIMIT;
	entry->table = (uint16_t)of;
	entry->key_length = (uint16_t)key.length;
	entry->value_length = (uint16_t)value.length;
	entry->value_room = (uint16_t)value.length;
	memcpy(key_of(entry), key.data, key.length);
	if (value.length)
		memcpy(value_of(entry), value.data, value.length);
	if (slot->at == 0)
		table->count++;
	else
		entry_at(table, slot->at)->table = 0; /* the one replaced is passed over when listed */
	slot->at = (uint32_t)(table->used / 8 + 1);
	table->used += bytes;
	return EP_OK;
}

enum ep_status table_put(
	struct table *table, enum index_table of, struct ep_slice key, struct ep_slice value, uint64_t hash)
{
	struct table_slot *slot = find(table, of, key, hash);
	enum ep_status status;

	if (slot->at != 0) {
		struct entry *entry = entry_at(table, slot->at);

		if (value.length <= entry->value_room) {
			entry->value_length = (uint16_t)value.length;
			if (value.length)
				memcpy(value_of(entry), value.data, value.length);
			return EP_OK;
		}
	}
	status = add(table, slot, of, key, value);
	if (status == EP_OK)
		slot->tag = (uint32_t)(hash >> 32);
	return status;
}

bool table_get(
	const struct table *table, enum index_table of, struct ep_slice key, uint64_t hash, struct ep_slice *value)
{
	struct table_slot *slot = find(table, of, key, hash);
	struct entry *entry;

	if (slot->at == 0)
		return false;
	entry = entry_at(table, slot->at);
	*value = ep_slice_make(value_of(entry), entry->value_length);
	return true;
}

bool table_fits(const struct table *table, uint32_t count)
{
	return table->count + count <= table->count_max && table->used + count * ENTRY_BYTES_MAX <= table->size;
}

void table_list(const struct table *table, struct store_put *puts)
{
	size_t at = 0, count = 0;

	while (at < table->used) {
		struct entry *entry = (struct entry *)(void *)(table->entries + at);

		at += (sizeof(*entry) + entry->key_length + entry->value_room + 7) & ~(size_t)7;
		if (entry->table == 0)
			continue;
		ASSERT(count < table->count);
		puts[count++] = (struct store_put){
			.table = (enum index_table)entry->table,
			.key = ep_slice_make(key_of(entry), entry->key_length),
			.value = ep_slice_make(value_of(entry), entry->value_length),
		};
	}
	ASSERT(count == table->count);
}
