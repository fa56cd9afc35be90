/* tally.c: see tally.h. Open addressing with linear probing, at most half full. */
#include "record/tally.h"

#include <stdlib.h>

#define SLOTS_START 64

/* The slot of `hash`, or the free one where it belongs. */
static struct tally_slot *find(const struct tally *tally, uint64_t hash)
{
	size_t i = (size_t)(hash ^ hash >> 32) & (tally->capacity - 1);

	while (tally->slots[i].hash && tally->slots[i].hash != hash)
		i = (i + 1) & (tally->capacity - 1);
	return &tally->slots[i];
}

static enum ep_status grow(struct tally *tally)
{
	struct tally larger = {.capacity = tally->capacity ? tally->capacity * 2 : SLOTS_START, .used = tally->used};

	if (tally->used >= TALLY_MAX)
		return EP_LIMIT;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return EP_NO_MEMORY;
	for (size_t i = 0; i < tally->capacity; i++)
		if (tally->slots[i].hash)
			*find(&larger, tally->slots[i].hash) = tally->slots[i];
	free(tally->slots);
	*tally = larger;
	return EP_OK;
}

enum ep_status tally_add(struct tally *tally, uint64_t hash, uint64_t *count)
{
	struct tally_slot *slot;

	hash += hash == 0;
	if (tally->used >= tally->capacity / 2) {
		enum ep_status status = grow(tally);

		if (status != EP_OK)
			return status;
	}
	slot = find(tally, hash);
	tally->used += slot->hash == 0;
	slot->hash = hash;
	*count = ++slot->count;
	return EP_OK;
}

uint64_t tally_count(const struct tally *tally, uint64_t hash)
{
	hash += hash == 0;
	return tally->capacity ? find(tally, hash)->count : 0;
}

void tally_free(struct tally *tally)
{
	free(tally->slots);
	*tally = (struct tally){0};
}
