/*
 * airwallex: Airwallex's webhooks, and objects and lists of its API.
 *
 *   payment_intent         -> payment of kind capture
 *   refund                 -> payment of kind refund
 *   payment_dispute        -> payment of kind dispute
 *   transfer (payout)      -> payment of kind payout
 *   conversion, deposit, transfers and charges between connected accounts -> payment of kind transfer
 *   financial transactions, entries of the balance's history, settlement items -> settlement
 *
 * An attempt to pay belongs to its intent, which says the same: it gives nothing. Everything else (accounts,
 * beneficiaries, cards, customers, invoices) moves no money: no records, no error.
 *
 * Amounts are JSON numbers with decimals. What an object is shows in the event's name, else in its shape. updated_at is
 * the version, else the event's time.
 */
#include <entrepot/plugin.h>

struct airwallex {
	struct ep_slice account;
};

static const struct ep_option options[] = {
	EP_OPTION(struct airwallex, account, EP_OPTION_TEXT, "",
		"account of entries, which name none (without it: the source's name)"),
};

static const struct ep_notation decimals = {.mark = EP_DECIMAL_JSON};

/* What every reader below needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	struct ep_slice account;
	struct ep_text event_time; /* empty outside of an event */
};

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

/* The first of several members that is there, with the currency at the first of others. */
static void put_amount(
	const struct reader *reader, uint32_t field, struct ep_json object, const char *amounts, const char *currencies)
{
	ep_put_money_unsigned(reader->host, reader->call, field, ep_json_any(reader->host, object, amounts), &decimals,
		ep_json_any(reader->host, object, currencies).value);
}

static const struct ep_word statuses[] = {{"SUCCEEDED", EP_PAYMENT_STATUS_SUCCEEDED},
	{"SETTLED", EP_PAYMENT_STATUS_SUCCEEDED}, {"PAID", EP_PAYMENT_STATUS_SUCCEEDED},
	{"COMPLETED", EP_PAYMENT_STATUS_SUCCEEDED}, {"DISPATCHED", EP_PAYMENT_STATUS_PENDING},
	{"FAILED", EP_PAYMENT_STATUS_FAILED}, {"REJECTED", EP_PAYMENT_STATUS_FAILED},
	{"BLOCKED", EP_PAYMENT_STATUS_FAILED}, {"RETURNED", EP_PAYMENT_STATUS_FAILED},
	{"REVERSED", EP_PAYMENT_STATUS_FAILED}, {"CANCELLED", EP_PAYMENT_STATUS_CANCELLED},
	{"CANCELED", EP_PAYMENT_STATUS_CANCELLED}, {"EXPIRED", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* What the dispute took stays taken when it is lost or accepted, and comes back when it is won or reversed. */
static const struct ep_word dispute_statuses[] = {{"LOST", EP_PAYMENT_STATUS_SUCCEEDED},
	{"ACCEPTED", EP_PAYMENT_STATUS_SUCCEEDED}, {"EXPIRED", EP_PAYMENT_STATUS_SUCCEEDED},
	{"WON", EP_PAYMENT_STATUS_CANCELLED}, {"REVERSED", EP_PAYMENT_STATUS_CANCELLED},
	{"CANCELLED", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* What all kinds have in common. The record is begun and stays open. */
static void begin_payment(const struct reader *reader, uint32_t kind, struct ep_json object, const char *ids)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_ORDER_NO, EP_AS_TEXT, "merchant_order_id|metadata.order_no"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "created_at|createdAt"}, {0, 0, NULL}};
	struct ep_text updated = ep_json_any(reader->host, object, "updated_at|last_updated_at|updatedAt");
	struct ep_text id = ep_json_any(reader->host, object, ids);

	reader->host->record_begin(reader->call, EP_PAYMENT);
	reader->host->put_text(reader->call, EP_PAYMENT_PAYMENT_ID, id);
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, kind, id);
	ep_json_put(reader->host, reader->call, object, fields);
	ep_put_time(
		reader->host, reader->call, EP_PAYMENT_UPDATED_AT, updated.value.length ? updated : reader->event_time);
}

static void put_status(const struct reader *reader, struct ep_json object, const struct ep_word *words)
{
	struct ep_text word = text(reader, object, "status");

	if (word.value.length)
		ep_put_payment_status(reader->host, reader->call, words, word, EP_PAYMENT_STATUS_PENDING);
}

static enum ep_status read_intent(const struct reader *reader, struct ep_json intent)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "latest_payment_attempt.payment_method.type|payment_method_type"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "descriptor"},
		{EP_PAYMENT_REASON, EP_AS_TEXT,
			"cancellation_reason|latest_payment_attempt.failure_details.message|"
			"latest_payment_attempt.failure_code"},
		{0, 0, NULL}};
	struct ep_decimal captured;
	/* Of an authorization captured in part, only the captured part has moved. */
	bool in_part = ep_decimal_read_json(&captured, text(reader, intent, "captured_amount").value) == EP_OK &&
		       !ep_decimal_is_zero(captured);

	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, intent, "id");
	put_status(reader, intent, statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, intent, in_part ? "captured_amount" : "amount", "currency");
	ep_json_put(reader->host, reader->call, intent, fields);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_refund(const struct reader *reader, struct ep_json refund)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "payment_intent_id|payment_attempt_id"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "failure_details.message|failure_details.code|failure_code|reason"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "acquirer_reference_number"}, {0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_REFUND, refund, "id");
	put_status(reader, refund, statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, refund, "amount", "currency");
	ep_json_put(reader->host, reader->call, refund, fields);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_dispute(const struct reader *reader, struct ep_json dispute)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "payment_intent_id|payment_attempt_id"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "reason.description|reason.type|reason.original_code|reason"},
		{0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_DISPUTE, dispute, "id");
	put_status(reader, dispute, dispute_statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, dispute, "amount|dispute_amount", "currency|dispute_currency");
	ep_json_put(reader->host, reader->call, dispute, fields);
	return reader->host->record_end(reader->call);
}

/* A transfer to a beneficiary; before 2023 it was called payment. What arrives is its amount. */
static enum ep_status read_transfer(const struct reader *reader, struct ep_json transfer)
{
	static const char to[] = "transfer_currency|payment_currency";
	static const struct ep_json_field fields[] = {{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "reference"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "remarks|reason"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "transfer_method|payment_method|local_clearing_system"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "failure_reason|status_reason|failure_details.message"},
		{EP_PAYMENT_VALUE_DATE, EP_AS_DATE, "transfer_date|payment_date"},
		{EP_PAYMENT_PAYEE_NAME, EP_AS_TEXT, "beneficiary.bank_details.account_name|beneficiary.company_name"},
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT,
			"beneficiary.bank_details.iban|beneficiary.bank_details.account_number|beneficiary_id"},
		{EP_PAYMENT_PAYOUT_ID, EP_AS_TEXT, "batch_transfer_id"},
		{EP_PAYMENT_EXCHANGE_RATE, EP_AS_DECIMAL, "client_rate"}, {0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, transfer, "id|transfer_id|payment_id");
	put_status(reader, transfer, statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, transfer,
		"amount_beneficiary_receives|transfer_amount|payment_amount|amount",
		"transfer_currency|payment_currency|currency");
	put_amount(reader, EP_PAYMENT_FEE, transfer, "fee_amount", "fee_currency");
	if (!ep_slice_equal(
		    text(reader, transfer, "source_currency").value, ep_json_any(reader->host, transfer, to).value))
		put_amount(reader, EP_PAYMENT_SETTLED, transfer, "amount_payer_pays|source_amount", "source_currency");
	ep_json_put(reader->host, reader->call, transfer, fields);
	return reader->host->record_end(reader->call);
}

/* From one balance into another, of two accounts. */
static enum ep_status read_connected(const struct reader *reader, struct ep_json transfer)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "reason"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "reference"},
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT, "destination"}, {EP_PAYMENT_PAYER_ACCOUNT, EP_AS_TEXT, "source"},
		{0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_TRANSFER, transfer, "id");
	put_status(reader, transfer, statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, transfer, "amount", "currency");
	put_amount(reader, EP_PAYMENT_FEE, transfer, "fee", "currency");
	ep_json_put(reader->host, reader->call, transfer, fields);
	return reader->host->record_end(reader->call);
}

/* From one currency into another. */
static enum ep_status read_conversion(const struct reader *reader, struct ep_json conversion)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_EXCHANGE_RATE, EP_AS_DECIMAL, "client_rate"},
		{EP_PAYMENT_VALUE_DATE, EP_AS_DATE, "conversion_date|settlement_date"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "reason"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "short_reference_id"}, {0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_TRANSFER, conversion, "conversion_id|id");
	put_status(reader, conversion, statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, conversion, "sell_amount|client_sell_amount", "sell_currency");
	put_amount(reader, EP_PAYMENT_SETTLED, conversion, "buy_amount|client_buy_amount", "buy_currency");
	ep_json_put(reader->host, reader->call, conversion, fields);
	return reader->host->record_end(reader->call);
}

/* Money that came in from a bank. */
static enum ep_status read_deposit(const struct reader *reader, struct ep_json deposit)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_PAYER_NAME, EP_AS_TEXT, "payer.name|payer_name|debtor.name|source.sender.name"},
		{EP_PAYMENT_PAYER_ACCOUNT, EP_AS_TEXT,
			"payer.bank_details.iban|payer.bank_details.account_number|payer_account"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "reference|provider_transaction_id"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "statement_ref|description"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "type"}, {0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_TRANSFER, deposit, "deposit_id|id");
	put_status(reader, deposit, statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, deposit, "amount", "currency");
	put_amount(reader, EP_PAYMENT_FEE, deposit, "fee.amount|fee_amount", "fee.currency|fee_currency|currency");
	ep_json_put(reader->host, reader->call, deposit, fields);
	return reader->host->record_end(reader->call);
}

/* An entry of the wallet: `net` is what it moved where there are fees. */
static enum ep_status read_entry(const struct reader *reader, struct ep_json entry)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "id|transaction_id"},
		{EP_SETTLEMENT_STATEMENT_ID, EP_AS_TEXT, "batch_id|settlement_id"},
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT, "source_id|source"},
		{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "transaction_type|source_type"},
		{EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "settled_at|posted_at|created_at"},
		{EP_SETTLEMENT_DESCRIPTION, EP_AS_TEXT, "description"},
		{EP_SETTLEMENT_EXCHANGE_RATE, EP_AS_DECIMAL, "client_rate"}, {0, 0, NULL}};
	static const struct ep_word entry_statuses[] = {{"PENDING", EP_ENTRY_STATUS_PENDING},
		{"SETTLED", EP_ENTRY_STATUS_BOOKED}, {"CANCELLED", EP_ENTRY_STATUS_INFO}, {NULL, 0}};
	const struct ep_host *host = reader->host;
	struct ep_text status = text(reader, entry, "status");
	struct ep_slice currency = text(reader, entry, "currency").value;
	struct ep_text balance = text(reader, entry, "balance");
	struct ep_money money;

	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, reader->call, ep_json_any(host, entry, "net|net_amount|amount"), &decimals, currency);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS,
		ep_word_code(entry_statuses, status.value, EP_ENTRY_STATUS_BOOKED), status);
	ep_put_money(host, reader->call, EP_SETTLEMENT_CHARGES, ep_json_any(host, entry, "fee|fee_amount"),
		EP_DECIMAL_JSON, currency);
	if (ep_money_take(host, reader->call, &money, balance, &decimals, currency))
		host->put_money(reader->call, EP_SETTLEMENT_BALANCE_AFTER, money, balance);
	ep_json_put(host, reader->call, entry, fields);
	return host->record_end(reader->call);
}

/* Documents --------------------------------------------------------------------------------------------------- */

static bool has(const struct reader *reader, struct ep_json object, const char *path)
{
	return ep_json_at(reader->host, object, path).kind != EP_JSON_ABSENT;
}

static enum ep_status read_nothing(const struct reader *reader, struct ep_json object)
{
	(void)reader;
	(void)object;
	return EP_OK;
}

typedef enum ep_status reads(const struct reader *reader, struct ep_json object);

/* What an event is about, by the beginning of its name: the first that fits. */
static const struct {
	const char *name;
	reads *read;
} topics[] = {{"payment_intent.", read_intent}, {"refund.", read_refund}, {"payment_dispute.", read_dispute},
	{"payout.transfer.", read_transfer}, {"payout.payment.", read_transfer}, {"payment.", read_transfer},
	{"wallet_transfer.", read_transfer}, {"transfer.", read_transfer}, {"conversion.", read_conversion},
	{"deposit.", read_deposit}, {"charge.", read_connected}, {"connected_account_transfer.", read_connected},
	{"connected_account_charge.", read_connected}, {"account_transfer.", read_connected},
	{"funds_split.", read_connected}};

/* An object without an event, by what only its kind has; NULL if it is nothing of Airwallex's. */
static reads *reader_of(const struct reader *reader, struct ep_json object)
{
	static const struct {
		const char *prefix;
		reads *read;
	} prefixes[] = {{"int_", read_intent}, {"rfd_", read_refund}, {"dst_", read_dispute}, {"tfr_", read_connected},
		{"chg_", read_connected}, {"att_", read_nothing}, {"cus_", read_nothing}, {"evt_", read_nothing},
		{"acct_", read_nothing}, {"pl_", read_nothing}, {"cst_", read_nothing}, {"mtd_", read_nothing}};
	static const struct {
		const char *member;
		reads *read;
	} members[] = {{"sell_currency", read_conversion}, {"transfer_currency", read_transfer},
		{"payment_currency", read_transfer}, {"transaction_type", read_entry},
		{"latest_payment_attempt", read_intent}, {"merchant_order_id", read_intent},
		{"deposit_id", read_deposit}, {"global_account_id", read_deposit}, {"posted_at", read_entry},
		{"dispute_amount", read_dispute}, {"payment_intent_id", read_refund}, {"request_id", read_nothing},
		{"beneficiary_id", read_nothing}, {"available_amount", read_nothing}};
	struct ep_slice id = text(reader, object, "id").value;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (ep_slice_starts(id, ep_slice_of(prefixes[i].prefix)))
			return prefixes[i].read;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (has(reader, object, members[i].member))
			return members[i].read;
	return NULL;
}

static enum ep_status read_object(const void *context, struct ep_json object)
{
	const struct reader *reader = context;
	reads *read = reader_of(reader, object);

	return read ? read(reader, object) : EP_NOT_FOUND;
}

/* An event's object stands in data.object, in older versions in data itself. */
static enum ep_status read_event(const struct reader *reader, struct ep_json event)
{
	struct ep_json data = ep_json_at(reader->host, event, "data");
	struct ep_json object = ep_json_at(reader->host, data, "object");
	struct ep_slice name = text(reader, event, "name").value;
	struct reader inner = *reader;

	if (object.kind != EP_JSON_OBJECT)
		object = data;
	if (object.kind != EP_JSON_OBJECT)
		return EP_OK;
	inner.event_time = ep_json_any(reader->host, event, "created_at|createdAt");
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (ep_slice_starts(name, ep_slice_of(topics[i].name)))
			return topics[i].read(&inner, object);
	return EP_OK;
}

/* EP_NOT_FOUND: nothing of Airwallex's. */
static enum ep_status read_document(const void *context, struct ep_json root)
{
	const struct reader *reader = context;
	struct ep_json items = ep_json_at(reader->host, root, "items");

	if (text(reader, root, "name").value.length &&
		(has(reader, root, "data") || ep_slice_starts(text(reader, root, "id").value, EP_SAY("evt_"))))
		return read_event(reader, root);
	if (items.kind == EP_JSON_ARRAY)
		return ep_json_each(reader->host, items, read_object, reader);
	if (has(reader, root, "code") && has(reader, root, "message"))
		return EP_OK; /* a refusal */
	return read_object(reader, root);
}

static enum ep_status airwallex_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct airwallex *airwallex = state;
	struct reader reader = {host, call, airwallex->account, ep_text_constant(ep_slice_make(NULL, 0))};

	if (reader.account.length == 0)
		reader.account = input->source;
	return ep_json_documents(host, call, &input->parts[0], read_document, &reader,
		EP_SAY("expected an event of Airwallex (name, data), or an object or list of its API"));
}

EP_PLUGIN_DECLARE("airwallex", "1.0.0", EP_KIND_PAYMENT, options, struct airwallex, airwallex_parse);
