/*
 * swift_mt: SWIFT MT940 (customer statement), MT942 (interim report) and MT950 (statement), and what banks make of them.
 *
 * Each message (:20:) gives a settlement for each entry (:61:), then a statement. Read forward, an entry at a time: a file
 * may be of any size. A message of another type in the same file is passed over; a file without any field is refused, and
 * so is one with an entry whose amount can't be read.
 */
#include "swift_mt.h"

static const struct ep_option options[] = {
	EP_OPTION(struct swift_mt, account, EP_OPTION_TEXT, "",
		"account of a statement that names none (without it: the source's name)"),
	EP_OPTION(
		struct swift_mt, currency, EP_OPTION_TEXT, "", "currency of a statement that names none, such as EUR"),
};

static enum ep_status swift_mt_open(const struct ep_host *host, struct ep_call *call, void *state)
{
	const struct swift_mt *options_given = state;
	struct ep_money money;

	if (options_given->currency.length && ep_currency_set(&money, options_given->currency) != EP_OK)
		return host->fail(call, EP_ERR_PLUGIN_OPTION, ep_place_none(),
			EP_SAY("currency: expected three letters (ISO 4217)"));
	return EP_OK;
}

/* Whether a message of this type is a statement; an unknown type is, since most files have no envelope. */
static bool is_statement(struct ep_slice type)
{
	return type.length == 0 || ep_slice_is(type, "940") || ep_slice_is(type, "941") || ep_slice_is(type, "942") ||
	       ep_slice_is(type, "950") || ep_slice_is(type, "970") || ep_slice_is(type, "972");
}

static void begin_statement(struct mt_reader *reader, const struct mt_field *field)
{
	struct mt_statement *statement = &reader->statement;
	struct ep_slice value = field->value, line = {0};

	memset(statement, 0, sizeof(*statement));
	statement->begun = true;
	statement->begin = field->begin;
	statement->type = reader->fields.type;
	if (field->tag == MT_20 && mt_take_line(&value, &line))
		statement->id = mt_text(reader, ep_slice_trim(line), field->value);
}

static enum ep_status end_statement(struct mt_reader *reader, const struct mt_fields *behind)
{
	enum ep_status status = mt_put_entry(reader);

	if (status == EP_OK && reader->statement.begun)
		status = mt_put_statement(reader, behind);
	reader->statement.begun = false;
	return status;
}

static enum ep_status begin_entry(struct mt_reader *reader, const struct mt_field *field)
{
	struct ep_slice why = EP_SAY("");

	if (ep_slice_trim(field->value).length == 0) {
		reader->host->log(reader->call, EP_LOG_WARN, EP_SAY("an empty :61: was passed over"));
		return EP_OK;
	}
	if (mt_read_entry(&reader->entry, field, &why) == EP_OK) {
		reader->entry_begun = true;
		return EP_OK;
	}
	ep_ledger_entry_unknown(&reader->statement.ledger);
	return reader->host->reject(
		reader->call, EP_ERR_VALUE, ep_place_in(&reader->part, ep_text_of(&reader->part, field->value)), why);
}

/* :86: and :NS: behind an entry are the entry's, as many as there are. */
static bool is_of_entry(struct mt_reader *reader, const struct mt_field *field)
{
	struct mt_entry *entry = &reader->entry;

	if (!reader->entry_begun || (field->tag != MT_86 && field->tag != MT_NS))
		return false;
	if (entry->info.data) {
		entry->info.length = (uint64_t)(field->value.data + field->value.length - entry->info.data);
	} else {
		entry->info = field->value;
		entry->info_tag = field->tag;
	}
	return true;
}

static enum ep_status read_field(struct mt_reader *reader, const struct mt_field *field, const struct mt_fields *before)
{
	enum ep_status status;

	if (is_of_entry(reader, field))
		return EP_OK;
	if (field->tag == MT_20 || !reader->statement.begun) {
		status = end_statement(reader, before);
		begin_statement(reader, field);
	} else {
		status = mt_put_entry(reader);
	}
	if (status != EP_OK)
		return status;
	if (field->tag == MT_61)
		return begin_entry(reader, field);
	mt_statement_field(reader, field);
	return EP_OK;
}

static enum ep_status read_messages(struct mt_reader *reader)
{
	enum ep_status status = EP_OK;
	bool passing = false, found = false;
	struct mt_field field;

	for (;;) {
		struct mt_fields before = reader->fields;

		if (status != EP_OK || !mt_fields_next(&reader->fields, &field))
			break;
		if (field.tag == MT_20) {
			passing = !is_statement(reader->fields.type);
			if (passing)
				status = end_statement(reader, &before);
		}
		if (passing || field.tag == MT_OTHER || field.tag == MT_HEADER)
			continue;
		found = true;
		if (status == EP_OK)
			status = read_field(reader, &field, &before);
	}
	if (status == EP_OK)
		status = end_statement(reader, &reader->fields);
	if (status == EP_OK && !found)
		return reader->host->fail(reader->call, EP_ERR_TYPE_UNKNOWN, ep_place_none(),
			EP_SAY("expected an MT940, MT942 or MT950: no line begins with a field such as :20: or :61:"));
	return status;
}

static enum ep_status swift_mt_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct mt_reader reader;
	enum ep_status status;

	memset(&reader, 0, sizeof(reader));
	reader.host = host;
	reader.call = call;
	reader.options = state;
	status = ep_part_text(host, call, &input->parts[0], EP_WINDOWS_1252, &reader.part);
	if (status != EP_OK)
		return status;
	if (ep_slice_trim(reader.part.bytes).length == 0)
		return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected an MT940, MT942 or MT950"));
	if (!ep_gather_open(host, call, &reader.unfolded, MT_TEXT_MAX) ||
		!ep_gather_open(host, call, &reader.pieces, 4 * MT_TEXT_MAX))
		return EP_NO_MEMORY;
	mt_fields_begin(&reader.fields, reader.part.bytes);
	return read_messages(&reader);
}

EP_PLUGIN_DECLARE_FULL("swift_mt", "1.0.0", EP_KIND_BANK, EP_WHOLE_ONLY, "", options,
	sizeof(options) / sizeof(options[0]), struct swift_mt, swift_mt_open, swift_mt_parse);
