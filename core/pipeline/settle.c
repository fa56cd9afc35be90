/*
 * settle.c: from a message's accepted records to what its outcome frame will hold: keys, versions, fates, ids.
 *
 * Two passes over the records (keys depend on the whole message, see record/accept.h), both in quanta. What a key has now
 * is looked up among the message's own records first, then in the index. Nothing is put into the index here: until the
 * outcome is appended all of this can be done again with the same result, and is, after a full disk or a restart.
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/parts.h"
#include "pipeline/version.h"

void settling_free(struct item *item)
{
	struct settling *settling = item->settling;

	if (!settling)
		return;
	if (settling->held)
		index_hold_end(item->lane->pipeline->index, &settling->hold);
	if (settling->extent_fd != -1)
		disk_close(settling->extent_fd);
	record_keys_destroy(settling->keys);
	window_free(&settling->input);
	window_free(&settling->back);
	stage_free(&settling->output);
	overlay_free(&settling->overlay);
	free(settling);
	item->settling = NULL;
}

static struct settling *begin(struct item *item)
{
	struct settling *settling = calloc(1, sizeof(*settling));

	if (!settling)
		return NULL;
	settling->extent_fd = -1;
	window_init_stage(&settling->input, &item->staged);
	window_init_memory(&settling->back, ep_slice_make(NULL, 0));
	stage_init(&settling->output, item->lane->pipeline->journal);
	settling->keys = record_keys_create(item->lane->account);
	item->settling = settling;
	if (!settling->keys) {
		settling_free(item);
		return NULL;
	}
	return settling;
}

/* The next staged record; `at` moves behind it. What can't be read back is a failed disk. */
static struct ep_slice next_record(struct settling *settling)
{
	struct ep_slice bytes;
	struct error error = {0};
	uint32_t length;

	if (window_read(&settling->input, settling->at, sizeof(length), &bytes, &error) != EP_OK)
		pipeline_die(&error);
	ASSERT(bytes.length >= sizeof(length));
	memcpy(&length, bytes.data, sizeof(length));
	if (window_read(&settling->input, settling->at + sizeof(length), length, &bytes, &error) != EP_OK)
		pipeline_die(&error);
	ASSERT(bytes.length >= length);
	settling->at += sizeof(length) + length;
	return ep_slice_make(bytes.data, length);
}

static uint16_t record_number(struct ep_slice encoded)
{
	uint16_t number;

	memcpy(&number, encoded.data, sizeof(number));
	return number;
}

/* The outcome record that was written at this place of the output. */
static void read_back(struct settling *settling, uint64_t place, struct outcome_record *record)
{
	uint64_t offset = overlay_offset(place), length = overlay_length(place);
	const struct stage *output = &settling->output;
	struct error error = {0};
	struct ep_slice bytes;

	if (output->fd != -1 && settling->back.fd == -1)
		window_init_file(&settling->back, output->fd, output->written);
	if (offset >= output->written) { /* pieces are written whole: it lies in memory */
		bytes = ep_slice_sub(buffer_slice(&output->memory), offset - output->written, length);
	} else {
		settling->back.length = output->written;
		if (window_read(&settling->back, offset, length, &bytes, &error) != EP_OK)
			pipeline_die(&error);
	}
	if (!outcome_next_record(&bytes, record))
		PANIC("a record of the message's own output can't be read back");
}

/* A version that the key has now, from the message itself or from the index. `slot`: where the message has it. */
static bool find_current(struct item *item, struct ep_slice key, struct ep_slice encoded, struct overlay_walk *walk,
	struct overlay_slot **slot, struct entry_record *current)
{
	struct pipeline *pipeline = item->lane->pipeline;
	struct settling *settling = item->settling;
	struct ep_slice value;

	*walk = overlay_find(&settling->overlay, key, record_number(encoded));
	while ((*slot = overlay_next(&settling->overlay, walk))) {
		struct outcome_record earlier;

		read_back(settling, (*slot)->place, &earlier);
		if (ep_slice_equal(earlier.key, key) && record_number(earlier.encoded) == record_number(encoded)) {
			*current = version_entry(&earlier, item->sequence);
			return true;
		}
	}
	buffer_clear(&pipeline->entry_key);
	if (entry_record_key(&pipeline->entry_key, item->lane->name, record_number(encoded), key) != EP_OK)
		PANIC("no memory for a key");
	if (index_get(pipeline->index, INDEX_RECORDS, buffer_slice(&pipeline->entry_key), &value) != EP_OK)
		return false;
	*current = entry_record_read(value);
	return true;
}

/* The sender's version, or the message's sequence. */
static void set_version(
	const struct item *item, struct ep_slice encoded, struct entry_record *entry, char text[ENTRY_VERSION_MAX])
{
	entry->sequence = item->sequence;
	entry->version = record_version(encoded, text);
	entry->sent = entry->version.length > 0;
	if (!entry->sent)
		entry->version = version_of_sequence(item->sequence, text);
}

static enum ep_status keep(struct item *item, const struct outcome_record *record, const struct overlay_walk *walk,
	struct overlay_slot *slot, struct error *error)
{
	struct settling *settling = item->settling;
	struct buffer *bytes = &item->lane->pipeline->record;
	uint64_t place;
	enum ep_status status;

	buffer_clear(bytes);
	status = outcome_write_record(record, bytes);
	if (status != EP_OK)
		return error_set(error, status, EP_ERR_LIMIT, "a record is too large to be kept");
	place = overlay_place(stage_length(&settling->output), bytes->length);
	status = stage_append(&settling->output, buffer_slice(bytes), false, error);
	if (status != EP_OK)
		return status;
	settling->kept++;
	if (record->fate == RECORD_SUPERSEDED || item->record_count == 1)
		return EP_OK;
	if (slot) {
		slot->place = place;
		return EP_OK;
	}
	status = overlay_add(&settling->overlay, walk->fingerprint, place);
	if (status != EP_OK)
		error_set(error, status, EP_ERR_INTERNAL, "no memory for a message's keys");
	return status;
}

static enum ep_status settle_record(struct item *item, struct ep_slice encoded, struct error *error)
{
	struct pipeline *pipeline = item->lane->pipeline;
	struct buffer *key = &pipeline->key;
	struct entry_record current, entry = {0};
	struct outcome_record record = {.encoded = encoded};
	struct overlay_walk walk;
	struct overlay_slot *slot;
	char text[ENTRY_VERSION_MAX];
	enum ep_status status;
	bool known;

	buffer_clear(key);
	status = record_keys_make(item->settling->keys, encoded, key);
	if (status != EP_OK)
		return error_set(error, status, EP_ERR_INTERNAL, "a record's key can't be made");
	set_version(item, encoded, &entry, text);
	record_content_hash(encoded, entry.content);
	known = find_current(item, buffer_slice(key), encoded, &walk, &slot, &current);
	record.fate = version_decide(known ? &current : NULL, &entry);
	if (record.fate == RECORD_SUPPRESSED) {
		item->settling->suppressed++;
		return EP_OK;
	}
	record.key = buffer_slice(key);
	record.version = entry.version;
	record.revision = entry.revision;
	record.attempt = entry.attempt;
	memcpy(record.content, entry.content, sizeof(record.content));
	record_id(item->lane->name, schema_record_find(record_number(encoded)), record.key, record.version,
		record.attempt, record.id);
	return keep(item, &record, &walk, slot, error);
}

/* Both passes are through: what was kept can be appended. */
static enum ep_status finish(struct item *item, struct error *error)
{
	struct settling *settling = item->settling;
	enum ep_status status = stage_finish(&settling->output, error);

	if (status != EP_OK)
		return status;
	window_free(&settling->input);
	window_free(&settling->back);
	overlay_free(&settling->overlay);
	record_keys_destroy(settling->keys);
	settling->keys = NULL;
	settling->at = 0;
	item->state = ITEM_SETTLED;
	return EP_OK;
}

static enum ep_status settle_some(struct item *item, size_t *budget, struct error *error)
{
	struct settling *settling = item->settling;
	enum ep_status status = EP_OK;

	while (status == EP_OK && *budget > 0) {
		struct ep_slice encoded;

		if (settling->count == item->record_count) {
			if (settling->seen)
				return finish(item, error);
			settling->seen = true;
			settling->count = 0;
			settling->at = 0;
			continue;
		}
		encoded = next_record(settling);
		settling->count++;
		--*budget;
		if (settling->seen) {
			status = settle_record(item, encoded, error);
			continue;
		}
		status = record_keys_see(settling->keys, encoded);
		if (status != EP_OK)
			error_set(error, status, EP_ERR_INTERNAL, "a record's key can't be made");
	}
	return status;
}

enum step item_settle(struct item *item, size_t *budget)
{
	struct error error = {0};
	enum ep_status status = EP_OK;

	if (item->kind != OUTCOME_NORMALIZED) {
		item->state = ITEM_SETTLED;
		return STEP_DONE;
	}
	if (!item->settling && !begin(item))
		status = error_set(&error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a message's records");
	if (status == EP_OK)
		status = settle_some(item, budget, &error);
	if (status == EP_OK)
		return item->state == ITEM_SETTLED ? STEP_DONE : STEP_MORE;
	settling_free(item); /* from the beginning again, or never */
	if (status == EP_NO_MEMORY || (status == EP_LIMIT && error.code == EP_ERR_DISK_FULL)) {
		pipeline_retry_later(item->lane->pipeline, &error);
		return STEP_BLOCKED;
	}
	item_quarantine(item, error.code, NULL, ep_slice_of(error.text));
	item->state = ITEM_SETTLED;
	return STEP_DONE;
}
