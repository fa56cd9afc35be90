/*
 * adyen.h: what the files of the Adyen plugin share.
 */
#ifndef ADYEN_H
#define ADYEN_H

#include <entrepot/plugin.h>

enum adyen_capture { ADYEN_CAPTURE_AUTOMATIC = 0, ADYEN_CAPTURE_MANUAL = 1 };

/* The instance: its options. */
struct adyen {
	uint32_t capture; /* enum adyen_capture */
	char separator;
};

/* One call. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct adyen *adyen;
};

/* Minor units, in which a few currencies have other digits than in ISO 4217. */
extern const struct ep_notation adyen_units;

/* Currency and value of an amount object: put without sign. */
void put_amount(const struct reader *reader, uint32_t field, struct ep_json object, const char *path);

/* notification.c: an envelope of NotificationRequestItems, or one alone. */
enum ep_status read_notification(const struct reader *reader, struct ep_json envelope);
/* The answer to a payment request. */
enum ep_status read_payment_answer(const struct reader *reader, struct ep_json answer);

/* platform.c: a webhook of a balance platform. Webhooks of other kinds give nothing. */
enum ep_status read_platform_webhook(const struct reader *reader, struct ep_json webhook);
/* A transfer or transaction out of an API's answer; EP_NOT_FOUND if it is neither. */
ep_json_read read_platform_object;

/* settlement.c: the settlement details report. */
enum ep_status read_settlement_report(const struct reader *reader, const struct ep_part *part);

#endif
