/*
 * admin.h: the admin API: HTTP on a unix socket in the data directory and, if configured, on a loopback address.
 *
 *   GET  /healthz   200 as long as the loop turns
 *   GET  /readyz    200 if messages are accepted; 503 with the reason: stopping, or the disk is full
 *   GET  /status    what is known of sources, destinations, workers and the journal, as JSON; with Accept: text/plain
 *                   as tables
 *   GET  /metrics   the same as Prometheus' text format
 *   POST /sources/NAME/swap   the body is the path of a plugin's file, which takes the place of the source's own
 *
 * Who may: on the socket, which has mode 0600, the peer's credentials decide: the gateway's own user and root. On the
 * address the bearer token does, compared in constant time. One request a connection, at most 64 connections; a request
 * that takes longer than 10 s to arrive is dropped.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "courier/courier.h"
#include "intake/accept.h"
#include "intake/intake.h"
#include "pipeline/pipeline.h"

struct admin;

struct admin_options {
	const struct conf *conf;
	struct loop *loop;
	struct journal *journal;
	struct index *index;
	struct acceptor *acceptor;
	struct intake *intake;
	struct pipeline *pipeline;
	struct courier *const *couriers; /* as the configuration's destinations */
	size_t courier_count;
	const char *version; /* of the program */
	uint64_t build;
};

/* Binds and serves. The data directory is locked by the journal: a socket that lies there is a dead gateway's. EP_AGAIN
 * with EP_ERR_LISTEN: the address or the socket can't be listened on. */
EP_MUST_CHECK enum ep_status admin_create(
	struct admin **admin, const struct admin_options *options, struct error *error);
/* /readyz says so from now on. */
void admin_stopping(struct admin *admin);
/* "127.0.0.1:41234", as bound; NULL: no address is configured. */
const char *admin_address(const struct admin *admin);
void admin_destroy(struct admin *admin);

#endif
