/*
 * entry.c: balance transactions: each is an entry of the balance, net of its fees.
 *
 * Asked for by payout, Stripe lists the transactions that the payout is made of, and the payout among them: together they
 * are nothing. Such a list is recognized, and its entries say which payout they were settled in.
 */
#include "stripe.h"

static const struct ep_word statuses[] = {
	{"available", EP_ENTRY_STATUS_BOOKED}, {"pending", EP_ENTRY_STATUS_PENDING}, {NULL, 0}};

enum ep_status read_balance_transaction(const struct reader *reader, struct ep_json transaction, struct ep_text payout)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "id"},
		{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "type|reporting_category"},
		{EP_SETTLEMENT_DESCRIPTION, EP_AS_TEXT, "description"},
		{EP_SETTLEMENT_EXCHANGE_RATE, EP_AS_DECIMAL, "exchange_rate"}, {0, 0, NULL}};
	const struct ep_host *host = reader->host;
	struct ep_slice currency = ep_json_text(host, transaction, "currency").value;
	struct ep_text status = ep_json_text(host, transaction, "status"), fee = ep_json_text(host, transaction, "fee");
	struct ep_money money;

	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, reader->call, ep_json_any(host, transaction, "net|amount"), &stripe_units, currency);
	if (ep_money_take(host, reader->call, &money, fee, &stripe_units, currency))
		host->put_money(reader->call, EP_SETTLEMENT_CHARGES, money, fee);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, ep_word_code(statuses, status.value, EP_ENTRY_STATUS_BOOKED),
		status);
	host->put_text(reader->call, EP_SETTLEMENT_STATEMENT_ID, payout);
	put_reference(reader, EP_SETTLEMENT_TRANSACTION_ID, transaction, "source");
	put_unix_date(reader, EP_SETTLEMENT_BOOKING_DATE, ep_json_text(host, transaction, "created"));
	put_unix_date(reader, EP_SETTLEMENT_VALUE_DATE, ep_json_text(host, transaction, "available_on"));
	ep_json_put(host, reader->call, transaction, fields);
	return host->record_end(reader->call);
}

struct ep_text payout_of_list(const struct reader *reader, struct ep_json list)
{
	const struct ep_text none = ep_text_constant(ep_slice_make(NULL, 0));
	const struct ep_host *host = reader->host;
	struct ep_json each = host->json->first(list);
	struct ep_slice currency = ep_json_text(host, each, "currency").value;
	struct ep_text payout = none;
	struct ep_decimal sum = {0, 0, 0, 0}, net;
	uint32_t payouts = 0;

	for (; each.kind != EP_JSON_ABSENT; each = host->json->next(each)) {
		if (!ep_slice_equal(ep_json_text(host, each, "currency").value, currency) ||
			ep_decimal_read_json(&net, ep_json_text(host, each, "net").value) != EP_OK ||
			ep_decimal_add(&sum, sum, net) != EP_OK)
			return none;
		if (!ep_slice_is(ep_json_text(host, each, "type").value, "payout"))
			continue;
		payouts++;
		payout = ep_json_any(host, each, "source.id|source");
	}
	return payouts == 1 && ep_decimal_is_zero(sum) ? payout : none;
}
