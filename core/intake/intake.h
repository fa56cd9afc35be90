/*
 * intake.h: how messages come in: listeners, drop folders; verification; the receipt.
 *
 * intake verifies the sender, takes the body (over 1 MiB into a spool file), and gives it to accept.h, which looks for a
 * duplicate, appends it to the journal and answers once that is durable.
 */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include "conf/conf.h"
#include "index/index.h"
#include "journal/message.h"
#include "journal/outcome.h"

struct intake;

/* What intake asks of who knows the outcomes (the pipeline), which stands below it. */
struct intake_outcomes {
	/* The outcome so far of the message at `inbox_position` (OUTCOME_PENDING if there is none yet). `frame` and `outcome`
	 * are valid until the next call. */
	enum ep_status (*find)(void *self, const uint8_t message_id[16], struct outcome *outcome);
	/* Calls `ready` once when that message has an outcome, at most once; cancelled by the same argument. */
	void (*wait)(void *self, const uint8_t message_id[16], void (*ready)(void *argument), void *argument);
	void (*cancel)(void *self, void *argument);
	/* EP_OK, or EP_AGAIN when the source has too much waiting: 429. */
	enum ep_status (*admits)(void *self, struct ep_slice source);
	void *self;
};

struct intake_options {
	const struct conf *conf;
	struct loop *loop;
	struct journal *journal; /* for spool files */
	struct acceptor *acceptor;
	const struct intake_outcomes *outcomes; /* must outlive the intake */
};

/* Binds the listeners and opens the drop folders; takes nothing on before intake_start(). */
EP_MUST_CHECK enum ep_status intake_create(
	struct intake **intake, const struct intake_options *options, struct error *error);
/* The source's messages keep these headers, too, from now on: names in lower case, separated by blanks. */
EP_MUST_CHECK enum ep_status intake_keep_headers(
	struct intake *intake, struct ep_slice source, struct ep_slice headers);
void intake_start(struct intake *intake);
/* No new messages: listeners closed, idle connections closed, requests under way are finished. */
void intake_stop(struct intake *intake);
/* Requests whose answer is still owed. */
size_t intake_busy(const struct intake *intake);
/* "127.0.0.1:41234" of listener i, as bound. */
const char *intake_address(const struct intake *intake, size_t listener);
void intake_destroy(struct intake *intake);

#endif
