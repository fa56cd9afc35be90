/*
 * fields.c: the fields of a file, whatever stands around them: SWIFT blocks, header lines of a bank, prose, nothing.
 *
 * A line that begins with a tag begins a field; lines up to the next tag, or to the end of the message, belong to it. The
 * texts of banks are wrapped at 65 characters without regard to what then stands first in a line, so only tags of this
 * category end a field of free text, and a wrapped time of day (":20:15") doesn't. Line ends are LF, CRLF or CR. Every byte
 * is looked at a fixed number of times.
 */
#include "swift_mt.h"

#define WRAPPED_MIN 60 /* bytes of a line that may have been wrapped */

void mt_fields_begin(struct mt_fields *fields, struct ep_slice bytes)
{
	memset(fields, 0, sizeof(*fields));
	fields->at = bytes.data;
	fields->end = bytes.data + bytes.length;
}

/* The next `byte` from `at` on, or the end; *found is what was found before. */
static const char *find(const struct mt_fields *fields, const char *found, char byte)
{
	const char *next = found;

	if (found && found >= fields->at)
		return found;
	next = fields->at < fields->end ? memchr(fields->at, byte, (size_t)(fields->end - fields->at)) : NULL;
	return next ? next : fields->end;
}

/* The line at hand, without its end; *next is where the one behind it begins. */
static struct ep_slice peek_line(struct mt_fields *fields, const char **next)
{
	const char *stop;

	fields->line_feed = find(fields, fields->line_feed, '\n');
	fields->carriage_return = find(fields, fields->carriage_return, '\r');
	stop = fields->line_feed < fields->carriage_return ? fields->line_feed : fields->carriage_return;
	*next = stop;
	if (*next < fields->end)
		*next += stop == fields->carriage_return && stop + 1 == fields->line_feed ? 2 : 1;
	return ep_slice_make(fields->at, (uint64_t)(stop - fields->at));
}

bool mt_take_line(struct ep_slice *lines, struct ep_slice *line)
{
	uint64_t feed, end;

	if (lines->length == 0)
		return false;
	feed = ep_slice_find(*lines, '\n');
	end = ep_slice_find(ep_slice_make(lines->data, feed), '\r');
	*line = ep_slice_make(lines->data, end);
	if (end + 1 == feed)
		end = feed;
	*lines = ep_slice_sub(*lines, end + 1, lines->length);
	return true;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static enum mt_tag tag_of(char tens, char ones)
{
	static const struct {
		char number[3];
		enum mt_tag tag;
	} tags[] = {{"61", MT_61}, {"86", MT_86}, {"20", MT_20}, {"21", MT_21}, {"25", MT_25}, {"28", MT_28},
		{"60", MT_60}, {"62", MT_62}, {"64", MT_64}, {"65", MT_65}, {"13", MT_13}, {"34", MT_34},
		{"90", MT_90}};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].number[0] == tens && tags[i].number[1] == ones)
			return tags[i].tag;
	return MT_OTHER;
}

uint32_t mt_read_tag(struct ep_slice line, enum mt_tag *tag, char *letter)
{
	const char *p = line.data;
	uint32_t i = 3;

	*letter = 0;
	if (line.length < 4 || p[0] != ':')
		return 0;
	if (p[1] == 'N' && p[2] == 'S' && p[3] == ':') {
		*tag = MT_NS;
		return 4;
	}
	if (!is_digit(p[1]) || !is_digit(p[2]))
		return 0;
	*tag = tag_of(p[1], p[2]);
	if (p[i] >= 'A' && p[i] <= 'Z') {
		*letter = p[i++];
	} else if (p[i] >= 'a' && p[i] <= 'z') {
		*letter = (char)(p[i++] - ('a' - 'A'));
	} else if (p[1] == '9' && is_digit(p[i])) { /* :940: */
		*tag = MT_HEADER;
		i++;
	}
	return i < line.length && p[i] == ':' ? i + 1 : 0;
}

/* Blanks, control characters and a byte order mark before a tag. */
static uint64_t junk_length(struct ep_slice line)
{
	uint64_t i = 0;

	while (i < line.length) {
		if ((uint8_t)line.data[i] <= ' ')
			i++;
		else if (line.length - i >= 3 && memcmp(line.data + i, "\xef\xbb\xbf", 3) == 0)
			i += 3;
		else
			break;
	}
	return i;
}

/* A line of an envelope: "{1:", "-}{5:", "$", "-" alone, ING's "-XXX". */
static bool is_envelope(struct ep_slice line)
{
	struct ep_slice text = ep_slice_trim(ep_slice_sub(line, junk_length(line), line.length));

	if (text.length == 0)
		return false;
	switch (text.data[0]) {
	case '-':
		return text.length == 1 || text.data[1] == '}' || text.data[1] == '$' || ep_slice_is(text, "-XXX");
	case '$':
		return text.length == 1 || text.data[1] == '{';
	case '{':
		return text.length > 2 && text.data[2] == ':' &&
		       ((text.data[1] >= '1' && text.data[1] <= '5') || text.data[1] == 'S');
	case '\3': /* end of a message in files of a FIN terminal */
		return true;
	default:
		return false;
	}
}

static bool is_wrapped_time(enum mt_tag tag, char letter, struct ep_slice value, struct ep_slice before)
{
	if (letter || before.length < WRAPPED_MIN || !is_digit(before.data[before.length - 1]) ||
		(tag != MT_13 && tag != MT_20 && tag != MT_21 && tag != MT_25 && tag != MT_28 && tag != MT_34))
		return false;
	return value.length >= 2 && value.data[0] >= '0' && value.data[0] <= '5' && is_digit(value.data[1]) &&
	       (value.length == 2 || !is_digit(value.data[2]));
}

/* Reads the tag that the line at hand begins with, if it does; a colon may stand alone in the line before. */
static bool line_tag(struct mt_fields *fields, struct ep_slice line, const char *next, struct mt_field *field)
{
	uint64_t junk = line.length && line.data[0] == ':' ? 0 : junk_length(line);
	struct ep_slice rest = ep_slice_sub(line, junk, line.length);
	uint32_t length = mt_read_tag(rest, &field->tag, &field->letter);

	field->begin = rest.data;
	if (length) {
		field->value = ep_slice_sub(rest, length, rest.length);
		return true;
	}
	if (rest.length == 1 && rest.data[0] == ':' && fields->end - next > 3) { /* ":" and then "86:..." */
		char apart[8] = ":";
		uint64_t room = (uint64_t)(fields->end - next);

		memcpy(apart + 1, next, room < 5 ? room : 5);
		length = mt_read_tag(ep_slice_make(apart, 6), &field->tag, &field->letter);
		if (length)
			field->value = ep_slice_make(next + length - 1, 0);
	}
	return length > 0;
}

/* What an envelope or header line says: the type of the message, and whether its text begins in the same line. Returns
 * where to read on. */
static const char *read_envelope(struct mt_fields *fields, struct ep_slice line, const char *next)
{
	struct ep_slice text = ep_slice_trim(ep_slice_sub(line, junk_length(line), line.length));
	uint64_t found;

	if (text.length == 0)
		return next;
	if (is_envelope(line))
		fields->type = ep_slice_make(NULL, 0);
	if (text.length >= 3 && text.data[0] == '9' && is_digit(text.data[1]) && is_digit(text.data[2]) &&
		(text.length == 3 || text.data[3] == ' '))
		fields->type = ep_slice_make(text.data, 3); /* "940", "940 00" */
	found = ep_slice_search(text, EP_SAY("{2:"));
	if (text.length - found >= 7)
		fields->type = ep_slice_sub(text, found + 4, 3);
	found = ep_slice_search(text, EP_SAY("{4::"));
	return found < text.length ? text.data + found + 3 : next;
}

/* Whether a field of `tag` goes on in the line at hand. `before` is its last line so far. */
static bool goes_on(
	struct mt_fields *fields, enum mt_tag tag, struct ep_slice before, struct ep_slice line, const char *next)
{
	bool free_text = tag == MT_61 || tag == MT_86 || tag == MT_NS;
	uint8_t first = line.length ? (uint8_t)line.data[0] : 'x';
	struct mt_field other;

	if (first > ' ' && first < 0x80 && first != ':' && first != '-' && first != '{' && first != '$')
		return true;
	if (line_tag(fields, line, next, &other))
		return (other.tag == MT_OTHER && free_text) ||
		       (free_text && is_wrapped_time(other.tag, other.letter, other.value, before));
	return !is_envelope(line);
}

bool mt_fields_next(struct mt_fields *fields, struct mt_field *field)
{
	struct ep_slice line;
	const char *next;

	for (;;) {
		if (fields->at >= fields->end)
			return false;
		line = peek_line(fields, &next);
		if (line_tag(fields, line, next, field))
			break;
		fields->at = read_envelope(fields, line, next);
	}
	if (field->value.data > line.data + line.length) { /* the tag's colon stood alone */
		fields->at = field->value.data;
		line = peek_line(fields, &next);
		field->value.length = line.length;
	}
	fields->at = next;
	while (fields->at < fields->end) {
		struct ep_slice before = line;

		line = peek_line(fields, &next);
		if (!goes_on(fields, field->tag, before, line, next))
			break;
		field->value.length = (uint64_t)(line.data + line.length - field->value.data);
		fields->at = next;
	}
	if (field->tag == MT_HEADER)
		fields->type = ep_slice_make(field->begin + 1, 3);
	return true;
}
