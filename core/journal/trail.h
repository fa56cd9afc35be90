/*
 * trail.h: follows messages through the log to their outcomes, source by source, frame by frame in the log's order.
 *
 * A source's outcomes come in the order of its messages, so a line of those that wait is all that is kept: an outcome
 * for a message further back in the line says that those before it never got theirs, or that it is lost.
 */
#ifndef JOURNAL_TRAIL_H
#define JOURNAL_TRAIL_H

#include "journal/message.h"
#include "journal/outcome.h"

#define TRAIL_WAITING_MAX ((size_t)8 * 1024 * 1024) /* of all sources together */

struct trail_message {
	uint64_t position;
	uint64_t sequence;
	int64_t received_at_ns;
	uint8_t id[16];
};

struct trail_source {
	struct ep_slice name; /* owned */
	uint64_t received;    /* as far as the trail counts them */
	uint64_t outcomes[OUTCOME_DISCARDED + 1];
	uint64_t skipped; /* messages without an outcome that later ones have */
	uint64_t strange; /* outcomes of messages that are not there */
	struct trail_message *waiting;
	size_t first, count, capacity;
};

struct trail {
	struct trail_source *sources; /* owned */
	size_t source_count, source_capacity;
	uint64_t first;   /* position from which the log is kept */
	int64_t since_ns; /* messages received before are followed and not counted */
	size_t waiting;
	/* Told of each message that was skipped; may be NULL. */
	void (*skipped)(void *argument, const struct trail_source *source, const struct trail_message *message);
	void *argument;
};

void trail_init(struct trail *trail, uint64_t first);
void trail_free(struct trail *trail);
/* EP_LIMIT: TRAIL_WAITING_MAX. EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status trail_add(
	struct trail *trail, const struct journal_frame *frame, const struct message *message);
/* EP_OK; EP_NOT_FOUND: no such message, although the log is kept from before it. EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status trail_end(struct trail *trail, const struct outcome *outcome);
/* Messages that wait: from trail_waiting(source, 0) on to source->count - 1. */
const struct trail_message *trail_waiting(const struct trail_source *source, size_t index);
/* Of those that are counted and lie before the position. */
uint64_t trail_pending(const struct trail *trail, const struct trail_source *source, uint64_t before);
/* NULL: nothing of it was seen. */
struct trail_source *trail_source(const struct trail *trail, struct ep_slice name);

#endif
