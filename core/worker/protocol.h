/*
 * protocol.h: what the gateway and a worker say to each other over their socket. Little endian.
 *
 *   frame   u32 length of the payload, u16 kind, u16 0, payload; the length is a multiple of 8, padded with zeros
 *   bytes   u32 length, that many bytes
 *
 *   gateway to worker
 *     HELLO   u32 protocol, u32 enum worker_mode, u64 memory_max, u64 body_max (0: unknown),
 *             u64 json_max, bytes source, bytes plugin path, u32 n, n times (bytes layer that is required), u32 n, n times (bytes name, bytes value) settings.
 *             With it comes the descriptor of the progress page.
 *     CALL    u64 number (ascending), u64 length of the body, u32 1: the body is a descriptor, u32 headers,
 *             bytes content type, bytes content encoding, bytes name, headers times (bytes name, bytes value).
 *             Inline: the body and 64 zero bytes end the payload. Else a descriptor comes with the frame's first byte.
 *   worker to gateway
 *     LOADING u64 build of the plugin, bytes name, bytes version, bytes layers that are active: once, before anything of
 *             the plugin has run. What is believed of these is believed of the gateway's own program.
 *     READY   u32 n (0 unless it was asked to describe the plugin), n times an option: u32 type, u32 1: required,
 *             u64 min, u64 max, bytes name, bytes default, bytes choices, bytes help
 *     REFUSED u32 enum ep_error, u32 enum ep_status, bytes text: it won't serve, and ends
 *     RECORD  u64 number, u32 origins, u32 length of the record, origins (24 bytes each), record
 *     REJECT  u64 number, u32 enum ep_error, u32 0, place, bytes text
 *     DONE    u64 number
 *     FAIL    as REJECT
 *     place   u32 part, u32 column, u64 offset, u64 length, u64 row, bytes path
 *
 * Calls are answered in order, one after the other. Frames queue up on both sides and travel together.
 * To the gateway everything that a worker says is hostile: lengths are bounded here and checked there.
 */
#ifndef WORKER_PROTOCOL_H
#define WORKER_PROTOCOL_H

#include <endian.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "record/encode.h"

#define WORKER_PROTOCOL 1
/* Handed on to workers by a gateway that was built for tests (-DENTREPOT_TEST_BUILD): see worker/sandbox.h. */
#define SANDBOX_OFF_NAME "ENTREPOT_TEST_SANDBOX_OFF"

#define WORKER_LOG_FD 2
#define WORKER_SOCKET_FD 3

#define WORKER_INLINE_MAX ((size_t)1024 * 1024) /* longer bodies go as a descriptor */
#define WORKER_BODY_PADDING 64
#define WORKER_HEAD_MAX ((size_t)256 * 1024) /* of a HELLO or CALL, without the body */
#define WORKER_FRAME_MAX (WORKER_HEAD_MAX + WORKER_INLINE_MAX + WORKER_BODY_PADDING)
#define WORKER_ORIGINS_MAX ((size_t)131072) /* of one record */
#define WORKER_REPLY_MAX (RECORD_BYTES_MAX + WORKER_ORIGINS_MAX * sizeof(struct record_origin) + 64)
#define WORKER_HEADERS_MAX 256
#define WORKER_SETTINGS_MAX 256
#define WORKER_TEXT_MAX 4096 /* of an error, or a path */

/* How a worker ends when it isn't killed: with one of these, or with 128 + the signal that it would have died of. */
enum worker_exit {
	WORKER_EXIT_DONE = 0,    /* the gateway closed the socket */
	WORKER_EXIT_REFUSED = 3, /* REFUSED was said */
	WORKER_EXIT_SOCKET = 4,  /* the socket is of no use: closed in here, or frames that can't be read */
	WORKER_EXIT_BODY = 5,    /* the disk failed under a body that is mapped */
	WORKER_EXIT_MEMORY = 6   /* it crashed, and there was no memory left */
};

/* Flags of HELLO. */
enum worker_mode {
	WORKER_REJECT_MESSAGE = 0x1,
	WORKER_DESCRIBE = 0x2 /* load the plugin, tell its options, serve nothing */
};

#define WORKER_OPTIONS_MAX 256 /* of a plugin */

enum worker_kind {
	WORKER_HELLO = 1,
	WORKER_CALL = 2,
	WORKER_READY = 16,
	WORKER_REFUSED = 17,
	WORKER_RECORD = 18,
	WORKER_REJECT = 19,
	WORKER_DONE = 20,
	WORKER_FAIL = 21,
	WORKER_LOADING = 22
};

/* One page that both map. The worker says which call it is busy with; a lie costs its own source a second try. */
struct worker_progress {
	_Atomic uint64_t number;
};

struct worker_frame {
	uint32_t length; /* of the payload */
	uint16_t kind;
	const char *payload;
};

#define WORKER_FRAME_HEAD 8

/* Writing: frame_begin(), values, frame_end(). A buffer that is full shows in buffer.failed. */
static inline size_t frame_begin(struct buffer *out, enum worker_kind kind)
{
	const size_t at = out->length;
	const uint32_t length = 0;
	const uint16_t head[2] = {htole16((uint16_t)kind), 0};

	buffer_append(out, &length, sizeof(length));
	buffer_append(out, head, sizeof(head));
	return at;
}

static inline void frame_end(struct buffer *out, size_t at)
{
	static const char zeros[8];
	uint32_t length;

	buffer_append(out, zeros, (8 - (out->length - at) % 8) % 8);
	if (out->failed != EP_OK)
		return;
	length = htole32((uint32_t)(out->length - at - WORKER_FRAME_HEAD));
	memcpy(out->data + at, &length, sizeof(length));
}

static inline void frame_put_u32(struct buffer *out, uint32_t value)
{
	value = htole32(value);
	buffer_append(out, &value, sizeof(value));
}

static inline void frame_put_u64(struct buffer *out, uint64_t value)
{
	value = htole64(value);
	buffer_append(out, &value, sizeof(value));
}

static inline void frame_put_bytes(struct buffer *out, struct ep_slice bytes)
{
	frame_put_u32(out, (uint32_t)bytes.length);
	buffer_append_slice(out, bytes);
}

/* Reading a payload. What isn't there reads as zero or empty and leaves `bad` set. */
struct frame_reader {
	const char *at, *end;
	bool bad;
};

/* The frame at the front of `length` bytes. EP_AGAIN: not all of it is there. EP_LIMIT: longer than `max`, or not padded. */
static inline enum ep_status frame_read(const char *data, size_t length, size_t max, struct worker_frame *frame)
{
	uint16_t kind;

	if (length < WORKER_FRAME_HEAD)
		return EP_AGAIN;
	memcpy(&frame->length, data, sizeof(frame->length));
	memcpy(&kind, data + 4, sizeof(kind));
	frame->length = le32toh(frame->length);
	frame->kind = le16toh(kind);
	frame->payload = data + WORKER_FRAME_HEAD;
	if (frame->length > max || frame->length % 8 != 0)
		return EP_LIMIT;
	return length - WORKER_FRAME_HEAD < frame->length ? EP_AGAIN : EP_OK;
}

static inline struct frame_reader frame_reader_of(const struct worker_frame *frame)
{
	return (struct frame_reader){frame->payload, frame->payload + frame->length, false};
}

static inline const char *frame_take(struct frame_reader *reader, size_t length)
{
	const char *at = reader->at;

	if (reader->bad || (size_t)(reader->end - reader->at) < length) {
		reader->bad = true;
		return NULL;
	}
	reader->at += length;
	return at;
}

static inline uint32_t frame_get_u32(struct frame_reader *reader)
{
	const char *at = frame_take(reader, sizeof(uint32_t));
	uint32_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static inline uint64_t frame_get_u64(struct frame_reader *reader)
{
	const char *at = frame_take(reader, sizeof(uint64_t));
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static inline struct ep_slice frame_get_bytes(struct frame_reader *reader)
{
	const uint32_t length = frame_get_u32(reader);
	const char *at = frame_take(reader, length);

	return at ? ep_slice_make(at, length) : ep_slice_make(NULL, 0);
}

static inline void frame_put_place(struct buffer *out, const struct ep_place *place)
{
	frame_put_u32(out, place->part);
	frame_put_u32(out, place->column);
	frame_put_u64(out, place->offset);
	frame_put_u64(out, place->length);
	frame_put_u64(out, place->row);
	frame_put_bytes(out, place->path);
}

static inline struct ep_place frame_get_place(struct frame_reader *reader)
{
	struct ep_place place;

	place.part = frame_get_u32(reader);
	place.column = frame_get_u32(reader);
	place.offset = frame_get_u64(reader);
	place.length = frame_get_u64(reader);
	place.row = frame_get_u64(reader);
	place.path = frame_get_bytes(reader);
	return place;
}

#endif
