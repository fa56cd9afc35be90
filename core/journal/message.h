/*
 * message.h: the payload of an inbox frame: what is known of a message, then its body as sent.
 */
#ifndef JOURNAL_MESSAGE_H
#define JOURNAL_MESSAGE_H

#include "base/buffer.h"
#include "journal/journal.h"

#define MESSAGE_HEADERS_MAX 32

enum message_flags {
	MESSAGE_DUPLICATE = 0x1, /* evidence: the body is not stored again; `first` names the message that has it */
	MESSAGE_CONFLICT = 0x2,  /* same provider id as an earlier message, other body */
	MESSAGE_TEST = 0x4,
	MESSAGE_DAMAGED = 0x8 /* put by a repair: the message was accepted, and its bytes are lost */
};

struct message {
	uint8_t id[16];         /* random, unique; in hex the message_id of the receipt */
	uint64_t first;         /* position of the message that this one repeats; 0: none */
	int64_t received_at_ns; /* realtime */
	uint64_t body_length;   /* bytes as sent */
	uint8_t sha256[32];     /* of the body as sent */
	uint32_t flags;         /* enum message_flags */
	uint32_t header_count;
	struct ep_slice source;       /* name */
	struct ep_slice dedupe;       /* provider's id, or empty: the digest counts */
	struct ep_slice idempotency;  /* Idempotency-Key, or empty */
	struct ep_slice name;         /* file name, or empty */
	struct ep_slice content_type; /* as sent */
	struct ep_slice content_encoding;
	struct ep_header headers[MESSAGE_HEADERS_MAX]; /* those that the plugin declared */
	struct ep_slice body;                          /* inline; data NULL when it lies in the frame's extent */
};

/* Appends the payload without the body to `out`: the body follows it as a part of its own, or as the extent. */
EP_MUST_CHECK enum ep_status message_write(const struct message *message, struct buffer *out);
/* The slices point into the frame, or to constants. EP_BAD_INPUT if it isn't one. */
EP_MUST_CHECK enum ep_status message_read(const struct journal_frame *frame, struct message *message);

#endif
