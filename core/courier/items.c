/* items.c: records on their way: from the outbox into batches, from the answer to their end. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "courier/parts.h"
#include "record/bytes.h"
#include "record/event.h"

#define QUANTUM_RECORDS 2048 /* looked at in one go, so that other work of the loop gets its turn */
#define WINDOW_ITEMS_MAX ((size_t)65536)

size_t courier_parked(const struct courier *courier)
{
	return courier->unresolved - courier->carried;
}

void courier_halt(struct courier *courier, const char *why)
{
	if (!courier->broken)
		log_error("deliveries halted", log_text("destination", courier->destination->name),
			log_text("reason", why));
	courier->broken = true;
	courier->hold_until_ns = clock_monotonic_ns() + courier->destination->retry_max_ns;
}

static bool is_wanted(const struct conf_destination *destination, const struct outbox_record *record)
{
	uint32_t type = record->record.encoded.length >= RECORD_HEAD_BYTES ? get_u16(record->record.encoded.data) : 0;
	bool wanted = destination->type_count == 0;

	for (size_t i = 0; !wanted && i < destination->type_count; i++)
		wanted = destination->types[i] == type;
	if (!wanted || destination->source_count == 0)
		return wanted;
	for (size_t i = 0; i < destination->source_count; i++)
		if (ep_slice_equal(ep_slice_of(destination->sources[i]), record->outcome->source))
			return true;
	return false;
}

static enum ep_status render(const struct outbox_record *record, struct item *item, struct buffer *out)
{
	char message[2 * sizeof(record->outcome->message_id) + 1];
	struct event event = {.source = record->outcome->source,
		.version = record->record.version,
		.revision = record->record.revision,
		.key = record->record.key,
		.record = record->record.encoded};

	hex_write(record->outcome->message_id, sizeof(record->outcome->message_id), message);
	event.message = ep_slice_make(message, sizeof(message) - 1);
	memcpy(event.id, record->record.id, sizeof(event.id));
	memcpy(item->id, record->record.id, sizeof(item->id));
	buffer_clear(out);
	return event_write(&event, out);
}

static struct item *create(struct courier *courier, struct delivery_place at, uint64_t key)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->at = at;
	item->state = ITEM_WAITING;
	if (!keys_join(&courier->keys, key, item)) {
		free(item);
		return NULL;
	}
	courier->unresolved++;
	return item;
}

static void make_ready(struct courier *courier, struct item *item)
{
	item->state = ITEM_READY;
	TAILQ_INSERT_TAIL(&courier->ready, item, ready);
}

void courier_reopen(struct courier *courier)
{
	for (size_t i = 0; i < courier->state.open_count; i++) {
		struct item *item = create(courier, courier->state.open[i].at, courier->state.open[i].key);

		if (!item)
			PANIC("no memory for the open records of destination %s", courier->destination->name);
		item->open = true;
		if (!item->key_previous)
			make_ready(courier, item);
	}
}

static void resolve(struct courier *courier, struct item *item, enum item_state state)
{
	struct item *next = keys_leave(&courier->keys, item);

	item->state = state;
	item->batch = NULL;
	courier->unresolved--;
	if (item->open)
		TAILQ_INSERT_TAIL(&courier->closed, item, listed);
	else
		courier->window_resolved++;
	if (next && next->state == ITEM_WAITING)
		make_ready(courier, next);
}

void courier_deliver(struct courier *courier, struct item *item)
{
	courier->delivered++;
	resolve(courier, item, ITEM_DELIVERED);
}

void courier_bury(struct courier *courier, struct item *item, int code, const char *reason)
{
	char id[2 * sizeof(item->id) + 1];

	hex_write(item->id, sizeof(item->id), id);
	log_warn("record refused for good", log_text("destination", courier->destination->name), log_text("id", id),
		log_number("position", (int64_t)item->at.frame), log_number("index", item->at.index),
		log_number("code", code), log_text("reason", reason));
	courier->dead++;
	item->code = code;
	item->reason = strdup(reason); /* without memory the reason is lost, not the record */
	resolve(courier, item, ITEM_DEAD);
}

void courier_disband(struct courier *courier, struct batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		struct item *item = batch->items[i];

		item->batch = NULL;
		item->state = ITEM_WAITING;
		if (!item->key_previous)
			make_ready(courier, item);
	}
	batch_destroy(batch);
}

/* An item may go into a batch when nothing of its key is before it, or only in that batch. */
static bool may_join(const struct item *item, const struct batch *batch)
{
	return !item->key_previous || item->key_previous->batch == batch;
}

/* The item rendered in `event` goes into the batch, or stays in hand for the next one. */
static void put_held(struct courier *courier)
{
	struct item *item = courier->held, *next = item->key_next;
	struct batch *batch = courier->building;

	if (!may_join(item, batch)) {
		courier->held = NULL;
		item->state = ITEM_WAITING;
		return;
	}
	switch (batch_add(batch, item, buffer_slice(&courier->event))) {
	case EP_OK:
		break;
	case EP_LIMIT:
		return;
	default: /* its body is no longer whole */
		courier->carried -= batch->count;
		courier_disband(courier, batch);
		courier->building = NULL;
		courier_halt(courier, "no memory");
		return;
	}
	courier->held = NULL;
	courier->carried++;
	if (batch->count == 1)
		batch->begun_ns = clock_monotonic_ns();
	if (next && next->state == ITEM_WAITING) { /* its follower can go with it */
		next->state = ITEM_READY;
		TAILQ_INSERT_HEAD(&courier->ready, next, ready);
	}
}

/* What can't be written as an event never will be: a dead letter, once it is the first of its key. */
static void unwritable(struct courier *courier, struct item *item)
{
	if (item->key_previous)
		item->state = ITEM_WAITING;
	else
		courier_bury(courier, item, 0, "the record can't be written as an event: it is too large");
}

static struct outbox *repeated_outbox(struct courier *courier)
{
	struct error error = {0};

	if (!courier->repeated && outbox_open(courier->journal, &courier->repeated, &error) != EP_OK)
		courier_halt(courier, error.text);
	return courier->repeated;
}

static enum ep_status fetch(struct courier *courier, struct item *item, struct buffer *out)
{
	struct outbox *outbox = repeated_outbox(courier);
	struct outbox_record record;
	struct error error = {0};
	enum ep_status status;

	if (!outbox)
		return EP_NO_MEMORY;
	status = outbox_fetch(outbox, item->at, &record, &error);
	if (status != EP_OK) {
		courier_halt(courier, error.text);
		return EP_IO;
	}
	return render(&record, item, out);
}

static void keep_ready(struct courier *courier, struct item *item, enum ep_status status)
{
	TAILQ_INSERT_HEAD(&courier->ready, item, ready);
	if (status == EP_NO_MEMORY)
		courier_halt(courier, "no memory");
}

static void take_ready(struct courier *courier)
{
	struct item *item = TAILQ_FIRST(&courier->ready);
	enum ep_status status;

	TAILQ_REMOVE(&courier->ready, item, ready);
	if (!may_join(item, courier->building)) {
		item->state = ITEM_WAITING;
		return;
	}
	status = fetch(courier, item, &courier->event);
	if (status == EP_OK)
		courier->held = item;
	else if (status == EP_LIMIT)
		unwritable(courier, item);
	else
		keep_ready(courier, item, status);
}

static void look_at(struct courier *courier, const struct outbox_record *record)
{
	struct item *item;
	enum ep_status status;

	if (!is_wanted(courier->destination, record)) {
		courier->filtered++;
		return;
	}
	if (record->record.fate >= RECORD_SUPERSEDED) {
		courier->superseded++;
		return;
	}
	item = create(courier, record->at, key_hash(record->outcome->source, &record->record));
	if (!item) {
		outbox_seek(courier->outbox, record->at);
		courier_halt(courier, "no memory");
		return;
	}
	item->filtered = courier->filtered;
	item->superseded = courier->superseded;
	TAILQ_INSERT_TAIL(&courier->window, item, listed);
	courier->window_count++;
	if (!may_join(item, courier->building))
		return;
	status = render(record, item, &courier->event);
	item->state = ITEM_READY;
	if (status == EP_OK)
		courier->held = item;
	else if (status == EP_LIMIT)
		unwritable(courier, item);
	else
		keep_ready(courier, item, status);
}

/* EP_OK: a record was looked at. */
static enum ep_status read_on(struct courier *courier)
{
	struct outbox_record record;
	struct error error = {0};
	enum ep_status status = outbox_next(courier->outbox, &record, &error);

	if (status == EP_OK)
		look_at(courier, &record);
	else if (status != EP_END && status != EP_AGAIN)
		courier_halt(courier, error.text);
	return status;
}

static bool may_read(const struct courier *courier)
{
	return courier_parked(courier) < (uint64_t)courier->destination->parked_max &&
	       courier->window_count < WINDOW_ITEMS_MAX;
}

enum courier_more courier_fill(struct courier *courier)
{
	if (!courier->building)
		courier->building = batch_create(courier);
	if (!courier->building) {
		courier_halt(courier, "no memory");
		return COURIER_NO_MORE;
	}
	courier->broken = false;
	for (int i = 0; i < QUANTUM_RECORDS; i++) {
		enum ep_status status = EP_OK;

		if (courier->broken || courier->building->full)
			return COURIER_NO_MORE;
		if (courier->held)
			put_held(courier);
		else if (!TAILQ_EMPTY(&courier->ready))
			take_ready(courier);
		else if (may_read(courier))
			status = read_on(courier);
		else
			return COURIER_NO_MORE;
		if (status == EP_AGAIN)
			return COURIER_MORE;
		if (status != EP_OK)
			return COURIER_NO_MORE;
	}
	return COURIER_MORE;
}

enum ep_status courier_render(struct courier *courier, struct batch *batch)
{
	enum ep_status status = EP_OK;

	batch_empty(batch);
	for (uint32_t i = 0; status == EP_OK && i < batch->count; i++) {
		status = fetch(courier, batch->items[i], &courier->again);
		if (status == EP_OK)
			status = batch_append(batch, i, buffer_slice(&courier->again));
	}
	if (status == EP_OK)
		status = batch_seal(batch);
	if (status == EP_LIMIT || status == EP_NO_MEMORY)
		courier_halt(courier, "no memory");
	return status;
}

static void free_item(struct item *item)
{
	free(item->reason);
	free(item);
}

void courier_free_items(struct courier *courier)
{
	struct item *item;

	/* the resolved ones are in the lists only, the others in the line of their key (some in the window besides) */
	while ((item = TAILQ_FIRST(&courier->window)) != NULL) {
		TAILQ_REMOVE(&courier->window, item, listed);
		if (item->state >= ITEM_DELIVERED)
			free_item(item);
	}
	while ((item = TAILQ_FIRST(&courier->closed)) != NULL) {
		TAILQ_REMOVE(&courier->closed, item, listed);
		free_item(item);
	}
	for (size_t i = 0; i < KEY_BUCKETS; i++)
		while (courier->keys.buckets[i]) {
			item = courier->keys.buckets[i]->first;
			keys_leave(&courier->keys, item);
			free_item(item);
		}
}
