/* entries.c: see entries.h. Numbers in values are little endian; message values begin with received_at_ns. */
#include "index/entries.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"

static uint8_t *put(uint8_t *at, const void *data, size_t length)
{
	memcpy(at, data, length);
	return at + length;
}

static const char *take(const char *at, void *data, size_t length)
{
	memcpy(data, at, length);
	return at + length;
}

static struct ep_slice written(const uint8_t *begin, const uint8_t *end)
{
	return ep_slice_make((const char *)begin, (uint64_t)(end - begin));
}

void entry_message_id(int64_t received_at_ns, uint8_t id[16])
{
	uint64_t ms = (uint64_t)(received_at_ns / NS_PER_MS);

	for (int i = 5; i >= 0; i--, ms >>= 8)
		id[i] = (uint8_t)ms;
	random_bytes(id + 6, 10);
}

enum ep_status entry_message_key(struct buffer *key, enum entry_known_by by, struct ep_slice source, struct ep_slice id)
{
	ASSERT(source.length < 256);
	(void)buffer_append_byte(key, (char)by);
	(void)buffer_append_byte(key, (char)source.length);
	(void)buffer_append_slice(key, source);
	return buffer_append_slice(key, id);
}

enum ep_status entry_record_key(
	struct buffer *key, struct ep_slice source, uint16_t record, struct ep_slice business_key)
{
	ASSERT(source.length < 256);
	(void)buffer_append_byte(key, (char)source.length);
	(void)buffer_append_slice(key, source);
	(void)buffer_append_byte(key, (char)(record >> 8));
	(void)buffer_append_byte(key, (char)record);
	return buffer_append_slice(key, business_key);
}

struct ep_slice entry_message_write(const struct entry_message *entry, uint8_t bytes[ENTRY_MESSAGE_BYTES])
{
	uint8_t *at = put(bytes, &entry->received_at_ns, 8);

	at = put(at, &entry->position, 8);
	at = put(at, &entry->bytes, 8);
	at = put(at, entry->id, 16);
	at = put(at, entry->sha256, 32);
	return written(bytes, at);
}

struct entry_message entry_message_read(struct ep_slice value)
{
	struct entry_message entry;
	const char *at = value.data;

	ASSERT(value.length == ENTRY_MESSAGE_BYTES);
	at = take(at, &entry.received_at_ns, 8);
	at = take(at, &entry.position, 8);
	at = take(at, &entry.bytes, 8);
	at = take(at, entry.id, 16);
	take(at, entry.sha256, 32);
	return entry;
}

struct ep_slice entry_outcome_write(const struct entry_outcome *entry, uint8_t bytes[ENTRY_OUTCOME_BYTES])
{
	return written(bytes, put(put(bytes, &entry->inbox_position, 8), &entry->outbox_position, 8));
}

struct entry_outcome entry_outcome_read(struct ep_slice value)
{
	struct entry_outcome entry;

	ASSERT(value.length == ENTRY_OUTCOME_BYTES);
	take(take(value.data, &entry.inbox_position, 8), &entry.outbox_position, 8);
	return entry;
}

struct ep_slice entry_record_write(const struct entry_record *entry, uint8_t bytes[ENTRY_RECORD_BYTES_MAX])
{
	uint8_t *at = bytes;

	ASSERT(entry->version.length <= ENTRY_VERSION_MAX);
	*at++ = entry->sent;
	at = put(at, &entry->attempt, 4);
	at = put(at, &entry->revision, 8);
	at = put(at, &entry->sequence, 8);
	at = put(at, entry->content, 32);
	if (entry->version.length)
		at = put(at, entry->version.data, entry->version.length);
	return written(bytes, at);
}

struct entry_record entry_record_read(struct ep_slice value)
{
	struct entry_record entry;
	const char *at = value.data;

	ASSERT(value.length >= 53 && value.length <= 53 + ENTRY_VERSION_MAX);
	entry.sent = *at++ != 0;
	at = take(at, &entry.attempt, 4);
	at = take(at, &entry.revision, 8);
	at = take(at, &entry.sequence, 8);
	at = take(at, entry.content, 32);
	entry.version = ep_slice_make(at, value.length - 53);
	return entry;
}
