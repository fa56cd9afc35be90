/*
 * stripe: Stripe's events, as webhooks send them, its API's objects and lists of objects, and its reports.
 *
 *   charge                  -> payment of kind capture, and one of kind refund for each refund inside
 *   payment_intent          -> the payments of its charges; without one: a payment only once it was cancelled or is processing
 *   refund, dispute, transfer, payout, application_fee -> payment of that kind; a topup is a transfer,
 *                              a transfer_reversal or fee_refund a refund
 *   balance_transaction     -> settlement: an entry of the balance (entry.c); also as reports in CSV (report.c)
 *
 * A charge and the intent that made it name the same movement of money, so both give one payment, that of the charge.
 * Everything else that Stripe sends (customers, invoices, prices ...) moves no money: no records, no error.
 * The event's time is the payment's version; without an event (an API answer) the order of arrival counts.
 */
#include "stripe.h"

static const struct ep_option options[] = {
	EP_OPTION(struct stripe, order_metadata, EP_OPTION_TEXT, "order_no",
		"name of the metadata entry that holds the order number"),
	EP_OPTION(struct stripe, account, EP_OPTION_TEXT, "",
		"account of balance transactions, which name none (without it: the source's name)"),
	EP_OPTION_ONE_OF(struct stripe, decimal, "point", "point|comma", "decimal mark of reports"),
	EP_OPTION(struct stripe, separator, EP_OPTION_CHAR, ",", "column separator of reports"),
};

static struct ep_json member(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_at(reader->host, value, path);
}

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

static void put_text(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	ep_json_put_text(reader->host, reader->call, field, value, path);
}

void put_reference(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	struct ep_json reference = member(reader, value, path);

	if (reference.kind == EP_JSON_OBJECT)
		put_text(reader, field, reference, "id");
	else
		put_text(reader, field, value, path);
}

/*
 * Amounts are whole numbers of the currency's smallest unit: ISO 4217's but for three (docs: "Supported currencies"): ISK
 * and UGX have none but are sent with two digits, MGA has two but is sent whole.
 */
static const struct ep_word digits[] = {{"ISK", 2}, {"UGX", 2}, {"MGA", 0}, {NULL, 0}};
const struct ep_notation stripe_units = {.minor = true, .digits = digits};

static void put_unix_time(const struct reader *reader, uint32_t field, struct ep_text seconds)
{
	ep_put_unix_time(reader->host, reader->call, field, seconds);
}

void put_unix_date(const struct reader *reader, uint32_t field, struct ep_text seconds)
{
	int64_t value;

	if (ep_slice_integer(seconds.value, &value) && value < INT64_C(253402300800)) /* the year 10000 */
		reader->host->put_date(reader->call, field, ep_time_date(ep_time_unix(value)), seconds);
}

/* An amount without its sign: `kind` says which way it went. */
static void put_amount(const struct reader *reader, uint32_t field, struct ep_text amount, struct ep_slice currency)
{
	ep_put_money_unsigned(reader->host, reader->call, field, amount, &stripe_units, currency);
}

static struct ep_slice currency_of(const struct reader *reader, struct ep_json object)
{
	return text(reader, object, "currency").value;
}

static const struct ep_word transfer_words[] = {{"succeeded", EP_PAYMENT_STATUS_SUCCEEDED},
	{"paid", EP_PAYMENT_STATUS_SUCCEEDED}, {"pending", EP_PAYMENT_STATUS_PENDING},
	{"in_transit", EP_PAYMENT_STATUS_PENDING}, {"requires_action", EP_PAYMENT_STATUS_PENDING},
	{"processing", EP_PAYMENT_STATUS_PENDING}, {"failed", EP_PAYMENT_STATUS_FAILED},
	{"canceled", EP_PAYMENT_STATUS_CANCELLED}, {"reversed", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* What the dispute took stays taken when it is lost, and comes back when it is won or was a mere inquiry. */
static const struct ep_word dispute_words[] = {{"lost", EP_PAYMENT_STATUS_SUCCEEDED},
	{"won", EP_PAYMENT_STATUS_CANCELLED}, {"charge_refunded", EP_PAYMENT_STATUS_CANCELLED},
	{"warning_closed", EP_PAYMENT_STATUS_CANCELLED}, {"prevented", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

static void put_status(
	const struct reader *reader, struct ep_text word, const struct ep_word *words, uint32_t otherwise)
{
	ep_put_payment_status(reader->host, reader->call, words, word, otherwise);
}

/* What all kinds have in common. The record is begun and stays open. */
static void begin_payment(const struct reader *reader, uint32_t kind, struct ep_json object)
{
	struct ep_text created = text(reader, object, "created");

	reader->host->record_begin(reader->call, EP_PAYMENT);
	/* Before 2014 a dispute had no id: its charge stands for it, for there was one at most. */
	if (kind == EP_PAYMENT_KIND_DISPUTE && text(reader, object, "id").value.length == 0)
		put_reference(reader, EP_PAYMENT_PAYMENT_ID, object, "charge");
	else
		put_text(reader, EP_PAYMENT_PAYMENT_ID, object, "id");
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, kind, text(reader, object, "object"));
	put_unix_time(reader, EP_PAYMENT_PAID_AT, created.value.length ? created : text(reader, object, "date"));
	put_unix_time(reader, EP_PAYMENT_UPDATED_AT, reader->changed_at);
	put_text(reader, EP_PAYMENT_DESCRIPTION, object, "description");
}

/* Some objects (refunds, old disputes) leave it to their event to say so. */
static void put_test(const struct reader *reader, struct ep_json object)
{
	struct ep_json live = member(reader, object, "livemode");

	if (live.kind == EP_JSON_ABSENT)
		live = member(reader, reader->event, "livemode");
	if (live.kind == EP_JSON_FALSE)
		reader->host->put_bool(reader->call, EP_PAYMENT_TEST, true, reader->host->json->text(live));
}

static void put_order_no(const struct reader *reader, struct ep_json object)
{
	struct ep_json metadata = member(reader, object, "metadata");
	struct ep_json order = reader->host->json->member(metadata, reader->stripe->order_metadata);

	reader->host->put_text(reader->call, EP_PAYMENT_ORDER_NO, reader->host->json->text(order));
}

/* Fee and net, where the balance transaction was expanded. */
static void put_fee(const struct reader *reader, struct ep_json object, const char *path)
{
	struct ep_json transaction = member(reader, object, path);
	struct ep_slice currency = currency_of(reader, transaction);

	put_amount(reader, EP_PAYMENT_FEE, text(reader, transaction, "fee"), currency);
	put_amount(reader, EP_PAYMENT_NET, text(reader, transaction, "net"), currency);
}

/* The reason in words where there are some, else its code. */
static void put_reason(const struct reader *reader, struct ep_json object, const char *words, const char *code)
{
	put_text(reader, EP_PAYMENT_REASON, object, text(reader, object, words).value.length ? words : code);
}

static enum ep_status read_refund(const struct reader *reader, struct ep_json refund)
{
	begin_payment(reader, EP_PAYMENT_KIND_REFUND, refund);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, refund, "amount"), currency_of(reader, refund));
	put_status(reader, text(reader, refund, "status"), transfer_words, EP_PAYMENT_STATUS_SUCCEEDED);
	put_reference(reader, EP_PAYMENT_PARENT_ID, refund, "charge");
	put_reason(reader, refund, "failure_reason", "reason");
	put_order_no(reader, refund);
	put_fee(reader, refund, "balance_transaction");
	put_test(reader, refund);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_refunds_of(const struct reader *reader, struct ep_json charge)
{
	struct ep_json refund = reader->host->json->first(member(reader, charge, "refunds.data"));
	enum ep_status status = EP_OK;

	for (; refund.kind == EP_JSON_OBJECT && status == EP_OK; refund = reader->host->json->next(refund))
		status = read_refund(reader, refund);
	return status;
}

/* An authorization that isn't captured yet has moved nothing: it is pending, whatever `status` says. */
static void put_charge_status(const struct reader *reader, struct ep_json charge)
{
	struct ep_text word = text(reader, charge, "status");
	bool failed = ep_slice_is(word.value, "failed");

	if (!failed && member(reader, charge, "captured").kind == EP_JSON_FALSE) {
		uint32_t status = member(reader, charge, "refunded").kind == EP_JSON_TRUE ? EP_PAYMENT_STATUS_CANCELLED
											  : EP_PAYMENT_STATUS_PENDING;

		reader->host->put_code(reader->call, EP_PAYMENT_STATUS, status, word);
		reader->host->put_text(reader->call, EP_PAYMENT_SOURCE_STATUS, word);
		return;
	}
	put_status(reader, word, transfer_words,
		member(reader, charge, "paid").kind == EP_JSON_FALSE ? EP_PAYMENT_STATUS_FAILED
								     : EP_PAYMENT_STATUS_SUCCEEDED);
}

static enum ep_status read_charge(const struct reader *reader, struct ep_json charge)
{
	struct ep_text captured = text(reader, charge, "amount_captured"), amount = text(reader, charge, "amount");
	enum ep_status status;

	/* Of an authorization captured in part, only the captured part has moved. */
	if (captured.value.length && !ep_slice_is(captured.value, "0"))
		amount = captured;
	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, charge);
	put_amount(reader, EP_PAYMENT_AMOUNT, amount, currency_of(reader, charge));
	put_charge_status(reader, charge);
	put_text(reader, EP_PAYMENT_METHOD, charge, "payment_method_details.type");
	put_text(reader, EP_PAYMENT_PAYER_NAME, charge, "billing_details.name");
	put_reason(reader, charge, "failure_message", "failure_code");
	put_reference(reader, EP_PAYMENT_PARENT_ID, charge, "payment_intent");
	put_order_no(reader, charge);
	put_fee(reader, charge, "balance_transaction");
	put_test(reader, charge);
	status = reader->host->record_end(reader->call);
	return status == EP_OK ? read_refunds_of(reader, charge) : status;
}

/* An intent whose charge is named but not given. */
static enum ep_status read_intent_by_charge(const struct reader *reader, struct ep_json intent)
{
	struct ep_text received = text(reader, intent, "amount_received"), word = text(reader, intent, "status");

	if (received.value.length == 0 || ep_slice_is(received.value, "0"))
		received = text(reader, intent, "amount");
	reader->host->record_begin(reader->call, EP_PAYMENT);
	put_text(reader, EP_PAYMENT_PAYMENT_ID, intent, "latest_charge");
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, EP_PAYMENT_KIND_CAPTURE, word);
	put_amount(reader, EP_PAYMENT_AMOUNT, received, currency_of(reader, intent));
	/* requires_payment_method with a charge: that charge has failed */
	put_status(reader, word, transfer_words,
		ep_slice_is(word.value, "requires_capture") ? EP_PAYMENT_STATUS_PENDING : EP_PAYMENT_STATUS_FAILED);
	put_text(reader, EP_PAYMENT_PARENT_ID, intent, "id");
	put_text(reader, EP_PAYMENT_DESCRIPTION, intent, "description");
	put_reason(reader, intent, "last_payment_error.message", "last_payment_error.code");
	put_unix_time(reader, EP_PAYMENT_PAID_AT, text(reader, intent, "created"));
	put_unix_time(reader, EP_PAYMENT_UPDATED_AT, reader->changed_at);
	put_order_no(reader, intent);
	put_test(reader, intent);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_intent(const struct reader *reader, struct ep_json intent)
{
	struct ep_json charge = reader->host->json->first(member(reader, intent, "charges.data"));
	struct ep_json latest = member(reader, intent, "latest_charge");
	struct ep_text word = text(reader, intent, "status");
	enum ep_status status = EP_OK;

	if (charge.kind == EP_JSON_OBJECT) {
		for (; charge.kind == EP_JSON_OBJECT && status == EP_OK; charge = reader->host->json->next(charge))
			status = read_charge(reader, charge);
		return status;
	}
	if (latest.kind == EP_JSON_OBJECT)
		return read_charge(reader, latest);
	if (latest.kind == EP_JSON_STRING)
		return read_intent_by_charge(reader, intent);
	if (!ep_slice_is(word.value, "canceled") && !ep_slice_is(word.value, "processing") &&
		!ep_slice_is(word.value, "succeeded"))
		return EP_OK; /* only meant so far: nothing has moved, and its charge will have an id of its own */
	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, intent);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, intent, "amount"), currency_of(reader, intent));
	put_status(reader, word, transfer_words, EP_PAYMENT_STATUS_PENDING);
	put_text(reader, EP_PAYMENT_REASON, intent, "cancellation_reason");
	put_order_no(reader, intent);
	put_test(reader, intent);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_dispute(const struct reader *reader, struct ep_json dispute)
{
	begin_payment(reader, EP_PAYMENT_KIND_DISPUTE, dispute);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, dispute, "amount"), currency_of(reader, dispute));
	put_status(reader, text(reader, dispute, "status"), dispute_words, EP_PAYMENT_STATUS_PENDING);
	put_reference(reader, EP_PAYMENT_PARENT_ID, dispute, "charge");
	put_text(reader, EP_PAYMENT_REASON, dispute, "reason");
	/* What was withdrawn for it; once it came back too, there is no one fee. */
	if (member(reader, dispute, "balance_transactions.1").kind == EP_JSON_ABSENT)
		put_fee(reader, dispute, "balance_transactions.0");
	put_order_no(reader, dispute);
	put_test(reader, dispute);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_transfer(const struct reader *reader, struct ep_json transfer)
{
	struct ep_text word = text(reader, transfer, "status");
	bool reversed = member(reader, transfer, "reversed").kind == EP_JSON_TRUE;

	begin_payment(reader, EP_PAYMENT_KIND_TRANSFER, transfer);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, transfer, "amount"), currency_of(reader, transfer));
	/* Since 2017 a transfer has no status: it is done when it is made. */
	put_status(reader, word, transfer_words, reversed ? EP_PAYMENT_STATUS_CANCELLED : EP_PAYMENT_STATUS_SUCCEEDED);
	put_reference(reader, EP_PAYMENT_PARENT_ID, transfer, "source_transaction");
	put_reference(reader, EP_PAYMENT_PAYEE_ACCOUNT, transfer, "destination");
	put_reason(reader, transfer, "failure_message", "failure_code");
	put_order_no(reader, transfer);
	put_test(reader, transfer);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_payout(const struct reader *reader, struct ep_json payout)
{
	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, payout);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, payout, "amount"), currency_of(reader, payout));
	put_status(reader, text(reader, payout, "status"), transfer_words, EP_PAYMENT_STATUS_PENDING);
	put_text(reader, EP_PAYMENT_METHOD, payout, "method");
	put_reference(reader, EP_PAYMENT_PAYEE_ACCOUNT, payout, "destination");
	put_reason(reader, payout, "failure_message", "failure_code");
	put_unix_date(reader, EP_PAYMENT_VALUE_DATE, text(reader, payout, "arrival_date"));
	put_fee(reader, payout, "balance_transaction");
	put_test(reader, payout);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_application_fee(const struct reader *reader, struct ep_json fee)
{
	begin_payment(reader, EP_PAYMENT_KIND_FEE, fee);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, fee, "amount"), currency_of(reader, fee));
	reader->host->put_code(reader->call, EP_PAYMENT_STATUS,
		member(reader, fee, "refunded").kind == EP_JSON_TRUE ? EP_PAYMENT_STATUS_CANCELLED
								     : EP_PAYMENT_STATUS_SUCCEEDED,
		text(reader, fee, "object"));
	put_reference(reader, EP_PAYMENT_PARENT_ID, fee, "charge");
	put_test(reader, fee);
	return reader->host->record_end(reader->call);
}

/* What a transfer or an application fee gave back. It has no status: it is done when it is made. */
static enum ep_status read_reversal(const struct reader *reader, struct ep_json reversal)
{
	bool of_fee = member(reader, reversal, "fee").kind != EP_JSON_ABSENT;

	begin_payment(reader, EP_PAYMENT_KIND_REFUND, reversal);
	put_amount(reader, EP_PAYMENT_AMOUNT, text(reader, reversal, "amount"), currency_of(reader, reversal));
	reader->host->put_code(
		reader->call, EP_PAYMENT_STATUS, EP_PAYMENT_STATUS_SUCCEEDED, text(reader, reversal, "object"));
	put_reference(reader, EP_PAYMENT_PARENT_ID, reversal, of_fee ? "fee" : "transfer");
	put_order_no(reader, reversal);
	put_test(reader, reversal);
	return reader->host->record_end(reader->call);
}

/* An entry that comes alone. */
static enum ep_status read_entry(const struct reader *reader, struct ep_json transaction)
{
	return read_balance_transaction(reader, transaction, ep_text_constant(ep_slice_make(NULL, 0)));
}

static enum ep_status read_object(const struct reader *reader, struct ep_json object)
{
	static const struct {
		const char *object;
		enum ep_status (*read)(const struct reader *reader, struct ep_json object);
	} readers[] = {{"charge", read_charge}, {"payment_intent", read_intent}, {"refund", read_refund},
		{"dispute", read_dispute}, {"transfer", read_transfer}, {"payout", read_payout},
		{"application_fee", read_application_fee}, {"topup", read_transfer},
		{"transfer_reversal", read_reversal}, {"fee_refund", read_reversal},
		{"balance_transaction", read_entry}};
	struct ep_slice type = text(reader, object, "object").value;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (ep_slice_equal(type, ep_slice_of(readers[i].object)))
			return readers[i].read(reader, object);
	return EP_OK;
}

static enum ep_status read_event(const struct reader *reader, struct ep_json event)
{
	struct reader inner = *reader;

	inner.event = event;
	inner.changed_at = text(reader, event, "created");
	return read_object(&inner, member(reader, event, "data.object"));
}

/* A list's objects; balance transactions are looked at together first. */
static enum ep_status read_list(const struct reader *reader, struct ep_json list)
{
	const struct ep_host *host = reader->host;
	struct ep_json each = host->json->first(list);
	struct ep_text payout = payout_of_list(reader, list);
	enum ep_status status = EP_OK;

	for (; each.kind == EP_JSON_OBJECT && status == EP_OK; each = host->json->next(each)) {
		struct ep_slice type = text(reader, each, "object").value;

		if (ep_slice_is(type, "event"))
			status = read_event(reader, each);
		else if (ep_slice_is(type, "balance_transaction"))
			status = read_balance_transaction(reader, each, payout);
		else
			status = read_object(reader, each);
	}
	return status;
}

/* One document: an event, an object, or a list of either. */
static enum ep_status read_document(const struct reader *reader, struct ep_json root)
{
	struct ep_slice type = text(reader, root, "object").value;

	if (root.kind == EP_JSON_ARRAY)
		return read_list(reader, root);
	if (ep_slice_is(type, "event"))
		return read_event(reader, root);
	if (ep_slice_is(type, "list") || ep_slice_is(type, "search_result"))
		return read_list(reader, member(reader, root, "data"));
	return read_object(reader, root);
}

static enum ep_status stripe_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct reader reader = {.host = host, .call = call, .stripe = state};
	const struct ep_part *body = &input->parts[0];
	enum ep_status status;
	struct ep_json root;
	uint64_t offset = 0;

	reader.account = reader.stripe->account.length ? reader.stripe->account : input->source;
	reader.changed_at = ep_text_constant(EP_SAY(""));
	if (!ep_json_likely(body) && ep_slice_trim(body->bytes).length)
		return read_report(&reader, body);
	status = host->json->open(call, body, 0, &offset, &root);
	if (status == EP_END)
		return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected a JSON document"));
	while (status == EP_OK) {
		if (root.kind != EP_JSON_ARRAY && text(&reader, root, "object").value.length == 0)
			return host->fail(call, EP_ERR_TYPE_UNKNOWN, host->json->place(root),
				EP_SAY("expected an event, object or list of Stripe: a member named object"));
		status = read_document(&reader, root);
		if (status == EP_OK)
			status = host->json->open(call, body, offset, &offset, &root);
	}
	return status == EP_END ? EP_OK : status;
}

EP_PLUGIN_DECLARE_FULL("stripe", "1.0.0", EP_KIND_PAYMENT, 0, "", options, sizeof(options) / sizeof(options[0]),
	struct stripe, 0, stripe_parse);
