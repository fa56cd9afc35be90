/*
 * activity.c: the download of an account's activity, or its statement: every row is an entry of the balance in its currency,
 * net of the fee. The two rows of a currency conversion are two entries, in two currencies, that name the same
 * reference.
 *
 * An amount is read as the header row's language or the options say. One with more decimals than its currency has was
 * written otherwise and rejects its row: "1,058" yen are never taken for 1.058.
 */
#include "paypal.h"

#define AMOUNT_MAX 64 /* bytes of an amount as written */

/* How the file at hand is written. */
struct notation {
	struct ep_notation amounts;
	enum ep_date_format dates;
};

static void declare(const struct reader *reader, const struct language *language, struct notation *notation)
{
	bool comma = language->mark == EP_DECIMAL_COMMA;

	if (reader->paypal->decimal != PAYPAL_DECIMAL_HEADER)
		comma = reader->paypal->decimal == PAYPAL_DECIMAL_COMMA;
	notation->amounts =
		(struct ep_notation){.mark = comma ? EP_DECIMAL_COMMA : EP_DECIMAL_POINT, .group = comma ? '.' : ','};
	switch (reader->paypal->dates) {
	case PAYPAL_DATES_MDY:
		notation->dates = EP_DATE_MDY;
		break;
	case PAYPAL_DATES_DMY:
		notation->dates = EP_DATE_DMY;
		break;
	case PAYPAL_DATES_YMD:
		notation->dates = EP_DATE_YMD;
		break;
	default:
		notation->dates = language->dates;
	}
}

/* Without the blanks that some languages write between thousands. */
static struct ep_text without_blanks(struct ep_text text, char room[AMOUNT_MAX])
{
	uint64_t length = 0;

	for (uint64_t i = 0; i < text.value.length && length < AMOUNT_MAX; i++) {
		struct ep_slice rest = ep_slice_sub(text.value, i, 3);

		if (ep_slice_starts(rest, EP_SAY("\xe2\x80\xaf"))) /* U+202F */
			i += 2;
		else if (ep_slice_starts(rest, EP_SAY("\xc2\xa0"))) /* U+00A0 */
			i += 1;
		else if (rest.data[0] != ' ')
			room[length++] = rest.data[0];
	}
	text.value = ep_slice_make(room, length);
	return text;
}

/* False for an empty amount, and for one that can't be read (the record is then rejected). */
static bool take_amount(const struct reader *reader, const struct notation *notation, struct ep_money *money,
	struct ep_text amount, struct ep_slice currency)
{
	char room[AMOUNT_MAX];
	struct ep_text written = without_blanks(amount, room);

	if (!ep_money_take(reader->host, reader->call, money, written, &notation->amounts, currency))
		return false;
	if (currency.length == 0 || money->amount.scale <= ep_currency_digits(currency))
		return true;
	(void)reader->host->reject(reader->call, EP_ERR_VALUE, ep_place_of(amount),
		EP_SAY("more decimals than the currency has: see the options decimal and columns"));
	return false;
}

/* Net, or gross with the fee, where the file has no net. A fee is negative; one that is given back is not. */
static void put_amounts(const struct reader *reader, const struct notation *notation, const struct ep_text *row)
{
	const struct ep_host *host = reader->host;
	struct ep_slice currency = row[ACTIVITY_CURRENCY].value;
	struct ep_money net, part;
	bool stated = take_amount(reader, notation, &net, row[ACTIVITY_NET], currency);
	bool known = stated || take_amount(reader, notation, &net, row[ACTIVITY_GROSS], currency);

	if (take_amount(reader, notation, &part, row[ACTIVITY_FEE], currency) && !ep_decimal_is_zero(part.amount)) {
		host->put_money(reader->call, EP_SETTLEMENT_CHARGES, ep_money_negate(part), row[ACTIVITY_FEE]);
		if (known && !stated && ep_decimal_add(&net.amount, net.amount, part.amount) != EP_OK)
			known = false;
	}
	if (known)
		ep_put_entry_money(host, reader->call, net, stated ? row[ACTIVITY_NET] : row[ACTIVITY_GROSS]);
	if (take_amount(reader, notation, &part, row[ACTIVITY_BALANCE], currency))
		host->put_money(reader->call, EP_SETTLEMENT_BALANCE_AFTER, part, row[ACTIVITY_BALANCE]);
}

static void put_date(const struct reader *reader, const struct notation *notation, struct ep_text text)
{
	struct ep_date date;

	if (text.value.length == 0)
		return;
	if (ep_date_read(&date, text.value, notation->dates) == EP_OK ||
		ep_date_read(&date, text.value, EP_DATE_ISO) == EP_OK)
		reader->host->put_date(reader->call, EP_SETTLEMENT_BOOKING_DATE, date, text);
	else
		reader->host->note(reader->call, EP_SETTLEMENT_BOOKING_DATE, EP_NOTE_VALUE_UNREADABLE);
}

static struct ep_text first_of(const struct ep_text *row, enum activity_role one, enum activity_role other)
{
	return row[one].value.length ? row[one] : row[other];
}

/* The other party: a bank with its account, or a person with an address, which is the sender's of what came in. */
static void put_counterparty(const struct reader *reader, const struct ep_text *row)
{
	const struct ep_host *host = reader->host;
	bool debit = ep_slice_starts(first_of(row, ACTIVITY_NET, ACTIVITY_GROSS).value, EP_SAY("-"));
	struct ep_text address = debit ? row[ACTIVITY_TO] : row[ACTIVITY_FROM];

	host->put_text(reader->call, EP_SETTLEMENT_COUNTERPARTY, row[ACTIVITY_NAME]);
	host->put_text(reader->call, EP_SETTLEMENT_COUNTERPARTY_AGENT, row[ACTIVITY_BANK_NAME]);
	host->put_text(reader->call, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT,
		row[ACTIVITY_BANK_ACCOUNT].value.length ? row[ACTIVITY_BANK_ACCOUNT] : address);
}

static enum ep_status read_row(const struct reader *reader, const struct notation *notation, const struct ep_text *row)
{
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;
	struct ep_text status = first_of(row, ACTIVITY_STATUS, ACTIVITY_TYPE);

	host->record_begin(call, EP_SETTLEMENT);
	host->put_text(call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	put_amounts(reader, notation, row);
	put_date(reader, notation, row[ACTIVITY_DATE]);
	host->put_code(call, EP_SETTLEMENT_STATUS,
		paypal_is_memo(row[ACTIVITY_IMPACT].value)
			? EP_ENTRY_STATUS_INFO
			: paypal_entry_status(row[ACTIVITY_STATUS].value, EP_ENTRY_STATUS_BOOKED),
		status);
	host->put_text(call, EP_SETTLEMENT_SERVICER_REF, row[ACTIVITY_TRANSACTION_ID]);
	host->put_text(call, EP_SETTLEMENT_TRANSACTION_ID, row[ACTIVITY_TRANSACTION_ID]);
	host->put_text(call, EP_SETTLEMENT_ENTRY_REF, row[ACTIVITY_REFERENCE_ID]);
	host->put_text(call, EP_SETTLEMENT_END_TO_END_ID, first_of(row, ACTIVITY_INVOICE, ACTIVITY_CUSTOM));
	host->put_text(call, EP_SETTLEMENT_DESCRIPTION, row[ACTIVITY_TYPE]);
	host->put_text(call, EP_SETTLEMENT_REMITTANCE, first_of(row, ACTIVITY_SUBJECT, ACTIVITY_NOTE));
	put_counterparty(reader, row);
	return host->record_end(call);
}

/* Headers that option `columns` declares: they come before those of the languages. */
static void declare_columns(const struct reader *reader, const struct ep_csv *csv, struct ep_columns *columns)
{
	static const char *const names[ACTIVITY_ROLES] = {NULL, "date", "name", "type", "status", "currency", "gross",
		"fee", "net", "balance", "transaction_id", "reference_id", "invoice", "custom", "from", "to", "subject",
		"note", "impact", "bank_name", "bank_account"};

	for (uint32_t role = 1; role < ACTIVITY_ROLES; role++) {
		struct ep_slice header = ep_map_find(reader->paypal->columns, ep_slice_of(names[role]));
		struct ep_csv row = *csv;
		struct ep_text field;

		if (header.length == 0)
			continue;
		for (uint32_t i = 0; i < EP_COLUMNS_MAX && ep_csv_take(&row, &field); i++) {
			if (i < columns->count && columns->roles[i] == role)
				columns->roles[i] = 0;
			if (ep_slice_equal_nocase(ep_text_trim(field).value, header))
				columns->roles[i] = (uint8_t)role;
			if (columns->count <= i)
				columns->count = i + 1;
		}
	}
}

/* The header row with one separator; false if it isn't one. */
static bool open_file(const struct reader *reader, const struct ep_part *part, char separator, struct ep_csv *csv,
	struct ep_columns *columns, struct notation *notation)
{
	static const struct language unknown = {NULL, EP_DECIMAL_POINT, ',', EP_DATE_YMD};
	const struct language *language;

	*csv = ep_csv_begin(reader->host, reader->call, part, separator);
	if (!ep_csv_row(csv))
		return false;
	memset(columns, 0, sizeof(*columns));
	language = paypal_language(csv, columns);
	declare_columns(reader, csv, columns);
	declare(reader, language ? language : &unknown, notation);
	return ep_columns_have(columns, ACTIVITY_DATE) && ep_columns_have(columns, ACTIVITY_CURRENCY) &&
	       (ep_columns_have(columns, ACTIVITY_NET) || ep_columns_have(columns, ACTIVITY_GROSS)) &&
	       (ep_columns_have(columns, ACTIVITY_TRANSACTION_ID) || ep_columns_have(columns, ACTIVITY_BALANCE));
}

enum ep_status read_activity(const struct reader *reader, const struct ep_part *part)
{
	char separators[] = {reader->paypal->separator, '\t', ';'};
	struct ep_text row[ACTIVITY_ROLES];
	struct notation notation;
	struct ep_columns columns;
	struct ep_part converted;
	struct ep_csv csv;
	enum ep_status status = EP_OK;
	bool opened = false;

	if (reader->host->text->utf8(reader->call, part, ep_charset_by_evidence(reader->host, part, EP_WINDOWS_1252),
		    &converted) != EP_OK)
		return EP_BAD_INPUT;
	for (size_t i = 0; i < sizeof(separators) && !opened; i++) {
		opened = open_file(reader, &converted, separators[i], &csv, &columns, &notation);
		if (csv.status != EP_OK)
			return csv.status;
	}
	if (!opened)
		return reader->host->fail(reader->call, EP_ERR_TYPE_UNKNOWN,
			ep_place_in(part, ep_text_of(&converted, ep_slice_sub(converted.bytes, 0, 1))),
			EP_SAY("expected JSON, a settlement report, or a header row with date, currency, net and "
			       "transaction ID or balance"));
	while (status == EP_OK && ep_csv_row(&csv)) {
		ep_columns_take(&columns, &csv, row, ACTIVITY_ROLES);
		status = read_row(reader, &notation, row);
	}
	return status == EP_OK ? csv.status : status;
}
