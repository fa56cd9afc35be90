/*
 * ofx: statements of Open Financial Exchange, 1.x (SGML) and 2.x (XML): bank, credit card and investment accounts.
 *
 * Each STMTRS, CCSTMTRS and INVSTMTRS gives a settlement for each transaction (STMTTRN; of investments those that are cash, in
 * INVBANKTRAN), then a statement. Read forward, a tag at a time: a file may be of any size.
 */
#include "ofx.h"

static const struct ep_option options[] = {
	EP_OPTION(struct ofx, account, EP_OPTION_TEXT, "",
		"account of a statement that names none (without it: the source's name)"),
};

static bool is_statement(enum ofx_name name)
{
	return name == OFX_STMTRS || name == OFX_CCSTMTRS || name == OFX_INVSTMTRS;
}

/* The statement ------------------------------------------------------------------------------------------------------ */

static const char *report_type(enum ofx_name type)
{
	return type == OFX_CCSTMTRS ? "OFX credit card" : type == OFX_INVSTMTRS ? "OFX investment" : "OFX";
}

/* A balance; one that can't be read is left out, and noted when the statement is put. */
static bool read_balance(struct ofx_reader *reader, struct ep_slice text, struct ep_money *balance)
{
	memset(balance, 0, sizeof(*balance));
	memcpy(balance->currency, reader->statement.code, sizeof(balance->currency));
	return text.length && ep_decimal_read_either(&balance->amount, text) == EP_OK;
}

static enum ep_status end_statement(struct ofx_reader *reader, bool whole)
{
	const struct ep_host *host = reader->host;
	struct ofx_statement *statement = &reader->statement;
	enum ep_status status = ofx_put_entry(reader);
	struct ep_call *call = reader->call;
	struct ep_money closing, available;
	struct ep_text account;
	bool closed, has_available;

	if (status != EP_OK || !reader->in_statement)
		return status;
	reader->in_statement = false;
	closed = read_balance(reader, statement->closing, &closing);
	has_available = read_balance(reader, statement->available, &available);
	if (closed)
		ep_ledger_close(&statement->ledger, closing, ep_text_of(&reader->part, statement->closing));
	memcpy(statement->ledger.currency, statement->code, sizeof(statement->code));
	host->record_begin(call, EP_STATEMENT);
	account = ofx_text(reader, statement->account);
	host->put_text(call, EP_STATEMENT_ACCOUNT,
		account.value.length ? account : ep_text_constant(reader->options->account));
	host->put_text(call, EP_STATEMENT_CURRENCY, ofx_text(reader, statement->currency));
	ofx_put_date(reader, EP_STATEMENT_FROM_DATE, statement->from);
	ofx_put_date(reader, EP_STATEMENT_TO_DATE, statement->to);
	ep_ledger_put(host, call, &statement->ledger);
	ep_ledger_put_check(host, call, &statement->ledger);
	if (!closed && statement->closing.length)
		host->note(call, EP_STATEMENT_CLOSING_BALANCE, EP_NOTE_VALUE_UNREADABLE);
	ofx_put_time(reader, EP_STATEMENT_CREATED_AT, reader->made_at);
	if (has_available)
		host->put_money(call, EP_STATEMENT_AVAILABLE_BALANCE, available,
			ep_text_of(&reader->part, statement->available));
	host->put_text(call, EP_STATEMENT_REPORT_TYPE, ep_text_constant(ep_slice_of(report_type(statement->type))));
	host->put_text(call, EP_STATEMENT_SERVICER, ofx_text(reader, statement->bank));
	if (!whole)
		host->note(call, EP_STATEMENT_ENTRY_COUNT, EP_NOTE_ENVELOPE);
	return host->record_end(call);
}

static void begin_statement(struct ofx_reader *reader, enum ofx_name type)
{
	memset(&reader->statement, 0, sizeof(reader->statement));
	reader->statement.type = type;
	reader->in_statement = true;
	reader->found = true;
}

static void keep(struct ep_slice *field, struct ep_slice value)
{
	if (field->length == 0)
		*field = value;
}

static void keep_currency(struct ofx_statement *statement, struct ep_slice value)
{
	struct ep_money money;

	if (statement->code[0] || ep_currency_set(&money, value) != EP_OK)
		return;
	statement->currency = value;
	memcpy(statement->code, money.currency, sizeof(statement->code));
}

static void statement_value(struct ofx_statement *statement, enum ofx_name context, const struct ofx_tag *tag)
{
	bool of_account = context == OFX_BANKACCTFROM || context == OFX_CCACCTFROM || context == OFX_INVACCTFROM;

	switch (tag->name) {
	case OFX_CURDEF:
		keep_currency(statement, tag->text);
		break;
	case OFX_ACCTID:
		if (of_account)
			keep(&statement->account, tag->text);
		break;
	case OFX_BANKID:
	case OFX_BROKERID:
		if (of_account)
			keep(&statement->bank, tag->text);
		break;
	case OFX_DTSTART:
		keep(&statement->from, tag->text);
		break;
	case OFX_DTEND:
		keep(&statement->to, tag->text);
		break;
	case OFX_BALAMT:
		if (context == OFX_LEDGERBAL)
			keep(&statement->closing, tag->text);
		else if (context == OFX_AVAILBAL)
			keep(&statement->available, tag->text);
		break;
	case OFX_AVAILCASH:
		keep(&statement->available, tag->text);
		break;
	default:
		break;
	}
}

/* Tags ----------------------------------------------------------------------------------------------------------------- */

static enum ofx_name context(const struct ofx_reader *reader)
{
	return reader->depth ? reader->open[reader->depth - 1] : OFX_NONE;
}

/* Leaves the aggregate that an end tag names, and those in it whose own end tags are missing. */
static void leave(struct ofx_reader *reader, enum ofx_name name)
{
	for (uint32_t i = reader->depth; i > 0; i--)
		if (reader->open[i - 1] == name) {
			reader->depth = i - 1;
			return;
		}
}

static enum ep_status enter(struct ofx_reader *reader, const struct ofx_tag *tag)
{
	enum ep_status status = EP_OK;

	if (is_statement(tag->name)) {
		status = end_statement(reader, true);
		begin_statement(reader, tag->name);
	} else if (tag->name == OFX_STMTTRN || tag->name == OFX_STMTTRNP) {
		status = ofx_put_entry(reader);
		if (!reader->in_statement)
			begin_statement(reader, OFX_STMTRS);
		memset(&reader->entry, 0, sizeof(reader->entry));
		reader->entry.begin = tag->begin;
		reader->entry.pending = tag->name == OFX_STMTTRNP;
		reader->in_entry = true;
	}
	/* None stands in itself: the end tag of the one before is missing. So never more are open than there are names. */
	leave(reader, tag->name);
	reader->open[reader->depth++] = tag->name;
	return status;
}

static enum ep_status finish(struct ofx_reader *reader, enum ofx_name name)
{
	enum ep_status status = EP_OK;
	bool ends_list = name == OFX_BANKTRANLIST || name == OFX_INVTRANLIST || name == OFX_BANKTRANLISTP ||
			 name == OFX_INVBANKTRAN;
	bool ends_response = name == OFX_STMTTRNRS || name == OFX_CCSTMTTRNRS || name == OFX_INVSTMTTRNRS ||
			     name == OFX_BANKMSGSRSV1 || name == OFX_CREDITCARDMSGSRSV1 ||
			     name == OFX_INVSTMTMSGSRSV1 || name == OFX_OFX;

	if (name == OFX_STMTTRN || name == OFX_STMTTRNP || ends_list)
		status = ofx_put_entry(reader);
	else if (is_statement(name) || ends_response)
		status = end_statement(reader, true);
	leave(reader, name);
	return status;
}

static enum ep_status read_tag(struct ofx_reader *reader, const struct ofx_tag *tag)
{
	if (tag->kind == OFX_FINISH)
		return tag->name < OFX_LAST_AGGREGATE ? finish(reader, tag->name) : EP_OK;
	if (tag->name < OFX_LAST_AGGREGATE) {
		reader->found |= tag->name == OFX_OFX;
		return enter(reader, tag);
	}
	if (tag->name == OFX_DTSERVER)
		keep(&reader->made_at, tag->text);
	else if (reader->in_entry)
		ofx_entry_value(&reader->entry, context(reader), tag);
	else if (reader->in_statement)
		statement_value(&reader->statement, context(reader), tag);
	return EP_OK;
}

/* What is still open at the end of the file: a statement may be, a transaction was cut off. */
static enum ep_status end_of_file(struct ofx_reader *reader)
{
	if (reader->in_entry)
		return reader->host->fail(reader->call, EP_ERR_TRUNCATED,
			ep_place_in(&reader->part, ep_text_of(&reader->part, ep_slice_make(reader->entry.begin, 8))),
			EP_SAY("the file ends within this STMTTRN"));
	if (!reader->found)
		return reader->host->fail(reader->call, EP_ERR_TYPE_UNKNOWN, ep_place_none(),
			EP_SAY("expected an OFX document: no <OFX>, and no statement"));
	return end_statement(reader, false);
}

static enum ep_status ofx_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ofx_reader reader;
	struct ofx_tag tag;
	enum ep_status status;

	memset(&reader, 0, sizeof(reader));
	reader.host = host;
	reader.call = call;
	reader.options = state;
	status = ep_part_text(host, call, &input->parts[0], EP_WINDOWS_1252, &reader.part);
	if (status != EP_OK)
		return status;
	if (ep_slice_trim(reader.part.bytes).length == 0)
		return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected an OFX document"));
	if (!ep_gather_open(host, call, &reader.text, OFX_TEXT_MAX))
		return EP_NO_MEMORY;
	ofx_tags_begin(&reader.tags, reader.part.bytes);
	while (status == EP_OK) {
		ofx_next(&reader.tags, &tag);
		if (tag.kind == OFX_END_OF_FILE)
			return end_of_file(&reader);
		if (tag.kind == OFX_FORBIDDEN)
			return host->fail(call, EP_ERR_FORBIDDEN_XML,
				ep_place_in(&reader.part, ep_text_of(&reader.part, ep_slice_make(tag.begin, 2))),
				EP_SAY("a document type with declarations of its own"));
		status = read_tag(&reader, &tag);
	}
	return status;
}

EP_PLUGIN_DECLARE_FULL("ofx", "1.0.0", EP_KIND_BANK, EP_WHOLE_ONLY, "", options, sizeof(options) / sizeof(options[0]),
	struct ofx, 0, ofx_parse);
