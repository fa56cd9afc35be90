/*
 * accept.h: from a verified message to its receipt. The one place where messages are de-duplicated and appended.
 *
 * Invariant 1: `done` is called with a receipt only after journal_durable() has passed the message's frame. A duplicate
 * gets the receipt of its first, with `duplicate` set, once its own evidence is durable; the evidence stands behind the
 * first in the log, so a first that isn't durable yet is waited for too.
 *
 * What is a duplicate:
 *   Idempotency-Key    same key and same body; same key and another body is refused (EP_CONFLICT)
 *   dedupe "event-id"  same provider's id and same body; same id and another body is accepted and flagged
 *                      MESSAGE_CONFLICT; a message without an id goes by its digest
 *   dedupe "digest"    same body within dedupe_window
 * An id is never enough without the body: some providers send it in a header that they don't sign.
 */
#ifndef INTAKE_ACCEPT_H
#define INTAKE_ACCEPT_H

#include "conf/conf.h"
#include "index/index.h"
#include "journal/message.h"

struct acceptor;

struct receipt {
	uint8_t message_id[16];
	int64_t received_at_ns;
	uint64_t bytes;
	uint8_t sha256[32];
	bool duplicate;
	uint64_t inbox_position; /* of the message (of the first one for a duplicate) */
};

/* One message to be accepted. Everything is copied or taken over by acceptor_accept(). */
struct acceptance {
	const struct conf_source *source;
	struct message message; /* all but id, first, received_at_ns, flags; sha256 and body_length set */
	int spool_fd;           /* -1, or the body; taken over */
	/*
	 * Called exactly once, perhaps before acceptor_accept() returns, unless acceptor_forget() comes first. EP_OK with
	 * a receipt; EP_CONFLICT: Idempotency-Key used for another body; EP_LIMIT: no room, try later; EP_AGAIN: too much at
	 * once, try later. *error is set for all but EP_OK.
	 */
	void (*done)(void *argument, enum ep_status status, const struct receipt *receipt, const struct error *error);
	void *argument;
};

EP_MUST_CHECK enum ep_status acceptor_create(struct acceptor **acceptor, struct loop *loop, struct journal *journal,
	struct index *index, struct error *error);
void acceptor_destroy(struct acceptor *acceptor);
void acceptor_accept(struct acceptor *acceptor, const struct acceptance *acceptance);
/* Who asked is gone: nobody is told of what was accepted so far. What was appended stands all the same. */
void acceptor_forget(struct acceptor *acceptor);
/* One inbox frame read again at start: puts what acceptor_accept() would have put into the index. */
void acceptor_recover(struct acceptor *acceptor, const struct journal_frame *frame, const struct message *message);

/* Since the start. */
struct acceptor_counts {
	uint64_t messages, duplicates, conflicts, refused;
};
struct acceptor_counts acceptor_counts(const struct acceptor *acceptor);

#endif
