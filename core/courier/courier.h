/*
 * courier.h: carries the outbox to one destination, in the order of each key, until every record has an end.
 *
 * A durable low-water mark, and a bounded set of parked keys: a record that must be tried again is parked, the cursor
 * moves on, successors of its key join it (design: Couriers). Progress is written as JOURNAL_DELIVERY frames, lazily.
 * After a crash, what was sent and not yet written as delivered is sent again with the same ids.
 */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include "courier/transport.h"
#include "journal/outcome.h"

struct courier;

struct courier_options {
	const struct conf_destination *destination;
	struct loop *loop;
	struct journal *journal;
	const struct transport_ops *transport; /* NULL: the destination's own */
};

EP_MUST_CHECK enum ep_status courier_create(
	struct courier **courier, const struct courier_options *options, struct error *error);
void courier_destroy(struct courier *courier);
/* Start: the state of the checkpoint (empty: a new destination, from the beginning), then each delivery frame. */
EP_MUST_CHECK enum ep_status courier_restore(struct courier *courier, struct ep_slice checkpoint);
void courier_recover(struct courier *courier, const struct journal_frame *frame);
void courier_start(struct courier *courier);
/* There may be something new: call it for every courier from the one listener of journal_on_durable(). */
void courier_wake(struct courier *courier);
/* Finishes what is in flight, starts nothing new, writes the cursor. May be called again while it is busy. */
void courier_stop(struct courier *courier);
/* Requests in flight; none where the destination can't be reached: nobody should wait for it. */
size_t courier_busy(const struct courier *courier);
enum ep_status courier_checkpoint(struct courier *courier, struct buffer *out, uint64_t *from);
/* The outbox before this position is not needed by this destination any more. */
uint64_t courier_needs(const struct courier *courier);

struct courier_counts {
	uint64_t delivered, filtered, superseded, dead;
	uint64_t parked;     /* records that wait for another try, or behind one that does */
	uint64_t unresolved; /* read and without an end */
	uint64_t retried;    /* requests that had to be repeated, since the start */
	uint64_t requests;   /* answered for good, since the start */
	uint64_t bytes;      /* of their bodies */
	uint64_t next;       /* position from which the outbox is read on */
	uint64_t oldest;     /* position at or before the outcome of the oldest record that has no end yet */
	uint32_t failures;   /* in a row */
	bool refused;        /* our credentials: paused */
	bool halted;         /* the journal can't be read, or there is no memory */
};
struct courier_counts courier_counts(const struct courier *courier);

#endif
