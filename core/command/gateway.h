/*
 * gateway.h: the parts of a running gateway put together: opening and recovery in order, checkpoints, draining.
 */
#ifndef COMMAND_GATEWAY_H
#define COMMAND_GATEWAY_H

#include "conf/conf.h"
#include "intake/intake.h"

struct gateway;
struct index_store;
struct worker_channel_ops;
struct transport_ops;

/* What a simulation brings in place of the real thing. What is NULL or 0 is real. */
struct gateway_seams {
	struct index_store *store;
	uint32_t index_hot_max;
	int64_t index_linger_ns;
	const struct worker_channel_ops *channels;
	const struct transport_ops *transport; /* of every destination */
	/* Called at the end of the start in place of an intake, with what an intake is made from. */
	void (*intake)(void *self, const struct intake_options *options);
	bool releases;      /* old parts of the log are recycled, but for: */
	int64_t keep_bytes; /* so much of what is before the first that is needed */
	void *self;
};

/*
 * Opens the data directory, reads the log from the newest checkpoint on, and starts: when this returns EP_OK, messages
 * are accepted and what was pending is under way. EP_CONFLICT: another gateway uses the directory. `seams`: NULL.
 */
EP_MUST_CHECK enum ep_status gateway_start(struct gateway **gateway, const struct conf *conf, struct loop *loop,
	const struct gateway_seams *seams, struct error *error);
/* "127.0.0.1:41234" of listener i, as bound. */
const char *gateway_address(const struct gateway *gateway, size_t listener);
/* For who looks at them; they stay the gateway's. */
struct gateway_parts {
	struct journal *journal;
	struct index *index;
	struct acceptor *acceptor;
	struct pipeline *pipeline;
	struct supervisor *supervisor;
	struct intake *intake;     /* NULL: a simulation has its own */
	struct courier **couriers; /* as the configuration's destinations */
	size_t courier_count;
};
struct gateway_parts gateway_parts(const struct gateway *gateway);
/*
 * Nothing new is accepted; what is durable is answered, deliveries in flight are finished. `drained` is called when
 * that is done or the configuration's drain_timeout is over; what is pending stays in the journal.
 */
void gateway_drain(struct gateway *gateway, void (*drained)(void *argument), void *argument);
/* Writes a last checkpoint, closes everything. */
void gateway_destroy(struct gateway *gateway);

#endif
