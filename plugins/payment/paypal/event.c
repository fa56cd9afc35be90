/*
 * event.c: webhooks, and objects of the APIs of version 1 (sale, payment, payouts) and 2 (order, capture, refund).
 *
 * A refund and a reversal are payments of their own, whose parent is the capture or sale. An authorization holds money and
 * moves none, and its capture has an id of its own: it gives nothing. The payouts of a batch are payments, and so is the
 * batch where it comes without them; payout_id joins them. The event's time is the version, else update_time.
 */
#include "paypal.h"

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

static bool has(const struct reader *reader, struct ep_json object, const char *path)
{
	return ep_json_at(reader->host, object, path).kind != EP_JSON_ABSENT;
}

static void put_amount(const struct reader *reader, uint32_t field, struct ep_json object, const char *path)
{
	struct ep_json amount = ep_json_at(reader->host, object, path);

	ep_put_money_unsigned(reader->host, reader->call, field, ep_json_any(reader->host, amount, PAYPAL_VALUE),
		&paypal_decimals, ep_json_any(reader->host, amount, PAYPAL_CURRENCY).value);
}

static const struct ep_word statuses[] = {{"completed", EP_PAYMENT_STATUS_SUCCEEDED},
	{"partially_refunded", EP_PAYMENT_STATUS_SUCCEEDED}, {"refunded", EP_PAYMENT_STATUS_SUCCEEDED},
	{"reversed", EP_PAYMENT_STATUS_SUCCEEDED}, {"success", EP_PAYMENT_STATUS_SUCCEEDED},
	{"denied", EP_PAYMENT_STATUS_FAILED}, {"declined", EP_PAYMENT_STATUS_FAILED},
	{"failed", EP_PAYMENT_STATUS_FAILED}, {"cancelled", EP_PAYMENT_STATUS_CANCELLED},
	{"canceled", EP_PAYMENT_STATUS_CANCELLED}, {"voided", EP_PAYMENT_STATUS_CANCELLED},
	{"expired", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* A payout that was refunded or returned didn't reach anybody. */
static const struct ep_word payout_statuses[] = {{"success", EP_PAYMENT_STATUS_SUCCEEDED},
	{"completed", EP_PAYMENT_STATUS_SUCCEEDED}, {"denied", EP_PAYMENT_STATUS_FAILED},
	{"failed", EP_PAYMENT_STATUS_FAILED}, {"blocked", EP_PAYMENT_STATUS_FAILED},
	{"returned", EP_PAYMENT_STATUS_FAILED}, {"refunded", EP_PAYMENT_STATUS_FAILED},
	{"reversed", EP_PAYMENT_STATUS_FAILED}, {"canceled", EP_PAYMENT_STATUS_CANCELLED},
	{"cancelled", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

static void put_status(
	const struct reader *reader, struct ep_json object, const char *paths, const struct ep_word *words)
{
	struct ep_text word = ep_json_any(reader->host, object, paths);

	if (word.value.length)
		ep_put_payment_status(reader->host, reader->call, words, word, EP_PAYMENT_STATUS_PENDING);
}

/* Objects name no environment, but their links do. */
static void put_test(const struct reader *reader, struct ep_json object)
{
	struct ep_text link = text(reader, object, "links.0.href");

	if (ep_slice_search(link.value, EP_SAY(".sandbox.paypal.com/")) < link.value.length)
		reader->host->put_bool(reader->call, EP_PAYMENT_TEST, true, link);
}

/* The id at the end of the link up, such as ".../v2/payments/captures/0JF852973C016714D". */
static struct ep_text linked_parent(const struct reader *reader, struct ep_json object)
{
	struct ep_json link = reader->host->json->first(ep_json_at(reader->host, object, "links"));
	struct ep_text href = ep_text_constant(ep_slice_make(NULL, 0));

	for (; link.kind != EP_JSON_ABSENT; link = reader->host->json->next(link))
		if (ep_slice_is(text(reader, link, "rel").value, "up"))
			href = text(reader, link, "href");
	for (uint64_t i = href.value.length; i > 0; i--)
		if (href.value.data[i - 1] == '/')
			return ep_text_sub(href, i, href.value.length);
	return href;
}

/* What all kinds have in common. The record is begun and stays open. */
static void begin_payment(
	const struct reader *reader, uint32_t kind, struct ep_json object, const struct ep_json_field *fields)
{
	struct ep_text id;

	reader->host->record_begin(reader->call, EP_PAYMENT);
	id = ep_json_any(reader->host, object, "id|dispute_id|payout_item_id|batch_header.payout_batch_id|item_id");
	reader->host->put_text(reader->call, EP_PAYMENT_PAYMENT_ID, id);
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, kind, id);
	ep_json_put(reader->host, reader->call, object, fields);
	ep_put_time(reader->host, reader->call, EP_PAYMENT_UPDATED_AT,
		reader->event_time.value.length ? reader->event_time
						: ep_json_any(reader->host, object, "update_time|time_processed"));
	put_test(reader, object);
}

static void put_order_no(const struct reader *reader, struct ep_json object)
{
	struct ep_text own = ep_json_any(reader->host, object, "invoice_id|invoice_number|custom_id|custom");

	reader->host->put_text(reader->call, EP_PAYMENT_ORDER_NO, own.value.length ? own : reader->order_no);
}

/* A sale (version 1) or a capture. */
static enum ep_status read_capture(const struct reader *reader, struct ep_json capture)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "create_time|time"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "payment_mode"}, {EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "parent_payment"},
		{EP_PAYMENT_ORDER_ID, EP_AS_TEXT, "supplementary_data.related_ids.order_id"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "soft_descriptor|note_to_payer"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "status_details.reason|reason_code|pending_reason"},
		{EP_PAYMENT_EXCHANGE_RATE, EP_AS_DECIMAL,
			"seller_receivable_breakdown.exchange_rate.value|exchange_rate"},
		{0, 0, NULL}};
	bool version1 = has(reader, capture, "transaction_fee") || has(reader, capture, "receivable_amount");

	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, capture, fields);
	put_status(reader, capture, "status|state", statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, capture, "amount");
	put_order_no(reader, capture);
	put_amount(reader, EP_PAYMENT_FEE, capture,
		version1 ? "transaction_fee" : "seller_receivable_breakdown.paypal_fee");
	put_amount(reader, EP_PAYMENT_NET, capture, "seller_receivable_breakdown.net_amount");
	put_amount(reader, EP_PAYMENT_SETTLED, capture,
		version1 ? "receivable_amount" : "seller_receivable_breakdown.receivable_amount");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_refund(const struct reader *reader, struct ep_json refund)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "create_time"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "status_details.reason|note_to_payer|reason|reason_code|description"},
		{0, 0, NULL}};
	struct ep_text parent = ep_json_any(reader->host, refund, "capture_id|sale_id");
	bool version1 = has(reader, refund, "refund_from_transaction_fee");

	begin_payment(reader, EP_PAYMENT_KIND_REFUND, refund, fields);
	put_status(reader, refund, "status|state", statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, refund, "amount");
	put_order_no(reader, refund);
	if (parent.value.length == 0)
		parent = linked_parent(reader, refund);
	if (parent.value.length == 0)
		parent = text(reader, refund, "parent_payment");
	reader->host->put_text(reader->call, EP_PAYMENT_PARENT_ID, parent);
	put_amount(reader, EP_PAYMENT_FEE, refund,
		version1 ? "refund_from_transaction_fee" : "seller_payable_breakdown.paypal_fee");
	put_amount(reader, EP_PAYMENT_NET, refund,
		version1 ? "refund_from_received_amount" : "seller_payable_breakdown.net_amount");
	return reader->host->record_end(reader->call);
}

/* Of a dispute that was settled the outcome counts: what the buyer got back stays taken. */
static uint32_t dispute_status(const struct reader *reader, struct ep_json dispute)
{
	static const struct ep_word outcomes[] = {{"RESOLVED_BUYER_FAVOUR", EP_PAYMENT_STATUS_SUCCEEDED},
		{"RESOLVED_BUYER_FAVOR", EP_PAYMENT_STATUS_SUCCEEDED}, {"ACCEPTED", EP_PAYMENT_STATUS_SUCCEEDED},
		{"RESOLVED_SELLER_FAVOUR", EP_PAYMENT_STATUS_CANCELLED},
		{"RESOLVED_SELLER_FAVOR", EP_PAYMENT_STATUS_CANCELLED},
		{"RESOLVED_WITH_PAYOUT", EP_PAYMENT_STATUS_CANCELLED},
		{"CANCELED_BY_BUYER", EP_PAYMENT_STATUS_CANCELLED}, {"DENIED", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

	return ep_word_code(
		outcomes, text(reader, dispute, "dispute_outcome.outcome_code").value, EP_PAYMENT_STATUS_PENDING);
}

static enum ep_status read_dispute(const struct reader *reader, struct ep_json dispute)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "create_time"},
		{EP_PAYMENT_ORDER_NO, EP_AS_TEXT,
			"disputed_transactions.0.invoice_number|disputed_transactions.0.custom"},
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT,
			"disputed_transactions.0.seller_transaction_id|disputed_transactions.0.buyer_transaction_id"},
		{EP_PAYMENT_PAYER_NAME, EP_AS_TEXT, "disputed_transactions.0.buyer.name"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "reason"},
		{EP_PAYMENT_SOURCE_STATUS, EP_AS_TEXT, "dispute_outcome.outcome_code|status"}, {0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_DISPUTE, dispute, fields);
	reader->host->put_code(
		reader->call, EP_PAYMENT_STATUS, dispute_status(reader, dispute), text(reader, dispute, "status"));
	put_amount(reader, EP_PAYMENT_AMOUNT, dispute, "dispute_amount");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_payout_item(const void *context, struct ep_json item)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "time_processed"},
		{EP_PAYMENT_PAYOUT_ID, EP_AS_TEXT, "payout_batch_id"},
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT, "payout_item.receiver"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "payout_item.sender_item_id|transaction_id"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "payout_item.note"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "payout_item.recipient_wallet|payout_item.recipient_type"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "errors.message|error.message|errors.name"}, {0, 0, NULL}};
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, item, fields);
	put_status(reader, item, "transaction_status", payout_statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, item, "payout_item.amount");
	put_amount(reader, EP_PAYMENT_FEE, item, "payout_item_fee");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_payout_batch(const struct reader *reader, struct ep_json batch)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "batch_header.time_completed|batch_header.time_created"},
		{EP_PAYMENT_PAYOUT_ID, EP_AS_TEXT, "batch_header.payout_batch_id"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "batch_header.sender_batch_header.sender_batch_id"},
		{0, 0, NULL}};

	if (has(reader, batch, "items.0"))
		return ep_json_each(reader->host, ep_json_at(reader->host, batch, "items"), read_payout_item, reader);
	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, batch, fields);
	put_status(reader, batch, "batch_header.batch_status", payout_statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, batch, "batch_header.amount");
	put_amount(reader, EP_PAYMENT_FEE, batch, "batch_header.fees");
	return reader->host->record_end(reader->call);
}

/* A payout of one referenced transaction, to the bank. */
static enum ep_status read_referenced_payout(const struct reader *reader, struct ep_json item)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "reference_id"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "payout_transaction_id"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "processing_state.reason"}, {0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, item, fields);
	put_status(reader, item, "processing_state.status", payout_statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, item, "payout_amount");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_captures(const void *context, struct ep_json capture)
{
	return read_capture(context, capture);
}

static enum ep_status read_refunds(const void *context, struct ep_json refund)
{
	return read_refund(context, refund);
}

/* A part of an order (version 2): what was captured and refunded for it. */
static enum ep_status read_purchase_unit(const void *context, struct ep_json unit)
{
	struct reader inner = *(const struct reader *)context;
	const struct ep_host *host = inner.host;
	enum ep_status status;

	inner.order_no = ep_json_any(host, unit, "invoice_id|custom_id");
	status = ep_json_each(host, ep_json_at(host, unit, "payments.captures"), read_captures, &inner);
	return status == EP_OK ? ep_json_each(host, ep_json_at(host, unit, "payments.refunds"), read_refunds, &inner)
			       : status;
}

/* A sale, capture or refund of a payment (version 1). */
static enum ep_status read_related(const void *context, struct ep_json related)
{
	const struct reader *reader = context;

	if (has(reader, related, "refund"))
		return read_refund(reader, ep_json_at(reader->host, related, "refund"));
	if (has(reader, related, "sale"))
		return read_capture(reader, ep_json_at(reader->host, related, "sale"));
	if (has(reader, related, "capture"))
		return read_capture(reader, ep_json_at(reader->host, related, "capture"));
	return EP_OK;
}

static enum ep_status read_transaction(const void *context, struct ep_json transaction)
{
	struct reader inner = *(const struct reader *)context;

	inner.order_no = ep_json_any(inner.host, transaction, "invoice_number|custom");
	return ep_json_each(inner.host, ep_json_at(inner.host, transaction, "related_resources"), read_related, &inner);
}

/* A charge of a subscription, as its list of transactions has it. */
static enum ep_status read_subscription_charge(const void *context, struct ep_json charge)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "time"}, {0, 0, NULL}};
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, charge, fields);
	put_status(reader, charge, "status", statuses);
	put_amount(reader, EP_PAYMENT_AMOUNT, charge, "amount_with_breakdown.gross_amount");
	put_amount(reader, EP_PAYMENT_FEE, charge, "amount_with_breakdown.fee_amount");
	put_amount(reader, EP_PAYMENT_NET, charge, "amount_with_breakdown.net_amount");
	return reader->host->record_end(reader->call);
}

/* Documents --------------------------------------------------------------------------------------------------- */

/* Sale, capture, refund and authorization look alike: by what only one of them has, the sign, the event, the link. */
static enum ep_status read_payment_resource(const struct reader *reader, struct ep_json resource)
{
	struct ep_slice link = text(reader, resource, "links.0.href").value;
	bool negative =
		ep_slice_starts(ep_json_any(reader->host, resource, "amount.value|amount.total").value, EP_SAY("-"));

	if (has(reader, resource, "seller_payable_breakdown") || has(reader, resource, "sale_id") ||
		has(reader, resource, "capture_id") || negative)
		return read_refund(reader, resource);
	if (has(reader, resource, "seller_receivable_breakdown") || has(reader, resource, "transaction_fee"))
		return read_capture(reader, resource);
	if (ep_slice_starts(reader->event_type, EP_SAY("PAYMENT.AUTHORIZATION.")) ||
		ep_slice_starts(reader->event_type, EP_SAY("PAYMENT.ORDER.")) ||
		ep_slice_search(link, EP_SAY("/authorization")) < link.length ||
		ep_slice_search(link, EP_SAY("/orders/")) < link.length)
		return EP_OK;
	if (ep_slice_starts(reader->event_type, EP_SAY("PAYMENT.REFUND.")) ||
		ep_slice_is(reader->event_type, "PAYMENT.SALE.REVERSED") ||
		ep_slice_is(reader->event_type, "PAYMENT.CAPTURE.REVERSED") ||
		ep_slice_search(link, EP_SAY("/refund")) < link.length)
		return read_refund(reader, resource);
	return read_capture(reader, resource);
}

/* EP_NOT_FOUND: nothing that moves money. */
static enum ep_status read_resource(const void *context, struct ep_json resource)
{
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;

	if (has(reader, resource, "batch_header"))
		return read_payout_batch(reader, resource);
	if (has(reader, resource, "payout_item_id"))
		return read_payout_item(reader, resource);
	if (has(reader, resource, "payout_amount"))
		return read_referenced_payout(reader, resource);
	if (has(reader, resource, "dispute_id"))
		return read_dispute(reader, resource);
	if (has(reader, resource, "purchase_units"))
		return ep_json_each(host, ep_json_at(host, resource, "purchase_units"), read_purchase_unit, reader);
	if (has(reader, resource, "transactions.0.related_resources"))
		return ep_json_each(host, ep_json_at(host, resource, "transactions"), read_transaction, reader);
	if (has(reader, resource, "amount_with_breakdown"))
		return read_subscription_charge(reader, resource);
	if (has(reader, resource, "amount") && (has(reader, resource, "state") || has(reader, resource, "status")))
		return read_payment_resource(reader, resource);
	return EP_NOT_FOUND;
}

/* The topics of events whose resource may move money; the rest says what became of plans, invoices, tokens. */
static bool moves_money(struct ep_slice event_type)
{
	static const char *const topics[] = {
		"PAYMENT.", "PAYMENTS.", "CHECKOUT.", "CUSTOMER.DISPUTE.", "RISK.DISPUTE.", "CUSTOMER.PAYOUT."};

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (ep_slice_starts(event_type, ep_slice_of(topics[i])))
			return true;
	return false;
}

static enum ep_status read_event(const struct reader *reader, struct ep_json event)
{
	struct reader inner = *reader;
	enum ep_status status;

	inner.event_time = text(reader, event, "create_time");
	inner.event_type = text(reader, event, "event_type").value;
	if (!moves_money(inner.event_type))
		return EP_OK;
	status = read_resource(&inner, ep_json_at(reader->host, event, "resource"));
	return status == EP_NOT_FOUND ? EP_OK : status;
}

enum ep_status read_paypal(const void *context, struct ep_json root)
{
	static const char *const lists[] = {"events", "payments", "items", "transactions"};
	const struct reader *reader = context;
	enum ep_status status;

	if (has(reader, root, "event_type"))
		return read_event(reader, root);
	if (has(reader, root, "transaction_details"))
		return read_search(reader, root);
	status = read_resource(reader, root);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && status == EP_NOT_FOUND; i++)
		if (ep_json_at(reader->host, root, lists[i]).kind == EP_JSON_ARRAY)
			status = ep_json_each(
				reader->host, ep_json_at(reader->host, root, lists[i]), read_paypal, reader);
	/* Plans, subscriptions and refusals: what PayPal made has links, or a debug_id. */
	if (status == EP_NOT_FOUND && (has(reader, root, "links.0.rel") || has(reader, root, "debug_id")))
		return EP_OK;
	return status;
}
