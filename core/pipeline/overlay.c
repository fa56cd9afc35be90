/* overlay.c: see overlay.h. Open addressing, at most half full, grown by doubling. */
#include "pipeline/overlay.h"

#include <stdlib.h>

#include "base/hash.h"

#define SLOTS_LEAST 64u

void overlay_free(struct overlay *overlay)
{
	free(overlay->slots);
	*overlay = (struct overlay){0};
}

struct overlay_walk overlay_find(const struct overlay *overlay, struct ep_slice key, uint16_t record)
{
	uint64_t hash = xxh3(key.data, key.length, record);

	if (hash == 0)
		hash = 1;
	return (struct overlay_walk){hash, (uint32_t)hash & overlay->mask};
}

struct overlay_slot *overlay_next(const struct overlay *overlay, struct overlay_walk *walk)
{
	if (!overlay->slots)
		return NULL;
	for (;; walk->at = (walk->at + 1) & overlay->mask) {
		struct overlay_slot *slot = &overlay->slots[walk->at];

		if (slot->fingerprint == 0)
			return NULL;
		if (slot->fingerprint != walk->fingerprint)
			continue;
		walk->at = (walk->at + 1) & overlay->mask;
		return slot;
	}
}

static void insert(struct overlay *overlay, uint64_t fingerprint, uint64_t place)
{
	uint32_t at = (uint32_t)fingerprint & overlay->mask;

	while (overlay->slots[at].fingerprint != 0)
		at = (at + 1) & overlay->mask;
	overlay->slots[at] = (struct overlay_slot){fingerprint, place};
}

static enum ep_status grow(struct overlay *overlay)
{
	uint32_t slots = overlay->slots ? (overlay->mask + 1) * 2 : SLOTS_LEAST;
	struct overlay grown = {
		.slots = calloc(slots, sizeof(*grown.slots)), .count = overlay->count, .mask = slots - 1};

	if (!grown.slots)
		return EP_NO_MEMORY;
	for (uint32_t i = 0; overlay->slots && i <= overlay->mask; i++)
		if (overlay->slots[i].fingerprint != 0)
			insert(&grown, overlay->slots[i].fingerprint, overlay->slots[i].place);
	free(overlay->slots);
	*overlay = grown;
	return EP_OK;
}

enum ep_status overlay_add(struct overlay *overlay, uint64_t fingerprint, uint64_t place)
{
	if (overlay->count == OVERLAY_MAX)
		return EP_LIMIT;
	if (!overlay->slots || (overlay->count + 1) * 2 > overlay->mask + 1) {
		enum ep_status status = grow(overlay);

		if (status != EP_OK)
			return status;
	}
	insert(overlay, fingerprint, place);
	overlay->count++;
	return EP_OK;
}
