/*
 * settlement.c: the settlement report (STL) and the transaction detail report (TRR). Each row has a name:
 *
 *   RH report header: when it was made; SH section: the account; CH the columns; SB an entry; SF totals of a currency;
 *   FH, FF, FC, SC, RF, RC: counts of what came before
 *
 * An entry is net of its fee. Amounts are minor units without a sign, DR or CR in a column of its own. The totals of each
 * currency, and the number of entries, are checked at the end of the section: where they differ the last entry says so,
 * and both numbers are logged. So each record stays open until the next entry.
 */
#include "paypal.h"

#define CURRENCIES_MAX 64 /* of one section; PayPal has 25 */

enum role {
	TRANSACTION_ID = 1,
	INVOICE_ID,
	REFERENCE_ID,
	EVENT_CODE,
	INITIATED,
	COMPLETED,
	SIGN,
	GROSS,
	CURRENCY,
	FEE_SIGN,
	FEE,
	FEE_CURRENCY,
	STATUS,
	CUSTOM,
	SUBJECT,
	NOTE,
	PAYER,
	BANK_REFERENCE,
	ROLES
};

static const struct ep_column headers[] = {{"Transaction ID", TRANSACTION_ID}, {"Invoice ID", INVOICE_ID},
	{"PayPal Reference ID", REFERENCE_ID}, {"Transaction Event Code", EVENT_CODE},
	{"Transaction Initiation Date", INITIATED}, {"Transaction Completion Date", COMPLETED},
	{"Transaction  Debit or Credit", SIGN}, {"Transaction Debit or Credit", SIGN},
	{"Gross Transaction Amount", GROSS}, {"Gross Transaction Currency", CURRENCY},
	{"Fee Debit or Credit", FEE_SIGN}, {"Fee Amount", FEE}, {"Fee Currency", FEE_CURRENCY},
	{"Transactional Status", STATUS}, {"Transaction Status", STATUS}, {"Custom Field", CUSTOM},
	{"Transaction Subject", SUBJECT}, {"Transaction Note", NOTE}, {"Payer's Account ID", PAYER},
	{"Bank Reference ID", BANK_REFERENCE}, {NULL, 0}};

static const struct ep_notation units = {.minor = true};

/* What a section's rows add up to in one currency. */
struct totals {
	struct ep_money credits, debits, fee_credits, fee_debits;
};

struct section {
	const struct reader *reader;
	struct ep_text account;
	struct ep_text made_at;
	struct ep_columns columns;
	bool has_columns;
	bool open;    /* the record of the last row isn't ended */
	bool unknown; /* an amount couldn't be read, or there were too many currencies */
	bool noted;   /* the totals' difference was noted at the open record */
	int64_t entries;
	struct totals totals[CURRENCIES_MAX];
	uint32_t currency_count;
};

bool is_settlement_report(const struct ep_part *part)
{
	struct ep_slice bytes = part->bytes;

	if (ep_slice_starts(bytes, EP_SAY("\xef\xbb\xbf")))
		bytes = ep_slice_sub(bytes, 3, bytes.length);
	return ep_slice_starts(bytes, EP_SAY("\"RH\"")) || ep_slice_starts(bytes, EP_SAY("RH,")) ||
	       ep_slice_starts(bytes, EP_SAY("RH\t"));
}

static char separator_of(const struct ep_part *part)
{
	struct ep_slice line = ep_slice_sub(part->bytes, 0, 16);

	return ep_slice_find(line, '\t') < line.length ? '\t' : ',';
}

static struct totals *totals_of(struct section *section, const char *currency)
{
	struct totals *totals;

	for (uint32_t i = 0; i < section->currency_count; i++)
		if (strcmp(section->totals[i].credits.currency, currency) == 0)
			return &section->totals[i];
	if (section->currency_count == CURRENCIES_MAX)
		return NULL;
	totals = &section->totals[section->currency_count++];
	memset(totals, 0, sizeof(*totals));
	memcpy(totals->credits.currency, currency, sizeof(totals->credits.currency));
	return totals;
}

static void count(struct section *section, const struct ep_money *money, bool debit, bool fee)
{
	struct totals *totals = totals_of(section, money->currency);
	struct ep_money *sum;

	if (!totals) {
		section->unknown = true;
		return;
	}
	sum = fee ? (debit ? &totals->fee_debits : &totals->fee_credits) : (debit ? &totals->debits : &totals->credits);
	if (ep_decimal_add(&sum->amount, sum->amount, money->amount) != EP_OK)
		section->unknown = true;
}

/* "2024/08/20 00:01:17 -0700" as ISO 8601 writes it. */
static struct ep_text iso_time(struct ep_text text, char room[32])
{
	uint64_t length = 0;

	for (uint64_t i = 0; i < text.value.length && length < 32; i++) {
		char c = text.value.data[i];

		if (c == ' ' && length > 10)
			continue; /* before the offset */
		room[length++] = c == '/' ? '-' : c;
	}
	text.value = ep_slice_make(room, length);
	return text;
}

static void put_date(const struct section *section, uint32_t field, struct ep_text text)
{
	char room[32];

	ep_put_date(section->reader->host, section->reader->call, field, iso_time(text, room));
}

/* The amount with the sign of its column. False for an empty one, and for one that can't be read. */
static bool take_signed(struct section *section, struct ep_money *money, const struct ep_text *row, bool fee)
{
	struct ep_text amount = row[fee ? FEE : GROSS];
	struct ep_slice currency = row[fee ? FEE_CURRENCY : CURRENCY].value;
	bool debit = ep_slice_is(row[fee ? FEE_SIGN : SIGN].value, "DR");

	if (currency.length == 0)
		currency = row[CURRENCY].value;
	if (!ep_money_take(section->reader->host, section->reader->call, money, amount, &units, currency)) {
		section->unknown |= amount.value.length != 0;
		return false;
	}
	count(section, money, debit, fee);
	if (debit)
		*money = ep_money_negate(*money);
	return true;
}

static void put_amounts(struct section *section, const struct ep_text *row)
{
	const struct ep_host *host = section->reader->host;
	struct ep_money net, fee;
	bool known = take_signed(section, &net, row, false);

	if (take_signed(section, &fee, row, true) && !ep_decimal_is_zero(fee.amount)) {
		host->put_money(section->reader->call, EP_SETTLEMENT_CHARGES, ep_money_negate(fee), row[FEE]);
		if (known && strcmp(fee.currency, net.currency) == 0 &&
			ep_decimal_add(&net.amount, net.amount, fee.amount) != EP_OK)
			known = false;
	}
	if (known)
		ep_put_entry_money(host, section->reader->call, net, row[GROSS]);
}

static uint32_t entry_status(const struct ep_text *row)
{
	static const struct ep_word statuses[] = {
		{"P", EP_ENTRY_STATUS_PENDING}, {"D", EP_ENTRY_STATUS_INFO}, {NULL, 0}};

	if (ep_slice_starts(row[EVENT_CODE].value, EP_SAY("T13")))
		return EP_ENTRY_STATUS_INFO; /* an authorization moves nothing */
	return ep_word_code(statuses, row[STATUS].value, EP_ENTRY_STATUS_BOOKED);
}

static enum ep_status end_record(struct section *section)
{
	if (!section->open)
		return EP_OK;
	section->open = false;
	return section->reader->host->record_end(section->reader->call);
}

static enum ep_status read_entry(struct section *section, const struct ep_text *row)
{
	const struct ep_host *host = section->reader->host;
	struct ep_call *call = section->reader->call;
	enum ep_status status = end_record(section);
	char room[32];

	if (status != EP_OK)
		return status;
	host->record_begin(call, EP_SETTLEMENT);
	section->open = true;
	section->noted = false;
	section->entries++;
	host->put_text(call, EP_SETTLEMENT_ACCOUNT, section->account);
	put_amounts(section, row);
	host->put_code(call, EP_SETTLEMENT_STATUS, entry_status(row), row[EVENT_CODE]);
	put_date(section, EP_SETTLEMENT_BOOKING_DATE, row[COMPLETED].value.length ? row[COMPLETED] : row[INITIATED]);
	put_date(section, EP_SETTLEMENT_VALUE_DATE, row[INITIATED]);
	host->put_text(call, EP_SETTLEMENT_SERVICER_REF, row[TRANSACTION_ID]);
	host->put_text(call, EP_SETTLEMENT_TRANSACTION_ID, row[TRANSACTION_ID]);
	host->put_text(call, EP_SETTLEMENT_ENTRY_REF, row[REFERENCE_ID]);
	host->put_text(call, EP_SETTLEMENT_END_TO_END_ID, row[INVOICE_ID].value.length ? row[INVOICE_ID] : row[CUSTOM]);
	host->put_text(call, EP_SETTLEMENT_BANK_CODE, row[EVENT_CODE]);
	host->put_text(call, EP_SETTLEMENT_REMITTANCE, row[SUBJECT].value.length ? row[SUBJECT] : row[NOTE]);
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT, row[PAYER]);
	host->put_text(call, EP_SETTLEMENT_REFERENCE, row[BANK_REFERENCE]);
	ep_put_time(host, call, EP_SETTLEMENT_REPORTED_AT, iso_time(section->made_at, room));
	return EP_OK;
}

static void compare(struct section *section, const char *what, struct ep_decimal stated, struct ep_decimal counted)
{
	if (ep_decimal_compare(stated, counted) == 0 || !section->open || section->noted)
		return;
	section->noted = true;
	ep_note_total(section->reader->host, section->reader->call, EP_SETTLEMENT_AMOUNT, what, stated, counted);
}

/* "SF", currency, credits, debits, fee credits, fee debits, balances ... */
static void check_totals(struct section *section, struct ep_csv *csv)
{
	static const char *const names[] = {
		"total of credits", "total of debits", "total of fees credited", "total of fees"};
	struct ep_text currency, amount;
	struct totals *totals = NULL;
	const struct ep_money *sums[4];

	if (!ep_csv_take(csv, &currency) || section->unknown || !section->open)
		return;
	currency = ep_text_trim(currency);
	for (uint32_t i = 0; i < section->currency_count; i++)
		if (ep_slice_equal_nocase(currency.value, ep_slice_of(section->totals[i].credits.currency)))
			totals = &section->totals[i];
	if (!totals)
		return;
	sums[0] = &totals->credits;
	sums[1] = &totals->debits;
	sums[2] = &totals->fee_credits;
	sums[3] = &totals->fee_debits;
	for (int i = 0; i < 4 && ep_csv_take(csv, &amount); i++) {
		struct ep_money stated;

		if (ep_money_read_minor(&stated, ep_text_trim(amount).value, currency.value) == EP_OK)
			compare(section, names[i], stated.amount, sums[i]->amount);
	}
}

/* "SC", the number of entries. */
static void check_count(struct section *section, struct ep_csv *csv)
{
	struct ep_text text;
	int64_t stated;

	if (ep_csv_take(csv, &text) && ep_slice_integer(ep_text_trim(text).value, &stated))
		compare(section, "number of entries", ep_decimal_make(stated, 0), ep_decimal_make(section->entries, 0));
}

/* The field at `index`, from 0 behind the row's name. */
static struct ep_text field_at(struct ep_csv *csv, uint32_t index)
{
	struct ep_text field = ep_text_constant(ep_slice_make(NULL, 0));

	for (uint32_t i = 0; i <= index; i++)
		if (!ep_csv_take(csv, &field))
			return ep_text_constant(ep_slice_make(NULL, 0));
	return ep_text_trim(field);
}

static enum ep_status begin_section(struct section *section, struct ep_csv *csv)
{
	enum ep_status status = end_record(section);
	struct ep_text account = field_at(csv, 2);

	section->account = account.value.length ? account : ep_text_constant(section->reader->account);
	section->currency_count = 0;
	section->entries = 0;
	section->unknown = false;
	section->has_columns = false;
	return status;
}

static enum ep_status read_row(struct section *section, struct ep_csv *csv)
{
	struct ep_text name, row[ROLES];

	if (!ep_csv_take(csv, &name))
		return EP_OK;
	name = ep_text_trim(name);
	if (ep_slice_is(name.value, "SB")) {
		if (!section->has_columns)
			return section->reader->host->fail(section->reader->call, EP_ERR_SYNTAX, ep_csv_place(csv),
				EP_SAY("expected a row CH with the columns before the first row SB"));
		ep_columns_take(&section->columns, csv, row, ROLES);
		return read_entry(section, row);
	}
	if (ep_slice_is(name.value, "SH"))
		return begin_section(section, csv);
	if (ep_slice_is(name.value, "RH"))
		section->made_at = field_at(csv, 0);
	else if (ep_slice_is(name.value, "SF"))
		check_totals(section, csv);
	else if (ep_slice_is(name.value, "SC"))
		check_count(section, csv);
	else if (ep_slice_is(name.value, "CH")) {
		ep_columns_read(&section->columns, csv, headers);
		section->has_columns = true;
		if (!ep_columns_have(&section->columns, GROSS) || !ep_columns_have(&section->columns, SIGN))
			return section->reader->host->fail(section->reader->call, EP_ERR_TYPE_UNKNOWN,
				ep_csv_place(csv),
				EP_SAY("expected columns Gross Transaction Amount and Transaction Debit or Credit"));
	}
	return EP_OK;
}

enum ep_status read_settlement_report(const struct reader *reader, const struct ep_part *part)
{
	struct section *section = reader->host->alloc(reader->call, sizeof(*section));
	struct ep_csv csv = ep_csv_begin(reader->host, reader->call, part, separator_of(part));
	enum ep_status status = EP_OK;

	if (!section)
		return EP_BAD_INPUT;
	section->reader = reader;
	section->account = ep_text_constant(reader->account);
	section->made_at = ep_text_constant(ep_slice_make(NULL, 0));
	while (status == EP_OK && ep_csv_row(&csv))
		status = read_row(section, &csv);
	if (status == EP_OK && csv.status != EP_OK)
		return csv.status;
	return status == EP_OK ? end_record(section) : status;
}
