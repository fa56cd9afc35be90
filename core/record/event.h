/*
 * event.h: a record as a CloudEvents 1.0 event in JSON, the way it leaves the gateway. Byte-identical from run to run.
 */
#ifndef RECORD_EVENT_H
#define RECORD_EVENT_H

#include "base/buffer.h"
#include "record/encode.h"

struct event {
	struct ep_slice source;  /* name of the source */
	struct ep_slice message; /* message id in hex; empty: left out */
	struct ep_slice version; /* empty: left out */
	uint64_t revision;       /* from 1 */
	uint8_t id[16];
	struct ep_slice key;    /* as record_keys_make() gives it */
	struct ep_slice record; /* encoded */
};

/* Appends one JSON object, without a line end. EP_LIMIT if `out` is full. */
EP_MUST_CHECK enum ep_status event_write(const struct event *event, struct buffer *out);
/* Only the `data` object. */
EP_MUST_CHECK enum ep_status event_write_data(struct ep_slice record, struct buffer *out);
/* JSON Schema 2020-12 of one record type's data, or of all. */
enum ep_status event_write_schema(const struct schema_record *record, struct buffer *out);

#endif
