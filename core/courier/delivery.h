/*
 * delivery.h: a courier's progress: the steps that are written to the journal, and the state that they add up to.
 *
 * The state is a cursor (everything before it has been looked at) and a set of open records before the cursor that have
 * no end yet. A courier applies each step that it has appended to its own state by the same function that replays it at
 * the next start, so what is recovered is what was.
 */
#ifndef COURIER_DELIVERY_H
#define COURIER_DELIVERY_H

#include "base/buffer.h"
#include "base/error.h"

/* A record of the outbox: the outcome frame's position and the record's index in it, from 0. */
struct delivery_place {
	uint64_t frame;
	uint32_t index;
};

int delivery_place_compare(struct delivery_place a, struct delivery_place b);

#define DELIVERY_NO_KEY UINT64_MAX

struct delivery_open {
	struct delivery_place at;
	uint64_t key; /* hash of source, record type and business key; never DELIVERY_NO_KEY */
};

struct delivery_state {
	struct delivery_place cursor; /* the next record to look at */
	uint64_t as_of;               /* position in the log: steps before it are included */
	uint64_t delivered, filtered, superseded, dead;
	uint64_t first_dead;        /* frame of the oldest dead record; 0: none */
	struct delivery_open *open; /* owned; ascending */
	size_t open_count, open_capacity;
	size_t open_max;
};

void delivery_state_init(struct delivery_state *state, size_t open_max);
void delivery_state_free(struct delivery_state *state);
/* For a checkpoint. */
EP_MUST_CHECK enum ep_status delivery_state_write(const struct delivery_state *state, struct buffer *out);
/* EP_BAD_INPUT: the bytes are not a state. */
EP_MUST_CHECK enum ep_status delivery_state_read(struct delivery_state *state, struct ep_slice bytes);

/* One step, while it is made. Errors stick. */
struct delivery_step {
	struct delivery_place before, after; /* the cursor */
	uint64_t delivered, filtered, superseded;
	uint64_t closed_count, dead_count, opened_count;
	struct buffer closed, dead, opened;
};

#define DELIVERY_STEP_BYTES_MAX ((size_t)512 * 1024)
#define DELIVERY_REASON_MAX 255

void delivery_step_init(struct delivery_step *step);
void delivery_step_free(struct delivery_step *step);
void delivery_step_clear(struct delivery_step *step, struct delivery_place cursor);
/* A record of the open set that has its end. */
void delivery_step_close(struct delivery_step *step, struct delivery_place at);
/* A record that is refused for good (close it besides if it was open). */
void delivery_step_bury(struct delivery_step *step, struct delivery_place at, int code, struct ep_slice reason);
/* A record that the cursor passes without its end. Ascending. */
void delivery_step_open(struct delivery_step *step, struct delivery_place at, uint64_t key);
bool delivery_step_is_full(const struct delivery_step *step);
/* The payload of a JOURNAL_DELIVERY frame. */
EP_MUST_CHECK enum ep_status delivery_step_write(
	const struct delivery_step *step, struct ep_slice destination, struct buffer *out);

/* A frame as read. */
struct delivery {
	struct ep_slice destination;
	struct delivery_place before, after;
	uint64_t delivered, filtered, superseded;
	uint64_t closed_count, dead_count, opened_count;
	struct ep_slice closed, dead, opened; /* encoded */
};

struct delivery_dead {
	struct delivery_place at;
	int code; /* HTTP status or errno; 0: none */
	struct ep_slice reason;
};

EP_MUST_CHECK enum ep_status delivery_read(struct ep_slice payload, struct delivery *delivery);
/* Takes the next dead record off; false at the end. */
bool delivery_next_dead(struct ep_slice *rest, struct delivery_dead *dead);
/* EP_CONFLICT: the step doesn't continue this state, which stays as it was. EP_LIMIT, EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status delivery_apply(struct delivery_state *state, const struct delivery *delivery);

#endif
