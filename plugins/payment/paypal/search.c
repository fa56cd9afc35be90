/*
 * search.c: the answer of the transaction search (v1/reporting/transactions): each transaction is an entry of the account,
 * its amount net of the fee.
 */
#include "paypal.h"

/* Amount and fee, both signed, the fee negative. */
static void put_amounts(const struct reader *reader, struct ep_json info)
{
	const struct ep_host *host = reader->host;
	struct ep_text amount = ep_json_text(host, info, "transaction_amount.value");
	struct ep_text fee = ep_json_text(host, info, "fee_amount.value");
	struct ep_text balance = ep_json_text(host, info, "ending_balance.value");
	struct ep_money net, part;

	if (!ep_money_take(host, reader->call, &net, amount, &paypal_decimals,
		    ep_json_text(host, info, "transaction_amount.currency_code").value))
		return;
	if (ep_money_take(host, reader->call, &part, fee, &paypal_decimals,
		    ep_json_text(host, info, "fee_amount.currency_code").value)) {
		host->put_money(reader->call, EP_SETTLEMENT_CHARGES, ep_money_negate(part), fee);
		if (strcmp(part.currency, net.currency) == 0 &&
			ep_decimal_add(&net.amount, net.amount, part.amount) != EP_OK)
			return;
	}
	ep_put_entry_money(host, reader->call, net, amount);
	if (ep_money_take(host, reader->call, &part, balance, &paypal_decimals,
		    ep_json_text(host, info, "ending_balance.currency_code").value))
		host->put_money(reader->call, EP_SETTLEMENT_BALANCE_AFTER, part, balance);
}

struct search {
	const struct reader *reader;
	struct ep_text account;
	struct ep_text reported_at;
};

static enum ep_status read_detail(const void *context, struct ep_json detail)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "transaction_id"},
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT, "transaction_id"},
		{EP_SETTLEMENT_ENTRY_REF, EP_AS_TEXT, "paypal_reference_id"},
		{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "transaction_event_code"},
		{EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "transaction_updated_date|transaction_initiation_date"},
		{EP_SETTLEMENT_VALUE_DATE, EP_AS_DATE, "transaction_initiation_date"},
		{EP_SETTLEMENT_END_TO_END_ID, EP_AS_TEXT, "invoice_id|custom_field"},
		{EP_SETTLEMENT_REMITTANCE, EP_AS_TEXT, "transaction_subject|transaction_note"}, {0, 0, NULL}};
	static const struct ep_json_field payer[] = {
		{EP_SETTLEMENT_COUNTERPARTY, EP_AS_TEXT, "payer_name.alternate_full_name|payer_name.surname"},
		{EP_SETTLEMENT_COUNTERPARTY_ACCOUNT, EP_AS_TEXT, "email_address|account_id"}, {0, 0, NULL}};
	static const struct ep_word statuses[] = {
		{"P", EP_ENTRY_STATUS_PENDING}, {"D", EP_ENTRY_STATUS_INFO}, {NULL, 0}};
	const struct search *search = context;
	const struct ep_host *host = search->reader->host;
	struct ep_call *call = search->reader->call;
	struct ep_json info = ep_json_at(host, detail, "transaction_info");
	struct ep_text status = ep_json_text(host, info, "transaction_status");
	struct ep_slice code = ep_json_text(host, info, "transaction_event_code").value;

	host->record_begin(call, EP_SETTLEMENT);
	host->put_text(call, EP_SETTLEMENT_ACCOUNT, search->account);
	put_amounts(search->reader, info);
	/* T13: an authorization, which moves nothing. */
	host->put_code(call, EP_SETTLEMENT_STATUS,
		ep_slice_starts(code, EP_SAY("T13")) ? EP_ENTRY_STATUS_INFO
						     : ep_word_code(statuses, status.value, EP_ENTRY_STATUS_BOOKED),
		status);
	ep_json_put(host, call, info, fields);
	ep_json_put(host, call, ep_json_at(host, detail, "payer_info"), payer);
	ep_put_time(host, call, EP_SETTLEMENT_REPORTED_AT, search->reported_at);
	return host->record_end(call);
}

enum ep_status read_search(const struct reader *reader, struct ep_json answer)
{
	struct search search = {reader, ep_json_text(reader->host, answer, "account_number"),
		ep_json_text(reader->host, answer, "last_refreshed_datetime")};

	if (search.account.value.length == 0)
		search.account = ep_text_constant(reader->account);
	return ep_json_each(
		reader->host, ep_json_at(reader->host, answer, "transaction_details"), read_detail, &search);
}
