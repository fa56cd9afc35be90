/*
 * square: Square's webhooks, and objects and lists of its API.
 *
 *   payment, refund, dispute, payout -> payment of kind capture, refund, dispute, payout
 *   payout_entries                   -> settlement: an entry of a payout
 *   events                           -> what the object inside gives
 *
 * Everything else of Square's (orders, invoices, customers, inventory, test notifications) moves no money: no records, no
 * error. An object's updated_at is its version, else the event's time.
 */
#include <entrepot/plugin.h>

struct square {
	struct ep_slice account;
};

static const struct ep_option options[] = {
	EP_OPTION(struct square, account, EP_OPTION_TEXT, "",
		"account of payout entries (without it: the source's name)"),
};

static const struct ep_notation units = {.minor = true};

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

static void put_amount(const struct reader *reader, uint32_t field, struct ep_json object, const char *path)
{
	struct ep_json money = ep_json_at(reader->host, object, path);

	ep_put_money_unsigned(reader->host, reader->call, field, text(reader, money, "amount"), &units,
		text(reader, money, "currency").value);
}

/* The sum of a list of fees; fees in several currencies have none. */
static void put_fees(const struct reader *reader, struct ep_json fees)
{
	struct ep_text origin = ep_text_constant(ep_slice_make(NULL, 0));
	struct ep_json each = reader->host->json->first(fees);
	struct ep_money sum, fee;

	memset(&sum, 0, sizeof(sum));
	for (; each.kind != EP_JSON_ABSENT; each = reader->host->json->next(each)) {
		struct ep_text amount = text(reader, each, "amount_money.amount");

		if (!ep_money_take(reader->host, reader->call, &fee, amount, &units,
			    text(reader, each, "amount_money.currency").value))
			continue;
		if (origin.value.length == 0)
			memcpy(sum.currency, fee.currency, sizeof(sum.currency));
		if (strcmp(sum.currency, fee.currency) != 0 ||
			ep_decimal_add(&sum.amount, sum.amount, fee.amount) != EP_OK)
			return;
		origin = amount;
	}
	if (origin.value.length)
		reader->host->put_money(reader->call, EP_PAYMENT_FEE, sum, origin);
}

static const struct ep_word statuses[] = {{"COMPLETED", EP_PAYMENT_STATUS_SUCCEEDED},
	{"PAID", EP_PAYMENT_STATUS_SUCCEEDED}, {"FAILED", EP_PAYMENT_STATUS_FAILED},
	{"REJECTED", EP_PAYMENT_STATUS_FAILED}, {"CANCELED", EP_PAYMENT_STATUS_CANCELLED},
	{"CANCELLED", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* What the dispute took stays taken when it is lost or accepted, and comes back when it is won or was a mere inquiry. */
static const struct ep_word dispute_states[] = {{"LOST", EP_PAYMENT_STATUS_SUCCEEDED},
	{"ACCEPTED", EP_PAYMENT_STATUS_SUCCEEDED}, {"WON", EP_PAYMENT_STATUS_CANCELLED},
	{"INQUIRY_CLOSED", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* What all kinds have in common. The record is begun and stays open. */
static void begin_payment(const struct reader *reader, uint32_t kind, struct ep_json object)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "id|dispute_id"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "created_at|reported_at"}, {0, 0, NULL}};
	struct ep_text updated = text(reader, object, "updated_at");
	struct ep_text id = ep_json_any(reader->host, object, "id|dispute_id");

	reader->host->record_begin(reader->call, EP_PAYMENT);
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, kind, id);
	ep_json_put(reader->host, reader->call, object, fields);
	ep_put_time(
		reader->host, reader->call, EP_PAYMENT_UPDATED_AT, updated.value.length ? updated : reader->event_time);
}

static void put_status(
	const struct reader *reader, struct ep_json object, const char *path, const struct ep_word *words)
{
	struct ep_text word = text(reader, object, path);

	if (word.value.length)
		ep_put_payment_status(reader->host, reader->call, words, word, EP_PAYMENT_STATUS_PENDING);
}

/* The merchant's own reference is the order's number; without one, the order's identifier stands for it. */
static void put_order(const struct reader *reader, struct ep_json object)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_ORDER_NO, EP_AS_TEXT, "reference_id|order_id"},
		{EP_PAYMENT_ORDER_ID, EP_AS_TEXT, "order_id"}, {0, 0, NULL}};

	ep_json_put(reader->host, reader->call, object, fields);
}

static enum ep_status read_payment(const void *context, struct ep_json payment)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_METHOD, EP_AS_TEXT, "source_type"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "note"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "card_details.errors.0.detail|card_details.errors.0.code"},
		{EP_PAYMENT_PAYER_NAME, EP_AS_TEXT, "card_details.card.cardholder_name"}, {0, 0, NULL}};
	const struct reader *reader = context;
	bool total = ep_json_at(reader->host, payment, "total_money.amount").kind != EP_JSON_ABSENT;

	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, payment);
	/* An authorization that isn't captured (APPROVED) is pending. The total holds the tip. */
	put_status(reader, payment, "status", statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, payment, total ? "total_money" : "amount_money");
	put_order(reader, payment);
	put_fees(reader, ep_json_at(reader->host, payment, "processing_fee"));
	ep_json_put(reader->host, reader->call, payment, fields);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_refund(const void *context, struct ep_json refund)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "payment_id"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "reason"}, {EP_PAYMENT_METHOD, EP_AS_TEXT, "destination_type"},
		{0, 0, NULL}};
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_REFUND, refund);
	put_status(reader, refund, "status", statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, refund, "amount_money");
	put_order(reader, refund);
	put_fees(reader, ep_json_at(reader->host, refund, "processing_fee"));
	ep_json_put(reader->host, reader->call, refund, fields);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_dispute(const void *context, struct ep_json dispute)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT,
			"disputed_payment.payment_id|disputed_payments.0.payment_id|payment_id"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "reason"}, {0, 0, NULL}};
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_DISPUTE, dispute);
	put_status(reader, dispute, "state", dispute_states);
	put_amount(reader, EP_PAYMENT_AMOUNT, dispute, "amount_money");
	ep_json_put(reader->host, reader->call, dispute, fields);
	return reader->host->record_end(reader->call);
}

/* A negative payout takes money from the merchant's bank: its amount is unsigned all the same. */
static enum ep_status read_payout(const void *context, struct ep_json payout)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_METHOD, EP_AS_TEXT, "destination.type"},
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT, "destination.id"},
		{EP_PAYMENT_VALUE_DATE, EP_AS_DATE, "arrival_date"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "end_to_end_id"}, {0, 0, NULL}};
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, payout);
	put_status(reader, payout, "status", statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, payout, "amount_money");
	put_fees(reader, ep_json_at(reader->host, payout, "payout_fee"));
	ep_json_put(reader->host, reader->call, payout, fields);
	return reader->host->record_end(reader->call);
}

/* What the entry is about stands in a member of its own for each type: type_charge_details.payment_id. */
static void put_subject(const struct reader *reader, struct ep_json entry)
{
	struct ep_json member = reader->host->json->first(entry);

	for (; member.kind != EP_JSON_ABSENT; member = reader->host->json->next(member)) {
		if (!ep_slice_starts(reader->host->json->name(member).value, EP_SAY("type_")))
			continue;
		reader->host->put_text(reader->call, EP_SETTLEMENT_TRANSACTION_ID,
			ep_json_any(reader->host, member, "refund_id|dispute_id|payment_id"));
		return;
	}
}

static enum ep_status read_payout_entry(const void *context, struct ep_json entry)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "id"},
		{EP_SETTLEMENT_STATEMENT_ID, EP_AS_TEXT, "payout_id"},
		{EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "effective_at"}, {EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "type"},
		{0, 0, NULL}};
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;

	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, reader->call, text(reader, entry, "net_amount_money.amount"), &units,
		text(reader, entry, "net_amount_money.currency").value);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, text(reader, entry, "type"));
	ep_put_money_minor(host, reader->call, EP_SETTLEMENT_CHARGES, text(reader, entry, "fee_amount_money.amount"),
		text(reader, entry, "fee_amount_money.currency").value);
	ep_json_put(host, reader->call, entry, fields);
	put_subject(reader, entry);
	return host->record_end(reader->call);
}

/* Documents --------------------------------------------------------------------------------------------------- */

/* The members that hold an answer's objects, one or a list. */
static const struct {
	const char *name;
	ep_json_read *read;
} collections[] = {{"payment", read_payment}, {"payments", read_payment}, {"refund", read_refund},
	{"refunds", read_refund}, {"dispute", read_dispute}, {"disputes", read_dispute}, {"payout", read_payout},
	{"payouts", read_payout}, {"payout_entries", read_payout_entry}};

static bool has(const struct reader *reader, struct ep_json object, const char *path)
{
	return ep_json_at(reader->host, object, path).kind != EP_JSON_ABSENT;
}

/* An object without a name around it, by what only its kind has. */
static enum ep_status read_bare(const struct reader *reader, struct ep_json object)
{
	if (has(reader, object, "net_amount_money"))
		return read_payout_entry(reader, object);
	if (!has(reader, object, "amount_money"))
		return EP_NOT_FOUND;
	if (has(reader, object, "disputed_payment") || has(reader, object, "state"))
		return read_dispute(reader, object);
	if (has(reader, object, "payment_id"))
		return read_refund(reader, object);
	if (has(reader, object, "payout_fee") || has(reader, object, "destination"))
		return read_payout(reader, object);
	return read_payment(reader, object);
}

static enum ep_status read_answer(const struct reader *reader, struct ep_json answer)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
		struct ep_json objects = ep_json_at(reader->host, answer, collections[i].name);
		enum ep_status status;

		if (objects.kind != EP_JSON_ARRAY && objects.kind != EP_JSON_OBJECT)
			continue;
		found = true;
		status = ep_json_each(reader->host, objects, collections[i].read, reader);
		if (status != EP_OK)
			return status;
	}
	return found ? EP_OK : EP_NOT_FOUND;
}

/* Its object may be of any kind. */
static enum ep_status read_event(const struct reader *reader, struct ep_json event)
{
	struct reader inner = *reader;
	enum ep_status status;

	inner.event_time = text(reader, event, "created_at");
	status = read_answer(&inner, ep_json_at(reader->host, event, "data.object"));
	return status == EP_NOT_FOUND ? EP_OK : status;
}

/* An object or list that moves no money: an order, a location, a customer; an empty page, a refusal. */
static bool is_without_money(const struct reader *reader, struct ep_json root)
{
	struct ep_json member = reader->host->json->first(root);

	if (root.kind == EP_JSON_OBJECT && member.kind == EP_JSON_ABSENT)
		return true;
	if (has(reader, root, "cursor") || has(reader, root, "errors.0.category"))
		return true;
	for (; member.kind != EP_JSON_ABSENT; member = reader->host->json->next(member)) {
		struct ep_json object = member.kind == EP_JSON_ARRAY ? reader->host->json->first(member) : member;

		if (ep_json_any(reader->host, object, "location_id|merchant_id|creation_source").value.length)
			return true;
	}
	return false;
}

/* EP_NOT_FOUND: nothing of Square's. */
static enum ep_status read_document(const void *context, struct ep_json root)
{
	const struct reader *reader = context;
	enum ep_status status;

	if (has(reader, root, "merchant_id") && (has(reader, root, "type") || has(reader, root, "event_type")))
		return read_event(reader, root);
	if (has(reader, root, "events.0.merchant_id"))
		return ep_json_each(reader->host, ep_json_at(reader->host, root, "events"), read_document, reader);
	status = read_answer(reader, root);
	if (status == EP_NOT_FOUND)
		status = read_bare(reader, root);
	return status == EP_NOT_FOUND && is_without_money(reader, root) ? EP_OK : status;
}

static enum ep_status square_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct square *square = state;
	struct reader reader = {host, call, square->account, ep_text_constant(ep_slice_make(NULL, 0))};

	if (reader.account.length == 0)
		reader.account = input->source;
	return ep_json_documents(host, call, &input->parts[0], read_document, &reader,
		EP_SAY("expected an event of Square (merchant_id, type), or an object or list of its API"));
}

EP_PLUGIN_DECLARE("square", "1.0.0", EP_KIND_PAYMENT, options, struct square, square_parse);
