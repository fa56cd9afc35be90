/*
 * mollie: objects and lists of Mollie's API, and its webhooks.
 *
 *   payment, capture, refund, chargeback, dispute   -> payment of kind capture, refund or dispute
 *   settlement, payout                              -> payment of kind payout
 *   transfers between balances, routes              -> payment of kind transfer
 *   balance_transaction                             -> settlement: an entry of the balance
 *   order, payment                                  also what is embedded: payments, refunds, chargebacks
 *   event                                           -> what its entity gives
 *
 * A classic webhook names an id and nothing else (`id=tr_...`): no records, the object is fetched from the API. Everything
 * else of Mollie's (customers, mandates, methods, links, invoices, reports) moves no money: no records, no error.
 *
 * An object's version is its event's time, or of a payment the time of its last step; refunds and the like have none, so
 * that the order of arrival counts.
 */
#include <entrepot/plugin.h>

struct mollie {
	struct ep_slice order_metadata;
	struct ep_slice account;
};

static const struct ep_option options[] = {
	EP_OPTION(struct mollie, order_metadata, EP_OPTION_TEXT, "order_id,orderId,order_no,order_number,orderNumber",
		"names of metadata that hold the order number, the first found counts"),
	EP_OPTION(struct mollie, account, EP_OPTION_TEXT, "",
		"account of a balance's entries (without it: the source's name)"),
};

static const struct ep_notation decimals = {.mark = EP_DECIMAL_POINT};

/* What every reader below needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct mollie *mollie;
	struct ep_slice account;
	struct ep_json event;    /* absent outside of an event */
	struct ep_text order_no; /* of the order that embeds this; else empty */
	const char *resource;    /* what an object is that doesn't say so; NULL: it must say */
};

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

static void put_amount(const struct reader *reader, uint32_t field, struct ep_json object, const char *path)
{
	struct ep_json amount = ep_json_at(reader->host, object, path);

	ep_put_money_unsigned(reader->host, reader->call, field, text(reader, amount, "value"), &decimals,
		text(reader, amount, "currency").value);
}

static void put_settled(const struct reader *reader, struct ep_json object)
{
	if (!ep_slice_equal(text(reader, object, "amount.currency").value,
		    text(reader, object, "settlementAmount.currency").value))
		put_amount(reader, EP_PAYMENT_SETTLED, object, "settlementAmount");
}

static void put_order_no(const struct reader *reader, struct ep_json object)
{
	reader->host->put_text(reader->call, EP_PAYMENT_ORDER_NO,
		reader->order_no.value.length
			? reader->order_no
			: ep_json_member_of(reader->host, ep_json_at(reader->host, object, "metadata"),
				  reader->mollie->order_metadata));
}

static void put_test(const struct reader *reader, uint32_t field, struct ep_json object)
{
	struct ep_text mode = text(reader, object, "mode");

	if (ep_slice_is(mode.value, "test"))
		reader->host->put_bool(reader->call, field, true, mode);
}

static const struct ep_word statuses[] = {{"paid", EP_PAYMENT_STATUS_SUCCEEDED},
	{"succeeded", EP_PAYMENT_STATUS_SUCCEEDED}, {"refunded", EP_PAYMENT_STATUS_SUCCEEDED},
	{"paidout", EP_PAYMENT_STATUS_SUCCEEDED}, {"completed", EP_PAYMENT_STATUS_SUCCEEDED},
	{"processed", EP_PAYMENT_STATUS_SUCCEEDED}, {"lost", EP_PAYMENT_STATUS_SUCCEEDED},
	{"accepted", EP_PAYMENT_STATUS_SUCCEEDED}, {"failed", EP_PAYMENT_STATUS_FAILED},
	{"rejected", EP_PAYMENT_STATUS_FAILED}, {"blocked", EP_PAYMENT_STATUS_FAILED},
	{"returned", EP_PAYMENT_STATUS_FAILED}, {"canceled", EP_PAYMENT_STATUS_CANCELLED},
	{"expired", EP_PAYMENT_STATUS_CANCELLED}, {"won", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

/* What all kinds have in common. The record is begun and stays open. */
static void begin_payment(const struct reader *reader, uint32_t kind, struct ep_json object)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "id"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "description"}, {EP_PAYMENT_PAYOUT_ID, EP_AS_TEXT, "settlementId"},
		{EP_PAYMENT_ORDER_ID, EP_AS_TEXT, "orderId"}, {EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "paymentId"},
		{0, 0, NULL}};
	struct ep_text resource = text(reader, object, "resource");

	reader->host->record_begin(reader->call, EP_PAYMENT);
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, kind, resource);
	ep_json_put(reader->host, reader->call, object, fields);
	put_order_no(reader, object);
	put_settled(reader, object);
	put_test(reader, EP_PAYMENT_TEST, object);
}

static void put_status(const struct reader *reader, struct ep_json object)
{
	struct ep_text word = text(reader, object, "status");

	if (word.value.length)
		ep_put_payment_status(reader->host, reader->call, statuses, word, EP_PAYMENT_STATUS_PENDING);
}

/* The event's time, else the object's own at `paths`. */
static void put_version(const struct reader *reader, struct ep_json object, const char *paths)
{
	struct ep_text changed = text(reader, reader->event, "createdAt");

	ep_put_time(reader->host, reader->call, EP_PAYMENT_UPDATED_AT,
		changed.value.length ? changed : ep_json_any(reader->host, object, paths));
}

static enum ep_status read_named(
	const struct reader *reader, struct ep_json object, const char *path, const char *resource);

static enum ep_status read_embedded(const struct reader *reader, struct ep_json object)
{
	enum ep_status status = read_named(reader, object, "_embedded.refunds", "refund");

	return status == EP_OK ? read_named(reader, object, "_embedded.chargebacks", "chargeback") : status;
}

static enum ep_status read_payment(const struct reader *reader, struct ep_json payment)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_METHOD, EP_AS_TEXT, "method"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "paidAt|createdAt"},
		{EP_PAYMENT_REASON, EP_AS_TEXT,
			"statusReason.message|details.failureMessage|details.failureReason|details.bankReason"},
		{EP_PAYMENT_PAYER_NAME, EP_AS_TEXT, "details.consumerName|details.cardHolder"},
		{EP_PAYMENT_PAYER_ACCOUNT, EP_AS_TEXT, "details.consumerAccount"}, {0, 0, NULL}};
	struct ep_decimal captured;
	enum ep_status status;
	/* Of an authorization captured in part, only the captured part has moved. */
	bool in_part = ep_slice_is(text(reader, payment, "status").value, "paid") &&
		       ep_decimal_read(&captured, text(reader, payment, "amountCaptured.value").value,
			       EP_DECIMAL_POINT) == EP_OK &&
		       !ep_decimal_is_zero(captured);

	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, payment);
	put_status(reader, payment);
	put_amount(reader, EP_PAYMENT_AMOUNT, payment, in_part ? "amountCaptured" : "amount");
	ep_json_put(reader->host, reader->call, payment, fields);
	put_version(reader, payment, "paidAt|failedAt|canceledAt|expiredAt|authorizedAt|createdAt");
	status = reader->host->record_end(reader->call);
	return status == EP_OK ? read_embedded(reader, payment) : status;
}

/* Captures, refunds and transfers: an amount, a status and the time when it was made. */
static enum ep_status read_movement(const struct reader *reader, struct ep_json object, uint32_t kind)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "executedAt|createdAt"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "statusReason.message|statusReason.code"},
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT,
			"destination.id|destination.organizationId|creditorBankAccount.accountNumber"},
		{0, 0, NULL}};

	begin_payment(reader, kind, object);
	put_status(reader, object);
	put_amount(reader, EP_PAYMENT_AMOUNT, object, "amount");
	ep_json_put(reader->host, reader->call, object, fields);
	put_version(reader, object, "executedAt");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_capture(const struct reader *reader, struct ep_json capture)
{
	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, capture);
	put_status(reader, capture);
	if (text(reader, capture, "status").value.length ==
		0) /* before captures had one they were done when they were made */
		reader->host->put_code(reader->call, EP_PAYMENT_STATUS, EP_PAYMENT_STATUS_SUCCEEDED,
			text(reader, capture, "resource"));
	put_amount(reader, EP_PAYMENT_AMOUNT, capture, "amount");
	ep_put_time(reader->host, reader->call, EP_PAYMENT_PAID_AT, text(reader, capture, "createdAt"));
	put_version(reader, capture, "");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_refund(const struct reader *reader, struct ep_json refund)
{
	return read_movement(reader, refund, EP_PAYMENT_KIND_REFUND);
}

static enum ep_status read_transfer(const struct reader *reader, struct ep_json transfer)
{
	return read_movement(reader, transfer, EP_PAYMENT_KIND_TRANSFER);
}

static enum ep_status read_payout(const struct reader *reader, struct ep_json payout)
{
	return read_movement(reader, payout, EP_PAYMENT_KIND_PAYOUT);
}

/* A share of a payment that goes to another organization. */
static enum ep_status read_route(const struct reader *reader, struct ep_json route)
{
	static const struct ep_json_field fields[] = {
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT, "destination.organizationId"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "createdAt"}, {EP_PAYMENT_VALUE_DATE, EP_AS_DATE, "releaseDate"},
		{0, 0, NULL}};

	begin_payment(reader, EP_PAYMENT_KIND_TRANSFER, route);
	put_amount(reader, EP_PAYMENT_AMOUNT, route, "amount");
	ep_json_put(reader->host, reader->call, route, fields);
	return reader->host->record_end(reader->call);
}

/* It takes the money at once, and gives it back if it is reversed. */
static enum ep_status read_chargeback(const struct reader *reader, struct ep_json chargeback)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAID_AT, EP_AS_TIME, "createdAt"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "reason.description|reason.code"}, {0, 0, NULL}};
	struct ep_text reversed = text(reader, chargeback, "reversedAt");

	begin_payment(reader, EP_PAYMENT_KIND_DISPUTE, chargeback);
	reader->host->put_code(reader->call, EP_PAYMENT_STATUS,
		reversed.value.length ? EP_PAYMENT_STATUS_CANCELLED : EP_PAYMENT_STATUS_SUCCEEDED, reversed);
	put_amount(reader, EP_PAYMENT_AMOUNT, chargeback, "amount");
	ep_json_put(reader->host, reader->call, chargeback, fields);
	put_version(reader, chargeback, "reversedAt|createdAt");
	return reader->host->record_end(reader->call);
}

static enum ep_status read_dispute(const struct reader *reader, struct ep_json dispute)
{
	return read_movement(reader, dispute, EP_PAYMENT_KIND_DISPUTE);
}

static enum ep_status read_settlement(const struct reader *reader, struct ep_json settlement)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "reference"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "settledAt|createdAt"}, {0, 0, NULL}};
	struct ep_slice id = text(reader, settlement, "id").value;

	/* The one that still grows, and the next: they get an id of their own when they are closed. */
	if (ep_slice_is(id, "open") || ep_slice_is(id, "next"))
		return EP_OK;
	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, settlement);
	put_status(reader, settlement);
	put_amount(reader, EP_PAYMENT_AMOUNT, settlement, "amount");
	ep_json_put(reader->host, reader->call, settlement, fields);
	put_version(reader, settlement, "settledAt");
	return reader->host->record_end(reader->call);
}

/* The movement that an entry stands for is named in its context, since 2025 one level deeper. */
static enum ep_status read_balance_transaction(const struct reader *reader, struct ep_json entry)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "id"},
		{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "type"}, {EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "createdAt"},
		{EP_SETTLEMENT_STATEMENT_ID, EP_AS_TEXT, "context.settlementId"},
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT,
			"context.refundId|context.chargebackId|context.captureId|context.transferId|context.paymentId|"
			"context.refund.refundId|context.chargeback.chargebackId|context.capture.captureId|"
			"context.outgoing-transfer.transferId|context.payment.paymentId"},
		{EP_SETTLEMENT_DESCRIPTION, EP_AS_TEXT,
			"context.payment.paymentDescription|context.refund.paymentDescription"},
		{0, 0, NULL}};
	const struct ep_host *host = reader->host;
	struct ep_slice currency = text(reader, entry, "resultAmount.currency").value;
	struct ep_text deductions = text(reader, entry, "deductions.value");
	struct ep_money deducted;

	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, reader->call, text(reader, entry, "resultAmount.value"), &decimals, currency);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, text(reader, entry, "resource"));
	if (ep_money_take(host, reader->call, &deducted, deductions, &decimals, currency))
		host->put_money(reader->call, EP_SETTLEMENT_CHARGES, ep_money_negate(deducted), deductions);
	if (!ep_slice_equal(currency, text(reader, entry, "initialAmount.currency").value))
		put_amount(reader, EP_SETTLEMENT_ORIGINAL_AMOUNT, entry, "initialAmount");
	ep_json_put(host, reader->call, entry, fields);
	put_test(reader, EP_SETTLEMENT_TEST, entry);
	return host->record_end(reader->call);
}

/* An order of the old Orders API: what was paid and refunded for it. */
static enum ep_status read_order(const struct reader *reader, struct ep_json order)
{
	struct reader inner = *reader;
	enum ep_status status;

	inner.order_no = text(reader, order, "orderNumber");
	status = read_named(&inner, order, "_embedded.payments", "payment");
	return status == EP_OK ? read_named(&inner, order, "_embedded.refunds", "refund") : status;
}

static enum ep_status read_object(const void *context, struct ep_json object);

static enum ep_status read_event(const struct reader *reader, struct ep_json event)
{
	struct ep_json entity = ep_json_at(reader->host, event, "_embedded.entity");
	struct reader inner = *reader;

	inner.event = event;
	return entity.kind == EP_JSON_OBJECT ? read_object(&inner, entity) : EP_OK;
}

static const struct {
	const char *resource;
	const char *list; /* its name inside _embedded */
	enum ep_status (*read)(const struct reader *reader, struct ep_json object);
} readers[] = {{"payment", "payments", read_payment}, {"capture", "captures", read_capture},
	{"refund", "refunds", read_refund}, {"chargeback", "chargebacks", read_chargeback},
	{"settlement", "settlements", read_settlement},
	{"balance_transaction", "balance_transactions", read_balance_transaction},
	{"balance-transaction", "balance-transactions", read_balance_transaction}, {"order", "orders", read_order},
	{"connect-balance-transfer", "connect_balance_transfers", read_transfer},
	{"business-account-transfer", "business_account_transfers", read_transfer}, {"route", "routes", read_route},
	{"payment-route", "payment_routes", read_route}, {"payout", "payouts", read_payout},
	{"dispute", "disputes", read_dispute}, {"event", "events", read_event}};
#define READERS (sizeof(readers) / sizeof(readers[0]))

static enum ep_status read_named(
	const struct reader *reader, struct ep_json object, const char *path, const char *resource)
{
	struct reader inner = *reader;

	inner.resource = resource;
	return ep_json_each(reader->host, ep_json_at(reader->host, object, path), read_object, &inner);
}

/* The lists that a page embeds, each by its name; those that move no money are passed over. */
static enum ep_status read_page(const struct reader *reader, struct ep_json embedded)
{
	struct ep_json list = reader->host->json->first(embedded);
	enum ep_status status = EP_OK;
	struct reader inner = *reader;

	for (; list.kind != EP_JSON_ABSENT && status == EP_OK; list = reader->host->json->next(list)) {
		struct ep_slice name = reader->host->json->name(list).value;

		inner.resource = "";
		for (size_t i = 0; i < READERS; i++)
			if (ep_slice_equal(name, ep_slice_of(readers[i].list)))
				inner.resource = readers[i].resource;
		status = ep_json_each(reader->host, list, read_object, &inner);
	}
	return status;
}

/* EP_NOT_FOUND: nothing of Mollie's. */
static enum ep_status read_object(const void *context, struct ep_json object)
{
	const struct reader *reader = context;
	struct ep_slice resource = text(reader, object, "resource").value;
	struct ep_json embedded = ep_json_at(reader->host, object, "_embedded");

	if (resource.length == 0 && reader->resource)
		resource = ep_slice_of(reader->resource);
	else if (resource.length == 0 && embedded.kind == EP_JSON_OBJECT)
		return read_page(reader, embedded);
	else if (resource.length == 0) /* the answer to a test of a webhook, or a refusal, has no resource */
		return text(reader, object, "eventId").value.length || text(reader, object, "detail").value.length
			       ? EP_OK
			       : EP_NOT_FOUND;
	for (size_t i = 0; i < READERS; i++)
		if (ep_slice_equal(resource, ep_slice_of(readers[i].resource)))
			return readers[i].read(reader, object);
	return EP_OK;
}

static enum ep_status mollie_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct mollie *mollie = state;
	struct reader reader = {.host = host, .call = call, .mollie = mollie};

	reader.account = mollie->account.length ? mollie->account : input->source;
	if (ep_slice_starts(input->parts[0].bytes, EP_SAY("id=")) ||
		ep_slice_starts(input->parts[0].bytes, EP_SAY("testByMollie=")))
		return EP_OK;
	return ep_json_documents(host, call, &input->parts[0], read_object, &reader,
		EP_SAY("expected an object, list or event of Mollie: a member named resource or _embedded"));
}

EP_PLUGIN_DECLARE("mollie", "1.0.0", EP_KIND_PAYMENT, options, struct mollie, mollie_parse);
