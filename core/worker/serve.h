/*
 * serve.h: the worker's end of the socket: reads calls, runs them in order, queues what they give.
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include "worker/call.h"
#include "worker/load.h"
#include "worker/protocol.h"

#define SERVE_DESCRIPTORS_MAX 48 /* received and not yet used */

struct server {
	struct buffer in, out;
	size_t in_used;                         /* bytes at the front of `in` that were dealt with */
	int descriptors[SERVE_DESCRIPTORS_MAX]; /* in the order of arrival */
	size_t descriptor_count;
	int64_t sent_ns; /* when `out` was last emptied */
	struct worker_progress *progress;
	uint64_t number; /* of the call under way */
	struct ep_slice source;
	struct plugin_file file;
	struct ep_call *call;
	void *state; /* the plugin's instance */
};

void serve_init(struct server *server);
/* The next frame, waiting for it; what is queued to go out goes first. EP_END: the gateway has closed. EP_MISUSE. */
EP_MUST_CHECK enum ep_status serve_next(struct server *server, struct worker_frame *frame);
/* Takes the oldest descriptor that came; -1: none. */
int serve_take_descriptor(struct server *server);
/* Writes what is queued. Ends the process if the gateway is gone. */
void serve_flush(struct server *server);
/* Of a call, into the queue: for struct call_sink. `self` is the server. */
void serve_record(void *self, struct ep_slice encoded, const struct record_origin *origins, uint32_t origin_count);
void serve_reject(void *self, enum ep_error code, const struct ep_place *place, struct ep_slice text);
void serve_log(void *self, enum ep_log_level level, struct ep_slice text);
/* Calls until the gateway closes. Never returns. */
void serve_calls(struct server *server) __attribute__((noreturn));

#endif
