/*
 * bai2: balance reports of North American banks (BAI version 2, ANSI X9.121): file, groups, accounts, transactions.
 *
 * Each account (03) gives a settlement for each transaction (16), then a statement. Amounts are in minor units of the
 * account's currency, which is the group's if the account names none, and USD if neither does. The control totals and
 * counts of the trailers (49, 98, 99) are checked; what disagrees, or is missing, is noted at the account's statement.
 * Read forward, a record at a time: a file may be of any size.
 */
#include "bai2.h"

static const struct ep_option options[] = {
	EP_OPTION(struct bai2, account, EP_OPTION_TEXT, "",
		"account of a report that names none (without it: the source's name)"),
};

/* Values ----------------------------------------------------------------------------------------------------------- */

struct ep_text bai_cut(const struct bai_reader *reader, struct ep_slice value)
{
	return ep_text_of(&reader->part, value);
}

/* YYMMDD, or with four digits of the year. */
static bool read_date(struct ep_slice text, struct ep_date *date)
{
	return ep_date_read(date, text, text.length == 8 ? EP_DATE_BASIC : EP_DATE_SHORT) == EP_OK;
}

void bai_put_date(const struct bai_reader *reader, uint32_t field, struct ep_text text)
{
	struct ep_date date;

	if (text.value.length == 0)
		return;
	if (read_date(text.value, &date))
		reader->host->put_date(reader->call, field, date, text);
	else
		reader->host->note(reader->call, field, EP_NOTE_DATE_IMPOSSIBLE);
}

/* Adds what an amount field says to the control sums, as it stands there. */
static bool add_control(struct bai_reader *reader, struct ep_slice text, struct ep_decimal *amount)
{
	struct ep_decimal *sum = &reader->account_control.sum;

	*amount = ep_decimal_make(0, 0);
	if (text.length == 0)
		return true;
	if (ep_decimal_read(amount, text, EP_DECIMAL_POINT) == EP_OK && ep_decimal_add(sum, *sum, *amount) == EP_OK)
		return true;
	reader->account_control.incomplete = true;
	return false;
}

bool bai_amount(struct bai_reader *reader, struct ep_slice text, struct ep_money *money)
{
	bool readable = add_control(reader, text, &money->amount);

	memcpy(money->currency, reader->account.code, sizeof(money->currency));
	if (money->amount.scale == 0)
		money->amount.scale = reader->account.digits; /* with a point it would not be in minor units */
	return readable;
}

void bai_funds(struct bai_records *records, struct ep_slice type, struct ep_slice *value_date)
{
	struct ep_slice field = {0};
	int64_t fields = 0;

	*value_date = ep_slice_make(NULL, 0);
	if (ep_slice_is(type, "V")) {
		bai_field(records, value_date);
		bai_field(records, &field);
	} else if (ep_slice_is(type, "S")) {
		fields = 3;
	} else if (ep_slice_is(type, "D") && bai_field(records, &field) && ep_slice_integer(field, &fields)) {
		fields = fields > 1000 ? 2000 : fields * 2;
	}
	while (fields-- > 0 && bai_field(records, &field))
		;
}

/* Trailers ---------------------------------------------------------------------------------------------------------- */

static void keep_mismatch(struct bai_reader *reader, const char *what, uint32_t field, struct ep_decimal stated,
	struct ep_decimal counted)
{
	struct bai_account *account = &reader->account;

	if (account->mismatch_count < BAI_MISMATCHES_MAX)
		account->mismatches[account->mismatch_count++] = (struct bai_mismatch){what, field, stated, counted};
}

static void check_count(struct bai_reader *reader, const char *what, uint64_t counted)
{
	struct ep_slice field;
	int64_t stated;

	if (bai_field(&reader->records, &field) && ep_slice_integer(field, &stated) && (uint64_t)stated != counted)
		keep_mismatch(reader, what, EP_STATEMENT_ENTRY_COUNT, ep_decimal_make(stated, 0),
			ep_decimal_make((ep_int128)counted, 0));
}

/* The first field of a trailer against the sum of what stood before it. */
static void check_sum(struct bai_reader *reader, const char *what, const struct bai_control *control)
{
	struct ep_slice field;
	struct ep_decimal stated;

	if (!bai_field(&reader->records, &field) || field.length == 0 || control->incomplete)
		return;
	if (ep_decimal_read(&stated, field, EP_DECIMAL_POINT) != EP_OK || ep_decimal_compare(stated, control->sum) != 0)
		keep_mismatch(reader, what, EP_STATEMENT_BALANCE_CHECK, stated, control->sum);
}

/* Its sum and members count in what it stands in. */
static void add_member(struct bai_control *to, const struct bai_control *from)
{
	to->members++;
	to->incomplete |= from->incomplete;
	if (ep_decimal_add(&to->sum, to->sum, from->sum) != EP_OK)
		to->incomplete = true;
}

static void begin_control(const struct bai_reader *reader, struct bai_control *control)
{
	memset(control, 0, sizeof(*control));
	control->first_record = reader->records.read - 1;
}

static void end_account(struct bai_reader *reader)
{
	if (!reader->account.begun || reader->account.closed)
		return;
	reader->account.closed = true;
	add_member(&reader->group_control, &reader->account_control);
}

static void end_group(struct bai_reader *reader)
{
	end_account(reader);
	if (reader->group_ended)
		return;
	reader->group_ended = true;
	add_member(&reader->file_control, &reader->group_control);
}

static void read_account_trailer(struct bai_reader *reader)
{
	if (!reader->account.begun || reader->account.closed)
		return;
	check_sum(reader, "49: sum", &reader->account_control);
	check_count(reader, "49: records", reader->records.read - reader->account_control.first_record);
	end_account(reader);
	reader->account.trailed = true;
}

static void read_group_trailer(struct bai_reader *reader)
{
	end_account(reader);
	check_sum(reader, "98: sum", &reader->group_control);
	check_count(reader, "98: accounts", reader->group_control.members);
	check_count(reader, "98: records", reader->records.read - reader->group_control.first_record);
	end_group(reader);
}

static void read_file_trailer(struct bai_reader *reader)
{
	end_group(reader);
	check_sum(reader, "99: sum", &reader->file_control);
	check_count(reader, "99: groups", reader->file_control.members);
	check_count(reader, "99: records", reader->records.read - reader->file_control.first_record);
	reader->file_ended = true;
}

/* The statement ------------------------------------------------------------------------------------------------------ */

static void put_created_at(const struct bai_reader *reader)
{
	struct ep_local_time local;

	if (reader->created_date.value.length == 0)
		return;
	memset(&local, 0, sizeof(local));
	if (!read_date(reader->created_date.value, &local.date) ||
		ep_clock_read(&local, reader->created_time.value) != EP_OK)
		reader->host->note(reader->call, EP_STATEMENT_CREATED_AT, EP_NOTE_VALUE_UNREADABLE);
	else
		ep_put_local_time(reader->host, reader->call, EP_STATEMENT_CREATED_AT, local, reader->created_date);
}

/* Puts the account that was begun, if there is one. */
static enum ep_status put_statement(struct bai_reader *reader)
{
	const struct ep_host *host = reader->host;
	struct bai_account *account = &reader->account;
	struct ep_call *call = reader->call;

	if (!account->begun)
		return EP_OK;
	account->begun = false;
	host->record_begin(call, EP_STATEMENT);
	host->put_text(call, EP_STATEMENT_ACCOUNT, account->number);
	host->put_text(call, EP_STATEMENT_STATEMENT_ID, reader->file_id);
	host->put_text(call, EP_STATEMENT_CURRENCY, account->currency);
	bai_put_date(reader, EP_STATEMENT_FROM_DATE, reader->as_of_date);
	bai_put_date(reader, EP_STATEMENT_TO_DATE, reader->as_of_date);
	ep_ledger_put(host, call, &account->ledger);
	ep_ledger_put_check(host, call, &account->ledger);
	put_created_at(reader);
	if (account->available_text.value.length)
		host->put_money(call, EP_STATEMENT_AVAILABLE_BALANCE, account->available, account->available_text);
	host->put_text(call, EP_STATEMENT_REPORT_TYPE, ep_text_constant(EP_SAY("BAI2")));
	if (reader->group_status == '4')
		host->put_bool(call, EP_STATEMENT_TEST, true, ep_text_constant(EP_SAY("")));
	for (uint32_t i = 0; i < account->mismatch_count; i++)
		ep_note_total(host, call, account->mismatches[i].field, account->mismatches[i].what,
			account->mismatches[i].stated, account->mismatches[i].counted);
	if (!account->trailed || reader->group_status == '2')
		host->note(call, EP_STATEMENT_ENTRY_COUNT, EP_NOTE_ENVELOPE);
	return host->record_end(call);
}

/* Headers ------------------------------------------------------------------------------------------------------------- */

static struct ep_text next_text(struct bai_reader *reader)
{
	struct ep_slice field = {0};

	bai_field(&reader->records, &field);
	return bai_cut(reader, field);
}

static void read_file_header(struct bai_reader *reader)
{
	begin_control(reader, &reader->file_control);
	reader->file_begun = true;
	reader->file_ended = false;
	next_text(reader); /* sender */
	next_text(reader); /* receiver */
	reader->created_date = next_text(reader);
	reader->created_time = next_text(reader);
	reader->file_id = next_text(reader);
}

static void read_group_header(struct bai_reader *reader)
{
	struct ep_text status;

	begin_control(reader, &reader->group_control);
	reader->group_ended = false;
	next_text(reader); /* ultimate receiver */
	next_text(reader); /* originator */
	status = next_text(reader);
	reader->group_status = status.value.length == 1 ? status.value.data[0] : '1';
	reader->as_of_date = next_text(reader);
	next_text(reader); /* as-of time */
	reader->group_currency = next_text(reader);
}

/* Whether a currency is three letters; the account's, else the group's, else USD. */
static void set_currency(struct bai_reader *reader, struct ep_text stated)
{
	struct bai_account *account = &reader->account;
	struct ep_text usd = ep_text_constant(EP_SAY("USD"));
	struct ep_text candidates[] = {stated, reader->group_currency, usd};
	struct ep_money money;

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		if (ep_currency_set(&money, candidates[i].value) != EP_OK)
			continue;
		account->currency = candidates[i];
		memcpy(account->code, money.currency, sizeof(account->code));
		memcpy(account->ledger.currency, money.currency, sizeof(account->ledger.currency));
		account->digits = ep_currency_digits(candidates[i].value);
		break;
	}
}

/* One status or summary of 03. */
static enum ep_status keep_status(struct bai_reader *reader, struct ep_slice type, struct ep_slice amount)
{
	struct bai_account *account = &reader->account;
	struct ep_money money;

	if (!bai_amount(reader, amount, &money))
		return reader->host->reject(reader->call, EP_ERR_VALUE,
			ep_place_in(&reader->part, bai_cut(reader, amount)),
			EP_SAY("expected an amount in minor units behind a type code of 03, such as 12345"));
	if (amount.length == 0)
		return EP_OK;
	if (ep_slice_is(type, "010") && !account->ledger.opening_stated) {
		ep_ledger_open(&account->ledger, money, bai_cut(reader, amount));
	} else if (ep_slice_is(type, "015") && !account->ledger.closing_stated) {
		ep_ledger_close(&account->ledger, money, bai_cut(reader, amount));
	} else if (ep_slice_is(type, "045") && account->available_text.value.length == 0) {
		account->available = money;
		account->available_text = bai_cut(reader, amount);
	}
	return EP_OK;
}

static enum ep_status read_account(struct bai_reader *reader)
{
	struct bai_account *account = &reader->account;
	enum ep_status status = EP_OK;
	struct ep_slice type;

	memset(account, 0, sizeof(*account));
	account->begun = true;
	begin_control(reader, &reader->account_control);
	account->number = next_text(reader);
	if (account->number.value.length == 0)
		account->number = ep_text_constant(reader->options->account);
	set_currency(reader, next_text(reader));
	while (status == EP_OK && bai_field(&reader->records, &type)) {
		struct ep_slice amount = {0}, count = {0}, funds = {0}, value_date;

		bai_field(&reader->records, &amount);
		bai_field(&reader->records, &count);
		bai_field(&reader->records, &funds);
		bai_funds(&reader->records, funds, &value_date);
		status = keep_status(reader, type, amount);
	}
	return status;
}

/* Records ------------------------------------------------------------------------------------------------------------- */

static enum ep_status read_entry(struct bai_reader *reader)
{
	if (reader->account.begun)
		return bai_put_entry(reader);
	return reader->host->reject(reader->call, EP_ERR_SYNTAX,
		ep_place_in(&reader->part, bai_cut(reader, reader->records.rest)),
		EP_SAY("expected an account (03) before a transaction (16)"));
}

static enum ep_status read_record(struct bai_reader *reader, enum bai_code code)
{
	enum ep_status status = EP_OK;

	/* An account is put when the next record can't be one of its trailers. */
	if (code == BAI_FILE || code == BAI_GROUP || code == BAI_ACCOUNT)
		status = put_statement(reader);
	if (status != EP_OK)
		return status;
	switch (code) {
	case BAI_FILE:
		read_file_header(reader);
		break;
	case BAI_GROUP:
		end_group(reader);
		read_group_header(reader);
		break;
	case BAI_ACCOUNT:
		end_account(reader);
		return read_account(reader);
	case BAI_ENTRY:
		return read_entry(reader);
	case BAI_ACCOUNT_TRAILER:
		read_account_trailer(reader);
		break;
	case BAI_GROUP_TRAILER:
		read_group_trailer(reader);
		break;
	case BAI_FILE_TRAILER:
		read_file_trailer(reader);
		break;
	default:
		break;
	}
	return EP_OK;
}

/* A file that says it begins (01) and stops in the middle of a record was cut off: its last amount may be too short. */
static bool is_cut_off(const struct bai_reader *reader)
{
	struct ep_slice bytes = reader->part.bytes;
	char last = bytes.data[bytes.length - 1];

	return reader->file_begun && !reader->file_ended && last != '/' && last != '\n' && last != '\r' && last != ' ';
}

static enum ep_status end_of_file(struct bai_reader *reader)
{
	struct ep_slice bytes = reader->part.bytes, end = ep_slice_sub(bytes, bytes.length - 1, 1);

	if (is_cut_off(reader))
		return reader->host->fail(reader->call, EP_ERR_TRUNCATED,
			ep_place_in(&reader->part, bai_cut(reader, end)),
			EP_SAY("the file ends within a record; expected a trailer (99)"));
	if (!reader->file_ended)
		reader->account.trailed = false;
	return put_statement(reader);
}

static enum ep_status bai2_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct bai_reader reader;
	enum ep_status status;
	enum bai_code code;

	memset(&reader, 0, sizeof(reader));
	reader.host = host;
	reader.call = call;
	reader.options = state;
	reader.group_ended = true;
	reader.group_status = '1';
	status = ep_part_text(host, call, &input->parts[0], EP_WINDOWS_1252, &reader.part);
	if (status != EP_OK)
		return status;
	if (!ep_gather_open(host, call, &reader.text, BAI_TEXT_MAX))
		return EP_NO_MEMORY;
	bai_records_begin(&reader.records, reader.part.bytes);
	if (reader.records.next.code == BAI_NONE)
		return host->fail(call, reader.part.bytes.length ? EP_ERR_TYPE_UNKNOWN : EP_ERR_EMPTY, ep_place_none(),
			EP_SAY("expected a BAI2 file: no line begins with a record such as 01, 03 or 16"));
	while (status == EP_OK && (code = bai_next(&reader.records)) != BAI_NONE)
		status = read_record(&reader, code);
	return status == EP_OK ? end_of_file(&reader) : status;
}

EP_PLUGIN_DECLARE_FULL("bai2", "1.0.0", EP_KIND_BANK, EP_WHOLE_ONLY, "", options, sizeof(options) / sizeof(options[0]),
	struct bai2, 0, bai2_parse);
