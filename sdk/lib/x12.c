/*
 * x12.c: ANSI X12 cut into segments and elements, in place, nothing copied.
 *
 * The separators are what each ISA says (X12.5: its elements have fixed lengths, so they stand at bytes 3, 104 and 105).
 * Real ISAs are trimmed, padded or short of their last element; then the separators are found by counting. What a
 * segment means, and whether the envelope's counts are right, is for the plugin.
 */
#include <entrepot/plugin.h>

#define ISA_LENGTH 106
#define ISA_SCAN_MAX 512 /* bytes of an irregular ISA before its 16th separator */

static bool is_alnum(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool is_line_end(char byte)
{
	return byte == '\r' || byte == '\n';
}

/* What may stand between segments: white space, and what old systems pad files with. */
static bool is_filler(char byte)
{
	return byte == ' ' || byte == '\t' || is_line_end(byte) || byte == '\0' || byte == 0x1a;
}

static bool begins_segment(struct ep_slice text, const char *name, uint64_t length)
{
	return text.length > length && memcmp(text.data, name, length) == 0 && !is_alnum(text.data[length]);
}

/* Letters, digits and blanks in a separator's place say that there is none (real files have them in ISA11). */
static char separator_or_none(char byte)
{
	return is_alnum(byte) || byte == ' ' ? '\0' : byte;
}

/* Takes the character at `offset` as terminator: one byte, or a whole UTF-8 character. Blanks before a line end don't
 * count: then it is the line end. */
static bool take_terminator(struct ep_x12 *x12, struct ep_slice text, uint64_t offset)
{
	unsigned char lead;
	uint32_t length = 1;

	while (offset < text.length && text.data[offset] == ' ')
		offset++;
	if (offset >= text.length || is_alnum(text.data[offset]) || text.data[offset] == x12->element_separator)
		return false;
	lead = (unsigned char)text.data[offset];
	if (lead >= 0xc2)
		length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (length > text.length - offset)
		length = 1;
	for (uint32_t i = 1; i < length; i++) {
		if (((unsigned char)text.data[offset + i] & 0xc0) != 0x80)
			length = 1;
	}
	memcpy(x12->terminator, text.data + offset, length);
	x12->terminator_length = length;
	return true;
}

/* Whether the next lines (three, or as many as there are) all end in `byte`. */
static bool lines_end_in(struct ep_slice text, char byte)
{
	uint32_t lines = 0;

	for (uint64_t i = 1; i < text.length && lines < 3; i++) {
		if (!is_line_end(text.data[i]) || is_line_end(text.data[i - 1]))
			continue;
		if (text.data[i - 1] != byte)
			return false;
		lines++;
	}
	return lines > 0;
}

/*
 * Component separator and terminator behind the 16th element separator, which stands at `offset`. Where ISA16 was left
 * empty, what stands there is already the terminator, followed by a line end: then all lines end in it.
 */
static bool take_last_separators(struct ep_x12 *x12, struct ep_slice text, uint64_t offset)
{
	if (offset + 2 >= text.length)
		return false;
	if (is_line_end(text.data[offset + 2]) && !is_alnum(text.data[offset + 1]) &&
		lines_end_in(ep_slice_sub(text, offset + 3, text.length), text.data[offset + 1])) {
		x12->component_separator = '\0';
		return take_terminator(x12, text, offset + 1);
	}
	x12->component_separator = separator_or_none(text.data[offset + 1]);
	return take_terminator(x12, text, offset + 2);
}

/* X12.5: the separators of an ISA of 106 bytes stand at these offsets and nowhere else. */
static bool isa_is_regular(struct ep_slice text)
{
	static const uint8_t offsets[16] = {3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103};
	uint32_t found = 0;

	if (text.length < ISA_LENGTH)
		return false;
	for (uint64_t i = 3; i < ISA_LENGTH - 2; i++) {
		if (text.data[i] != text.data[3])
			continue;
		if (found == 16 || offsets[found] != i)
			return false;
		found++;
	}
	return found == 16;
}

/* Sets the separators from the ISA that `text` begins with. */
static bool read_isa(struct ep_x12 *x12, struct ep_slice text)
{
	char separator = text.data[3];
	uint64_t at[17] = {0}; /* of each separator, from 1 on */
	uint32_t found = 0;
	int64_t version;

	x12->element_separator = separator;
	x12->irregular_isa = !isa_is_regular(text);
	for (uint64_t i = 3; i < text.length && i < ISA_SCAN_MAX && found < 16; i++) {
		if (text.data[i] == separator)
			at[++found] = i;
	}
	if (found < 15)
		return false;
	/* ISA11 is the repetition separator from version 00402 on, before it a flag ("U"). */
	x12->repetition_separator = '\0';
	if (at[12] == at[11] + 2 && ep_slice_integer(ep_slice_sub(text, at[12] + 1, at[13] - at[12] - 1), &version) &&
		version >= 402)
		x12->repetition_separator = separator_or_none(text.data[at[11] + 1]);
	/* ISA15 is one letter. If no separator follows it closely, ISA16 was left out and the terminator follows. */
	if (found < 16 || at[16] > at[15] + 3) {
		x12->component_separator = '\0';
		return take_terminator(x12, text, at[15] + 2);
	}
	return take_last_separators(x12, text, at[16]);
}

/*
 * Without an ISA the element separator follows the name. A GS has eight elements and an ST two or three, the last of
 * letters and digits, so the first other byte behind them is the terminator. A shorter one ends at a tilde or a line end.
 */
static bool guess_separators(struct ep_x12 *x12, struct ep_slice text)
{
	uint32_t missing = text.data[0] == 'G' ? 8 : 2;

	x12->element_separator = text.data[2];
	x12->component_separator = '\0';
	x12->repetition_separator = '\0';
	for (uint64_t i = 2; i < text.length && i < ISA_SCAN_MAX; i++) {
		char byte = text.data[i];

		if (byte == x12->element_separator)
			missing -= missing ? 1 : 0;
		else if (byte == '~' || is_line_end(byte) || (!missing && !is_alnum(byte) && byte != ' '))
			return take_terminator(x12, text, i);
	}
	return false;
}

static void skip_filler(struct ep_x12 *x12)
{
	struct ep_slice bytes = x12->part->bytes;

	while (x12->offset < bytes.length && is_filler(bytes.data[x12->offset]))
		x12->offset++;
}

enum ep_status ep_x12_begin(struct ep_x12 *x12, const struct ep_part *part)
{
	struct ep_slice rest;

	memset(x12, 0, sizeof(*x12));
	x12->part = part;
	if (ep_slice_starts(part->bytes, EP_SAY("\xef\xbb\xbf")))
		x12->offset = 3;
	skip_filler(x12);
	rest = ep_slice_sub(part->bytes, x12->offset, part->bytes.length);
	if (begins_segment(rest, "ISA", 3))
		return read_isa(x12, rest) ? EP_OK : EP_BAD_INPUT;
	if (begins_segment(rest, "GS", 2) || begins_segment(rest, "ST", 2))
		return guess_separators(x12, rest) ? EP_OK : EP_BAD_INPUT;
	return EP_BAD_INPUT;
}

/* Offset of the terminator in `text`, or its length if there is none. */
static uint64_t find_terminator(const struct ep_x12 *x12, struct ep_slice text)
{
	uint64_t end;

	if (is_line_end(x12->terminator[0])) {
		end = ep_slice_find(text, '\n');
		return ep_slice_find(ep_slice_sub(text, 0, end), '\r');
	}
	for (end = 0; end < text.length; end++) {
		end += ep_slice_find(ep_slice_sub(text, end, text.length), x12->terminator[0]);
		if (ep_slice_starts(ep_slice_sub(text, end, text.length),
			    ep_slice_make(x12->terminator, x12->terminator_length)))
			return end;
	}
	return text.length;
}

/* False if there are more elements than a segment may have; what fits is kept. */
static bool split_elements(struct ep_x12 *x12, struct ep_slice segment)
{
	struct ep_slice piece;

	x12->count = 0;
	while (ep_slice_split(&segment, x12->element_separator, &piece)) {
		if (x12->count == EP_X12_ELEMENTS_MAX)
			return false;
		x12->elements[x12->count++] = ep_text_of(x12->part, piece);
	}
	x12->elements[0] = ep_text_trim(x12->elements[0]);
	return true;
}

static void count_name(struct ep_x12 *x12)
{
	struct ep_slice name = x12->elements[0].value;
	uint32_t packed = 0;

	x12->occurrence = 0;
	if (name.length == 0 || name.length > 3)
		return;
	memcpy(&packed, name.data, name.length);
	if (ep_x12_is(x12, "ISA") || ep_x12_is(x12, "ST"))
		x12->name_count = 0;
	if (ep_x12_is(x12, "ST") && x12->set_number < UINT32_MAX)
		x12->set_number++;
	for (uint32_t i = 0; i < x12->name_count; i++) {
		if (x12->names[i] == packed) {
			x12->occurrence = ++x12->occurrences[i];
			return;
		}
	}
	if (x12->name_count == EP_X12_NAMES_MAX)
		return;
	x12->names[x12->name_count] = packed;
	x12->occurrences[x12->name_count++] = 1;
	x12->occurrence = 1;
}

/* Whether the segment at hand may end with the file: with a line end as terminator any may, else only what closes. */
static bool may_end_file(const struct ep_x12 *x12)
{
	if (is_line_end(x12->terminator[0]) || ep_x12_is(x12, "IEA"))
		return true;
	return !x12->in_interchange && (ep_x12_is(x12, "SE") || ep_x12_is(x12, "GE"));
}

/* Passes over what stands between segments, terminators without a segment before them included. */
static struct ep_slice next_segment(struct ep_x12 *x12)
{
	struct ep_slice terminator = ep_slice_make(x12->terminator, x12->terminator_length);
	struct ep_slice rest;

	for (;;) {
		skip_filler(x12);
		rest = ep_slice_sub(x12->part->bytes, x12->offset, x12->part->bytes.length);
		if (terminator.length == 0 || !ep_slice_starts(rest, terminator))
			return rest;
		x12->offset += terminator.length;
	}
}

enum ep_status ep_x12_next(struct ep_x12 *x12)
{
	struct ep_slice rest = next_segment(x12);
	uint64_t end;

	if (rest.length == 0)
		return EP_END;
	x12->segment_number++;
	if (begins_segment(rest, "ISA", 3)) {
		if (!read_isa(x12, rest)) {
			(void)split_elements(x12, ep_slice_sub(rest, 0, ISA_LENGTH));
			count_name(x12);
			return EP_BAD_INPUT;
		}
		x12->in_interchange = true;
	}
	end = find_terminator(x12, rest);
	if (!split_elements(x12, ep_slice_sub(rest, 0, end)))
		return EP_BAD_INPUT;
	count_name(x12);
	if (end == rest.length) {
		if (!may_end_file(x12))
			return EP_BAD_INPUT;
		x12->offset += end;
	} else {
		x12->offset += end + x12->terminator_length;
	}
	if (ep_x12_is(x12, "IEA"))
		x12->in_interchange = false;
	return EP_OK;
}

struct ep_text ep_x12_element(const struct ep_x12 *x12, uint32_t index)
{
	struct ep_text text;
	uint64_t length;

	if (index >= x12->count)
		return ep_text_constant(ep_slice_make(NULL, 0));
	text = x12->elements[index];
	for (length = text.value.length; length && is_filler(text.value.data[length - 1]);)
		length--;
	return ep_text_sub(text, 0, length);
}

static char *write_bytes(char *text, const char *bytes, uint64_t length)
{
	memcpy(text, bytes, length);
	return text + length;
}

static char *write_number(char *text, uint32_t value)
{
	char digits[10];
	uint32_t count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*text++ = digits[--count];
	return text;
}

struct ep_place ep_x12_place(const struct ep_host *host, struct ep_call *call, const struct ep_x12 *x12, uint32_t index)
{
	struct ep_place place = ep_place_none();
	struct ep_slice name;
	char path[64];
	char *end = path;
	char *copy;

	if (x12->count == 0)
		return place;
	if (index) {
		/* A missing element stands where its segment does. */
		place = ep_place_of(index < x12->count ? x12->elements[index] : x12->elements[0]);
	} else {
		struct ep_text last = x12->elements[x12->count - 1];

		place = ep_place_of(x12->elements[0]);
		place.length = last.offset + last.length - place.offset;
	}
	name = ep_slice_sub(x12->elements[0].value, 0, 8);
	if (x12->set_number > 1 && !ep_x12_is(x12, "ST")) {
		end = write_number(write_bytes(end, "ST[", 3), x12->set_number);
		end = write_bytes(end, "]/", 2);
	}
	end = write_bytes(end, name.data, name.length);
	if (x12->occurrence) {
		end = write_number(write_bytes(end, "[", 1), ep_x12_is(x12, "ST") ? x12->set_number : x12->occurrence);
		end = write_bytes(end, "]", 1);
	}
	if (index) {
		end = write_bytes(end, index < 10 ? "-0" : "-", index < 10 ? 2 : 1);
		end = write_number(end, index);
	}
	copy = (char *)host->alloc(call, (uint64_t)(end - path));
	if (copy)
		place.path = ep_slice_make(
			write_bytes(copy, path, (uint64_t)(end - path)) - (end - path), (uint64_t)(end - path));
	return place;
}
