/*
 * outbox.h: the outbox as a stream of records, from any place on, whether they lie in the log or in an extent.
 *
 * One frame and, of an extent, one window of a few records are in memory. What is returned is valid until the next call.
 */
#ifndef COURIER_OUTBOX_H
#define COURIER_OUTBOX_H

#include "courier/delivery.h"
#include "journal/outcome.h"

struct outbox;

struct outbox_record {
	struct delivery_place at;
	const struct outcome *outcome;
	struct outcome_record record;
};

EP_MUST_CHECK enum ep_status outbox_open(struct journal *journal, struct outbox **outbox, struct error *error);
void outbox_close(struct outbox *outbox);
void outbox_seek(struct outbox *outbox, struct delivery_place place);
/* The place of the record that comes next; behind the last frame that had an end. */
struct delivery_place outbox_place(const struct outbox *outbox);
/* EP_OK: a record. EP_END: nothing more is durable. EP_AGAIN: many frames without a record were passed; call again.
 * Anything else: the journal can't be read here; *error says why. */
EP_MUST_CHECK enum ep_status outbox_next(struct outbox *outbox, struct outbox_record *record, struct error *error);
/* The record at this place. Cheap for ascending places. */
EP_MUST_CHECK enum ep_status outbox_fetch(
	struct outbox *outbox, struct delivery_place place, struct outbox_record *record, struct error *error);

#endif
