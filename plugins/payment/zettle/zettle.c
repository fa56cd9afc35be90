/*
 * zettle: PayPal Zettle's purchases (API and webhooks) and the transactions of its finance API.
 *
 *   purchase     -> payment of kind capture; a refund is a purchase of its own: kind refund
 *   transaction  -> settlement: an entry of the account, signed by its amount
 *
 * A purchase is one payment, however many tenders it was paid with. Everything else of Zettle's (products, inventory,
 * balances, test messages) moves no money: no records, no error.
 *
 * Amounts are minor units. Transactions name no currency: all of Zettle's have two digits.
 */
#include <entrepot/plugin.h>

struct zettle {
	struct ep_slice account;
	struct ep_slice currency;
};

static const struct ep_option options[] = {
	EP_OPTION(struct zettle, account, EP_OPTION_TEXT, "",
		"account of transactions, which name none (without it: the source's name)"),
	EP_OPTION(struct zettle, currency, EP_OPTION_TEXT, "", "currency of transactions, which name none"),
};

static const struct ep_word digits[] = {{"", 2}, {NULL, 0}};
static const struct ep_notation units = {.minor = true, .digits = digits};

/* What every reader below needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct zettle *zettle;
	struct ep_slice account;
};

#define PURCHASE_ID "purchaseUUID1|purchaseUUID|purchaseUuid1|purchaseUuid"

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

/* A date and time in the API, milliseconds in webhooks. */
static void put_time(const struct reader *reader, uint32_t field, struct ep_text when)
{
	int64_t milliseconds;

	if (ep_slice_integer(when.value, &milliseconds))
		ep_put_unix_ms(reader->host, reader->call, field, when);
	else
		ep_put_time(reader->host, reader->call, field, when);
}

/* How it was paid: "IZETTLE_CARD", or "IZETTLE_CARD+IZETTLE_CASH". Of one tender, transactions name the id. */
static void put_tenders(const struct reader *reader, struct ep_json tenders)
{
	struct ep_text types[8];
	uint32_t count = 0;
	struct ep_json each = reader->host->json->first(tenders);

	for (; each.kind == EP_JSON_OBJECT && count < 8; each = reader->host->json->next(each))
		types[count++] = text(reader, each, "type");
	if (count == 1)
		reader->host->put_text(reader->call, EP_PAYMENT_END_TO_END_ID,
			ep_json_any(reader->host, reader->host->json->first(tenders), "uuid|uuid1"));
	if (count)
		reader->host->put_text(reader->call, EP_PAYMENT_METHOD,
			ep_text_join(reader->host, reader->call, types, count, EP_SAY("+")));
}

static enum ep_status read_purchase(const void *context, struct ep_json purchase)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, PURCHASE_ID},
		{EP_PAYMENT_ORDER_NO, EP_AS_TEXT, "purchaseNumber|globalPurchaseNumber"},
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "refundsPurchaseUUID1|refundsPurchaseUUID|refundsPurchaseUuid"},
		{0, 0, NULL}};
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;
	struct ep_text amount = text(reader, purchase, "amount");
	struct ep_slice currency = text(reader, purchase, "currency").value;
	bool refund =
		ep_json_at(host, purchase, "refund").kind == EP_JSON_TRUE || ep_slice_starts(amount.value, EP_SAY("-"));

	if (ep_json_any(host, purchase, PURCHASE_ID).value.length == 0)
		return EP_NOT_FOUND;
	host->record_begin(reader->call, EP_PAYMENT);
	host->put_code(
		reader->call, EP_PAYMENT_KIND, refund ? EP_PAYMENT_KIND_REFUND : EP_PAYMENT_KIND_CAPTURE, amount);
	host->put_code(reader->call, EP_PAYMENT_STATUS, EP_PAYMENT_STATUS_SUCCEEDED, amount);
	ep_put_money_unsigned(host, reader->call, EP_PAYMENT_AMOUNT, amount, &units, currency);
	ep_put_money_unsigned(
		host, reader->call, EP_PAYMENT_TAX, text(reader, purchase, "vatAmount"), &units, currency);
	ep_json_put(host, reader->call, purchase, fields);
	put_time(reader, EP_PAYMENT_PAID_AT, ep_json_any(host, purchase, "timestamp|created"));
	put_tenders(reader, ep_json_at(host, purchase, "payments"));
	return host->record_end(reader->call);
}

static enum ep_status read_transaction(const void *context, struct ep_json transaction)
{
	static const struct ep_json_field fields[] = {
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT, "originatingTransactionUuid|originatorTransactionUuid"},
		{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "originatorTransactionType"},
		{EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "timestamp"}, {0, 0, NULL}};
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;
	struct ep_slice currency = ep_json_any(host, transaction, "currency|currencyId").value;

	if (text(reader, transaction, "originatorTransactionType").value.length == 0)
		return EP_NOT_FOUND;
	host->record_begin(reader->call, EP_SETTLEMENT);
	if (currency.length == 0 && reader->zettle->currency.length) {
		currency = reader->zettle->currency;
		host->note(reader->call, EP_SETTLEMENT_AMOUNT, EP_NOTE_CURRENCY_ASSUMED);
	}
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, reader->call, text(reader, transaction, "amount"), &units, currency);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED,
		text(reader, transaction, "originatorTransactionType"));
	ep_json_put(host, reader->call, transaction, fields);
	return host->record_end(reader->call);
}

/* A webhook's payload is a document inside of a text. */
static enum ep_status read_payload(const struct reader *reader, struct ep_json payload)
{
	struct ep_slice document = reader->host->json->text(payload).value;
	struct ep_part part = {.index = EP_NO_PART, .charset = EP_UTF8};
	struct ep_json purchase;
	enum ep_status status;
	char *bytes;

	if (payload.kind == EP_JSON_OBJECT)
		return read_purchase(reader, payload);
	bytes = reader->host->alloc(reader->call, document.length + 64);
	if (!bytes)
		return EP_BAD_INPUT;
	if (document.length)
		memcpy(bytes, document.data, document.length);
	part.bytes = ep_slice_make(bytes, document.length);
	status = reader->host->json->open(reader->call, &part, 0, NULL, &purchase);
	return status == EP_OK ? read_purchase(reader, purchase) : EP_NOT_FOUND;
}

/* EP_NOT_FOUND: nothing of Zettle's. */
static enum ep_status read_document(const void *context, struct ep_json root)
{
	const struct reader *reader = context;
	struct ep_json data = ep_json_at(reader->host, root, "data");
	struct ep_json purchases = ep_json_at(reader->host, root, "purchases");
	struct ep_slice event = text(reader, root, "eventName").value;

	if (event.length)
		return ep_slice_starts(event, EP_SAY("Purchase"))
			       ? read_payload(reader, ep_json_at(reader->host, root, "payload"))
			       : EP_OK;
	if (purchases.kind == EP_JSON_ARRAY)
		return ep_json_each(reader->host, purchases, read_purchase, reader);
	if (data.kind == EP_JSON_ARRAY)
		return ep_json_each(reader->host, data, read_transaction, reader);
	if (ep_json_any(reader->host, root, "data.currencyId|currencyId|transportName").value.length)
		return EP_OK; /* a balance, a subscription */
	if (ep_json_any(reader->host, root, "originatorTransactionType").value.length)
		return read_transaction(reader, root);
	return read_purchase(reader, root);
}

static enum ep_status zettle_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct zettle *zettle = state;
	struct reader reader = {host, call, zettle, zettle->account};

	if (reader.account.length == 0)
		reader.account = input->source;
	return ep_json_documents(host, call, &input->parts[0], read_document, &reader,
		EP_SAY("expected purchases, transactions or a webhook of Zettle: a member purchases, data or "
		       "eventName"));
}

EP_PLUGIN_DECLARE("zettle", "1.0.0", EP_KIND_PAYMENT, options, struct zettle, zettle_parse);
