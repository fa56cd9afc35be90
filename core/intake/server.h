/*
 * server.h: inside of intake: a connection, the requests on it, and what all connections share.
 *
 *   connection.c  bytes: accepting, reading, writing, phases and their time limits, closing
 *   request.c     a request coming in: routing, verification, body, refusals
 *   exchange.c    its answer: receipt, outcome, problem, in its turn
 *   intake.c      listeners, start and stop
 *
 * Requests of a connection are accepted as they come, without waiting for the answers to those before; the answers go out
 * in the order of the requests. A connection writes once in a pass of the loop.
 */
#ifndef INTAKE_SERVER_H
#define INTAKE_SERVER_H

#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "intake/drop.h"
#include "intake/intake.h"
#include "intake/reply.h"
#include "intake/source.h"
#include "intake/tls.h"

#define PIPELINE_MAX 64                  /* requests of one connection whose answers are owed */
#define BACKLOG_MAX ((size_t)256 * 1024) /* bytes not yet taken by the client, above which no request is read */
#define OUT_MAX ((size_t)PIPELINE_MAX * REPLY_MAX)
#define BODIES_MEMORY_MAX ((size_t)256 * 1024 * 1024) /* of all bodies together; above, they go to spool files */
#define RECEIVING_SPARE_MAX 64                        /* kept for reuse */
#define EXCHANGE_SPARE_MAX 1024
#define WAIT_MAX_S 60 /* longest Prefer: wait */

struct connection;

enum exchange_state {
	EXCHANGE_RECEIVING,     /* its request isn't complete */
	EXCHANGE_WANTS_RECEIPT, /* in the acceptor's hands */
	EXCHANGE_WANTS_OUTCOME, /* has its receipt, waits because of Prefer */
	EXCHANGE_ANSWERED
};

/* One request and its answer. Outlives its connection while the acceptor has it. */
struct exchange {
	struct intake *intake;
	struct connection *connection; /* NULL: gone */
	TAILQ_ENTRY(exchange) link;    /* of the connection, in the order of the requests */
	TAILQ_ENTRY(exchange) wait_link;
	enum exchange_state state;
	bool head_only, http_1_0, keep_alive;
	bool owes_continue; /* 100 Continue is due as soon as the answers before are out */
	const struct source *source;
	int wait_s; /* -1: no preference */
	int64_t wait_until_ns;
	struct receipt receipt;
	struct buffer answer; /* until it is this one's turn */
};

TAILQ_HEAD(exchange_list, exchange);

/* What is needed only while a request comes in. Taken from a pool, so that an idle connection is small. */
struct receiving {
	struct receiving *next;
	struct http_head *head;
	struct http_body framing;
	struct verification verification;
	struct body body;
	struct exchange *exchange;
	uint64_t body_max;
	bool discard;           /* the answer is known: the body is read and dropped, so that the connection can stay */
	struct problem problem; /* the answer then */
};

enum phase {
	PHASE_IDLE,   /* between requests: idle_timeout */
	PHASE_HEAD,   /* a head has begun, or the connection is new: header_timeout */
	PHASE_BODY,   /* body_timeout without progress */
	PHASE_BUSY,   /* it is our turn */
	PHASE_LINGER, /* we have said all: waits for the client to read it and close */
	PHASES
};

struct connection {
	struct intake *intake;
	TAILQ_ENTRY(connection) phase_link;
	TAILQ_ENTRY(connection) flush_link;
	struct bufferevent *stream;
	evutil_socket_t fd;
	bool tls;
	bool used;    /* a request has come */
	bool ended;   /* the client sends nothing more */
	bool closing; /* reads no further request; closes when the answers are out */
	bool flush_queued;
	bool fresh_phase; /* the phase's time begins anew */
	enum phase phase;
	int64_t phase_since_ns;
	uint64_t progress;           /* bytes of the body since the phase's time began */
	size_t scanned;              /* bytes of the head looked at so far */
	struct receiving *receiving; /* NULL: no head yet */
	struct exchange_list exchanges;
	uint32_t exchange_count;
	struct buffer out;
};

TAILQ_HEAD(connection_list, connection);

struct listener {
	struct intake *intake;
	struct evconnlistener *socket;
	SSL_CTX *tls; /* NULL: plain */
	char address[80];
};

struct intake {
	const struct conf *conf;
	struct loop *loop;
	struct journal *journal;
	struct acceptor *acceptor;
	const struct intake_outcomes *outcomes;
	struct sources sources;
	struct body_room room;
	size_t head_max; /* bytes */
	struct listener *listeners;
	size_t listener_count;
	bool stopping;
	int64_t complained_ns; /* monotonic, of the last complaint about a refusal that is our own fault; 0: none */
	bool listening_paused; /* no descriptors were left */
	struct connection_list phases[PHASES]; /* each in the order of phase_since_ns */
	struct connection_list flushes;
	size_t connection_count;
	size_t owed;                  /* exchanges that are not answered */
	struct exchange_list waits;   /* EXCHANGE_WANTS_OUTCOME */
	struct exchange_list orphans; /* EXCHANGE_WANTS_RECEIPT without a connection */
	struct receiving *receiving_spare;
	size_t receiving_spare_count;
	struct exchange_list exchange_spare;
	size_t exchange_spare_count;
	struct loop_task flush_task;
	struct loop_timer sweep;
	struct buffer scratch;
	struct drops *drops;
};

/* connection.c */
void connection_open(struct intake *intake, struct listener *listener, evutil_socket_t fd);
/* Its answer, or 100 Continue, may be due: goes on at the end of the pass. */
void connection_wake(struct connection *connection);
/* Ends it now; what its requests wait for is forgotten. */
void connection_close(struct connection *connection);
/* At the end of the pass: writes, goes on reading, closes. */
void connections_flush(void *intake);
/* Closes what has run out of time. */
void connections_sweep(struct intake *intake, int64_t now_ns);
/* Makes room by closing the connection that matters least. false: all are at work. */
bool connections_evict(struct intake *intake, int64_t now_ns);

/* request.c */
/* A head was read into connection->receiving. */
void request_begin(struct connection *connection);
/* A piece of its body. */
void request_body(struct connection *connection, struct ep_slice piece);
/* Its body is complete: connection->receiving is released. */
void request_end(struct connection *connection);
extern const struct problem problem_stopping;
/* What was read is no request: answers, and reads no further. */
void request_refuse(struct connection *connection, const struct problem *problem);
EP_MUST_CHECK enum ep_status receiving_take(struct connection *connection);
void receiving_release(struct connection *connection);
void receiving_free_spare(struct intake *intake);

/* exchange.c */
/* NULL without memory. */
struct exchange *exchange_create(struct connection *connection);
/* Moves the answers whose turn it is to the connection. */
void exchange_advance(struct connection *connection);
void exchange_answer_problem(struct exchange *exchange, const struct problem *problem);
void exchange_answer_outcome(struct exchange *exchange, const struct outcome *outcome);
/* What the acceptor says: see struct acceptance. */
void exchange_on_receipt(
	void *argument, enum ep_status status, const struct receipt *receipt, const struct error *error);
/* How a refusal by the acceptor or the journal looks to the client. */
struct problem exchange_problem_of(struct intake *intake, enum ep_status status, const struct error *error);
/* The connection is gone. */
void exchange_abandon(struct exchange *exchange);
/* Answers with receipts those whose wait is over. */
void exchanges_sweep(struct intake *intake, int64_t now_ns);
/* The gateway stops: outcomes are waited for only a moment longer. */
void exchanges_hurry(struct intake *intake);
/* Nobody asks any more, and the acceptor has forgotten. */
void exchanges_free_orphans(struct intake *intake);
void exchanges_free_spare(struct intake *intake);

#endif
