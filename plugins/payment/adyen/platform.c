/*
 * platform.c: balance platforms: webhooks balancePlatform.*, transfers and transactions of the APIs.
 *
 * A transfer is a payment. A transaction is the entry that a transfer makes in a balance account: a settlement, signed by
 * its amount. Other webhooks (account holders, payment instruments, sweeps, reports) give nothing.
 */
#include "adyen.h"

/* What kind of payment a transfer is, by its `type`; anything else goes from account to account, or to a bank. */
static const struct ep_word kinds[] = {{"payment", EP_PAYMENT_KIND_CAPTURE}, {"capture", EP_PAYMENT_KIND_CAPTURE},
	{"captureReversal", EP_PAYMENT_KIND_REFUND}, {"refund", EP_PAYMENT_KIND_REFUND},
	{"refundReversal", EP_PAYMENT_KIND_REFUND}, {"chargeback", EP_PAYMENT_KIND_DISPUTE},
	{"chargebackCorrection", EP_PAYMENT_KIND_DISPUTE}, {"chargebackReversal", EP_PAYMENT_KIND_DISPUTE},
	{"secondChargeback", EP_PAYMENT_KIND_DISPUTE}, {"secondChargebackCorrection", EP_PAYMENT_KIND_DISPUTE},
	{"fee", EP_PAYMENT_KIND_FEE}, {"paymentCost", EP_PAYMENT_KIND_FEE}, {"cost", EP_PAYMENT_KIND_FEE},
	{"payout", EP_PAYMENT_KIND_PAYOUT}, {NULL, 0}};

static const struct ep_word statuses[] = {{"booked", EP_PAYMENT_STATUS_SUCCEEDED},
	{"captured", EP_PAYMENT_STATUS_SUCCEEDED}, {"refunded", EP_PAYMENT_STATUS_SUCCEEDED},
	{"bankTransfer", EP_PAYMENT_STATUS_SUCCEEDED}, {"internalTransfer", EP_PAYMENT_STATUS_SUCCEEDED},
	{"fee", EP_PAYMENT_STATUS_SUCCEEDED}, {"paymentCost", EP_PAYMENT_STATUS_SUCCEEDED},
	{"chargeback", EP_PAYMENT_STATUS_SUCCEEDED}, {"cashout", EP_PAYMENT_STATUS_SUCCEEDED},
	{"failed", EP_PAYMENT_STATUS_FAILED}, {"refused", EP_PAYMENT_STATUS_FAILED},
	{"rejected", EP_PAYMENT_STATUS_FAILED}, {"error", EP_PAYMENT_STATUS_FAILED},
	{"returned", EP_PAYMENT_STATUS_FAILED}, {"cancelled", EP_PAYMENT_STATUS_CANCELLED},
	{"expired", EP_PAYMENT_STATUS_CANCELLED}, {NULL, 0}};

static const struct ep_word entry_statuses[] = {
	{"pending", EP_ENTRY_STATUS_PENDING}, {"booked", EP_ENTRY_STATUS_BOOKED}, {NULL, 0}};

static void put_test(const struct reader *reader, uint32_t field, struct ep_json webhook)
{
	struct ep_text environment = ep_json_text(reader->host, webhook, "environment");

	if (ep_slice_is(environment.value, "test"))
		reader->host->put_bool(reader->call, field, true, environment);
}

static uint32_t kind_of(const struct reader *reader, struct ep_json transfer)
{
	struct ep_slice category = ep_json_text(reader->host, transfer, "category").value;
	struct ep_slice direction = ep_json_text(reader->host, transfer, "direction").value;
	bool to_bank = ep_slice_is(category, "bank") && ep_slice_is(direction, "outgoing");

	return ep_word_code(kinds, ep_json_text(reader->host, transfer, "type").value,
		to_bank ? EP_PAYMENT_KIND_PAYOUT : EP_PAYMENT_KIND_TRANSFER);
}

/* `webhook` is absent for an object of an API's answer. */
static enum ep_status read_transfer(const struct reader *reader, struct ep_json transfer, struct ep_json webhook)
{
	static const struct ep_json_field fields[] = {{EP_PAYMENT_PAYMENT_ID, EP_AS_TEXT, "id"},
		{EP_PAYMENT_PAID_AT, EP_AS_TIME, "creationDate|createdAt"},
		{EP_PAYMENT_DESCRIPTION, EP_AS_TEXT, "description"}, {EP_PAYMENT_METHOD, EP_AS_TEXT, "category"},
		{EP_PAYMENT_REASON, EP_AS_TEXT, "reason"},
		{EP_PAYMENT_END_TO_END_ID, EP_AS_TEXT, "referenceForBeneficiary|reference"},
		{EP_PAYMENT_PARENT_ID, EP_AS_TEXT, "categoryData.pspPaymentReference"}, {0, 0, NULL}};
	static const struct ep_json_field incoming[] = {
		{EP_PAYMENT_PAYER_NAME, EP_AS_TEXT, "counterparty.bankAccount.accountHolder.fullName"},
		{EP_PAYMENT_PAYER_ACCOUNT, EP_AS_TEXT,
			"counterparty.bankAccount.accountIdentification.iban|"
			"counterparty.bankAccount.accountIdentification.accountNumber"},
		{0, 0, NULL}};
	static const struct ep_json_field outgoing[] = {
		{EP_PAYMENT_PAYEE_NAME, EP_AS_TEXT, "counterparty.bankAccount.accountHolder.fullName"},
		{EP_PAYMENT_PAYEE_ACCOUNT, EP_AS_TEXT,
			"counterparty.bankAccount.accountIdentification.iban|"
			"counterparty.bankAccount.accountIdentification.accountNumber|counterparty.balanceAccountId|"
			"counterparty.transferInstrumentId"},
		{0, 0, NULL}};
	const struct ep_host *host = reader->host;
	struct ep_text direction = ep_json_text(host, transfer, "direction");
	struct ep_text reason = ep_json_text(host, transfer, "reason");

	host->record_begin(reader->call, EP_PAYMENT);
	host->put_code(reader->call, EP_PAYMENT_KIND, kind_of(reader, transfer), ep_json_text(host, transfer, "type"));
	ep_put_payment_status(
		host, reader->call, statuses, ep_json_text(host, transfer, "status"), EP_PAYMENT_STATUS_PENDING);
	put_amount(reader, EP_PAYMENT_AMOUNT, transfer, "amount");
	ep_json_put(host, reader->call, transfer, fields);
	ep_json_put(host, reader->call, transfer, ep_slice_is(direction.value, "incoming") ? incoming : outgoing);
	ep_put_time(host, reader->call, EP_PAYMENT_UPDATED_AT,
		webhook.kind == EP_JSON_ABSENT ? ep_json_text(host, transfer, "updatedAt")
					       : ep_json_text(host, webhook, "timestamp"));
	if (!ep_slice_is(reason.value, "approved"))
		host->put_text(reader->call, EP_PAYMENT_REASON, reason);
	put_test(reader, EP_PAYMENT_TEST, webhook);
	return host->record_end(reader->call);
}

static enum ep_status read_transaction(const struct reader *reader, struct ep_json transaction, struct ep_json webhook)
{
	static const struct ep_json_field fields[] = {
		{EP_SETTLEMENT_ACCOUNT, EP_AS_TEXT, "balanceAccount.id|balanceAccountId"},
		{EP_SETTLEMENT_SERVICER_REF, EP_AS_TEXT, "id"},
		{EP_SETTLEMENT_BOOKING_DATE, EP_AS_DATE, "bookingDate|creationDate|createdAt"},
		{EP_SETTLEMENT_VALUE_DATE, EP_AS_DATE, "valueDate"},
		{EP_SETTLEMENT_TRANSACTION_ID, EP_AS_TEXT, "transfer.id|transferId"},
		{EP_SETTLEMENT_END_TO_END_ID, EP_AS_TEXT, "transfer.reference|reference"},
		{EP_SETTLEMENT_REMITTANCE, EP_AS_TEXT, "referenceForBeneficiary"},
		{EP_SETTLEMENT_DESCRIPTION, EP_AS_TEXT, "description"},
		{EP_SETTLEMENT_BANK_CODE, EP_AS_TEXT, "type|category|transfer.type|transfer.categoryData.type"},
		{EP_SETTLEMENT_COUNTERPARTY, EP_AS_TEXT, "counterparty.bankAccount.accountHolder.fullName"},
		{0, 0, NULL}};
	const struct ep_host *host = reader->host;
	struct ep_text status = ep_json_text(host, transaction, "status");
	struct ep_json amount = ep_json_at(host, transaction, "amount");

	host->record_begin(reader->call, EP_SETTLEMENT);
	ep_put_entry(host, reader->call, ep_json_text(host, amount, "value"), &adyen_units,
		ep_json_text(host, amount, "currency").value);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS,
		ep_word_code(entry_statuses, status.value, EP_ENTRY_STATUS_BOOKED), status);
	ep_json_put(host, reader->call, transaction, fields);
	ep_put_time(host, reader->call, EP_SETTLEMENT_REPORTED_AT, ep_json_text(host, webhook, "timestamp"));
	put_test(reader, EP_SETTLEMENT_TEST, webhook);
	return host->record_end(reader->call);
}

enum ep_status read_platform_webhook(const struct reader *reader, struct ep_json webhook)
{
	struct ep_slice type = ep_json_text(reader->host, webhook, "type").value;
	struct ep_json data = ep_json_at(reader->host, webhook, "data");

	if (ep_slice_starts(type, EP_SAY("balancePlatform.transaction.")))
		return read_transaction(reader, data, webhook);
	if (ep_slice_starts(type, EP_SAY("balancePlatform.transfer.")) ||
		ep_slice_starts(type, EP_SAY("balancePlatform.incomingTransfer.")) ||
		ep_slice_starts(type, EP_SAY("balancePlatform.outgoingTransfer.")) ||
		ep_slice_starts(type, EP_SAY("balancePlatform.payment.")))
		return read_transfer(reader, data, webhook);
	if (ep_slice_starts(type, EP_SAY("balancePlatform.")) ||
		ep_json_at(reader->host, webhook, "environment").kind == EP_JSON_STRING)
		return EP_OK;
	return EP_NOT_FOUND;
}

enum ep_status read_platform_object(const void *context, struct ep_json object)
{
	const struct reader *reader = context;
	struct ep_json none = {NULL, 0, EP_JSON_ABSENT};

	if (ep_json_any(reader->host, object, "balanceAccount.id|balanceAccountId|accountHolder.id").value.length == 0)
		return EP_NOT_FOUND;
	if (ep_json_any(reader->host, object, "bookingDate|valueDate").value.length)
		return read_transaction(reader, object, none);
	return read_transfer(reader, object, none);
}
