/*
 * wire.h: numbers in the journal's files and payloads: little endian, unaligned; variable length where most are small.
 *
 * A cursor reads bytes that nobody has vouched for: past the end it fails, keeps failing, and returns zeros.
 */
#ifndef JOURNAL_WIRE_H
#define JOURNAL_WIRE_H

#include <string.h>

#include "base/buffer.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the files are little endian, and so must the host be");

static inline void wire_put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void wire_put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline uint32_t wire_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t wire_get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Appending. Errors stick in the buffer. */

/* LEB128: seven bits a byte, the lowest first. */
static inline void wire_add_number(struct buffer *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t count = 0;

	do {
		bytes[count] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
		count++;
	} while (value);
	buffer_append(out, bytes, count);
}

static inline void wire_add64(struct buffer *out, uint64_t value)
{
	buffer_append(out, &value, sizeof(value));
}

/* Length and bytes. */
static inline void wire_add_text(struct buffer *out, struct ep_slice text)
{
	wire_add_number(out, text.length);
	buffer_append_slice(out, text);
}

struct wire_cursor {
	struct ep_slice rest;
	bool failed;
};

static inline struct ep_slice wire_take(struct wire_cursor *cursor, uint64_t length)
{
	struct ep_slice taken = {NULL, 0};

	if (cursor->failed || length > cursor->rest.length) {
		cursor->failed = true;
		return taken;
	}
	taken = (struct ep_slice){cursor->rest.data, length};
	cursor->rest.data += length;
	cursor->rest.length -= length;
	return taken;
}

static inline uint64_t wire_take64(struct wire_cursor *cursor)
{
	struct ep_slice bytes = wire_take(cursor, sizeof(uint64_t));

	return cursor->failed ? 0 : wire_get64((const uint8_t *)bytes.data);
}

/* One encoding a number: a last byte of zero, or more than 64 bits, is refused. */
static inline uint64_t wire_take_number(struct wire_cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		struct ep_slice byte = wire_take(cursor, 1);
		uint64_t bits;

		if (cursor->failed)
			return 0;
		bits = (uint8_t)byte.data[0];
		if ((shift == 63 && bits > 1) || (shift && bits == 0))
			break;
		value |= (bits & 0x7f) << shift;
		if (!(bits & 0x80))
			return value;
	}
	cursor->failed = true;
	return 0;
}

static inline uint32_t wire_take_number32(struct wire_cursor *cursor)
{
	uint64_t value = wire_take_number(cursor);

	if (value > UINT32_MAX)
		cursor->failed = true;
	return cursor->failed ? 0 : (uint32_t)value;
}

static inline struct ep_slice wire_take_text(struct wire_cursor *cursor)
{
	return wire_take(cursor, wire_take_number(cursor));
}

static inline void wire_take_bytes(struct wire_cursor *cursor, void *out, size_t length)
{
	struct ep_slice bytes = wire_take(cursor, length);

	if (cursor->failed)
		memset(out, 0, length);
	else
		memcpy(out, bytes.data, length);
}

#endif
