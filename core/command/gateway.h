/*
 * gateway.h: the parts of a running gateway put together: opening and recovery in order, checkpoints, draining.
 */
#ifndef COMMAND_GATEWAY_H
#define COMMAND_GATEWAY_H

#include "conf/conf.h"
#include "intake/intake.h"

struct gateway;

/*
 * Opens the data directory, reads the log from the newest checkpoint on, and starts: when this returns EP_OK, messages
 * are accepted and what was pending is under way. EP_CONFLICT: another gateway uses the directory.
 */
EP_MUST_CHECK enum ep_status gateway_start(
	struct gateway **gateway, const struct conf *conf, struct loop *loop, struct error *error);
/* "127.0.0.1:41234" of listener i, as bound. */
const char *gateway_address(const struct gateway *gateway, size_t listener);
/*
 * Nothing new is accepted; what is durable is answered, deliveries in flight are finished. `drained` is called when
 * that is done or the configuration's drain_timeout is over; what is pending stays in the journal.
 */
void gateway_drain(struct gateway *gateway, void (*drained)(void *argument), void *argument);
/* Writes a last checkpoint, closes everything. */
void gateway_destroy(struct gateway *gateway);

#endif
