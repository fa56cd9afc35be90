/*
 * paypal: PayPal's webhooks, objects of its APIs, settlement and transaction reports, and downloads of an account's
 * activity. Which one a message is shows in its shape:
 *
 *   JSON                            an event, an object, a list (event.c); a transaction search (search.c)
 *   rows that begin with RH         settlement report (STL), transaction detail report (TRR) (settlement.c)
 *   other CSV                       activity or statement download, in the account's language (activity.c)
 *
 * What moves no money (subscriptions, invoices, authorizations, plans, tokens) gives no records and no error.
 */
#include "paypal.h"

static const struct ep_option options[] = {
	EP_OPTION(struct paypal, account, EP_OPTION_TEXT, "",
		"account of entries that name none (without it: the source's name)"),
	EP_OPTION_ONE_OF(struct paypal, decimal, "header", "header|point|comma",
		"decimal mark of downloads; header: as usual in the language of the header row"),
	EP_OPTION_ONE_OF(struct paypal, dates, "header", "header|mdy|dmy|ymd",
		"order of dates in downloads; header: as usual in the language of the header row, mdy for English"),
	EP_OPTION(struct paypal, separator, EP_OPTION_CHAR, ",", "column separator of downloads"),
	EP_OPTION(struct paypal, columns, EP_OPTION_TEXT, "",
		"headers of a download in another language: date=Dato,gross=Brutto,..."),
};

const struct ep_notation paypal_decimals = {.mark = EP_DECIMAL_POINT};

static enum ep_status paypal_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_part *body = &input->parts[0];
	struct reader reader = {.host = host, .call = call, .paypal = state};

	reader.account = reader.paypal->account.length ? reader.paypal->account : input->source;
	if (ep_json_likely(body) || ep_slice_trim(body->bytes).length == 0)
		return ep_json_documents(host, call, body, read_paypal, &reader,
			EP_SAY("expected an event of PayPal (event_type), an object or list of its API, or a report"));
	if (is_settlement_report(body))
		return read_settlement_report(&reader, body);
	return read_activity(&reader, body);
}

EP_PLUGIN_DECLARE("paypal", "1.0.0", EP_KIND_PAYMENT, options, struct paypal, paypal_parse);
