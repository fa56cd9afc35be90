/*
 * body.h: the body of one message while it comes in: in memory up to JOURNAL_INLINE_MAX, above in a spool file.
 *
 * What all bodies together hold in memory is bounded too: when that is reached, a body goes to a spool file earlier.
 * The digest runs along. The first piece is only borrowed, so that a body that comes in one piece is never copied here.
 */
#ifndef INTAKE_BODY_H
#define INTAKE_BODY_H

#include "base/buffer.h"
#include "base/hash.h"
#include "journal/journal.h"

/* What all bodies share. */
struct body_room {
	struct journal *journal;
	size_t memory_used;
	size_t memory_max; /* bytes */
};

struct body {
	struct body_room *room;
	struct sha256 *digest;
	struct ep_slice borrowed; /* the first piece; its owner still has it */
	struct buffer memory;
	int spool_fd; /* -1: none */
	uint64_t spooled;
	uint64_t length;
};

/* Made once, used for many messages. */
void body_create(struct body *body, struct body_room *room);
void body_destroy(struct body *body);
/* Empty. A spool file that was not taken by body_take_spool() is given up. */
void body_begin(struct body *body);
/* EP_OK; EP_LIMIT: no room on the disk. `data` must stay until body_settle() or body_begin(). */
EP_MUST_CHECK enum ep_status body_append(struct body *body, struct ep_slice data, struct error *error);
/* The borrowed piece is about to go: copies it. */
EP_MUST_CHECK enum ep_status body_settle(struct body *body, struct error *error);
/* All of it is there. */
void body_finish(struct body *body, uint8_t sha256[SHA256_BYTES]);
/* What is in memory: the whole body unless there is a spool file; then nothing. */
struct ep_slice body_bytes(const struct body *body);
/* The spool file, which is the caller's now, or -1. */
int body_take_spool(struct body *body);

#endif
