/*
 * parts.h: what the admin API's files share.
 *
 *   admin.c       life: the socket, the address, who is let in
 *   visit.c       a connection: one request read, one answer written
 *   route.c       which request is answered by whom
 *   view.c        what is known of a destination, computed from the layers
 *   status.c      /status as JSON
 *   table.c       /status as text
 *   metrics.c     /metrics
 *   swap.c        /sources/NAME/swap
 */
#ifndef ADMIN_PARTS_H
#define ADMIN_PARTS_H

#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "admin/admin.h"
#include "base/buffer.h"
#include "intake/http_parse.h"

#define ADMIN_CONNECTIONS_MAX 64
#define ADMIN_BODY_MAX ((size_t)1024 * 1024)
#define ADMIN_ANSWER_MAX ((size_t)64 * 1024 * 1024)

struct visit {
	struct admin *admin;
	struct bufferevent *event; /* owned */
	bool by_token;             /* of the address: the request must bring the token */
	size_t scanned;
	bool has_head, routed, answered;
	void (*gone)(void *argument); /* while the answer is awaited: who asked is gone */
	void *gone_argument;
	struct http_head *head; /* owned */
	struct buffer body;
	char actor[64]; /* who asks, for what is written down: "uid 0" */
	LIST_ENTRY(visit) listed;
};

struct admin {
	struct admin_options options;
	struct evconnlistener *socket, *address;
	char *path; /* owned; of the socket */
	char address_text[64];
	LIST_HEAD(visit_list, visit) visits;
	size_t visit_count;
	struct journal_reader *reader; /* looks outcomes up; NULL until the first */
	int64_t started_ns;            /* realtime */
	bool stopping;
};

/* visit.c */
/* Takes the descriptor over. */
void visit_open(struct admin *admin, evutil_socket_t fd, bool by_token, const char *actor);
void visit_close(struct visit *visit);
/* The one answer; the connection closes behind it. */
void visit_answer(struct visit *visit, int status, const char *type, struct ep_slice content);
/* A problem document (RFC 9457). */
void visit_refuse(struct visit *visit, int status, enum ep_error code, const char *text);

/* The answer comes later; if the visitor goes before, `gone` is called. NULL: not any more. */
void visit_wait(struct visit *visit, void (*gone)(void *argument), void *argument);

/* swap.c */
void swap_request(struct visit *visit, struct ep_slice source);

/* route.c */
void route_request(struct visit *visit);

/* view.c */
struct destination_view {
	const struct conf_destination *conf;
	struct courier_counts counts;
	uint64_t pending;  /* records that have no end yet */
	int64_t oldest_ns; /* realtime at which the oldest of these was received; 0: none */
};
void view_destination(struct admin *admin, size_t index, struct destination_view *view);
/* "works", "fails", "refused", "halted". */
const char *view_destination_state(const struct courier_counts *counts);
/* "works", "idle", "throttled", or "not configured". */
const char *view_source_state(const struct pipeline_source *source);
/* Nanoseconds since then; 0 for none. */
int64_t view_age_ns(int64_t then_ns);

/* status.c, table.c, metrics.c */
EP_MUST_CHECK enum ep_status status_write(struct admin *admin, struct buffer *out);
EP_MUST_CHECK enum ep_status table_write(struct admin *admin, struct buffer *out);
EP_MUST_CHECK enum ep_status metrics_write(struct admin *admin, struct buffer *out);

#endif
