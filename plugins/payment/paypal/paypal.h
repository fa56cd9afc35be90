/*
 * paypal.h: what the files of the PayPal plugin share.
 */
#ifndef PAYPAL_H
#define PAYPAL_H

#include <entrepot/plugin.h>

enum paypal_decimal { PAYPAL_DECIMAL_HEADER = 0, PAYPAL_DECIMAL_POINT = 1, PAYPAL_DECIMAL_COMMA = 2 };
enum paypal_dates { PAYPAL_DATES_HEADER = 0, PAYPAL_DATES_MDY = 1, PAYPAL_DATES_DMY = 2, PAYPAL_DATES_YMD = 3 };

/* The instance: its options. */
struct paypal {
	struct ep_slice account;
	uint32_t decimal; /* enum paypal_decimal */
	uint32_t dates;   /* enum paypal_dates */
	char separator;
	struct ep_slice columns;
};

/* One call. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct paypal *paypal;
	struct ep_slice account;   /* of entries that name none */
	struct ep_text event_time; /* empty outside of an event */
	struct ep_slice event_type;
	struct ep_text order_no; /* of the order that holds this; else empty */
};

/* The members of an amount: {currency_code, value}, before version 2 {currency, total} or {currency, value}. */
#define PAYPAL_VALUE "value|total"
#define PAYPAL_CURRENCY "currency_code|currency"
extern const struct ep_notation paypal_decimals;

/* event.c: an event or an object of the API. EP_NOT_FOUND: nothing of PayPal's. */
ep_json_read read_paypal;

/* search.c: the answer of the transaction search. */
enum ep_status read_search(const struct reader *reader, struct ep_json answer);

/* activity.c: the download of an account's activity or statement. */
enum ep_status read_activity(const struct reader *reader, const struct ep_part *part);

/* settlement.c: the settlement report and the transaction detail report: rows RH FH SH CH SB SF ... */
bool is_settlement_report(const struct ep_part *part);
enum ep_status read_settlement_report(const struct reader *reader, const struct ep_part *part);

/* languages.c: the headers of a download in one language, and what that language makes of numbers and dates. */
enum activity_role {
	ACTIVITY_DATE = 1,
	ACTIVITY_NAME,
	ACTIVITY_TYPE,
	ACTIVITY_STATUS,
	ACTIVITY_CURRENCY,
	ACTIVITY_GROSS,
	ACTIVITY_FEE,
	ACTIVITY_NET,
	ACTIVITY_BALANCE,
	ACTIVITY_TRANSACTION_ID,
	ACTIVITY_REFERENCE_ID,
	ACTIVITY_INVOICE,
	ACTIVITY_CUSTOM,
	ACTIVITY_FROM,
	ACTIVITY_TO,
	ACTIVITY_SUBJECT,
	ACTIVITY_NOTE,
	ACTIVITY_IMPACT,
	ACTIVITY_BANK_NAME,
	ACTIVITY_BANK_ACCOUNT,
	ACTIVITY_ROLES
};

struct language {
	const struct ep_column *headers;
	enum ep_decimal_mark mark;
	char group;
	enum ep_date_format dates;
};

/* The language whose headers the row at hand has; its columns. NULL: none of them. */
const struct language *paypal_language(const struct ep_csv *csv, struct ep_columns *columns);
/* enum ep_entry_status by a status in any of the languages; `otherwise` for a word that isn't known. */
uint32_t paypal_entry_status(struct ep_slice word, uint32_t otherwise);
/* Whether a column "Balance Impact" says that the entry moves nothing. */
bool paypal_is_memo(struct ep_slice word);

#endif
