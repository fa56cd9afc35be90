/*
 * transport.h: how a batch of events reaches a destination. A seam: the simulator brings transports of its own.
 */
#ifndef COURIER_TRANSPORT_H
#define COURIER_TRANSPORT_H

#include "conf/conf.h"
#include "base/loop.h"

enum transport_answer {
	TRANSPORT_DONE = 1,
	TRANSPORT_AGAIN = 2,     /* not reached, or it says: later */
	TRANSPORT_PERMANENT = 3, /* this content will never be taken */
	TRANSPORT_REFUSED = 4    /* our credentials: pause and alarm */
};

struct transport_result {
	enum transport_answer answer;
	bool answered;          /* it was reached and said something; false: it counts as down */
	int code;               /* HTTP status or errno; 0: none */
	int64_t retry_after_ns; /* as the destination asked; -1: it didn't */
	char text[256];         /* for people */
};

/* One batch. The bytes stay the courier's until `done`, which is never called from within send(). */
struct transport_batch {
	struct ep_slice body; /* CloudEvents JSON: one object, or an array of them; for files: one object a line */
	uint32_t record_count;
	char key[33]; /* Idempotency-Key: hash of the ids */
	void (*done)(struct transport_batch *batch, const struct transport_result *result);
	void *owner;
	void *transport_state;
};

struct transport {
	const struct transport_ops *ops;
};

struct transport_ops {
	const char *name;
	bool lines;  /* wants one event a line instead of an array */
	bool single; /* takes one batch at a time */
	enum ep_status (*create)(const struct conf_destination *destination, struct loop *loop,
		struct transport **transport, struct error *error);
	void (*send)(struct transport *transport, struct transport_batch *batch);
	/* Calls `done` of nothing any more. */
	void (*destroy)(struct transport *transport);
};

extern const struct transport_ops transport_http; /* transports/http.c: libcurl multi on the loop */
extern const struct transport_ops transport_file; /* transports/file.c: lines, fsync on the disk thread */

#endif
