/* batch.c: events that are sent together, and the batches that wait for another try. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "courier/parts.h"

#define BODY_BYTES_MAX ((size_t)48 * 1024 * 1024) /* a full batch and one event as large as they come */

struct batch *batch_create(struct courier *courier)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->courier = courier;
	buffer_init(&batch->body, BODY_BYTES_MAX);
	return batch;
}

void batch_destroy(struct batch *batch)
{
	if (!batch)
		return;
	buffer_free(&batch->body);
	free(batch->items);
	free(batch);
}

static bool reserve(struct batch *batch, uint32_t count)
{
	uint32_t capacity = batch->capacity ? batch->capacity : 16;
	struct item **items;

	if (count <= batch->capacity)
		return true;
	while (capacity < count)
		capacity *= 2;
	items = reallocarray(batch->items, capacity, sizeof(struct item *));
	if (!items)
		return false;
	batch->items = items;
	batch->capacity = capacity;
	return true;
}

/* Whether a destination gets arrays: lines and single events stand by themselves. */
static bool is_array(const struct courier *courier)
{
	return !courier->ops->lines && courier->destination->batch_records > 1;
}

enum ep_status batch_append(struct batch *batch, uint32_t index, struct ep_slice event)
{
	bool array = is_array(batch->courier);

	if (array)
		buffer_append_byte(&batch->body, index == 0 ? '[' : ',');
	buffer_append_slice(&batch->body, event);
	if (batch->courier->ops->lines)
		buffer_append_byte(&batch->body, '\n');
	return batch->body.failed;
}

enum ep_status batch_add(struct batch *batch, struct item *item, struct ep_slice event)
{
	const struct conf_destination *destination = batch->courier->destination;

	if (batch->count && batch->body.length + event.length + 2 > (uint64_t)destination->batch_bytes) {
		batch->full = true;
		return EP_LIMIT;
	}
	if (!reserve(batch, batch->count + 1) || batch_append(batch, batch->count, event) != EP_OK)
		return EP_NO_MEMORY;
	batch->items[batch->count++] = item;
	item->batch = batch;
	item->state = ITEM_CARRIED;
	if (batch->count == (uint64_t)destination->batch_records ||
		batch->body.length + 1 >= (uint64_t)destination->batch_bytes)
		batch->full = true;
	return EP_OK;
}

/* The same records have the same key, however often they are sent. */
static void make_key(struct batch *batch, char key[33])
{
	struct sha256 *digest = sha256_create();
	uint8_t hash[SHA256_BYTES];

	sha256_start(digest);
	for (uint32_t i = 0; i < batch->count; i++)
		sha256_update(digest, ep_slice_make((const char *)batch->items[i]->id, sizeof(batch->items[i]->id)));
	sha256_finish(digest, hash);
	sha256_destroy(digest);
	hex_write(hash, 16, key);
}

enum ep_status batch_seal(struct batch *batch)
{
	if (is_array(batch->courier) && buffer_append_byte(&batch->body, ']') != EP_OK)
		return EP_NO_MEMORY;
	batch->transport.body = buffer_slice(&batch->body);
	batch->transport.record_count = batch->count;
	make_key(batch, batch->transport.key);
	return EP_OK;
}

void batch_empty(struct batch *batch)
{
	buffer_free(&batch->body);
	buffer_init(&batch->body, BODY_BYTES_MAX);
	batch->transport.body = ep_slice_make(NULL, 0);
}

struct batch *batch_split(struct batch *batch)
{
	struct batch *second = batch_create(batch->courier);
	uint32_t half = batch->count / 2;

	if (!second || !reserve(second, batch->count - half)) {
		batch_destroy(second);
		return NULL;
	}
	for (uint32_t i = half; i < batch->count; i++) {
		struct item *item = batch->items[i];

		/* one behind a record of the first half, or behind one that has just been left out for that, must wait */
		if (item->key_previous && item->key_previous->batch != second) {
			item->batch = NULL;
			item->state = ITEM_WAITING;
		} else {
			item->batch = second;
			second->items[second->count++] = item;
		}
	}
	batch->count = half;
	second->attempts = batch->attempts;
	return second;
}

static void heap_put(struct retries *retries, size_t at, struct batch *batch)
{
	while (at && retries->heap[(at - 1) / 2]->due_ns > batch->due_ns) {
		retries->heap[at] = retries->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	retries->heap[at] = batch;
}

enum ep_status retries_push(struct retries *retries, struct batch *batch)
{
	if (retries->count == retries->capacity) {
		size_t capacity = retries->capacity ? retries->capacity * 2 : 16;
		struct batch **heap = reallocarray(retries->heap, capacity, sizeof(struct batch *));

		if (!heap)
			return EP_NO_MEMORY;
		retries->heap = heap;
		retries->capacity = capacity;
	}
	heap_put(retries, retries->count++, batch);
	return EP_OK;
}

struct batch *retries_first(const struct retries *retries)
{
	return retries->count ? retries->heap[0] : NULL;
}

struct batch *retries_pop(struct retries *retries)
{
	struct batch *first = retries_first(retries), *last;
	size_t at = 0, child;

	if (!first)
		return NULL;
	last = retries->heap[--retries->count];
	while ((child = 2 * at + 1) < retries->count) {
		if (child + 1 < retries->count && retries->heap[child + 1]->due_ns < retries->heap[child]->due_ns)
			child++;
		if (retries->heap[child]->due_ns >= last->due_ns)
			break;
		retries->heap[at] = retries->heap[child];
		at = child;
	}
	retries->heap[at] = last; /* an empty heap keeps a stale pointer, which nobody reads */
	return first;
}
