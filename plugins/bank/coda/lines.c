/*
 * lines.c: records and their columns. A record has 128 characters and a line end; blanks at its end may have been lost,
 * and in UTF-8 a character may have several bytes. Files without line ends have a record every 128 characters.
 */
#include "coda.h"

void coda_lines_begin(struct coda_lines *lines, struct ep_slice bytes, bool wide)
{
	memset(lines, 0, sizeof(*lines));
	lines->wide = wide;
	lines->at = bytes.data;
	lines->end = bytes.data + bytes.length;
	if (bytes.length >= CODA_RECORD && ep_slice_find(bytes, '\n') == bytes.length &&
		ep_slice_find(bytes, '\r') == bytes.length)
		lines->fixed = true;
}

static const char *find(const struct coda_lines *lines, const char *found, char byte)
{
	const char *next;

	if (found && found >= lines->at)
		return found;
	next = memchr(lines->at, byte, (size_t)(lines->end - lines->at));
	return next ? next : lines->end;
}

/* The offset of character `count`, from 0. */
static uint64_t offset_of(struct ep_slice line, uint64_t count)
{
	uint64_t i = 0;

	while (i < line.length && count--)
		for (i++; i < line.length && ((uint8_t)line.data[i] & 0xc0) == 0x80;)
			i++;
	return i;
}

static struct ep_slice take_line(struct coda_lines *lines)
{
	const char *begin = lines->at, *stop;

	if (lines->fixed) {
		struct ep_slice rest = ep_slice_make(begin, (uint64_t)(lines->end - begin));
		uint64_t length = lines->wide ? offset_of(rest, CODA_RECORD) : CODA_RECORD;

		rest.length = length < rest.length ? length : rest.length;
		lines->at += rest.length;
		return rest;
	}
	lines->line_feed = find(lines, lines->line_feed, '\n');
	lines->carriage_return = find(lines, lines->carriage_return, '\r');
	stop = lines->line_feed < lines->carriage_return ? lines->line_feed : lines->carriage_return;
	lines->at = stop < lines->end ? stop + 1 : stop;
	return ep_slice_make(begin, (uint64_t)(stop - begin));
}

bool coda_next(struct coda_lines *lines, struct ep_slice *line)
{
	while (lines->at < lines->end) {
		*line = take_line(lines);
		if (line->length >= 3 && memcmp(line->data, "\xef\xbb\xbf", 3) == 0)
			*line = ep_slice_sub(*line, 3, line->length);
		if (ep_slice_trim(*line).length)
			return true;
	}
	return false;
}

bool coda_is_plain(struct ep_slice text)
{
	uint64_t high = 0, eight, i = 0;

	for (; text.length - i >= 8; i += 8) {
		memcpy(&eight, text.data + i, 8);
		high |= eight;
	}
	for (; i < text.length; i++)
		high |= (uint8_t)text.data[i];
	return (high & UINT64_C(0x8080808080808080)) == 0;
}

uint64_t coda_characters(const struct coda_reader *reader, struct ep_slice text)
{
	uint64_t count = text.length;

	for (uint64_t i = 0; reader->part.charset == EP_UTF8 && i < text.length; i++)
		count -= ((uint8_t)text.data[i] & 0xc0) == 0x80;
	return count;
}

struct ep_slice coda_columns(const struct coda_reader *reader, struct ep_slice line, uint32_t from, uint32_t to)
{
	uint64_t begin = from - 1, end = to;

	if (reader->part.charset == EP_UTF8 && !reader->plain && !coda_is_plain(line)) {
		begin = offset_of(line, begin);
		end = offset_of(line, end);
	}
	return ep_slice_sub(line, begin, end - begin);
}

struct ep_slice coda_field(const struct coda_reader *reader, struct ep_slice line, uint32_t from, uint32_t to)
{
	return ep_slice_trim(coda_columns(reader, line, from, to));
}

struct ep_text coda_cut(const struct coda_reader *reader, struct ep_slice value)
{
	return ep_text_of(&reader->part, value);
}

bool coda_amount(struct ep_slice digits, struct ep_decimal *amount)
{
	int64_t units;

	if (digits.length != 15 || !ep_slice_integer(ep_slice_trim(digits), &units))
		return false;
	*amount = ep_decimal_make(units, 3);
	return true;
}

void coda_put_date(const struct coda_reader *reader, uint32_t field, struct ep_slice text)
{
	char ordered[6];
	struct ep_date date;

	text = ep_slice_trim(text);
	if (text.length == 0 || ep_slice_is(text, "000000"))
		return;
	if (text.length == 6) {
		memcpy(ordered, text.data + 4, 2);
		memcpy(ordered + 2, text.data + 2, 2);
		memcpy(ordered + 4, text.data, 2);
		if (ep_date_read(&date, ep_slice_make(ordered, 6), EP_DATE_SHORT) == EP_OK) {
			reader->host->put_date(reader->call, field, date, coda_cut(reader, text));
			return;
		}
	}
	reader->host->note(reader->call, field, EP_NOTE_DATE_IMPOSSIBLE);
}
