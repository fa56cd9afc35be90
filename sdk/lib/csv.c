/*
 * csv.c: rows and fields of delimiter-separated text (RFC 4180), read in place; only a field with doubled quotes is copied.
 *
 * Liberties that real files take and that are accepted: LF, CRLF or CR line ends, also mixed; a byte order mark; an end
 * mark of old systems (0x1a) at the end; text behind a closing quote; quotes inside an unquoted field. Refused: a quote
 * that is never closed, since what follows it can't be told apart any more.
 *
 * Bytes are compared, not characters: a separator of ASCII is safe in every charset of enum ep_charset except GB18030,
 * where '|' and '~' can be the second half of a character (convert it with host->text->utf8 first).
 */
#include <entrepot/plugin.h>

struct ep_csv ep_csv_begin(const struct ep_host *host, struct ep_call *call, const struct ep_part *part, char separator)
{
	struct ep_csv csv;

	memset(&csv, 0, sizeof(csv));
	csv.host = host;
	csv.call = call;
	csv.part = part;
	csv.rest = part->bytes;
	csv.separator = separator;
	csv.quote = '"';
	csv.status = EP_OK;
	if (ep_slice_starts(csv.rest, EP_SAY("\xef\xbb\xbf")))
		csv.rest = ep_slice_sub(csv.rest, 3, csv.rest.length);
	if (csv.rest.length && csv.rest.data[csv.rest.length - 1] == 0x1a)
		csv.rest.length--;
	return csv;
}

/* Offset behind the quoted text that begins at `offset`, closing quote included; *doubled counts the quotes to undo.
 * Beyond the slice if the quote is never closed. */
static uint64_t skip_quoted(struct ep_slice text, uint64_t offset, char quote, uint64_t *doubled)
{
	*doubled = 0;
	for (uint64_t i = offset + 1; i < text.length; i++) {
		if (text.data[i] != quote)
			continue;
		if (i + 1 == text.length || text.data[i + 1] != quote)
			return i + 1;
		++*doubled;
		i++;
	}
	return text.length + 1;
}

static enum ep_status unclosed(struct ep_csv *csv, uint64_t offset)
{
	struct ep_text rest = ep_text_of(csv->part, ep_slice_sub(csv->rest, offset, 1));
	struct ep_place place = ep_place_of(rest);

	place.row = csv->row_number;
	return csv->host->fail(csv->call, EP_ERR_SYNTAX, place, EP_SAY("a quote that is never closed"));
}

/* The length of the row at the front of rest, its line end excluded; false (and failed) if a quote isn't closed in it. */
static bool row_length(struct ep_csv *csv, uint64_t *length)
{
	bool field_begins = true;
	uint64_t doubled;
	uint64_t i = 0;

	while (i < csv->rest.length && csv->rest.data[i] != '\n' && csv->rest.data[i] != '\r') {
		if (field_begins && csv->quote && csv->rest.data[i] == csv->quote) {
			uint64_t end = skip_quoted(csv->rest, i, csv->quote, &doubled);

			if (end > csv->rest.length) {
				csv->status = unclosed(csv, i);
				return false;
			}
			field_begins = false;
			i = end;
			continue;
		}
		field_begins = csv->rest.data[i++] == csv->separator;
	}
	*length = i;
	return true;
}

bool ep_csv_row(struct ep_csv *csv)
{
	while (csv->status == EP_OK && csv->rest.length) {
		uint64_t length, end;

		csv->row_number++;
		if (!row_length(csv, &length))
			break;
		end = length;
		if (end < csv->rest.length && csv->rest.data[end] == '\r')
			end++;
		if (end < csv->rest.length && csv->rest.data[end] == '\n')
			end++;
		csv->row = ep_text_of(csv->part, ep_slice_sub(csv->rest, 0, length));
		csv->rest = ep_slice_sub(csv->rest, end, csv->rest.length);
		if (length == 0)
			continue;
		csv->fields = csv->row.value;
		csv->column = 0;
		csv->more = true;
		return true;
	}
	csv->more = false;
	return false;
}

/* The characters between the quotes, and those behind them up to `end`, with doubled quotes undone. */
static struct ep_slice unquote(struct ep_csv *csv, struct ep_slice raw, uint64_t closed, uint64_t doubled)
{
	struct ep_slice inside = ep_slice_sub(raw, 1, closed - 2);
	char *bytes;
	uint64_t length = 0;

	if (doubled == 0 && closed == raw.length)
		return inside;
	bytes = (char *)csv->host->alloc(csv->call, raw.length);
	if (!bytes)
		return ep_slice_make(NULL, 0);
	for (uint64_t i = 0; i < inside.length; i++) {
		bytes[length++] = inside.data[i];
		if (inside.data[i] == csv->quote)
			i++; /* its twin */
	}
	if (closed < raw.length) {
		memcpy(bytes + length, raw.data + closed, raw.length - closed);
		length += raw.length - closed;
	}
	return ep_slice_make(bytes, length);
}

bool ep_csv_take(struct ep_csv *csv, struct ep_text *field)
{
	uint64_t closed = 0, doubled = 0, end;
	struct ep_slice raw;

	if (!csv->more)
		return false;
	if (csv->fields.length && csv->quote && csv->fields.data[0] == csv->quote)
		closed = skip_quoted(csv->fields, 0, csv->quote, &doubled);
	end = closed + ep_slice_find(ep_slice_sub(csv->fields, closed, csv->fields.length), csv->separator);
	raw = ep_slice_sub(csv->fields, 0, end);
	*field = ep_text_of(csv->part, raw);
	if (closed)
		field->value = unquote(csv, raw, closed, doubled);
	csv->more = end < csv->fields.length;
	csv->fields = ep_slice_sub(csv->fields, end + 1, csv->fields.length);
	csv->column++;
	csv->taken = *field;
	return true;
}

struct ep_place ep_csv_place(const struct ep_csv *csv)
{
	struct ep_place place = ep_place_of(csv->column ? csv->taken : csv->row);

	place.row = csv->row_number;
	place.column = csv->column;
	return place;
}
