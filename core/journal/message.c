/*
 * message.c: see message.h.
 *
 *   version u8 (1), flags u8, id 16, first number, received_at_ns i64, body_length number, sha256 32,
 *   source, dedupe, idempotency, name texts, content_type, content_encoding text, count number, count times name and value,
 *   the body (unless it lies in the extent or isn't stored again; of a damaged message anything)
 *
 * first, idempotency, name and content_encoding stand there only if their flag is set.
 * Numbers are LEB128, a text is its length and its bytes; content_type is its number in the table below (0: none of
 * them), then, for 0, a text. So what goes before a body of a kilobyte is some hundred bytes.
 */
#include "journal/message.h"

#include "journal/wire.h"

#define MESSAGE_VERSION 1
#define MESSAGE_FLAGS (MESSAGE_DUPLICATE | MESSAGE_CONFLICT | MESSAGE_TEST | MESSAGE_DAMAGED)

/* Beside enum message_flags: what most messages don't have. */
enum present { HAS_FIRST = 0x10, HAS_IDEMPOTENCY = 0x20, HAS_NAME = 0x40, HAS_ENCODING = 0x80 };

_Static_assert(MESSAGE_FLAGS < HAS_FIRST, "a message's flags and what is present share a byte");

/* What nearly everybody sends, exactly so. Numbers are never reused; the list only grows. */
static const char *const content_types[] = {NULL, "application/json", "application/xml", "text/xml", "text/csv",
	"text/plain", "application/octet-stream", "application/json; charset=utf-8",
	"application/x-www-form-urlencoded", "application/edi-x12", "application/edifact"};

#define CONTENT_TYPES (sizeof(content_types) / sizeof(content_types[0]))

static void add_content_type(struct buffer *out, struct ep_slice type)
{
	for (size_t i = 1; i < CONTENT_TYPES; i++) {
		if (ep_slice_equal(type, ep_slice_of(content_types[i]))) {
			wire_add_number(out, i);
			return;
		}
	}
	wire_add_number(out, 0);
	wire_add_text(out, type);
}

static struct ep_slice take_content_type(struct wire_cursor *cursor)
{
	uint64_t number = wire_take_number(cursor);

	if (number == 0)
		return wire_take_text(cursor);
	if (number < CONTENT_TYPES)
		return ep_slice_of(content_types[number]);
	cursor->failed = true;
	return ep_slice_make(NULL, 0);
}

static uint8_t flags_of(const struct message *message)
{
	return (uint8_t)(message->flags | (message->first ? HAS_FIRST : 0) |
			 (message->idempotency.length ? HAS_IDEMPOTENCY : 0) | (message->name.length ? HAS_NAME : 0) |
			 (message->content_encoding.length ? HAS_ENCODING : 0));
}

enum ep_status message_write(const struct message *message, struct buffer *out)
{
	uint8_t flags = flags_of(message);

	if (message->header_count > MESSAGE_HEADERS_MAX || (message->flags & ~(uint32_t)MESSAGE_FLAGS))
		return EP_MISUSE;
	buffer_append_byte(out, MESSAGE_VERSION);
	buffer_append_byte(out, (char)flags);
	buffer_append(out, message->id, sizeof(message->id));
	if (flags & HAS_FIRST)
		wire_add_number(out, message->first);
	wire_add64(out, (uint64_t)message->received_at_ns);
	wire_add_number(out, message->body_length);
	buffer_append(out, message->sha256, sizeof(message->sha256));
	wire_add_text(out, message->source);
	wire_add_text(out, message->dedupe);
	if (flags & HAS_IDEMPOTENCY)
		wire_add_text(out, message->idempotency);
	if (flags & HAS_NAME)
		wire_add_text(out, message->name);
	add_content_type(out, message->content_type);
	if (flags & HAS_ENCODING)
		wire_add_text(out, message->content_encoding);
	wire_add_number(out, message->header_count);
	for (uint32_t i = 0; i < message->header_count; i++) {
		wire_add_text(out, message->headers[i].name);
		wire_add_text(out, message->headers[i].value);
	}
	return out->failed;
}

static void read_texts(struct wire_cursor *cursor, uint8_t flags, struct message *message)
{
	message->source = wire_take_text(cursor);
	message->dedupe = wire_take_text(cursor);
	if (flags & HAS_IDEMPOTENCY)
		message->idempotency = wire_take_text(cursor);
	if (flags & HAS_NAME)
		message->name = wire_take_text(cursor);
	message->content_type = take_content_type(cursor);
	if (flags & HAS_ENCODING)
		message->content_encoding = wire_take_text(cursor);
	message->header_count = wire_take_number32(cursor);
	if (message->header_count > MESSAGE_HEADERS_MAX)
		cursor->failed = true;
	for (uint32_t i = 0; i < message->header_count && !cursor->failed; i++) {
		message->headers[i].name = wire_take_text(cursor);
		message->headers[i].value = wire_take_text(cursor);
	}
}

enum ep_status message_read(const struct journal_frame *frame, struct message *message)
{
	struct wire_cursor cursor = {.rest = frame->payload};
	uint8_t version, flags;

	memset(message, 0, sizeof(*message));
	wire_take_bytes(&cursor, &version, sizeof(version));
	wire_take_bytes(&cursor, &flags, sizeof(flags));
	message->flags = flags & MESSAGE_FLAGS;
	wire_take_bytes(&cursor, message->id, sizeof(message->id));
	if (flags & HAS_FIRST)
		message->first = wire_take_number(&cursor);
	message->received_at_ns = (int64_t)wire_take64(&cursor);
	message->body_length = wire_take_number(&cursor);
	wire_take_bytes(&cursor, message->sha256, sizeof(message->sha256));
	read_texts(&cursor, flags, message);
	if (frame->kind != JOURNAL_MESSAGE || cursor.failed || version != MESSAGE_VERSION ||
		(flags & ~(MESSAGE_FLAGS | HAS_FIRST | HAS_IDEMPOTENCY | HAS_NAME | HAS_ENCODING)))
		return EP_BAD_INPUT;
	if (message->flags & MESSAGE_DAMAGED) /* what follows fills the place of what was there */
		return frame->extent ? EP_BAD_INPUT : EP_OK;
	if (frame->extent)
		return cursor.rest.length == 0 && frame->extent_length == message->body_length ? EP_OK : EP_BAD_INPUT;
	if (message->flags & MESSAGE_DUPLICATE)
		return cursor.rest.length == 0 ? EP_OK : EP_BAD_INPUT;
	message->body = cursor.rest;
	return message->body.length == message->body_length ? EP_OK : EP_BAD_INPUT;
}
