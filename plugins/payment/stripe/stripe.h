/*
 * stripe.h: what the files of the Stripe plugin share.
 */
#ifndef STRIPE_H
#define STRIPE_H

#include <entrepot/plugin.h>

enum stripe_decimal { STRIPE_DECIMAL_POINT = 0, STRIPE_DECIMAL_COMMA = 1 };

/* The instance: its options. */
struct stripe {
	struct ep_slice order_metadata;
	struct ep_slice account;
	uint32_t decimal; /* enum stripe_decimal */
	char separator;
};

/* What every reader needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct stripe *stripe;
	struct ep_slice account;   /* of entries */
	struct ep_text changed_at; /* the event's `created`; empty outside an event */
	struct ep_json event;      /* absent outside an event */
};

/* Smallest units, in which a few currencies have other digits than in ISO 4217. */
extern const struct ep_notation stripe_units;

/* An expandable reference: the id, or that of the object that stands for it. */
void put_reference(const struct reader *reader, uint32_t field, struct ep_json value, const char *path);
/* The day of a Unix time. */
void put_unix_date(const struct reader *reader, uint32_t field, struct ep_text seconds);

/* entry.c: a balance transaction; `payout` is the payout that it was settled in, or empty. */
enum ep_status read_balance_transaction(const struct reader *reader, struct ep_json transaction, struct ep_text payout);
/* The payout that a list of balance transactions makes up: the list holds one, and with it adds up to nothing. */
struct ep_text payout_of_list(const struct reader *reader, struct ep_json list);

/* report.c: itemized reports of balance transactions (CSV). */
enum ep_status read_report(const struct reader *reader, const struct ep_part *part);

#endif
