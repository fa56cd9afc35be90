/*
 * settlement.c: the settlement details report (CSV): every row is an entry of the merchant account, in the currency that is
 * settled (NC). Columns are found by their headers.
 *
 * A batch that is paid out adds up to zero: MerchantPayout takes what the other rows bring. Where it doesn't, the batch's
 * last entry says so and both numbers are logged; so each record stays open until the next row shows where the batch
 * ends. Nothing else is kept of the rows that were read.
 *
 * servicer_ref is the reference of the movement itself (capture, refund, chargeback, payout). The reversal of an earlier
 * movement, and costs, bear a reference that isn't theirs: such entries go without one.
 */
#include "adyen.h"

enum role {
	MERCHANT_ACCOUNT = 1,
	PSP_REFERENCE,
	MERCHANT_REFERENCE,
	CREATION_DATE,
	BOOKING_DATE,
	TYPE,
	MODIFICATION_REFERENCE,
	GROSS_CURRENCY,
	GROSS_DEBIT,
	GROSS_CREDIT,
	EXCHANGE_RATE,
	NET_CURRENCY,
	NET_DEBIT,
	NET_CREDIT,
	COMMISSION,
	MARKUP,
	SCHEME_FEES,
	INTERCHANGE,
	MODIFICATION_MERCHANT_REFERENCE,
	BATCH_NUMBER,
	ROLES
};

static const struct ep_column headers[] = {{"Merchant Account", MERCHANT_ACCOUNT}, {"Psp Reference", PSP_REFERENCE},
	{"Merchant Reference", MERCHANT_REFERENCE}, {"Creation Date", CREATION_DATE}, {"Booking Date", BOOKING_DATE},
	{"Type", TYPE}, {"Journal Type", TYPE}, {"Modification Reference", MODIFICATION_REFERENCE},
	{"Gross Currency", GROSS_CURRENCY}, {"Gross Debit (GC)", GROSS_DEBIT}, {"Gross Credit (GC)", GROSS_CREDIT},
	{"Exchange Rate", EXCHANGE_RATE}, {"Net Currency", NET_CURRENCY}, {"Net Debit (NC)", NET_DEBIT},
	{"Net Credit (NC)", NET_CREDIT}, {"Commission (NC)", COMMISSION}, {"Markup (NC)", MARKUP},
	{"Scheme Fees (NC)", SCHEME_FEES}, {"Interchange (NC)", INTERCHANGE},
	{"Modification Merchant Reference", MODIFICATION_MERCHANT_REFERENCE}, {"Batch Number", BATCH_NUMBER},
	{NULL, 0}};

static const struct ep_notation decimals = {.mark = EP_DECIMAL_POINT};

/* The batch at hand. */
struct batch {
	struct ep_slice number;
	struct ep_slice currency;
	struct ep_decimal sum; /* credits less debits */
	bool open;             /* the record of its last row isn't ended */
	bool paid_out;         /* it has a MerchantPayout: it is complete */
	bool unknown;          /* an amount couldn't be read or summed */
};

/* Credit less debit; false without either, or where one can't be read (the record is then rejected). */
static bool take_net(const struct reader *reader, const struct ep_text *row, enum role debit, enum role credit,
	enum role currency, struct ep_money *net)
{
	struct ep_money taken;
	bool has_credit, has_debit;

	memset(net, 0, sizeof(*net));
	has_credit = ep_money_take(reader->host, reader->call, net, row[credit], &decimals, row[currency].value);
	has_debit = ep_money_take(reader->host, reader->call, &taken, row[debit], &decimals, row[currency].value);
	if (!has_debit)
		return has_credit;
	if (!has_credit)
		*net = ep_money_negate(taken);
	else if (ep_decimal_subtract(&net->amount, net->amount, taken.amount) != EP_OK)
		return false;
	return true;
}

static bool is_reversal(struct ep_slice type)
{
	static const struct ep_slice end = {"Reversed", 8};

	return type.length >= end.length &&
	       ep_slice_equal(ep_slice_sub(type, type.length - end.length, end.length), end);
}

static void put_references(const struct reader *reader, const struct ep_text *row)
{
	static const struct ep_word own[] = {{"Settled", 1}, {"Refunded", 1}, {"Chargeback", 1}, {"MerchantPayout", 1},
		{"SettledExternally", 1}, {"RefundedExternally", 1}, {NULL, 0}};
	const struct ep_host *host = reader->host;
	struct ep_text reference = row[MODIFICATION_REFERENCE];

	if (reference.value.length == 0)
		reference = row[PSP_REFERENCE];
	if (ep_word_code(own, row[TYPE].value, 0))
		host->put_text(reader->call, EP_SETTLEMENT_SERVICER_REF, reference);
	host->put_text(reader->call, EP_SETTLEMENT_ENTRY_REF, reference);
	host->put_text(reader->call, EP_SETTLEMENT_TRANSACTION_ID, row[PSP_REFERENCE]);
	host->put_text(reader->call, EP_SETTLEMENT_END_TO_END_ID, row[MERCHANT_REFERENCE]);
	if (row[MODIFICATION_MERCHANT_REFERENCE].value.length)
		host->put_text(reader->call, EP_SETTLEMENT_DESCRIPTION, row[MODIFICATION_MERCHANT_REFERENCE]);
	else if (row[PSP_REFERENCE].value.length == 0) /* fees and transfers write in words what they are */
		host->put_text(reader->call, EP_SETTLEMENT_DESCRIPTION, row[MODIFICATION_REFERENCE]);
}

/* What Adyen, the scheme and the issuer kept of it. */
static void put_charges(const struct reader *reader, const struct ep_text *row)
{
	static const enum role costs[] = {COMMISSION, MARKUP, SCHEME_FEES, INTERCHANGE};
	struct ep_text origin = ep_text_constant(ep_slice_make(NULL, 0));
	struct ep_money sum, cost;
	bool any = false;

	memset(&sum, 0, sizeof(sum));
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		if (!ep_money_take(
			    reader->host, reader->call, &cost, row[costs[i]], &decimals, row[NET_CURRENCY].value))
			continue;
		if (ep_decimal_add(&cost.amount, cost.amount, sum.amount) != EP_OK)
			return;
		sum = cost;
		origin = any ? origin : row[costs[i]];
		any = true;
	}
	if (any)
		reader->host->put_money(reader->call, EP_SETTLEMENT_CHARGES, sum, origin);
}

static void put_original(const struct reader *reader, const struct ep_text *row)
{
	struct ep_money gross;

	if (ep_slice_equal_nocase(row[GROSS_CURRENCY].value, row[NET_CURRENCY].value) ||
		!take_net(reader, row, GROSS_DEBIT, GROSS_CREDIT, GROSS_CURRENCY, &gross))
		return;
	reader->host->put_money(reader->call, EP_SETTLEMENT_ORIGINAL_AMOUNT, ep_money_abs(gross),
		row[GROSS_CREDIT].value.length ? row[GROSS_CREDIT] : row[GROSS_DEBIT]);
	ep_put_decimal(reader->host, reader->call, EP_SETTLEMENT_EXCHANGE_RATE, row[EXCHANGE_RATE], EP_DECIMAL_POINT);
}

/* Ends the record that is still open. At the end of its batch, that must add up. */
static enum ep_status end_record(const struct reader *reader, struct batch *batch, bool batch_ends)
{
	const struct ep_decimal zero = {0, 0, 0, 0};

	if (!batch->open)
		return EP_OK;
	if (batch_ends && batch->paid_out && !batch->unknown && !ep_decimal_is_zero(batch->sum))
		ep_note_total(reader->host, reader->call, EP_SETTLEMENT_AMOUNT, "sum of a settlement batch", zero,
			batch->sum);
	batch->open = false;
	return reader->host->record_end(reader->call);
}

static enum ep_status read_row(const struct reader *reader, const struct ep_text *row, struct batch *batch)
{
	const struct ep_host *host = reader->host;
	bool begins = !ep_slice_equal(row[BATCH_NUMBER].value, batch->number) ||
		      !ep_slice_equal(row[NET_CURRENCY].value, batch->currency);
	enum ep_status status = end_record(reader, batch, begins);
	struct ep_money net;

	if (status != EP_OK)
		return status;
	if (begins)
		*batch = (struct batch){.number = row[BATCH_NUMBER].value, .currency = row[NET_CURRENCY].value};
	host->record_begin(reader->call, EP_SETTLEMENT);
	batch->open = true;
	if (take_net(reader, row, NET_DEBIT, NET_CREDIT, NET_CURRENCY, &net)) {
		ep_put_entry_money(
			host, reader->call, net, row[NET_CREDIT].value.length ? row[NET_CREDIT] : row[NET_DEBIT]);
		if (ep_decimal_add(&batch->sum, batch->sum, net.amount) != EP_OK)
			batch->unknown = true;
	} else if (row[NET_CREDIT].value.length || row[NET_DEBIT].value.length) {
		batch->unknown = true;
	}
	batch->paid_out |= ep_slice_is(row[TYPE].value, "MerchantPayout");
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, row[TYPE]);
	if (is_reversal(row[TYPE].value))
		host->put_bool(reader->call, EP_SETTLEMENT_REVERSAL, true, row[TYPE]);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, row[MERCHANT_ACCOUNT]);
	host->put_text(reader->call, EP_SETTLEMENT_STATEMENT_ID, row[BATCH_NUMBER]);
	host->put_text(reader->call, EP_SETTLEMENT_BANK_CODE, row[TYPE]);
	ep_put_date(host, reader->call, EP_SETTLEMENT_BOOKING_DATE,
		row[BOOKING_DATE].value.length ? row[BOOKING_DATE] : row[CREATION_DATE]);
	put_references(reader, row);
	put_charges(reader, row);
	put_original(reader, row);
	return EP_OK;
}

enum ep_status read_settlement_report(const struct reader *reader, const struct ep_part *part)
{
	struct ep_csv csv = ep_csv_begin(reader->host, reader->call, part, reader->adyen->separator);
	struct ep_text row[ROLES];
	struct ep_columns columns;
	struct batch batch = {.open = false};
	enum ep_status status = EP_OK;

	if (!ep_csv_row(&csv) && csv.status != EP_OK)
		return csv.status;
	ep_columns_read(&columns, &csv, headers);
	if (!ep_columns_have(&columns, NET_DEBIT) || !ep_columns_have(&columns, NET_CREDIT))
		return reader->host->fail(reader->call, EP_ERR_TYPE_UNKNOWN, ep_csv_place(&csv),
			EP_SAY("expected JSON, or a settlement details report: columns Net Debit (NC) and Net Credit "
			       "(NC)"));
	while (status == EP_OK && ep_csv_row(&csv)) {
		ep_columns_take(&columns, &csv, row, ROLES);
		status = read_row(reader, row, &batch);
	}
	if (status == EP_OK && csv.status != EP_OK)
		return csv.status;
	return status == EP_OK ? end_record(reader, &batch, true) : status;
}
