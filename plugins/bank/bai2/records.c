/*
 * records.c: physical records, and the fields of a logical one across its continuations.
 *
 * A record begins with its code and a comma at the beginning of a line, and is ended by a slash and the line's end. Real
 * files are looser: slashes in references and texts (only one at the end of the line ends a record), several records in
 * a line with blanks between, texts that go on in a line without a code, blank-padded records of a fixed length without
 * any line end. Every byte is looked at a fixed number of times.
 */
#include "bai2.h"

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static const char *find(const struct bai_records *records, const char *found, char byte)
{
	const char *next;

	if (found && found >= records->at)
		return found;
	next = records->at < records->end ? memchr(records->at, byte, (size_t)(records->end - records->at)) : NULL;
	return next ? next : records->end;
}

static struct ep_slice trim_left(struct ep_slice text)
{
	for (;;) {
		if (text.length && (uint8_t)text.data[0] <= ' ')
			text = ep_slice_sub(text, 1, text.length);
		else if (text.length >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
			text = ep_slice_sub(text, 3, text.length);
		else
			return text;
	}
}

/* Digits and a comma, with a sign if `is_signed`, as a trailer and an entry have them behind their code. */
static bool number_follows(
	struct ep_slice text, uint64_t from, bool is_signed, uint64_t digits_min, uint64_t digits_max)
{
	uint64_t i = from;

	if (is_signed && i < text.length && (text.data[i] == '+' || text.data[i] == '-'))
		i++;
	for (from = i; i < text.length && is_digit(text.data[i]);)
		i++;
	return i - from >= digits_min && i - from <= digits_max && i < text.length && text.data[i] == ',';
}

/* The code that a text begins with, if what follows can be its record. */
static enum bai_code code_at(struct ep_slice text)
{
	uint32_t number;

	if (text.length < 3 || !is_digit(text.data[0]) || !is_digit(text.data[1]))
		return BAI_NONE;
	number = (uint32_t)(text.data[0] - '0') * 10 + (uint32_t)(text.data[1] - '0');
	switch (number) {
	case BAI_CONTINUATION:
		return is_digit(text.data[2]) ? BAI_NONE : BAI_CONTINUATION; /* "88:" occurs */
	case BAI_FILE:
	case BAI_GROUP:
	case BAI_ACCOUNT:
		return text.data[2] == ',' ? (enum bai_code)number : BAI_NONE;
	case BAI_ENTRY:
		return text.data[2] == ',' && number_follows(text, 3, false, 1, 4) ? BAI_ENTRY : BAI_NONE;
	case BAI_ACCOUNT_TRAILER:
	case BAI_GROUP_TRAILER:
	case BAI_FILE_TRAILER:
		return text.data[2] == ',' && number_follows(text, 3, true, 0, 40) ? (enum bai_code)number : BAI_NONE;
	default:
		return BAI_NONE;
	}
}

/* Where in a line the next record begins: behind a slash and blanks; the line's length if none does. */
static uint64_t next_in_line(struct ep_slice line)
{
	uint64_t slash = 0;

	for (;;) {
		struct ep_slice behind, record;

		slash += ep_slice_find(ep_slice_sub(line, slash, line.length), '/');
		if (slash + 1 >= line.length)
			return line.length;
		slash++;
		behind = ep_slice_sub(line, slash, line.length);
		record = trim_left(behind);
		if (record.length < behind.length && code_at(record) != BAI_NONE)
			return (uint64_t)(record.data - line.data);
	}
}

/* The line at hand, as far as it is one record; moves on behind it. */
static struct ep_slice take_line(struct bai_records *records)
{
	struct ep_slice line;
	const char *stop;
	uint64_t next;

	if (records->fixed) {
		uint64_t left = (uint64_t)(records->end - records->at);

		line = ep_slice_make(records->at, left < records->fixed ? left : records->fixed);
		records->at += line.length;
		return line;
	}
	records->line_feed = find(records, records->line_feed, '\n');
	records->carriage_return = find(records, records->carriage_return, '\r');
	stop = records->line_feed < records->carriage_return ? records->line_feed : records->carriage_return;
	line = ep_slice_make(records->at, (uint64_t)(stop - records->at));
	next = next_in_line(line);
	if (next < line.length) {
		line.length = next;
		records->at += next;
	} else {
		records->at = stop < records->end ? stop + 1 : stop;
	}
	return line;
}

/* Without the blanks and the slash at its end. */
static struct ep_slice ended(struct ep_slice text)
{
	text = ep_slice_trim(text);
	if (text.length && text.data[text.length - 1] == '/')
		text.length--;
	return text;
}

/* Reads one record ahead. What stands in a line without a code goes on with the record before. */
static void read_ahead(struct bai_records *records)
{
	struct ep_slice line;

	records->next.code = BAI_NONE;
	records->next.text = ep_slice_make(NULL, 0);
	while (records->at < records->end && records->next.code == BAI_NONE) {
		line = trim_left(take_line(records));
		records->next.code = code_at(line);
		records->next.text = ep_slice_sub(line, 3, line.length);
	}
	while (records->at < records->end && records->next.code != BAI_NONE) {
		struct bai_records before = *records;

		line = trim_left(take_line(records));
		if (code_at(line) != BAI_NONE) {
			*records = before;
			break;
		}
		if (line.length)
			records->next.text.length = (uint64_t)(line.data + line.length - records->next.text.data);
	}
	records->next.text = ended(records->next.text);
}

/* The physical record length that a file without line ends declares in the seventh field of its 01. */
static uint64_t declared_length(struct ep_slice bytes)
{
	struct ep_slice head = trim_left(ep_slice_sub(bytes, 0, 512)), field = {0};
	int64_t length = 0;

	if (code_at(head) != BAI_FILE || ep_slice_find(bytes, '\n') < bytes.length ||
		ep_slice_find(bytes, '\r') < bytes.length)
		return 0;
	for (int i = 0; i < 7; i++)
		if (!ep_slice_split(&head, ',', &field))
			return 0;
	return ep_slice_integer(field, &length) && length >= 20 && length <= 4096 ? (uint64_t)length : 0;
}

void bai_records_begin(struct bai_records *records, struct ep_slice bytes)
{
	memset(records, 0, sizeof(*records));
	records->at = bytes.data;
	records->end = bytes.data + bytes.length;
	records->fixed = declared_length(bytes);
	read_ahead(records);
}

/* The record that was read ahead becomes the one at hand. */
static enum bai_code advance(struct bai_records *records)
{
	enum bai_code code = records->next.code;

	records->rest = records->next.text;
	if (records->rest.data == NULL || code == BAI_NONE)
		records->rest = ep_slice_make(NULL, 0);
	if (code != BAI_NONE) {
		records->read++;
		read_ahead(records);
	}
	return code;
}

enum bai_code bai_next(struct bai_records *records)
{
	enum bai_code code;

	do
		code = advance(records);
	while (code == BAI_CONTINUATION);
	return code;
}

bool bai_field(struct bai_records *records, struct ep_slice *field)
{
	while (!records->rest.data) {
		if (records->next.code != BAI_CONTINUATION)
			return false;
		advance(records);
	}
	ep_slice_split(&records->rest, ',', field);
	*field = ep_slice_trim(*field);
	return true;
}

bool bai_text(struct bai_records *records, struct ep_slice *piece)
{
	if (!records->rest.data) {
		if (records->next.code != BAI_CONTINUATION)
			return false;
		advance(records);
	}
	*piece = ep_slice_trim(records->rest);
	records->rest = ep_slice_make(NULL, 0);
	return true;
}
