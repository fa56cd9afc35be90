/*
 * outcome.c: see outcome.h. Numbers are LEB128, a text is its length and its bytes.
 *
 *   outcome    version u8 (1), kind, flags, inbox_position, inbox_sequence, original_position numbers, message_id 16,
 *              received_at_ns i64, source, plugin texts, record_count, suppressed, rejected, rejection_count numbers,
 *              rejections text, then the records (unless they lie in the extent)
 *   rejection  code number, place, text texts
 *   record     u32 length of what follows, id 16, content 32, revision, attempt, fate numbers, version, key, encoded texts
 */
#include "journal/outcome.h"

#include "journal/wire.h"

#define OUTCOME_VERSION 1

enum ep_status outcome_write_rejection(const struct outcome_rejection *rejection, struct buffer *out)
{
	wire_add_number(out, rejection->code);
	wire_add_text(out, rejection->place);
	wire_add_text(out, rejection->text);
	return out->failed;
}

enum ep_status outcome_write_record(const struct outcome_record *record, struct buffer *out)
{
	size_t start = out->length;
	uint8_t length[4] = {0};

	buffer_append(out, length, sizeof(length));
	buffer_append(out, record->id, sizeof(record->id));
	buffer_append(out, record->content, sizeof(record->content));
	wire_add_number(out, record->revision);
	wire_add_number(out, record->attempt);
	wire_add_number(out, record->fate);
	wire_add_text(out, record->version);
	wire_add_text(out, record->key);
	wire_add_text(out, record->encoded);
	if (out->failed == EP_OK && out->length - start > OUTCOME_RECORD_BYTES_MAX)
		return EP_LIMIT;
	if (out->failed == EP_OK)
		wire_put32((uint8_t *)out->data + start, (uint32_t)(out->length - start - sizeof(length)));
	return out->failed;
}

enum ep_status outcome_write(const struct outcome *outcome, struct buffer *out)
{
	if (outcome->kind < OUTCOME_NORMALIZED || outcome->kind > OUTCOME_DISCARDED ||
		outcome->rejection_count > OUTCOME_REJECTIONS_MAX)
		return EP_MISUSE;
	buffer_append_byte(out, OUTCOME_VERSION);
	wire_add_number(out, outcome->kind);
	wire_add_number(out, outcome->flags);
	wire_add_number(out, outcome->inbox_position);
	wire_add_number(out, outcome->inbox_sequence);
	wire_add_number(out, outcome->original_position);
	buffer_append(out, outcome->message_id, sizeof(outcome->message_id));
	wire_add64(out, (uint64_t)outcome->received_at_ns);
	wire_add_text(out, outcome->source);
	wire_add_text(out, outcome->plugin);
	wire_add_number(out, outcome->record_count);
	wire_add_number(out, outcome->suppressed);
	wire_add_number(out, outcome->rejected);
	wire_add_number(out, outcome->rejection_count);
	wire_add_text(out, outcome->rejections);
	return out->failed;
}

enum ep_status outcome_read(const struct journal_frame *frame, struct outcome *outcome)
{
	struct wire_cursor cursor = {.rest = frame->payload};
	uint32_t kind;
	uint8_t version;

	memset(outcome, 0, sizeof(*outcome));
	wire_take_bytes(&cursor, &version, sizeof(version));
	kind = wire_take_number32(&cursor);
	outcome->flags = wire_take_number32(&cursor);
	outcome->inbox_position = wire_take_number(&cursor);
	outcome->inbox_sequence = wire_take_number(&cursor);
	outcome->original_position = wire_take_number(&cursor);
	wire_take_bytes(&cursor, outcome->message_id, sizeof(outcome->message_id));
	outcome->received_at_ns = (int64_t)wire_take64(&cursor);
	outcome->source = wire_take_text(&cursor);
	outcome->plugin = wire_take_text(&cursor);
	outcome->record_count = wire_take_number32(&cursor);
	outcome->suppressed = wire_take_number32(&cursor);
	outcome->rejected = wire_take_number32(&cursor);
	outcome->rejection_count = wire_take_number32(&cursor);
	outcome->rejections = wire_take_text(&cursor);
	if (frame->kind != JOURNAL_OUTCOME || cursor.failed || version != OUTCOME_VERSION ||
		kind < OUTCOME_NORMALIZED || kind > OUTCOME_DISCARDED ||
		outcome->rejection_count > OUTCOME_REJECTIONS_MAX || (frame->extent && cursor.rest.length))
		return EP_BAD_INPUT;
	outcome->kind = (enum outcome_kind)kind;
	if (!frame->extent && !(outcome->flags & OUTCOME_DAMAGED)) /* there it only fills the place */
		outcome->records = cursor.rest;
	return EP_OK;
}

bool outcome_next_rejection(struct ep_slice *rest, struct outcome_rejection *rejection)
{
	struct wire_cursor cursor = {.rest = *rest};

	rejection->code = wire_take_number32(&cursor);
	rejection->place = wire_take_text(&cursor);
	rejection->text = wire_take_text(&cursor);
	if (cursor.failed)
		return false;
	*rest = cursor.rest;
	return true;
}

uint64_t outcome_record_bytes(struct ep_slice rest)
{
	return rest.length < sizeof(uint32_t) ? 0 : sizeof(uint32_t) + wire_get32((const uint8_t *)rest.data);
}

bool outcome_next_record(struct ep_slice *rest, struct outcome_record *record)
{
	uint64_t bytes = outcome_record_bytes(*rest);
	struct wire_cursor cursor = {.rest = *rest};
	struct wire_cursor inside = {.rest = wire_take(&cursor, bytes)};

	if (bytes == 0 || cursor.failed || bytes > OUTCOME_RECORD_BYTES_MAX)
		return false;
	wire_take(&inside, sizeof(uint32_t));
	wire_take_bytes(&inside, record->id, sizeof(record->id));
	wire_take_bytes(&inside, record->content, sizeof(record->content));
	record->revision = wire_take_number(&inside);
	record->attempt = wire_take_number32(&inside);
	record->fate = wire_take_number32(&inside);
	record->version = wire_take_text(&inside);
	record->key = wire_take_text(&inside);
	record->encoded = wire_take_text(&inside);
	if (inside.failed || inside.rest.length || record->fate < RECORD_NEW || record->fate > RECORD_SUPPRESSED)
		return false;
	*rest = cursor.rest;
	return true;
}

const char *outcome_kind_name(enum outcome_kind kind)
{
	static const char *const names[] = {"pending", "normalized", "duplicate", "quarantined", "discarded"};

	return kind <= OUTCOME_DISCARDED ? names[kind] : "unknown";
}
