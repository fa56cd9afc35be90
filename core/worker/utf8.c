/*
 * utf8.c: the text service: a part in UTF-8, the check of UTF-8, local times.
 *
 * A part that had to be converted is a part with a number of its own, behind those of the input. Texts and places that
 * name it are led back to the sender's bytes when they reach the host: every MARK_BYTES of the original, it is noted how
 * far the converted text had come; from there the characters are counted.
 */
#include "worker/call_state.h"

#include <string.h>

#include "base/text.h"

#define MARK_BYTES 512
#define PADDING_BYTES 64 /* behind every part */
#define PARTS_MAX 1000   /* converted ones of one message */

_Static_assert(MARK_BYTES * 3 + 16 <= CHARSET_LOCATE_MAX, "what stands between two marks can be located");

struct mark {
	uint64_t original, converted; /* offsets at which a character begins */
};

struct utf8_part {
	struct utf8_part *next;
	uint32_t number;
	uint32_t original_number;
	struct ep_slice original;
	const struct charset *charset; /* NULL: UTF-8 already, only a byte order mark was passed over */
	uint64_t skipped;              /* bytes of a byte order mark in `original` */
	struct mark *marks;
	size_t mark_count;
};

static uint64_t original_offset(const struct ep_call *call, const struct utf8_part *part, uint64_t offset)
{
	size_t low = 0, high = part->mark_count;
	const struct mark *mark;

	if (!part->charset)
		return offset + part->skipped;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (part->marks[middle].converted <= offset)
			low = middle;
		else
			high = middle;
	}
	mark = &part->marks[low];
	offset -= mark->converted;
	return mark->original + charset_locate(call->charsets, part->charset,
					ep_slice_sub(part->original, mark->original, MARK_BYTES + 16), &offset);
}

void utf8_origin(const struct ep_call *call, uint32_t *part, uint64_t *offset, uint64_t *length)
{
	if (*part < call->part_count)
		return;
	for (const struct utf8_part *at = call->utf8_parts; at; at = at->next)
		if (at->number == *part) {
			uint64_t begin = original_offset(call, at, *offset);

			*length = *length ? original_offset(call, at, *offset + *length) - begin : 0;
			*offset = begin;
			*part = at->original_number; /* older: comes later in the list */
		}
}

static struct utf8_part *add_part(struct ep_call *call, const struct ep_part *part)
{
	uint32_t count = call->utf8_parts ? call->utf8_parts->number - call->part_count + 1 : 0;
	struct utf8_part *made = count < PARTS_MAX ? call_alloc(call, sizeof(*made)) : NULL;

	if (count == PARTS_MAX) {
		struct ep_place place = {.part = part->index};

		call_fail(call, EP_ERR_LIMIT, place, "more than 1000 parts were converted to UTF-8");
	}
	if (!made)
		return NULL;
	made->next = call->utf8_parts;
	made->number = call->part_count + count;
	made->original_number = part->index;
	made->original = part->bytes;
	call->utf8_parts = made;
	return made;
}

static enum ep_status bad_byte(struct ep_call *call, const struct ep_part *part, uint64_t offset, const char *text)
{
	struct ep_place place = {.part = part->index, .offset = offset, .length = 1};

	return call_fail(call, EP_ERR_CHARSET, place, text);
}

static enum ep_status convert(struct ep_call *call, struct utf8_part *made, const struct charset *charset, char *out,
	size_t room, uint64_t *length, uint64_t *offset)
{
	struct ep_slice rest = ep_slice_sub(made->original, made->skipped, made->original.length);
	enum ep_status status = EP_OK;

	*length = 0;
	while (rest.length) {
		struct ep_slice block = ep_slice_sub(rest, 0, MARK_BYTES);
		uint64_t before = block.length;
		size_t written;

		*offset = made->original.length - rest.length;
		made->marks[made->mark_count++] = (struct mark){*offset, *length};
		status = charset_decode(call->charsets, charset, &block, out + *length, room - *length, &written);
		*length += written;
		*offset += before - block.length;
		if (status == EP_BAD_INPUT || status == EP_LIMIT || before == block.length)
			return EP_BAD_INPUT;
		if (status == EP_END && before == rest.length)
			return EP_BAD_INPUT; /* the part ends within a character */
		rest = ep_slice_sub(rest, before - block.length, rest.length);
	}
	return EP_OK;
}

static uint64_t count_high(struct ep_slice bytes)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < bytes.length; i++)
		count += (unsigned char)bytes.data[i] >= 0x80;
	return count;
}

static enum ep_status convert_part(struct ep_call *call, const struct ep_part *part, const struct charset *charset,
	uint64_t skipped, struct ep_part *utf8)
{
	/* One byte becomes 3 at most, two of GB18030 become 3, four 4, two of UTF-16 become 3. */
	bool utf16 = charset->kind == CHARSET_IS_UTF16_LE || charset->kind == CHARSET_IS_UTF16_BE;
	uint64_t room = utf16 ? part->bytes.length / 2 * 3 + 4 : part->bytes.length + 2 * count_high(part->bytes);
	struct utf8_part *made = add_part(call, part);
	uint64_t length = 0, offset = 0;
	char *out;

	if (!made)
		return EP_BAD_INPUT;
	made->charset = charset;
	made->skipped = skipped;
	made->marks = call_alloc(call, (part->bytes.length / (MARK_BYTES / 2) + 2) * sizeof(*made->marks));
	out = call_alloc(call, room + PADDING_BYTES);
	if (!made->marks || !out)
		return EP_BAD_INPUT;
	made->marks[0] = (struct mark){skipped, 0};
	if (convert(call, made, charset, out, room, &length, &offset) != EP_OK)
		return bad_byte(call, part, offset, "a byte that the character set doesn't have");
	made->mark_count += made->mark_count == 0;
	memset(out + length, 0, PADDING_BYTES);
	*utf8 = *part;
	utf8->bytes = ep_slice_make(out, length);
	utf8->index = made->number;
	utf8->charset = EP_UTF8;
	return EP_OK;
}

static bool starts_with(struct ep_slice bytes, const char *mark, uint64_t length)
{
	return bytes.length >= length && memcmp(bytes.data, mark, length) == 0;
}

static enum ep_status keep_utf8(struct ep_call *call, const struct ep_part *part, struct ep_part *utf8)
{
	uint64_t valid = utf8_valid_until(part->bytes);
	struct utf8_part *made;

	if (valid < part->bytes.length)
		return bad_byte(call, part, valid, "a byte that isn't UTF-8");
	*utf8 = *part;
	utf8->charset = EP_UTF8;
	if (!starts_with(part->bytes, "\xef\xbb\xbf", 3))
		return EP_OK;
	made = add_part(call, part);
	if (!made)
		return EP_BAD_INPUT;
	made->skipped = 3;
	utf8->bytes = ep_slice_sub(part->bytes, 3, part->bytes.length);
	utf8->index = made->number;
	return EP_OK;
}

static enum ep_status text_utf8(struct ep_call *call, const struct ep_part *part, uint32_t number, struct ep_part *utf8)
{
	const struct charset *charset = charset_numbered(number);
	uint64_t skipped = 0;

	*utf8 = *part;
	if (!charset) {
		call_misuse(call, "text->utf8() with a character set that there isn't");
		return EP_BAD_INPUT;
	}
	/* A byte order mark says more than any declaration. */
	if (starts_with(part->bytes, "\xef\xbb\xbf", 3)) {
		charset = charset_numbered(EP_UTF8);
	} else if (starts_with(part->bytes, "\xff\xfe", 2) || starts_with(part->bytes, "\xfe\xff", 2)) {
		charset = charset_utf16(part->bytes.data[0] == '\xfe');
		skipped = 2;
	} else if (charset->kind == CHARSET_IS_GB18030 && starts_with(part->bytes, "\x84\x31\x95\x33", 4)) {
		skipped = 4;
	}
	if (charset->kind == CHARSET_IS_UTF8)
		return keep_utf8(call, part, utf8);
	if (!charset_usable(call->charsets, charset))
		return bad_byte(call, part, 0, "this system lacks the converter of the character set");
	return convert_part(call, part, charset, skipped, utf8);
}

static enum ep_status text_check_utf8(struct ep_slice bytes, uint64_t *offset)
{
	*offset = utf8_valid_until(bytes);
	return *offset == bytes.length ? EP_OK : EP_BAD_INPUT;
}

static enum ep_status text_zoned(struct ep_call *call, struct ep_local_time local, struct ep_time *time)
{
	return call->zone ? zone_time(call->zone, local, time) : EP_NO_ZONE;
}

const struct ep_text_service utf8_service = {
	.size = sizeof(struct ep_text_service),
	.utf8 = text_utf8,
	.check_utf8 = text_check_utf8,
	.zoned = text_zoned,
};
