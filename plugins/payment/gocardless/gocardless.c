/*
 * gocardless: webhooks (events) of GoCardless, objects and lists of its API, and exchanges recorded with it.
 *
 *   payments                      -> payment of kind capture; charged back: also one of kind dispute under the same id
 *   refunds, outbound_payments    -> payment of kind refund, transfer
 *   payouts                       -> payment of kind payout
 *   payout_items, payment_account_transactions -> settlement: an entry of the payout or account
 *   events                        -> what became of the payment, refund or payout that an event links to
 *
 * An event carries links and no amounts: its record has the ids and the status, and the object fetched from the API the
 * rest. The event's time is the version. Everything else (mandates, customers, subscriptions, billing requests) moves no
 * money: no records, no error.
 */
#include <entrepot/plugin.h>

struct gocardless {
	struct ep_slice order_metadata;
	struct ep_slice account;
	struct ep_slice currency;
};

static const struct ep_option options[] = {
	EP_OPTION(struct gocardless, order_metadata, EP_OPTION_TEXT, "order_no,order_id,order_number",
		"names of metadata that hold the order number, the first found counts"),
	EP_OPTION(struct gocardless, account, EP_OPTION_TEXT, "",
		"account of entries that name none (without it: the source's name)"),
	EP_OPTION(struct gocardless, currency, EP_OPTION_TEXT, "", "currency of payout items, which name none"),
};

/* All of its currencies have two digits. */
static const struct ep_word digits[] = {{"", 2}, {NULL, 0}};
static const struct ep_notation units = {.minor = true, .digits = digits};
/* A payout item is counted in tenths of the minor unit. */
static const struct ep_notation tenths = {.minor = true, .fractions = true, .digits = digits};

/* What every reader below needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct gocardless *gocardless;
	struct ep_slice account;
};

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

static void put_amount(
	const struct reader *reader, uint32_t field, struct ep_json object, const char *amount, const char *currency)
{
	ep_put_money_unsigned(reader->host, reader->call, field, text(reader, object, amount), &units,
		text(reader, object, currency).value);
}

static void put_order_no(const struct reader *reader, struct ep_json metadata)
{
	reader->host->put_text(reader->call, EP_PAYMENT_ORDER_NO,
		ep_json_member_of(reader->host, metadata, reader->gocardless->order_metadata));
}

/* Objects ----------------------------------------------------------------------------------------------------- */

static const struct ep_word statuses[] = {{"confirmed", EP_PAYMENT_STATUS_SUCCEEDED},
	{"paid_out", EP_PAYMENT_STATUS_SUCCEEDED}, {"charged_back", EP_PAYMENT_STATUS_SUCCEEDED},
	{"paid", EP_PAYMENT_STATUS_SUCCEEDED}, {"executed", EP_PAYMENT_STATUS_SUCCEEDED},
	{"cancelled", EP_PAYMENT_STATUS_CANCELLED}, {"customer_approval_denied", EP_PAYMENT_STATUS_CANCELLED},
	{"failed", EP_PAYMENT_STATUS_FAILED}, {"bounced", EP_PAYMENT_STATUS_FAILED},
	{"funds_returned", EP_PAYMENT_STATUS_FAILED}, {"bank_rejected", EP_PAYMENT_STATUS_FAILED}, {NULL, 0}};

/* What all kinds have in common. The record is begun and stays open. */
static void begin_payment(const struct reader *reader, uint32_t kind, struct ep_json object)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "id"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "description"}, {EP_PAYMENT_METHOD, EP_AS_TEXT, "scheme"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "reference"}, {EP_PAYMENT_PAYOUT_ID, EP_AS_TEXT, "links.payout"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "created_at"},
		{EP_PAYMENT_VALUE_DATE, EP_AS_DATE, "charge_date|arrival_date|execution_date"},
		{EP_PAYMENT_EXCHANGE_RATE, EP_AS_DECIMAL, "fx.exchange_rate"}, {0, 0, NULL}};

	reader->host->record_begin(reader->call, EP_PAYMENT);
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, kind, text(reader, object, "id"));
	put_amount(reader, EP_PAYMENT_AMOUNT, object, "amount", "currency");
	ep_json_put(reader->host, reader->call, object, fields);
	put_order_no(reader, ep_json_at(reader->host, object, "metadata"));
	if (!ep_slice_equal(text(reader, object, "fx.fx_currency").value, text(reader, object, "currency").value))
		put_amount(reader, EP_PAYMENT_SETTLED, object, "fx.fx_amount", "fx.fx_currency");
}

static enum ep_status end_payment(const struct reader *reader, struct ep_json object)
{
	struct ep_text word = text(reader, object, "status");

	if (word.value.length)
		ep_put_payment_status(reader->host, reader->call, statuses, word, EP_PAYMENT_STATUS_PENDING);
	return reader->host->record_end(reader->call);
}

static enum ep_status read_payment(const void *context, struct ep_json payment)
{
	const struct reader *reader = context;
	enum ep_status status;

	begin_payment(reader, EP_PAYMENT_KIND_CAPTURE, payment);
	status = end_payment(reader, payment);
	if (status != EP_OK || !ep_slice_is(text(reader, payment, "status").value, "charged_back"))
		return status;
	begin_payment(reader, EP_PAYMENT_KIND_DISPUTE, payment);
	ep_json_put_text(reader->host, reader->call, EP_PAYMENT_PARENT_ID, payment, "id");
	return end_payment(reader, payment);
}

static enum ep_status read_refund(const void *context, struct ep_json refund)
{
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_REFUND, refund);
	ep_json_put_text(reader->host, reader->call, EP_PAYMENT_PARENT_ID, refund, "links.payment");
	return end_payment(reader, refund);
}

static enum ep_status read_outbound(const void *context, struct ep_json payment)
{
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_TRANSFER, payment);
	ep_json_put_text(reader->host, reader->call, EP_PAYMENT_PAYEE_ACCOUNT, payment, "links.recipient_bank_account");
	return end_payment(reader, payment);
}

/* Its amount is what arrives: the fees are deducted already. */
static enum ep_status read_payout(const void *context, struct ep_json payout)
{
	const struct reader *reader = context;

	begin_payment(reader, EP_PAYMENT_KIND_PAYOUT, payout);
	put_amount(reader, EP_PAYMENT_FEE, payout, "deducted_fees", "currency");
	ep_json_put_text(reader->host, reader->call, EP_PAYMENT_PAYEE_ACCOUNT, payout, "links.creditor_bank_account");
	return end_payment(reader, payout);
}

/* An item names neither its payout nor, but for taxes, a currency. */
static enum ep_status read_payout_item(const void *context, struct ep_json item)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "type"},
		{EP_SETTLEMENT_STATEMENT_ID, EP_AS_TEXT, "links.payout"},
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT, "links.refund|links.payment"}, {0, 0, NULL}};
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;
	struct ep_slice currency = ep_json_any(host, item, "currency|taxes.0.currency").value;

	host->record_begin(reader->call, EP_SETTLEMENT);
	if (currency.length == 0 && reader->gocardless->currency.length) {
		currency = reader->gocardless->currency;
		host->note(reader->call, EP_SETTLEMENT_AMOUNT, EP_NOTE_CURRENCY_ASSUMED);
	}
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, reader->call, text(reader, item, "amount"), &tenths, currency);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, text(reader, item, "type"));
	ep_json_put(host, reader->call, item, fields);
	return host->record_end(reader->call);
}

static enum ep_status read_account_transaction(const void *context, struct ep_json transaction)
{
	static const struct ep_json_field fields[] = {{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "id"},
		{EP_SETTLEMENT_VALUE_DATE, EP_AS_DATE, "value_date"},
		{EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "booking_date|value_date"},
		{EP_SETTLEMENT_REMITTANCE, EP_AS_TEXT, "reference"},
		{EP_SETTLEMENT_DESCRIPTION, EP_AS_TEXT, "description"},
		{EP_SETTLEMENT_COUNTERPARTY, EP_AS_TEXT, "counterparty_name"},
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT, "links.outbound_payment|links.payout"}, {0, 0, NULL}};
	static const struct ep_word directions[] = {
		{"credit", EP_DIRECTION_CREDIT}, {"debit", EP_DIRECTION_DEBIT}, {NULL, 0}};
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;
	struct ep_text account = text(reader, transaction, "links.payment_account");
	struct ep_text word = text(reader, transaction, "direction"), amount = text(reader, transaction, "amount");
	struct ep_slice currency = text(reader, transaction, "currency").value;
	struct ep_money money, balance;

	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT,
		account.value.length ? account : ep_text_constant(reader->account));
	if (ep_money_take(host, reader->call, &money, amount, &units, currency)) {
		uint32_t sign = ep_money_is_negative(money) ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT;

		host->put_money(reader->call, EP_SETTLEMENT_AMOUNT, ep_money_abs(money), amount);
		host->put_code(reader->call, EP_SETTLEMENT_DIRECTION, ep_word_code(directions, word.value, sign), word);
	}
	if (ep_money_take(host, reader->call, &balance, text(reader, transaction, "balance_after_transaction"), &units,
		    currency))
		host->put_money(reader->call, EP_SETTLEMENT_BALANCE_AFTER, balance,
			text(reader, transaction, "balance_after_transaction"));
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, text(reader, transaction, "id"));
	ep_json_put(host, reader->call, transaction, fields);
	return host->record_end(reader->call);
}

/* Events ------------------------------------------------------------------------------------------------------ */

/* What an action says of the resource. Actions that say nothing of the money (fx_rate_confirmed ...) aren't here. */
struct action {
	const char *resource;
	const char *action;
	const char *link; /* to the resource */
	uint32_t kind;
	uint32_t status;
};

#define PAYMENT(action, status)                                                                                        \
	{                                                                                                              \
		"payments", action, "links.payment", EP_PAYMENT_KIND_CAPTURE, EP_PAYMENT_STATUS_##status               \
	}
#define CHARGEBACK(action, status)                                                                                     \
	{                                                                                                              \
		"payments", action, "links.payment", EP_PAYMENT_KIND_DISPUTE, EP_PAYMENT_STATUS_##status               \
	}
#define REFUND(action, status)                                                                                         \
	{                                                                                                              \
		"refunds", action, "links.refund", EP_PAYMENT_KIND_REFUND, EP_PAYMENT_STATUS_##status                  \
	}
#define PAYOUT(action, status)                                                                                         \
	{                                                                                                              \
		"payouts", action, "links.payout", EP_PAYMENT_KIND_PAYOUT, EP_PAYMENT_STATUS_##status                  \
	}
#define OUTBOUND(action, status)                                                                                       \
	{                                                                                                              \
		"outbound_payments", action, "links.outbound_payment", EP_PAYMENT_KIND_TRANSFER,                       \
			EP_PAYMENT_STATUS_##status                                                                     \
	}

static const struct action actions[] = {PAYMENT("created", PENDING), PAYMENT("customer_approval_granted", PENDING),
	PAYMENT("customer_approval_denied", CANCELLED), PAYMENT("submitted", PENDING), PAYMENT("confirmed", SUCCEEDED),
	PAYMENT("paid_out", SUCCEEDED), PAYMENT("cancelled", CANCELLED), PAYMENT("failed", FAILED),
	PAYMENT("late_failure_settled", FAILED), PAYMENT("resubmission_requested", PENDING),
	CHARGEBACK("charged_back", SUCCEEDED), CHARGEBACK("chargeback_settled", SUCCEEDED),
	CHARGEBACK("chargeback_cancelled", CANCELLED), REFUND("created", PENDING), REFUND("submitted", PENDING),
	REFUND("refund_settled", SUCCEEDED), REFUND("paid", SUCCEEDED), REFUND("failed", FAILED),
	REFUND("bounced", FAILED), REFUND("funds_returned", FAILED), REFUND("cancelled", CANCELLED),
	PAYOUT("created", PENDING), PAYOUT("paid", SUCCEEDED), PAYOUT("bounced", FAILED), OUTBOUND("created", PENDING),
	OUTBOUND("pending_approval", PENDING), OUTBOUND("approved", PENDING), OUTBOUND("scheduled", PENDING),
	OUTBOUND("executing", PENDING), OUTBOUND("executed", SUCCEEDED), OUTBOUND("failed", FAILED),
	OUTBOUND("cancelled", CANCELLED), OUTBOUND("returned", FAILED)};

static const struct action *find_action(struct ep_slice resource, struct ep_slice name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (ep_slice_equal(resource, ep_slice_of(actions[i].resource)) &&
			ep_slice_equal(name, ep_slice_of(actions[i].action)))
			return &actions[i];
	return NULL;
}

static enum ep_status read_event(const void *context, struct ep_json event)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_UPDATED_AT, EP_AS_TIME, "created_at"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "details.scheme"}, {0, 0, NULL}};
	const struct reader *reader = context;
	const struct ep_host *host = reader->host;
	struct ep_text name = text(reader, event, "action");
	const struct action *action = find_action(text(reader, event, "resource_type").value, name.value);

	if (!action)
		return EP_OK;
	host->record_begin(reader->call, EP_PAYMENT);
	ep_json_put_text(host, reader->call, EP_PAYMENT_PAYMENT_ID, event, action->link);
	host->put_code(reader->call, EP_PAYMENT_KIND, action->kind, name);
	host->put_code(reader->call, EP_PAYMENT_STATUS, action->status, name);
	host->put_text(reader->call, EP_PAYMENT_SOURCE_STATUS, name);
	ep_json_put(host, reader->call, event, fields);
	put_order_no(reader, ep_json_at(host, event, "resource_metadata"));
	if (action->kind == EP_PAYMENT_KIND_REFUND || action->kind == EP_PAYMENT_KIND_DISPUTE)
		ep_json_put_text(host, reader->call, EP_PAYMENT_PARENT_ID, event, "links.payment");
	if (action->kind == EP_PAYMENT_KIND_DISPUTE && action->status == EP_PAYMENT_STATUS_SUCCEEDED)
		ep_put_time(host, reader->call, EP_PAYMENT_PAID_AT, text(reader, event, "created_at"));
	if (action->kind == EP_PAYMENT_KIND_CAPTURE)
		ep_json_put_text(host, reader->call, EP_PAYMENT_PAYOUT_ID, event, "links.payout");
	if (action->status == EP_PAYMENT_STATUS_FAILED || action->status == EP_PAYMENT_STATUS_CANCELLED ||
		action->kind == EP_PAYMENT_KIND_DISPUTE)
		ep_json_put_text(host, reader->call, EP_PAYMENT_REASON, event, "details.description");
	return host->record_end(reader->call);
}

/* Documents --------------------------------------------------------------------------------------------------- */

/* The member that holds an answer's objects, one or a list; those without a reader move no money. */
static const struct {
	const char *name;
	ep_json_read *read;
} collections[] = {{"payments", read_payment}, {"refunds", read_refund}, {"payouts", read_payout},
	{"payout_items", read_payout_item}, {"outbound_payments", read_outbound},
	{"payment_account_transactions", read_account_transaction}, {"events", read_event}, {"mandates", NULL},
	{"customers", NULL}, {"customer_bank_accounts", NULL}, {"creditors", NULL}, {"creditor_bank_accounts", NULL},
	{"subscriptions", NULL}, {"instalment_schedules", NULL}, {"billing_requests", NULL},
	{"billing_request_flows", NULL}, {"billing_request_templates", NULL}, {"billing_request_with_actions", NULL},
	{"balances", NULL}, {"webhooks", NULL}, {"exports", NULL}, {"tax_rates", NULL}, {"mandate_imports", NULL},
	{"mandate_import_entries", NULL}, {"mandate_pdfs", NULL}, {"negative_balance_limits", NULL},
	{"currency_exchange_rates", NULL}, {"institutions", NULL}, {"payer_authorisations", NULL},
	{"payer_themes", NULL}, {"redirect_flows", NULL}, {"scenario_simulators", NULL}, {"scheme_identifiers", NULL},
	{"blocks", NULL}, {"bank_authorisations", NULL}, {"bank_details_lookups", NULL}, {"bank_account_details", NULL},
	{"bank_account_holder_verifications", NULL}, {"payment_accounts", NULL}, {"transferred_mandates", NULL},
	{"verification_details", NULL}, {"customer_notifications", NULL}, {"logos", NULL},
	{"funds_availabilities", NULL}, {"outbound_payment_imports", NULL}, {"outbound_payment_import_entries", NULL},
	{"error", NULL}};

/* An object of a list without a name around it, known by its id. */
static enum ep_status read_bare(const struct reader *reader, struct ep_json object)
{
	static const struct {
		const char *prefix;
		ep_json_read *read;
	} prefixes[] = {{"PM", read_payment}, {"RF", read_refund}, {"PO", read_payout}, {"OUT", read_outbound},
		{"PATR", read_account_transaction}, {"EV", read_event}};
	struct ep_slice id = text(reader, object, "id").value;

	if (ep_json_at(reader->host, object, "links").kind != EP_JSON_OBJECT)
		return EP_NOT_FOUND;
	if (id.length == 0 && text(reader, object, "type").value.length)
		return read_payout_item(reader, object);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (ep_slice_starts(id, ep_slice_of(prefixes[i].prefix)))
			return prefixes[i].read(reader, object);
	return EP_OK;
}

/* EP_NOT_FOUND: nothing of GoCardless's. */
static enum ep_status read_answer(const void *context, struct ep_json answer)
{
	const struct reader *reader = context;

	for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
		struct ep_json objects = ep_json_at(reader->host, answer, collections[i].name);

		if (objects.kind != EP_JSON_ARRAY && objects.kind != EP_JSON_OBJECT)
			continue;
		return collections[i].read ? ep_json_each(reader->host, objects, collections[i].read, reader) : EP_OK;
	}
	return read_bare(reader, answer);
}

/* Recorded exchanges: {"list": {"path_template": "/payments", "body": {...}}, ...}: the answers count. */
static enum ep_status read_document(const void *context, struct ep_json root)
{
	const struct reader *reader = context;
	struct ep_json each = reader->host->json->first(root);
	enum ep_status status = EP_OK;

	if (text(reader, each, "path_template").value.length == 0)
		return read_answer(reader, root);
	for (; each.kind != EP_JSON_ABSENT && status == EP_OK; each = reader->host->json->next(each))
		status = ep_json_each(reader->host, ep_json_at(reader->host, each, "body"), read_answer, reader);
	return status;
}

static enum ep_status gocardless_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct gocardless *gocardless = state;
	struct reader reader = {host, call, gocardless, gocardless->account};

	if (reader.account.length == 0)
		reader.account = input->source;
	return ep_json_documents(host, call, &input->parts[0], read_document, &reader,
		EP_SAY("expected events, or an object or list of GoCardless's API: a member such as events or "
		       "payments"));
}

EP_PLUGIN_DECLARE("gocardless", "1.0.0", EP_KIND_PAYMENT, options, struct gocardless, gocardless_parse);
