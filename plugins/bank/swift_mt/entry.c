/*
 * entry.c: one entry (:61: with the :86: behind it) as a settlement.
 *
 *	YYMMDD[MMDD] mark [funds letter] amount type reference[//reference of the servicer]
 *	[supplementary details]
 *
 * The mark is C, D, RC, RD, EC or ED. RC takes back a credit, so it lowers the balance; RD raises it; EC and ED are
 * expected and not booked. "CR" and "DR" are no reversals: their R is the third letter of EUR, as the letter behind the
 * mark tells the currency. What real files do: no entry date, or blanks for it; a date that doesn't exist; a type of two
 * or three characters or none; the line broken in two.
 */
#include "swift_mt.h"

#define REFERENCE_MAX 16 /* characters; what stands behind them is another field's */

/* The rest of a line while it is read. */
struct cursor {
	struct ep_slice rest;
};

static struct ep_slice take(struct cursor *cursor, uint64_t length)
{
	struct ep_slice taken = ep_slice_sub(cursor->rest, 0, length);

	cursor->rest = ep_slice_sub(cursor->rest, taken.length, cursor->rest.length);
	return taken;
}

static char upper(char byte)
{
	return byte >= 'a' && byte <= 'z' ? (char)(byte - ('a' - 'A')) : byte;
}

static bool is_mark(char byte)
{
	return upper(byte) == 'C' || upper(byte) == 'D';
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->rest.length && cursor->rest.data[0] == ' ')
		take(cursor, 1);
}

static enum ep_status wrong(const struct cursor *cursor, struct ep_slice *why, struct ep_slice text)
{
	*why = text;
	return cursor->rest.length ? EP_BAD_INPUT : EP_END;
}

/* YYMMDD, and MMDD if it is there. Four-digit years occur. */
static enum ep_status read_dates(struct mt_entry *entry, struct cursor *cursor, struct ep_slice *why)
{
	uint64_t digits = mt_digits(cursor->rest);

	if (digits == 8 || digits == 12)
		take(cursor, 2);
	else if (digits < 6) {
		take(cursor, digits);
		return wrong(cursor, why, EP_SAY("expected :61: to begin with a value date, YYMMDD"));
	}
	entry->value_date = take(cursor, 6);
	skip_blanks(cursor);
	digits = mt_digits(cursor->rest);
	if (digits == 4)
		entry->entry_date = take(cursor, 4);
	else if (digits)
		return wrong(
			cursor, why, EP_SAY("expected an entry date, MMDD, or a mark behind the value date of :61:"));
	skip_blanks(cursor);
	return EP_OK;
}

static enum ep_status read_mark(struct mt_entry *entry, struct cursor *cursor, struct ep_slice *why)
{
	struct ep_slice rest = cursor->rest;
	char first = rest.length ? upper(rest.data[0]) : 0;
	uint64_t letters = 0;

	if (rest.length > 1 && (first == 'R' || first == 'E') && is_mark(rest.data[1])) {
		entry->mark = take(cursor, 2);
		entry->reversal = first == 'R';
		entry->expected = first == 'E';
	} else if (rest.length && is_mark(first)) {
		entry->mark = take(cursor, 1);
	} else {
		return wrong(cursor, why, EP_SAY("expected a mark (C, D, RC, RD, EC, ED) behind the dates of :61:"));
	}
	entry->debit = (upper(entry->mark.data[entry->mark.length - 1]) == 'D') != entry->reversal;
	while (letters < 3 && letters < cursor->rest.length && mt_is_upper(upper(cursor->rest.data[letters])))
		letters++;
	take(cursor, letters);
	skip_blanks(cursor);
	return EP_OK;
}

static enum ep_status read_amount(struct mt_entry *entry, struct cursor *cursor, struct ep_slice *why)
{
	entry->amount_text = take(cursor, mt_amount_length(cursor->rest));
	if (!mt_read_amount(entry->amount_text, &entry->amount))
		return wrong(cursor, why, EP_SAY("expected an amount behind the mark of :61:, such as 1234,56"));
	if (ep_decimal_is_negative(entry->amount)) {
		entry->negative = true;
		entry->debit = !entry->debit;
		entry->amount = ep_decimal_negate(entry->amount);
	}
	return EP_OK;
}

/* N, F, S and three characters; banks write fewer, which shows where NONREF follows. */
static uint64_t type_length(struct ep_slice text)
{
	uint64_t length = 0;

	if (text.length == 0 || !mt_is_upper(text.data[0]))
		return 0;
	while (length < 4 && length < text.length && (uint8_t)text.data[length] < 0x80) {
		struct ep_slice rest = ep_slice_sub(text, length, text.length);

		if (length && (ep_slice_starts(rest, EP_SAY("NONREF")) || ep_slice_starts(rest, EP_SAY("//"))))
			break;
		length++;
	}
	return length;
}

/* What stands right behind the amount must not be more of it, misspelt: "1O0,00". */
static enum ep_status read_type(struct mt_entry *entry, struct cursor *cursor, struct ep_slice *why)
{
	bool blank = cursor->rest.length && cursor->rest.data[0] == ' ';

	skip_blanks(cursor);
	entry->type = ep_slice_trim(take(cursor, type_length(cursor->rest)));
	if (ep_slice_find(entry->type, ',') < entry->type.length ||
		(entry->type.length == 0 && !blank && cursor->rest.length && cursor->rest.data[0] != '/')) {
		*why = EP_SAY("expected a transaction type, such as NTRF, behind the amount of :61:");
		return EP_BAD_INPUT;
	}
	return EP_OK;
}

static void read_references(struct mt_entry *entry, struct cursor *cursor)
{
	uint64_t slashes;

	slashes = ep_slice_search(cursor->rest, EP_SAY("//"));
	if (slashes < cursor->rest.length) {
		entry->reference = ep_slice_trim(take(cursor, slashes));
		take(cursor, 2);
		entry->servicer_reference = ep_slice_trim(cursor->rest);
		return;
	}
	entry->reference = ep_slice_trim(cursor->rest);
	/* Rabobank: the other account padded to 16 characters, then the other party's name */
	if (cursor->rest.length > REFERENCE_MAX && cursor->rest.data[REFERENCE_MAX - 1] == ' ') {
		entry->reference = ep_slice_make(NULL, 0);
		entry->other_account = ep_slice_trim(take(cursor, REFERENCE_MAX));
		entry->other_name = ep_slice_trim(cursor->rest);
	} else if (mt_is_iban(entry->reference)) { /* ASN, SNS */
		entry->other_account = entry->reference;
		entry->reference = ep_slice_make(NULL, 0);
	}
}

/* EP_END: the line ends before the amount does. */
static enum ep_status read_line(struct mt_entry *entry, struct ep_slice line, struct ep_slice *why)
{
	struct cursor cursor = {ep_slice_trim(line)};
	enum ep_status status = read_dates(entry, &cursor, why);

	if (status == EP_OK)
		status = read_mark(entry, &cursor, why);
	if (status == EP_OK)
		status = read_amount(entry, &cursor, why);
	if (status == EP_OK)
		status = read_type(entry, &cursor, why);
	if (status == EP_OK)
		read_references(entry, &cursor);
	return status;
}

static void entry_clear(struct mt_entry *entry, const struct mt_field *field)
{
	memset(entry, 0, offsetof(struct mt_entry, joined));
	entry->begin = field->begin;
	entry->field = field->value;
}

enum ep_status mt_read_entry(struct mt_entry *entry, const struct mt_field *field, struct ep_slice *why)
{
	struct ep_slice lines = field->value, line = {0};
	enum ep_status status;
	uint64_t length = 0;

	entry_clear(entry, field);
	mt_take_line(&lines, &line);
	status = read_line(entry, line, why);
	while (status == EP_END && length + line.length <= sizeof(entry->joined)) {
		line = ep_slice_trim(line);
		if (line.length)
			memcpy(entry->joined + length, line.data, line.length);
		length += line.length;
		if (!mt_take_line(&lines, &line))
			break;
		if (length + line.length > sizeof(entry->joined))
			break;
		if (line.length)
			memcpy(entry->joined + length, line.data, line.length);
		entry_clear(entry, field);
		status = read_line(entry, ep_slice_make(entry->joined, length + line.length), why);
	}
	entry->supplementary = lines;
	return status == EP_OK ? EP_OK : EP_BAD_INPUT;
}

/* Putting ------------------------------------------------------------------------------------------------------- */

static struct ep_text own(const struct mt_reader *reader, struct ep_slice value)
{
	return mt_text(reader, value, reader->entry.field);
}

static struct ep_text either(struct ep_text a, struct ep_text b)
{
	return a.value.length ? a : b;
}

/* What banks write where there is no reference. */
static struct ep_slice reference(struct ep_slice text)
{
	return ep_slice_is(text, "NONREF") ? ep_slice_make(NULL, 0) : text;
}

/* German banks name in the reference's place which key of the :86: has it ("KREF+"). */
static struct ep_slice customer_reference(struct ep_slice text)
{
	if (ep_slice_is(text, "EREF+") || ep_slice_is(text, "KREF+") || ep_slice_is(text, "MREF+") ||
		ep_slice_is(text, "EREF") || ep_slice_is(text, "KREF") || ep_slice_is(text, "MARF") ||
		ep_slice_is(text, "PREF") || ep_slice_is(text, "NOREF") || text.length == 1)
		return ep_slice_make(NULL, 0);
	return reference(text);
}

/* The entry date has no year: the one that brings it nearest to the value date. */
static bool booking_date(struct ep_slice value, struct ep_slice entry, struct ep_date *date)
{
	char text[6] = {0};
	struct ep_date from, nearest = {0};
	int64_t distance = INT64_MAX;

	if (ep_date_read(&from, value, EP_DATE_SHORT) != EP_OK) {
		memcpy(text, value.data, 4); /* a day that doesn't exist still says the month */
		text[4] = '2';
		text[5] = '8';
		if (ep_date_read(&from, ep_slice_make(text, sizeof(text)), EP_DATE_SHORT) != EP_OK)
			return false;
	}
	for (int i = -1; i <= 1; i++) {
		struct ep_date candidate = {(int16_t)(from.year + i),
			(uint8_t)((entry.data[0] - '0') * 10 + entry.data[1] - '0'),
			(uint8_t)((entry.data[2] - '0') * 10 + entry.data[3] - '0')};
		int64_t days;

		if (!ep_date_exists(candidate))
			continue;
		days = ep_date_days(candidate) - ep_date_days(from);
		days = days < 0 ? -days : days;
		if (days < distance) {
			distance = days;
			nearest = candidate;
		}
	}
	*date = nearest;
	return distance != INT64_MAX;
}

static void put_dates(const struct mt_reader *reader, const struct mt_entry *entry)
{
	const struct ep_host *host = reader->host;
	struct ep_date date;

	if (entry->entry_date.length) {
		if (booking_date(entry->value_date, entry->entry_date, &date))
			host->put_date(reader->call, EP_SETTLEMENT_BOOKING_DATE, date, own(reader, entry->entry_date));
		else
			host->note(reader->call, EP_SETTLEMENT_BOOKING_DATE, EP_NOTE_DATE_IMPOSSIBLE);
	}
	if (ep_date_read(&date, entry->value_date, EP_DATE_SHORT) == EP_OK)
		host->put_date(reader->call, EP_SETTLEMENT_VALUE_DATE, date, own(reader, entry->value_date));
	else
		host->note(reader->call, EP_SETTLEMENT_VALUE_DATE, EP_NOTE_DATE_IMPOSSIBLE);
}

/* "NTRF+166": the type, and the code of the German scheme where there is one. */
static struct ep_text bank_code(struct mt_reader *reader, const struct mt_info *info)
{
	struct ep_text type = own(reader, reader->entry.type), joined = type;
	struct ep_gather *pieces = &reader->pieces;
	uint64_t mark = pieces->length;

	if (info->code.value.length == 0)
		return type;
	ep_gather_bytes(pieces, type.value);
	ep_gather_byte(pieces, '+');
	ep_gather_bytes(pieces, info->code.value);
	joined.value = ep_slice_make(pieces->bytes + mark, pieces->length - mark);
	return joined;
}

/* "USD12,50" */
static void put_original(const struct mt_reader *reader, const struct mt_info *info)
{
	struct ep_slice text = info->original.value;
	struct ep_money money;

	memset(&money, 0, sizeof(money));
	if (text.length == 0)
		return;
	if (ep_currency_set(&money, ep_slice_sub(text, 0, 3)) == EP_OK &&
		mt_read_amount(ep_slice_sub(text, 3, text.length), &money.amount))
		reader->host->put_money(reader->call, EP_SETTLEMENT_ORIGINAL_AMOUNT, money, info->original);
	else
		reader->host->note(reader->call, EP_SETTLEMENT_ORIGINAL_AMOUNT, EP_NOTE_VALUE_UNREADABLE);
}

static void put_rate(const struct mt_reader *reader, const struct mt_info *info)
{
	struct ep_decimal rate;

	if (info->rate.value.length == 0)
		return;
	if (mt_read_amount(info->rate.value, &rate))
		reader->host->put_decimal(reader->call, EP_SETTLEMENT_EXCHANGE_RATE, rate, info->rate);
	else
		reader->host->note(reader->call, EP_SETTLEMENT_EXCHANGE_RATE, EP_NOTE_VALUE_UNREADABLE);
}

static void put_effect(const struct mt_reader *reader, const struct mt_entry *entry)
{
	const struct ep_host *host = reader->host;
	struct ep_text mark = own(reader, entry->mark);

	host->put_code(
		reader->call, EP_SETTLEMENT_DIRECTION, entry->debit ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT, mark);
	if (entry->negative)
		host->note(reader->call, EP_SETTLEMENT_DIRECTION, EP_NOTE_SIGN_ASSUMED);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS,
		entry->expected ? EP_ENTRY_STATUS_PENDING : EP_ENTRY_STATUS_BOOKED, mark);
	if (entry->reversal)
		host->put_bool(reader->call, EP_SETTLEMENT_REVERSAL, true, mark);
}

static void put_texts(struct mt_reader *reader, const struct mt_entry *entry, const struct mt_info *info)
{
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;
	struct ep_text supplementary = ep_text_trim(own(reader, entry->supplementary));
	struct ep_text remittance = info->remittance, description = info->description;

	if (entry->info.length == 0)
		remittance = either(remittance, supplementary);
	else if (description.value.length == 0 && !ep_slice_equal(info->account.value, supplementary.value))
		description = supplementary;
	host->put_text(call, EP_SETTLEMENT_SERVICER_REF, own(reader, reference(entry->servicer_reference)));
	host->put_text(call, EP_SETTLEMENT_END_TO_END_ID,
		either(info->end_to_end_id, own(reader, customer_reference(entry->reference))));
	host->put_text(call, EP_SETTLEMENT_REMITTANCE, remittance);
	host->put_text(call, EP_SETTLEMENT_ENTRY_REF, info->customer_reference);
	host->put_text(call, EP_SETTLEMENT_BANK_CODE, bank_code(reader, info));
	host->put_text(call, EP_SETTLEMENT_DESCRIPTION, description);
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY, either(info->name, own(reader, entry->other_name)));
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT,
		either(info->account, own(reader, reference(entry->other_account))));
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY_AGENT, info->agent);
	put_original(reader, info);
	put_rate(reader, info);
	host->put_text(call, EP_SETTLEMENT_REFERENCE, info->reference);
	host->put_text(call, EP_SETTLEMENT_MANDATE_ID, info->mandate_id);
	host->put_text(call, EP_SETTLEMENT_TRANSACTION_ID, info->transaction_id);
}

enum ep_status mt_put_entry(struct mt_reader *reader)
{
	const struct ep_host *host = reader->host;
	const struct mt_entry *entry = &reader->entry;
	struct mt_statement *statement = &reader->statement;
	struct ep_slice currency = mt_currency(reader);
	struct ep_money money;
	struct mt_info info;

	if (!reader->entry_begun)
		return EP_OK;
	reader->entry_begun = false;
	memset(&money, 0, sizeof(money));
	money.amount = entry->amount;
	if (currency.length && ep_currency_set(&money, currency) != EP_OK)
		money.currency[0] = '\0';
	ep_ledger_entry(&statement->ledger, money, entry->debit, !entry->expected);
	if (mt_read_info(reader, entry, &info) != EP_OK)
		return host->reject(reader->call, EP_ERR_LIMIT, ep_place_in(&reader->part, own(reader, entry->info)),
			EP_SAY("expected at most 65536 bytes of information (:86:) for an entry"));
	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, mt_account(reader));
	host->put_text(reader->call, EP_SETTLEMENT_STATEMENT_ID, statement->id);
	host->put_money(reader->call, EP_SETTLEMENT_AMOUNT, money, own(reader, entry->amount_text));
	put_effect(reader, entry);
	put_dates(reader, entry);
	put_texts(reader, entry, &info);
	return host->record_end(reader->call);
}
