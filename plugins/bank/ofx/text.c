/*
 * text.c: values: entities and CDATA sections undone, dates and times.
 */
#include "ofx.h"

/* The character of "&#160;" and "&#xA0;"; 0 if it isn't one. */
static uint32_t numbered(struct ep_slice digits)
{
	bool hex = digits.length > 1 && (digits.data[0] == 'x' || digits.data[0] == 'X');
	uint32_t character = 0;

	for (uint64_t i = hex ? 1 : 0; i < digits.length; i++) {
		char byte = digits.data[i];
		uint32_t digit = byte >= '0' && byte <= '9'          ? (uint32_t)(byte - '0')
				 : hex && byte >= 'a' && byte <= 'f' ? (uint32_t)(byte - 'a' + 10)
				 : hex && byte >= 'A' && byte <= 'F' ? (uint32_t)(byte - 'A' + 10)
								     : 99;

		if (digit == 99 || character > 0x10ffff)
			return 0;
		character = character * (hex ? 16 : 10) + digit;
	}
	return character > 0x10ffff || (character >= 0xd800 && character < 0xe000) ? 0 : character;
}

/* Appends a character in the part's charset; false if that doesn't have it. */
static bool add_character(struct ofx_reader *reader, uint32_t character)
{
	struct ep_gather *text = &reader->text;

	if (character < 0x80) {
		ep_gather_byte(text, (char)character);
	} else if (reader->part.charset != EP_UTF8) {
		if (character < 0xa0 || character > 0xff || reader->part.charset > EP_WINDOWS_1252)
			return false;
		ep_gather_byte(text, (char)character);
	} else if (character < 0x800) {
		ep_gather_byte(text, (char)(0xc0 | character >> 6));
		ep_gather_byte(text, (char)(0x80 | (character & 0x3f)));
	} else if (character < 0x10000) {
		ep_gather_byte(text, (char)(0xe0 | character >> 12));
		ep_gather_byte(text, (char)(0x80 | (character >> 6 & 0x3f)));
		ep_gather_byte(text, (char)(0x80 | (character & 0x3f)));
	} else {
		ep_gather_byte(text, (char)(0xf0 | character >> 18));
		ep_gather_byte(text, (char)(0x80 | (character >> 12 & 0x3f)));
		ep_gather_byte(text, (char)(0x80 | (character >> 6 & 0x3f)));
		ep_gather_byte(text, (char)(0x80 | (character & 0x3f)));
	}
	return true;
}

/* Undoes the entity that `rest` begins with; its length, or 0: it is a mere ampersand. */
static uint64_t add_entity(struct ofx_reader *reader, struct ep_slice rest)
{
	static const struct {
		const char *name;
		uint32_t character;
	} entities[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", ' '}};
	uint64_t end = ep_slice_find(ep_slice_sub(rest, 0, 12), ';');
	uint32_t character = 0;

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (ep_slice_starts(rest, ep_slice_of(entities[i].name)))
			character = entities[i].character;
	if (character == 0 && ep_slice_starts(rest, EP_SAY("&#")) && end < 12 && end < rest.length)
		character = numbered(ep_slice_sub(rest, 2, end - 2));
	return character && add_character(reader, character) ? end + 1 : 0;
}

static void undo(struct ofx_reader *reader, struct ep_slice rest)
{
	while (rest.length) {
		uint64_t length = 0;

		if (rest.data[0] == '&') {
			length = add_entity(reader, rest);
		} else if (ep_slice_starts(rest, EP_SAY("<![CDATA["))) {
			uint64_t end = ep_slice_search(rest, EP_SAY("]]>"));

			ep_gather_bytes(&reader->text, ep_slice_sub(rest, 9, end > 9 ? end - 9 : 0));
			length = end + 3;
		} else if (rest.data[0] == '\n' || rest.data[0] == '\r' || rest.data[0] == '\t') {
			if (reader->text.length && reader->text.bytes[reader->text.length - 1] != ' ')
				ep_gather_byte(&reader->text, ' ');
			length = 1;
		}
		if (length == 0) {
			ep_gather_byte(&reader->text, rest.data[0]);
			length = 1;
		}
		rest = ep_slice_sub(rest, length, rest.length);
	}
}

struct ep_text ofx_text(struct ofx_reader *reader, struct ep_slice value)
{
	struct ep_text text = ep_text_of(&reader->part, value);

	if (value.length == 0 ||
		(!memchr(value.data, '&', value.length) && !memchr(value.data, '<', value.length) &&
			!memchr(value.data, '\n', value.length) && !memchr(value.data, '\r', value.length)))
		return text;
	ep_gather_clear(&reader->text);
	undo(reader, value);
	text.value = ep_slice_trim(ep_slice_make(reader->text.bytes, reader->text.length));
	return text;
}

/* Dates and times -------------------------------------------------------------------------------------------------- */

static bool read_date(struct ep_slice value, struct ep_date *date)
{
	return ep_date_read(date, ep_slice_sub(value, 0, 8), EP_DATE_BASIC) == EP_OK ||
	       ep_date_read(date, ep_slice_sub(value, 0, 10), EP_DATE_ISO) == EP_OK;
}

void ofx_put_date(struct ofx_reader *reader, uint32_t field, struct ep_slice value)
{
	struct ep_date date;
	int64_t digits;

	if (value.length == 0 || ep_slice_starts(value, EP_SAY("00000000")))
		return;
	if (read_date(value, &date))
		reader->host->put_date(reader->call, field, date, ep_text_of(&reader->part, value));
	else
		reader->host->note(reader->call, field,
			value.length >= 8 && ep_slice_integer(ep_slice_sub(value, 0, 8), &digits)
				? EP_NOTE_DATE_IMPOSSIBLE
				: EP_NOTE_VALUE_UNREADABLE);
}

/* "[-5:EST]", "[-3.5]", "[0:GMT]": hours from UTC, in minutes. */
static bool read_offset(struct ep_slice zone, int16_t *minutes)
{
	struct ep_slice hours = ep_slice_sub(zone, 1, ep_slice_find(zone, ':') - 1);
	struct ep_decimal value;
	ep_int128 units;

	if (ep_slice_find(hours, ']') < hours.length)
		hours = ep_slice_sub(hours, 0, ep_slice_find(hours, ']'));
	if (zone.length == 0 || ep_decimal_read(&value, hours, EP_DECIMAL_POINT) != EP_OK || value.scale > 2)
		return false;
	units = ep_decimal_units(value);
	for (uint32_t scale = value.scale; scale < 2; scale++)
		units *= 10;
	if (units < -1400 || units > 1400)
		return false;
	*minutes = (int16_t)(units * 60 / 100);
	return true;
}

void ofx_put_time(struct ofx_reader *reader, uint32_t field, struct ep_slice value)
{
	struct ep_slice zone = ep_slice_sub(value, ep_slice_find(value, '['), value.length);
	struct ep_text origin = ep_text_of(&reader->part, value);
	struct ep_local_time local;
	int16_t offset;

	if (value.length == 0)
		return;
	memset(&local, 0, sizeof(local));
	if (!read_date(value, &local.date) || ep_clock_read(&local, ep_slice_sub(value, 8, 6)) != EP_OK)
		ep_put_time(
			reader->host, reader->call, field, origin); /* a date alone, or what another format writes */
	else if (read_offset(zone, &offset))
		reader->host->put_time(reader->call, field, ep_time_at(local, offset), origin);
	else
		ep_put_local_time(reader->host, reader->call, field, local, origin);
}
