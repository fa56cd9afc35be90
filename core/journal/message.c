/*
 * message.c: see message.h.
 *
 *   version u8 (1), flags number, id 16, first number, received_at_ns i64, body_length number, sha256 32,
 *   source, dedupe, idempotency, name, content_type, content_encoding texts, count number, count times name and value,
 *   the body (unless it lies in the extent or isn't stored again)
 *
 * Numbers are LEB128, a text is its length and its bytes: a kilobyte's metadata are some hundred bytes.
 */
#include "journal/message.h"

#include "journal/wire.h"

#define MESSAGE_VERSION 1
#define MESSAGE_FLAGS (MESSAGE_DUPLICATE | MESSAGE_CONFLICT | MESSAGE_TEST)

enum ep_status message_write(const struct message *message, struct buffer *out)
{
	if (message->header_count > MESSAGE_HEADERS_MAX || (message->flags & ~(uint32_t)MESSAGE_FLAGS))
		return EP_MISUSE;
	buffer_append_byte(out, MESSAGE_VERSION);
	wire_add_number(out, message->flags);
	buffer_append(out, message->id, sizeof(message->id));
	wire_add_number(out, message->first);
	wire_add64(out, (uint64_t)message->received_at_ns);
	wire_add_number(out, message->body_length);
	buffer_append(out, message->sha256, sizeof(message->sha256));
	wire_add_text(out, message->source);
	wire_add_text(out, message->dedupe);
	wire_add_text(out, message->idempotency);
	wire_add_text(out, message->name);
	wire_add_text(out, message->content_type);
	wire_add_text(out, message->content_encoding);
	wire_add_number(out, message->header_count);
	for (uint32_t i = 0; i < message->header_count; i++) {
		wire_add_text(out, message->headers[i].name);
		wire_add_text(out, message->headers[i].value);
	}
	return out->failed;
}

static void read_texts(struct wire_cursor *cursor, struct message *message)
{
	message->source = wire_take_text(cursor);
	message->dedupe = wire_take_text(cursor);
	message->idempotency = wire_take_text(cursor);
	message->name = wire_take_text(cursor);
	message->content_type = wire_take_text(cursor);
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
	uint8_t version;

	memset(message, 0, sizeof(*message));
	wire_take_bytes(&cursor, &version, sizeof(version));
	message->flags = wire_take_number32(&cursor);
	wire_take_bytes(&cursor, message->id, sizeof(message->id));
	message->first = wire_take_number(&cursor);
	message->received_at_ns = (int64_t)wire_take64(&cursor);
	message->body_length = wire_take_number(&cursor);
	wire_take_bytes(&cursor, message->sha256, sizeof(message->sha256));
	read_texts(&cursor, message);
	if (frame->kind != JOURNAL_MESSAGE || cursor.failed || version != MESSAGE_VERSION ||
		(message->flags & ~(uint32_t)MESSAGE_FLAGS))
		return EP_BAD_INPUT;
	if (frame->extent)
		return cursor.rest.length == 0 && frame->extent_length == message->body_length ? EP_OK : EP_BAD_INPUT;
	if (message->flags & MESSAGE_DUPLICATE)
		return cursor.rest.length == 0 ? EP_OK : EP_BAD_INPUT;
	message->body = cursor.rest;
	return message->body.length == message->body_length ? EP_OK : EP_BAD_INPUT;
}
