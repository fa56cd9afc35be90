/*
 * statement.c: what a message says beside its entries, and the statement that is made of it.
 *
 * Of several opening balances in one message the first counts, of several closing ones the last: so pages that a bank
 * writes without a :20: of their own are one statement. An account with its currency behind it ("...EUR", "/HUF") is
 * given without, an IBAN in groups without blanks, a BIC before a slash as the servicer.
 */
#include "swift_mt.h"

struct ep_text mt_text(const struct mt_reader *reader, struct ep_slice value, struct ep_slice field)
{
	struct ep_text text = ep_text_of(&reader->part, value), origin;

	if (text.part == EP_NO_PART && value.length) {
		origin = ep_text_of(&reader->part, field);
		text.part = origin.part;
		text.offset = origin.offset;
		text.length = origin.length;
	}
	return text;
}

static struct ep_slice first_line(struct ep_slice value)
{
	struct ep_slice line = ep_slice_make(NULL, 0);

	mt_take_line(&value, &line);
	return ep_slice_trim(line);
}

/* Account and currency ------------------------------------------------------------------------------------------- */

/* ISO 9362: six letters, then two or five letters or digits. */
static bool is_bic(struct ep_slice text)
{
	if (text.length != 8 && text.length != 11)
		return false;
	for (uint64_t i = 0; i < text.length; i++)
		if (!mt_is_upper(text.data[i]) && (i < 6 || text.data[i] < '0' || text.data[i] > '9'))
			return false;
	return true;
}

static bool ends_with_currency(struct ep_slice text, uint64_t *length)
{
	uint64_t end = text.length;

	if (end < 5 || !mt_is_upper(text.data[end - 1]) || !mt_is_upper(text.data[end - 2]) ||
		!mt_is_upper(text.data[end - 3]))
		return false;
	if (text.data[end - 4] == '/' || text.data[end - 4] == ' ')
		*length = end - 4;
	else if (text.data[end - 4] >= '0' && text.data[end - 4] <= '9')
		*length = end - 3;
	else
		return false;
	return true;
}

/* An IBAN in groups of four, without its blanks. */
static struct ep_slice without_blanks(struct ep_slice text, char joined[36])
{
	uint64_t length = 0;

	if (text.length < 15 || !mt_is_upper(text.data[0]) || !mt_is_upper(text.data[1]) ||
		ep_slice_find(text, ' ') == text.length)
		return text;
	for (uint64_t i = 0; i < text.length; i++) {
		char byte = text.data[i];

		if (byte == ' ')
			continue;
		if ((!mt_is_upper(byte) && (byte < '0' || byte > '9')) || length == 34)
			return text;
		joined[length++] = byte;
	}
	return ep_slice_make(joined, length);
}

static void read_account(struct mt_reader *reader, const struct mt_field *field)
{
	struct mt_statement *statement = &reader->statement;
	struct ep_slice lines = field->value, account = ep_slice_make(NULL, 0), second = account;
	uint64_t slash, length;

	if (statement->account.value.length)
		return; /* a broken :86: that has become a :25: */
	mt_take_line(&lines, &account);
	account = ep_slice_trim(account);
	statement->raw_account = account;
	slash = ep_slice_find(account, '/');
	if (slash < account.length && is_bic(ep_slice_sub(account, 0, slash))) {
		statement->servicer = mt_text(reader, ep_slice_sub(account, 0, slash), field->value);
		account = ep_slice_sub(account, slash + 1, account.length);
	}
	if (field->letter == 'P' && mt_take_line(&lines, &second) && is_bic(ep_slice_trim(second)))
		statement->servicer = mt_text(reader, ep_slice_trim(second), field->value);
	if (ends_with_currency(account, &length)) {
		statement->account_and_currency = account;
		statement->account_currency = ep_slice_sub(account, account.length - 3, 3);
		account = ep_slice_trim(ep_slice_sub(account, 0, length));
	}
	account = without_blanks(account, statement->account_joined);
	statement->account = mt_text(reader, account, field->value);
}

struct ep_slice mt_currency(const struct mt_reader *reader)
{
	const struct mt_statement *statement = &reader->statement;

	if (statement->ledger.currency[0])
		return ep_slice_of(statement->ledger.currency);
	if (statement->floor_currency.length)
		return statement->floor_currency;
	if (statement->account_currency.length)
		return statement->account_currency;
	return reader->options->currency;
}

struct ep_text mt_account(const struct mt_reader *reader)
{
	const struct mt_statement *statement = &reader->statement;

	/* Three letters behind the account that are not the currency belong to it. */
	if (statement->account_currency.length && !ep_slice_equal(statement->account_currency, mt_currency(reader)))
		return mt_text(reader, statement->account_and_currency, statement->account_and_currency);
	if (statement->account.value.length)
		return statement->account;
	return ep_text_constant(reader->options->account);
}

/* Fields ---------------------------------------------------------------------------------------------------------- */

static void read_opening(struct mt_reader *reader, struct ep_slice value)
{
	struct mt_statement *statement = &reader->statement;
	struct mt_balance balance = mt_read_balance(value);

	if (statement->ledger.opening_stated)
		return;
	statement->opening_unreadable = !balance.readable;
	if (!balance.readable)
		return;
	ep_ledger_open(&statement->ledger, balance.money, mt_text(reader, first_line(value), value));
	statement->opening_date = balance.date;
	statement->sign_assumed |= balance.sign_assumed;
}

static void read_closing(struct mt_reader *reader, const struct mt_field *field)
{
	struct mt_statement *statement = &reader->statement;
	struct mt_balance balance = mt_read_balance(field->value);

	statement->closing_unreadable = !balance.readable;
	if (!balance.readable)
		return;
	if (balance.money.currency[0] == '\0' && statement->ledger.currency[0]) {
		memcpy(balance.money.currency, statement->ledger.currency, sizeof(balance.money.currency));
		statement->closing_currency_assumed = true;
	}
	ep_ledger_close(&statement->ledger, balance.money, mt_text(reader, first_line(field->value), field->value));
	statement->closing_date = balance.date;
	statement->closing_intermediate = field->letter == 'M';
	statement->sign_assumed |= balance.sign_assumed;
}

static void read_available(struct mt_reader *reader, struct ep_slice value)
{
	struct mt_statement *statement = &reader->statement;
	struct mt_balance balance = mt_read_balance(value);

	if (!balance.readable || statement->available_text.length)
		return;
	statement->available = balance.money;
	statement->available_text = first_line(value);
}

/* "00004/00001": number and page. */
static void read_number(struct mt_reader *reader, struct ep_slice value)
{
	struct ep_slice line = first_line(value);
	uint64_t slash = ep_slice_find(line, '/');

	if (reader->statement.sequence.value.length)
		return;
	reader->statement.raw_number = ep_slice_sub(line, 0, slash);
	reader->statement.sequence = mt_text(reader, line, value);
	reader->statement.page = mt_text(reader, ep_slice_sub(line, slash + 1, line.length), value);
}

/* The owner's name, in lines "22..." of a :NS: that belongs to no entry. */
static void read_owner(struct mt_reader *reader, struct ep_slice lines)
{
	struct ep_slice line;

	while (mt_take_line(&lines, &line))
		if (ep_slice_starts(line, EP_SAY("22")) && reader->statement.owner.value.length == 0)
			reader->statement.owner =
				mt_text(reader, ep_slice_trim(ep_slice_sub(line, 2, line.length)), line);
}

void mt_statement_field(struct mt_reader *reader, const struct mt_field *field)
{
	struct mt_statement *statement = &reader->statement;
	struct ep_slice line = first_line(field->value);
	struct ep_money money;

	switch (field->tag) {
	case MT_13:
		statement->made_at = line;
		statement->interim = true;
		break;
	case MT_25:
		read_account(reader, field);
		break;
	case MT_28:
		read_number(reader, field->value);
		break;
	case MT_34:
		if (ep_currency_set(&money, ep_slice_sub(line, 0, 3)) == EP_OK)
			statement->floor_currency = ep_slice_sub(line, 0, 3);
		statement->interim = true;
		break;
	case MT_60:
		read_opening(reader, field->value);
		break;
	case MT_62:
		read_closing(reader, field);
		break;
	case MT_64:
		read_available(reader, field->value);
		break;
	case MT_90:
		*(field->letter == 'D' ? &statement->stated_debits : &statement->stated_credits) = line;
		statement->interim = true;
		break;
	case MT_NS:
		read_owner(reader, field->value);
		break;
	default:
		break; /* :21:, :65:, :86: of the whole statement */
	}
}

/* The statement ---------------------------------------------------------------------------------------------------- */

static const char *report_type(const struct mt_statement *statement)
{
	static const char *const names[] = {"MT940", "MT941", "MT942", "MT950", "MT970", "MT972"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ep_slice_equal(statement->type, ep_slice_of(names[i] + 2)))
			return names[i];
	if (statement->interim && !statement->ledger.opening_stated && !statement->ledger.closing_stated)
		return "MT942";
	return "MT940";
}

/* YYMMDDHHMM, and +HHMM with :13D:. */
static void put_made_at(const struct mt_reader *reader)
{
	const struct ep_host *host = reader->host;
	struct ep_slice text = reader->statement.made_at;
	struct ep_text origin = mt_text(reader, text, text);
	struct ep_local_time local;
	int64_t offset;

	if (text.length == 0)
		return;
	memset(&local, 0, sizeof(local));
	if (ep_date_read(&local.date, ep_slice_sub(text, 0, 6), EP_DATE_SHORT) != EP_OK ||
		ep_clock_read(&local, ep_slice_sub(text, 6, 4)) != EP_OK) {
		host->note(reader->call, EP_STATEMENT_CREATED_AT, EP_NOTE_VALUE_UNREADABLE);
	} else if (text.length == 15 && (text.data[10] == '+' || text.data[10] == '-') &&
		   ep_slice_integer(ep_slice_sub(text, 11, 4), &offset) && offset % 100 < 60 && offset < 2400) {
		int16_t minutes = (int16_t)(offset / 100 * 60 + offset % 100);

		host->put_time(reader->call, EP_STATEMENT_CREATED_AT,
			ep_time_at(local, text.data[10] == '-' ? (int16_t)-minutes : minutes), origin);
	} else {
		ep_put_local_time(host, reader->call, EP_STATEMENT_CREATED_AT, local, origin);
	}
}

static void put_date(const struct mt_reader *reader, uint32_t field, struct ep_slice text)
{
	struct ep_date date;

	if (text.length == 0)
		return;
	if (ep_date_read(&date, text, EP_DATE_SHORT) == EP_OK)
		reader->host->put_date(reader->call, field, date, mt_text(reader, text, text));
	else
		reader->host->note(reader->call, field, EP_NOTE_DATE_IMPOSSIBLE);
}

/* :90D:, :90C: "3PLN0,03" against what was counted. */
static void check_total(const struct mt_reader *reader, struct ep_slice text, bool debits)
{
	const struct ep_ledger *ledger = &reader->statement.ledger;
	uint64_t digits = mt_digits(text);
	struct ep_slice amount = ep_slice_sub(text, digits + 3, text.length);
	uint32_t field = debits ? EP_STATEMENT_DEBIT_SUM : EP_STATEMENT_CREDIT_SUM;
	int64_t counted = debits ? ledger->debit_entries : ledger->credit_entries, count;
	struct ep_decimal sum = debits ? ledger->debits : ledger->credits, stated;

	if (text.length == 0)
		return;
	if (ep_slice_integer(ep_slice_sub(text, 0, digits), &count) && count != counted)
		ep_note_total(reader->host, reader->call, EP_STATEMENT_ENTRY_COUNT,
			debits ? ":90D: entries" : ":90C: entries", ep_decimal_make(count, 0),
			ep_decimal_make(counted, 0));
	if (!ledger->incomplete && mt_read_amount(ep_slice_sub(amount, 0, mt_amount_length(amount)), &stated) &&
		ep_decimal_compare(stated, sum) != 0)
		ep_note_total(reader->host, reader->call, field, debits ? ":90D: sum" : ":90C: sum", stated, sum);
}

static void put_check(const struct mt_reader *reader)
{
	const struct ep_text computed = ep_text_constant(EP_SAY(""));
	const struct mt_chain *chain = &reader->chain;

	if (!chain->last || reader->statement.begin > chain->last) {
		ep_ledger_put_check(reader->host, reader->call, &reader->statement.ledger);
		return;
	}
	reader->host->put_code(reader->call, EP_STATEMENT_BALANCE_CHECK, chain->check, computed);
	if (chain->check == EP_BALANCE_CHECK_UNBALANCED)
		reader->host->put_money(reader->call, EP_STATEMENT_BALANCE_DIFFERENCE, chain->difference, computed);
}

static void note_deviations(const struct mt_reader *reader)
{
	const struct mt_statement *statement = &reader->statement;
	const struct ep_host *host = reader->host;

	if (statement->sign_assumed)
		host->note(reader->call, EP_STATEMENT_BALANCE_CHECK, EP_NOTE_SIGN_ASSUMED);
	if (statement->closing_currency_assumed)
		host->note(reader->call, EP_STATEMENT_CLOSING_BALANCE, EP_NOTE_CURRENCY_ASSUMED);
	if (statement->opening_unreadable)
		host->note(reader->call, EP_STATEMENT_OPENING_BALANCE, EP_NOTE_VALUE_UNREADABLE);
	if (statement->closing_unreadable)
		host->note(reader->call, EP_STATEMENT_CLOSING_BALANCE, EP_NOTE_VALUE_UNREADABLE);
}

enum ep_status mt_put_statement(struct mt_reader *reader, const struct mt_fields *behind)
{
	const struct ep_host *host = reader->host;
	struct mt_statement *statement = &reader->statement;
	struct ep_call *call = reader->call;
	struct ep_slice currency = mt_currency(reader);
	struct ep_money stated;

	if (statement->closing_intermediate && (!reader->chain.last || statement->begin > reader->chain.last))
		mt_read_chain(reader, behind);
	host->record_begin(call, EP_STATEMENT);
	host->put_text(call, EP_STATEMENT_ACCOUNT, mt_account(reader));
	host->put_text(call, EP_STATEMENT_STATEMENT_ID, statement->id);
	host->put_text(call, EP_STATEMENT_SEQUENCE, statement->sequence);
	host->put_text(call, EP_STATEMENT_CURRENCY, mt_text(reader, currency, statement->account_currency));
	put_date(reader, EP_STATEMENT_FROM_DATE, statement->opening_date);
	put_date(reader, EP_STATEMENT_TO_DATE, statement->closing_date);
	if (statement->ledger.currency[0] == '\0' && ep_currency_set(&stated, currency) == EP_OK)
		memcpy(statement->ledger.currency, stated.currency, sizeof(stated.currency));
	ep_ledger_put(host, call, &statement->ledger);
	put_check(reader);
	check_total(reader, statement->stated_debits, true);
	check_total(reader, statement->stated_credits, false);
	note_deviations(reader);
	put_made_at(reader);
	if (statement->available_text.length)
		host->put_money(call, EP_STATEMENT_AVAILABLE_BALANCE, statement->available,
			mt_text(reader, statement->available_text, statement->available_text));
	host->put_text(call, EP_STATEMENT_REPORT_TYPE, ep_text_constant(ep_slice_of(report_type(statement))));
	host->put_text(call, EP_STATEMENT_OWNER, statement->owner);
	host->put_text(call, EP_STATEMENT_SERVICER, statement->servicer);
	host->put_text(call, EP_STATEMENT_PAGE, statement->page);
	return host->record_end(call);
}
