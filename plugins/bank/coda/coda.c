/*
 * coda: Belgian coded statements of account (Febelfin CODA, versions 1 and 2): records of 128 characters.
 *
 *	0 header, 1 old balance, 2.1-2.3 movement, 3.1-3.3 information, 8 new balance, 4 free text, 9 trailer
 *
 * Each statement (1 to 8) gives a settlement for each movement, then a statement. What the trailer says (records, turnovers)
 * is checked. Read forward, a record at a time: a file may hold any number of statements.
 */
#include "coda.h"

static const struct ep_option options[] = {
	EP_OPTION(struct coda, account, EP_OPTION_TEXT, "",
		"account of a statement that names none (without it: the source's name)"),
};

/* Account and currency, in 37 columns that begin at `from`; how, the structure in column 2 of record 1 says. */
static void read_account(struct coda_reader *reader, struct ep_slice line, uint32_t from)
{
	struct coda_statement *statement = &reader->statement;
	bool belgian_number = ep_slice_is(coda_field(reader, line, 2, 2), "0");
	struct ep_slice account = coda_field(reader, line, from, belgian_number ? from + 11 : from + 33);
	struct ep_slice currency = belgian_number ? coda_field(reader, line, from + 13, from + 15)
						  : coda_field(reader, line, from + 34, from + 36);
	struct ep_money money;

	statement->account = account.length ? coda_cut(reader, account) : ep_text_constant(reader->options->account);
	if (ep_currency_set(&money, currency) != EP_OK)
		return;
	statement->currency = coda_cut(reader, currency);
	memcpy(statement->code, money.currency, sizeof(statement->code));
}

static enum ep_status read_balance(struct coda_reader *reader, struct ep_slice line, uint32_t sign_column,
	struct ep_money *balance, struct ep_text *origin)
{
	struct ep_slice sign = coda_field(reader, line, sign_column, sign_column);

	*origin = coda_cut(reader, coda_columns(reader, line, sign_column + 1, sign_column + 15));
	memset(balance, 0, sizeof(*balance));
	memcpy(balance->currency, reader->statement.code, sizeof(balance->currency));
	if (!coda_amount(origin->value, &balance->amount))
		return reader->host->reject(reader->call, EP_ERR_VALUE, ep_place_in(&reader->part, *origin),
			EP_SAY("expected a balance of 15 digits in record 1 or 8"));
	if (ep_slice_is(sign, "1"))
		*balance = ep_money_negate(*balance);
	return EP_OK;
}

/* The statement ------------------------------------------------------------------------------------------------------- */

static void check_trailer(const struct coda_reader *reader)
{
	const struct coda_statement *statement = &reader->statement;
	const struct ep_host *host = reader->host;
	struct ep_decimal stated;
	int64_t count;

	if (ep_slice_integer(statement->stated_records, &count) && (uint64_t)count != statement->records)
		ep_note_total(host, reader->call, EP_STATEMENT_ENTRY_COUNT, "9: records", ep_decimal_make(count, 0),
			ep_decimal_make((ep_int128)statement->records, 0));
	if (coda_amount(statement->stated_debits, &stated) && ep_decimal_compare(stated, statement->ledger.debits) != 0)
		ep_note_total(host, reader->call, EP_STATEMENT_DEBIT_SUM, "9: debit turnover", stated,
			statement->ledger.debits);
	if (coda_amount(statement->stated_credits, &stated) &&
		ep_decimal_compare(stated, statement->ledger.credits) != 0)
		ep_note_total(host, reader->call, EP_STATEMENT_CREDIT_SUM, "9: credit turnover", stated,
			statement->ledger.credits);
}

static enum ep_status end_statement(struct coda_reader *reader)
{
	const struct ep_host *host = reader->host;
	struct coda_statement *statement = &reader->statement;
	enum ep_status status = coda_put_entry(reader);
	struct ep_call *call = reader->call;

	if (status != EP_OK || !statement->begun)
		return status;
	statement->begun = false;
	host->record_begin(call, EP_STATEMENT);
	host->put_text(call, EP_STATEMENT_ACCOUNT, statement->account);
	host->put_text(call, EP_STATEMENT_STATEMENT_ID, reader->file_reference);
	host->put_text(call, EP_STATEMENT_SEQUENCE, statement->sequence);
	host->put_text(call, EP_STATEMENT_CURRENCY, statement->currency);
	coda_put_date(reader, EP_STATEMENT_FROM_DATE, statement->opening_date);
	coda_put_date(reader, EP_STATEMENT_TO_DATE, statement->closing_date);
	ep_ledger_put(host, call, &statement->ledger);
	ep_ledger_put_check(host, call, &statement->ledger);
	if (statement->ended)
		check_trailer(reader);
	else
		host->note(call, EP_STATEMENT_ENTRY_COUNT, EP_NOTE_ENVELOPE);
	host->put_text(call, EP_STATEMENT_REPORT_TYPE, ep_text_constant(EP_SAY("CODA")));
	host->put_text(call, EP_STATEMENT_OWNER, statement->owner);
	host->put_text(call, EP_STATEMENT_SERVICER, reader->servicer);
	return host->record_end(call);
}

/* What is counted or booked belongs to a statement, also where its record 1 is missing. */
static void begin_statement(struct coda_reader *reader)
{
	struct coda_statement *statement = &reader->statement;

	memset(statement, 0, sizeof(*statement));
	statement->begun = true;
	statement->account = ep_text_constant(reader->options->account);
}

/* Records --------------------------------------------------------------------------------------------------------------- */

static void read_header(struct coda_reader *reader, struct ep_slice line)
{
	reader->header_read = true;
	reader->trailer_read = false;
	reader->file_reference = coda_cut(reader, coda_field(reader, line, 25, 34));
	reader->servicer = coda_cut(reader, coda_field(reader, line, 61, 71));
}

static enum ep_status read_old_balance(struct coda_reader *reader, struct ep_slice line)
{
	struct coda_statement *statement = &reader->statement;
	struct ep_money balance;
	struct ep_text origin;
	enum ep_status status;

	begin_statement(reader);
	statement->records = 1;
	read_account(reader, line, 6);
	statement->opening_date = coda_field(reader, line, 59, 64);
	statement->owner = coda_cut(reader, coda_field(reader, line, 65, 90));
	statement->sequence = coda_cut(reader, coda_field(reader, line, 126, 128));
	if (statement->sequence.value.length == 0)
		statement->sequence = coda_cut(reader, coda_field(reader, line, 3, 5));
	status = read_balance(reader, line, 43, &balance, &origin);
	if (status == EP_OK)
		ep_ledger_open(&statement->ledger, balance, origin);
	return status;
}

static enum ep_status read_new_balance(struct coda_reader *reader, struct ep_slice line)
{
	struct coda_statement *statement = &reader->statement;
	enum ep_status status = coda_put_entry(reader);
	struct ep_money balance;
	struct ep_text origin;

	if (status == EP_OK)
		status = read_balance(reader, line, 42, &balance, &origin);
	if (status != EP_OK)
		return status;
	ep_ledger_close(&statement->ledger, balance, origin);
	statement->closing_date = coda_field(reader, line, 58, 63);
	return EP_OK;
}

static void read_trailer(struct coda_reader *reader, struct ep_slice line)
{
	struct coda_statement *statement = &reader->statement;

	reader->trailer_read = true;
	statement->ended = true;
	statement->stated_records = coda_field(reader, line, 17, 22);
	statement->stated_debits = coda_columns(reader, line, 23, 37);
	statement->stated_credits = coda_columns(reader, line, 38, 52);
}

static enum ep_status read_record(struct coda_reader *reader, struct ep_slice line)
{
	char type = line.data[0];
	enum ep_status status = EP_OK;

	if (type == '0' || type == '1' || type == '9')
		status = type == '9' ? coda_put_entry(reader) : end_statement(reader);
	if (status != EP_OK)
		return status;
	if ((type == '2' || type == '3' || type == '8') && !reader->statement.begun)
		begin_statement(reader);
	if (type == '2' || type == '3' || type == '8')
		reader->statement.records++;
	switch (type) {
	case '0':
		read_header(reader, line);
		return EP_OK;
	case '1':
		return read_old_balance(reader, line);
	case '2':
		return coda_movement(reader, line);
	case '3':
		coda_information(reader, line);
		return EP_OK;
	case '8':
		return read_new_balance(reader, line);
	case '9':
		read_trailer(reader, line);
		return end_statement(reader);
	default:
		return EP_OK; /* 4: free text of the bank */
	}
}

/* The first line must be a header, or a balance or movement of a file without one. */
static bool is_coda(const struct coda_reader *reader, struct ep_slice line)
{
	struct ep_decimal amount;

	if (line.data[0] == '0')
		return ep_slice_starts(line, EP_SAY("00000"));
	if (line.data[0] == '1')
		return coda_amount(coda_columns(reader, line, 44, 58), &amount);
	return line.data[0] == '2' && line.length > 1 && line.data[1] == '1' &&
	       coda_amount(coda_columns(reader, line, 33, 47), &amount);
}

/* A file with a header that stops in the middle of a record before its trailer was cut off. */
static enum ep_status end_of_file(struct coda_reader *reader)
{
	struct ep_slice bytes = reader->part.bytes, last = ep_slice_sub(bytes, bytes.length - 1, 1);

	if (reader->header_read && !reader->trailer_read && last.data[0] != '\n' && last.data[0] != '\r') {
		if (reader->entry_begun)
			reader->host->record_cancel(reader->call);
		return reader->host->fail(reader->call, EP_ERR_TRUNCATED,
			ep_place_in(&reader->part, coda_cut(reader, last)),
			EP_SAY("the file ends within a record; expected a trailer (record 9)"));
	}
	return end_statement(reader);
}

static enum ep_status coda_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct coda_reader reader;
	struct ep_slice line;
	enum ep_status status;

	memset(&reader, 0, sizeof(reader));
	reader.host = host;
	reader.call = call;
	reader.options = state;
	status = ep_part_text(host, call, &input->parts[0], EP_LATIN1, &reader.part);
	if (status != EP_OK)
		return status;
	if (!ep_gather_open(host, call, &reader.info, CODA_TEXT_MAX) ||
		!ep_gather_open(host, call, &reader.text, CODA_COMMUNICATION_MAX))
		return EP_NO_MEMORY;
	reader.plain = coda_is_plain(reader.part.bytes);
	coda_lines_begin(&reader.lines, reader.part.bytes, !reader.plain && reader.part.charset == EP_UTF8);
	if (!coda_next(&reader.lines, &line))
		return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected a CODA file"));
	if (!is_coda(&reader, line))
		return host->fail(call, EP_ERR_TYPE_UNKNOWN, ep_place_in(&reader.part, coda_cut(&reader, line)),
			EP_SAY("expected a CODA file: its first record is a header, 00000 and a date"));
	do
		status = read_record(&reader, line);
	while (status == EP_OK && coda_next(&reader.lines, &line));
	return status == EP_OK ? end_of_file(&reader) : status;
}

EP_PLUGIN_DECLARE_FULL("coda", "1.0.0", EP_KIND_BANK, EP_WHOLE_ONLY, "", options, sizeof(options) / sizeof(options[0]),
	struct coda, 0, coda_parse);
