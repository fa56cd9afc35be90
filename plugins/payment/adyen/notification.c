/*
 * notification.c: payments webhooks (NotificationRequestItem) and the answers to payment requests.
 *
 * An event of its own (AUTHORISATION, CAPTURE, REFUND, CHARGEBACK, a payout) is a payment under its pspReference, whose
 * parent is originalReference. An event that only says what became of an earlier payment (CANCELLATION, EXPIRE) is a newer
 * version of that payment; without success it changes nothing. eventDate is the version.
 *
 * With manual capture an authorisation moves nothing yet and is pending; what moves is in its CAPTUREs.
 */
#include "adyen.h"

enum {
	NONE = 0, /* no record */
	PENDING = EP_PAYMENT_STATUS_PENDING,
	SUCCEEDED = EP_PAYMENT_STATUS_SUCCEEDED,
	FAILED = EP_PAYMENT_STATUS_FAILED,
	CANCELLED = EP_PAYMENT_STATUS_CANCELLED,
	AUTHORISED = 100 /* pending or succeeded, as option `capture` says */
};

struct event {
	const char *code;
	uint32_t kind;
	uint32_t success;   /* status when it succeeded */
	uint32_t failure;   /* and when it didn't */
	bool of_original;   /* it tells about the payment named by originalReference */
	bool authorisation; /* `reason` holds card data when it succeeded */
};

static const struct event events[] = {
	{"AUTHORISATION", EP_PAYMENT_KIND_CAPTURE, AUTHORISED, FAILED, false, true},
	{"PENDING", EP_PAYMENT_KIND_CAPTURE, PENDING, FAILED, false, true},
	{"AUTHORISATION_ADJUSTMENT", EP_PAYMENT_KIND_CAPTURE, AUTHORISED, NONE, true, true},
	{"CAPTURE", EP_PAYMENT_KIND_CAPTURE, SUCCEEDED, FAILED, false, false},
	{"CAPTURE_FAILED", EP_PAYMENT_KIND_CAPTURE, FAILED, NONE, false, false},
	{"CANCELLATION", EP_PAYMENT_KIND_CAPTURE, CANCELLED, NONE, true, false},
	{"TECHNICAL_CANCEL", EP_PAYMENT_KIND_CAPTURE, CANCELLED, NONE, true, false},
	{"EXPIRE", EP_PAYMENT_KIND_CAPTURE, CANCELLED, NONE, true, false},
	{"OFFER_CLOSED", EP_PAYMENT_KIND_CAPTURE, CANCELLED, NONE, true, false},
	{"REFUND", EP_PAYMENT_KIND_REFUND, SUCCEEDED, FAILED, false, false},
	{"REFUND_WITH_DATA", EP_PAYMENT_KIND_REFUND, SUCCEEDED, FAILED, false, false},
	{"POSTPONED_REFUND", EP_PAYMENT_KIND_REFUND, PENDING, FAILED, false, false},
	{"VOID_PENDING_REFUND", EP_PAYMENT_KIND_REFUND, CANCELLED, NONE, false, false},
	{"REFUND_FAILED", EP_PAYMENT_KIND_REFUND, FAILED, NONE, false, false},
	{"REFUNDED_REVERSED", EP_PAYMENT_KIND_REFUND, FAILED, NONE, false, false},
	{"REQUEST_FOR_INFORMATION", EP_PAYMENT_KIND_DISPUTE, PENDING, NONE, false, false},
	{"NOTIFICATION_OF_CHARGEBACK", EP_PAYMENT_KIND_DISPUTE, PENDING, NONE, false, false},
	{"CHARGEBACK", EP_PAYMENT_KIND_DISPUTE, SUCCEEDED, FAILED, false, false},
	{"SECOND_CHARGEBACK", EP_PAYMENT_KIND_DISPUTE, SUCCEEDED, FAILED, false, false},
	{"PREARBITRATION_LOST", EP_PAYMENT_KIND_DISPUTE, SUCCEEDED, FAILED, false, false},
	{"PREARBITRATION_WON", EP_PAYMENT_KIND_DISPUTE, CANCELLED, NONE, false, false},
	{"CHARGEBACK_REVERSED", EP_PAYMENT_KIND_DISPUTE, CANCELLED, NONE, false, false},
	{"PAYOUT_THIRDPARTY", EP_PAYMENT_KIND_PAYOUT, SUCCEEDED, FAILED, false, false},
	{"PAYOUT_DECLINE", EP_PAYMENT_KIND_PAYOUT, CANCELLED, NONE, false, false},
	{"PAYOUT_EXPIRE", EP_PAYMENT_KIND_PAYOUT, CANCELLED, NONE, false, false},
	{"PAIDOUT_REVERSED", EP_PAYMENT_KIND_PAYOUT, FAILED, NONE, false, false},
};

static const struct event *find_event(struct ep_slice code)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (ep_slice_equal(code, ep_slice_of(events[i].code)))
			return &events[i];
	return NULL;
}

/* A reversal is a refund or a cancellation, as it turns out: modification.action tells which. */
static const struct event *event_of(const struct reader *reader, struct ep_json item)
{
	struct ep_slice code = ep_json_text(reader->host, item, "eventCode").value;
	struct ep_json extra = ep_json_at(reader->host, item, "additionalData");
	struct ep_slice action;

	if (!ep_slice_is(code, "CANCEL_OR_REFUND"))
		return find_event(code);
	action = reader->host->json->text(reader->host->json->member(extra, EP_SAY("modification.action"))).value;
	return find_event(ep_slice_is(action, "cancel") ? EP_SAY("CANCELLATION") : EP_SAY("REFUND"));
}

static uint32_t status_of(const struct reader *reader, const struct event *event, bool success)
{
	uint32_t status = success ? event->success : event->failure;

	if (status != AUTHORISED)
		return status;
	return reader->adyen->capture == ADYEN_CAPTURE_MANUAL ? PENDING : SUCCEEDED;
}

/* The payment's own reference, and that of the one that it belongs to. */
static void put_references(const struct reader *reader, const struct event *event, struct ep_json item)
{
	static const struct ep_json_field own[] = {
		{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "pspReference|originalReference"},
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "originalReference"}, {EP_PAYMENT_PAID_AT, EP_AS_TIME, "eventDate"},
		{0, 0, NULL}};
	static const struct ep_json_field original[] = {
		{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "originalReference|pspReference"}, {0, 0, NULL}};

	ep_json_put(reader->host, reader->call, item, event->of_original ? original : own);
}

static enum ep_status read_item(const struct reader *reader, struct ep_json item, struct ep_json live)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_ORDER_NO, EP_AS_TEXT, "merchantReference"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "paymentMethod"}, {EP_PAYMENT_UPDATED_AT, EP_AS_TIME, "eventDate"},
		{EP_PAYMENT_SOURCE_STATUS, EP_AS_TEXT, "eventCode"},
		{EP_PAYMENT_PAYER_NAME, EP_AS_TEXT, "additionalData.cardHolderName|additionalData.ownerName"},
		{EP_PAYMENT_PAYER_ACCOUNT, EP_AS_TEXT, "additionalData.iban"}, {0, 0, NULL}};
	const struct ep_host *host = reader->host;
	const struct event *event = event_of(reader, item);
	struct ep_text success = ep_json_text(host, item, "success");
	bool succeeded = ep_slice_equal_nocase(success.value, EP_SAY("true"));
	uint32_t status = event ? status_of(reader, event, succeeded) : NONE;

	if (status == NONE)
		return EP_OK;
	host->record_begin(reader->call, EP_PAYMENT);
	host->put_code(reader->call, EP_PAYMENT_KIND, event->kind, ep_json_text(host, item, "eventCode"));
	host->put_code(reader->call, EP_PAYMENT_STATUS, status, success);
	put_references(reader, event, item);
	put_amount(reader, EP_PAYMENT_AMOUNT, item, "amount");
	ep_json_put(host, reader->call, item, fields);
	if (!(event->authorisation && succeeded))
		ep_json_put_text(host, reader->call, EP_PAYMENT_REASON, item, "reason");
	if (ep_slice_is(host->json->text(live).value, "false"))
		host->put_bool(reader->call, EP_PAYMENT_TEST, true, host->json->text(live));
	return host->record_end(reader->call);
}

enum ep_status read_notification(const struct reader *reader, struct ep_json envelope)
{
	struct ep_json live = ep_json_at(reader->host, envelope, "live");
	struct ep_json items = ep_json_at(reader->host, envelope, "notificationItems");
	struct ep_json each = items.kind == EP_JSON_ABSENT ? envelope : reader->host->json->first(items);
	enum ep_status status = EP_OK;

	while (each.kind != EP_JSON_ABSENT && status == EP_OK) {
		struct ep_json item = ep_json_at(reader->host, each, "NotificationRequestItem");

		status = read_item(reader, item.kind == EP_JSON_OBJECT ? item : each, live);
		each = items.kind == EP_JSON_ABSENT ? items : reader->host->json->next(each);
	}
	return status;
}

enum ep_status read_payment_answer(const struct reader *reader, struct ep_json answer)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "pspReference"},
		{EP_PAYMENT_ORDER_NO, EP_AS_TEXT, "merchantReference"},
		{EP_PAYMENT_METHOD, EP_AS_TEXT, "paymentMethod.brand|paymentMethod.type"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "refusalReason"}, {0, 0, NULL}};
	static const struct ep_word results[] = {{"Authorised", AUTHORISED}, {"Refused", FAILED}, {"Error", FAILED},
		{"Cancelled", CANCELLED}, {NULL, 0}};
	struct ep_text result = ep_json_text(reader->host, answer, "resultCode");
	uint32_t status = ep_word_code(results, result.value, PENDING);

	/* The answer to a capture, refund or cancellation acknowledges the request only. */
	if (result.value.length == 0)
		return EP_OK;
	reader->host->record_begin(reader->call, EP_PAYMENT);
	reader->host->put_code(reader->call, EP_PAYMENT_KIND, EP_PAYMENT_KIND_CAPTURE, result);
	reader->host->put_code(reader->call, EP_PAYMENT_STATUS,
		status == AUTHORISED ? status_of(reader, &events[0], true) : status, result);
	reader->host->put_text(reader->call, EP_PAYMENT_SOURCE_STATUS, result);
	put_amount(reader, EP_PAYMENT_AMOUNT, answer, "amount");
	ep_json_put(reader->host, reader->call, answer, fields);
	return reader->host->record_end(reader->call);
}
