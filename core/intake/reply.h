/*
 * reply.h: HTTP responses as bytes: receipts, outcomes, problem details (RFC 9457).
 */
#ifndef INTAKE_REPLY_H
#define INTAKE_REPLY_H

#include "intake/accept.h"
#include "journal/outcome.h"

#define REPLY_MAX (OUTCOME_JSON_ROOM + 4096) /* bytes of one response */
#define OUTCOME_JSON_ROOM ((size_t)1024 * 1024)

/* How the connection that a response goes to is spoken to. */
struct reply_frame {
	struct buffer *out;     /* the response is appended here */
	struct buffer *scratch; /* for the body; what was in it is lost */
	bool head_only;         /* a HEAD request: everything but the body */
	bool http_1_0;
	bool keep_alive;
};

/* Why a request is refused. `text` must stay as long as the struct is used. */
struct problem {
	int status;
	enum ep_error code;
	const char *text;  /* the problem's `detail` */
	const char *allow; /* 405: the methods; else NULL */
	int retry_after_s; /* 0: none */
};

/* `wait_s` < 0: the request had no preference; else it was `Prefer: wait=wait_s`. */
EP_MUST_CHECK enum ep_status reply_receipt(
	const struct reply_frame *frame, struct ep_slice source, const struct receipt *receipt, int wait_s);
EP_MUST_CHECK enum ep_status reply_outcome(
	const struct reply_frame *frame, const struct outcome *outcome, bool duplicate, int wait_s);
EP_MUST_CHECK enum ep_status reply_problem(const struct reply_frame *frame, const struct problem *problem);

#endif
