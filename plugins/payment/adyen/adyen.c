/*
 * adyen: Adyen's webhooks, API answers and settlement details reports. Which one a message is shows in its shape:
 *
 *   notificationItems[], or one item alone     payments webhooks (notification.c)
 *   type balancePlatform.*                     webhooks of a balance platform (platform.c)
 *   pspReference and resultCode                the answer to a payment request
 *   data[] of transfers or transactions        lists of the platform's APIs
 *   CSV with "Net Debit (NC)"                  the settlement details report (settlement.c)
 *
 * Other webhooks of Adyen's (stored tokens, payment methods, account holders, displays of terminals) move no money: no
 * records, no error. What isn't Adyen's at all is refused.
 */
#include "adyen.h"

static const struct ep_option options[] = {
	EP_OPTION_ONE_OF(struct adyen, capture, "automatic", "automatic|manual",
		"how the account captures: with manual, an authorisation is pending"),
	EP_OPTION(struct adyen, separator, EP_OPTION_CHAR, ",", "column separator of reports"),
};

/* Adyen's documentation, "Currency codes and minor units". */
static const struct ep_word digits[] = {{"CLP", 2}, {"CVE", 0}, {"IDR", 0}, {"ISK", 2}, {NULL, 0}};
const struct ep_notation adyen_units = {.minor = true, .digits = digits};

void put_amount(const struct reader *reader, uint32_t field, struct ep_json object, const char *path)
{
	struct ep_json amount = ep_json_at(reader->host, object, path);

	ep_put_money_unsigned(reader->host, reader->call, field, ep_json_text(reader->host, amount, "value"),
		&adyen_units, ep_json_text(reader->host, amount, "currency").value);
}

static bool has(const struct reader *reader, struct ep_json object, const char *path)
{
	return ep_json_at(reader->host, object, path).kind != EP_JSON_ABSENT;
}

/* EP_NOT_FOUND: not Adyen's. */
static enum ep_status read_object(const void *context, struct ep_json object)
{
	const struct reader *reader = context;
	struct ep_json data = ep_json_at(reader->host, object, "data");

	if (has(reader, object, "notificationItems") || has(reader, object, "eventCode") ||
		has(reader, object, "NotificationRequestItem"))
		return read_notification(reader, object);
	if (has(reader, object, "type") && data.kind == EP_JSON_OBJECT)
		return read_platform_webhook(reader, object);
	if (has(reader, object, "pspReference"))
		return read_payment_answer(reader, object);
	if (has(reader, object, "SaleToPOIRequest") || has(reader, object, "SaleToPOIResponse"))
		return EP_OK;
	return ep_json_each(reader->host, data.kind == EP_JSON_ARRAY ? data : object, read_platform_object, reader);
}

static enum ep_status adyen_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	static const char expected[] = "expected a webhook, an API answer or a settlement details report of Adyen";
	const struct ep_part *body = &input->parts[0];
	struct reader reader = {host, call, state};

	if (ep_json_likely(body) || ep_slice_trim(body->bytes).length == 0)
		return ep_json_documents(host, call, body, read_object, &reader, ep_slice_of(expected));
	return read_settlement_report(&reader, body);
}

EP_PLUGIN_DECLARE("adyen", "1.0.0", EP_KIND_PAYMENT, options, struct adyen, adyen_parse);
