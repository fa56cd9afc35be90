/*
 * text.c: text that remembers where it was read. The origin (part, offset, length) goes along with every cut and join, so
 * that each field of a record can show its source.
 */
#include <entrepot/plugin.h>

struct ep_text ep_text_constant(struct ep_slice value)
{
	struct ep_text text;

	memset(&text, 0, sizeof(text));
	text.value = value;
	text.part = EP_NO_PART;
	text.charset = EP_UTF8;
	return text;
}

struct ep_text ep_text_of(const struct ep_part *part, struct ep_slice value)
{
	struct ep_text text = ep_text_constant(value);
	uintptr_t begin = (uintptr_t)part->bytes.data;
	uintptr_t at = (uintptr_t)value.data;

	text.charset = part->charset;
	if (!value.data || at < begin || at - begin > part->bytes.length ||
		value.length > part->bytes.length - (at - begin))
		return text;
	text.part = part->index;
	text.offset = at - begin;
	text.length = value.length;
	return text;
}

struct ep_text ep_text_sub(struct ep_text text, uint64_t offset, uint64_t length)
{
	/* Where quotes or escapes were undone, bytes of the value and of the origin don't correspond: then the whole is named. */
	bool exact = text.length == text.value.length;
	struct ep_slice value = ep_slice_sub(text.value, offset, length);

	if (exact) {
		text.offset += (uint64_t)(value.data - text.value.data);
		text.length = value.length;
	}
	text.value = value;
	return text;
}

struct ep_text ep_text_trim(struct ep_text text)
{
	struct ep_slice trimmed = ep_slice_trim(text.value);

	return ep_text_sub(text, (uint64_t)(trimmed.data - text.value.data), trimmed.length);
}

/* Makes *origin span `text` too, if both come from one part. */
static void span(struct ep_text *origin, const struct ep_text *text)
{
	uint64_t end = origin->offset + origin->length;

	if (text->part == EP_NO_PART)
		return;
	if (origin->part == EP_NO_PART) {
		origin->part = text->part;
		origin->offset = text->offset;
		origin->length = text->length;
		origin->charset = text->charset;
		return;
	}
	if (text->part != origin->part)
		return;
	if (text->offset + text->length > end)
		end = text->offset + text->length;
	if (text->offset < origin->offset)
		origin->offset = text->offset;
	origin->length = end - origin->offset;
}

struct ep_text ep_text_join(const struct ep_host *host, struct ep_call *call, const struct ep_text *texts,
	uint32_t count, struct ep_slice glue)
{
	struct ep_text joined = ep_text_constant(ep_slice_make(NULL, 0));
	uint64_t size = 0;
	char *bytes;
	char *end;

	for (uint32_t i = 0; i < count; i++) {
		if (__builtin_add_overflow(size, texts[i].value.length, &size) ||
			__builtin_add_overflow(size, glue.length, &size))
			return joined;
	}
	bytes = size ? (char *)host->alloc(call, size) : NULL;
	if (!bytes)
		return joined;
	end = bytes;
	for (uint32_t i = 0; i < count; i++) {
		if (texts[i].value.length == 0)
			continue;
		if (end != bytes && glue.length) {
			memcpy(end, glue.data, glue.length);
			end += glue.length;
		}
		memcpy(end, texts[i].value.data, texts[i].value.length);
		end += texts[i].value.length;
		span(&joined, &texts[i]);
	}
	joined.value = ep_slice_make(bytes, (uint64_t)(end - bytes));
	return joined;
}

struct ep_place ep_place_none(void)
{
	struct ep_place place;

	memset(&place, 0, sizeof(place));
	place.part = EP_NO_PART;
	return place;
}

struct ep_place ep_place_of(struct ep_text text)
{
	struct ep_place place = ep_place_none();

	place.part = text.part;
	place.offset = text.offset;
	place.length = text.length;
	return place;
}

/* Whether a character begins with `byte`: in UTF-8 the bytes that continue one don't count as columns. */
static bool begins_character(char byte, uint32_t charset)
{
	return charset != EP_UTF8 || ((unsigned char)byte & 0xc0) != 0x80;
}

struct ep_place ep_place_in(const struct ep_part *part, struct ep_text text)
{
	struct ep_place place = ep_place_of(text);
	struct ep_slice bytes = part->bytes;
	uint64_t row = 1;
	uint32_t column = 1;

	if (text.part != part->index || text.offset > bytes.length)
		return place;
	for (uint64_t i = 0; i < text.offset; i++) {
		bool line_end = bytes.data[i] == '\n' ||
				(bytes.data[i] == '\r' && !(i + 1 < bytes.length && bytes.data[i + 1] == '\n'));

		if (line_end) {
			row++;
			column = 1;
		} else if (begins_character(bytes.data[i], part->charset) && column < UINT32_MAX) {
			column++;
		}
	}
	place.row = row;
	place.column = column;
	return place;
}
