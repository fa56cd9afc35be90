/* quality.c: see quality.h. The list is sorted by field id, then by the note's number. */
#include "record/quality.h"

#include "record/bytes.h"

void quality_add(
	struct quality *quality, const struct schema_record *record, const struct schema_field *field, uint32_t number)
{
	size_t index = field ? (size_t)(field - record->fields) + 1 : 0;
	uint64_t bit = (uint64_t)1 << (index % 64);

	if (!(quality->fields[index / 64] & bit))
		quality->codes[index] = 0;
	quality->fields[index / 64] |= bit;
	quality->codes[index] |= (uint64_t)1 << number;
}

bool quality_any(const struct quality *quality)
{
	uint64_t any = 0;

	for (size_t i = 0; i < QUALITY_FIELDS_MAX / 64; i++)
		any |= quality->fields[i];
	return any != 0;
}

static void write_text(struct buffer *out, uint32_t id, const char *text, size_t length)
{
	char head[RECORD_FIELD_HEAD_BYTES];

	set_field_head(head, id, SCHEMA_TEXT, length);
	buffer_append(out, head, sizeof(head));
	buffer_append(out, text, length);
}

static void write_item(struct buffer *out, const struct schema_field *field, uint32_t number)
{
	const struct schema_quality *note = schema_quality_find(number);
	size_t length = strlen(note->code), path_length = field ? field->path_length : 0;
	char head[4];

	set_u32(head,
		(uint32_t)(RECORD_FIELD_HEAD_BYTES + length + (field ? RECORD_FIELD_HEAD_BYTES + path_length : 0)));
	buffer_append(out, head, sizeof(head));
	if (field)
		write_text(out, 1, field->path, path_length);
	write_text(out, 2, note->code, length);
}

void quality_write(const struct quality *quality, const struct schema_record *record, struct buffer *out)
{
	char head[RECORD_FIELD_HEAD_BYTES] = {0};
	size_t start = out->length;

	if (!quality_any(quality))
		return;
	buffer_append(out, head, sizeof(head));
	for (size_t word = 0; word < QUALITY_FIELDS_MAX / 64; word++)
		for (uint64_t fields = quality->fields[word]; fields; fields &= fields - 1) {
			size_t index = word * 64 + (size_t)__builtin_ctzll(fields);
			const struct schema_field *field = index ? &record->fields[index - 1] : NULL;

			for (uint64_t codes = quality->codes[index]; codes; codes &= codes - 1)
				write_item(out, field, (uint32_t)__builtin_ctzll(codes));
		}
	if (out->failed == EP_OK)
		set_field_head(out->data + start, SCHEMA_QUALITY_FIELD, SCHEMA_LIST,
			out->length - start - RECORD_FIELD_HEAD_BYTES);
}

/* Takes one text field off an item. */
static bool take_text(struct ep_slice *item, uint32_t id, struct ep_slice *text)
{
	uint32_t length;

	if (item->length < RECORD_FIELD_HEAD_BYTES || get_u16(item->data) != id || item->data[2] != SCHEMA_TEXT ||
		item->data[3] != 0)
		return false;
	length = get_u32(item->data + 4);
	if (length == 0 || length > item->length - RECORD_FIELD_HEAD_BYTES)
		return false;
	*text = ep_slice_make(item->data + RECORD_FIELD_HEAD_BYTES, length);
	item->data += RECORD_FIELD_HEAD_BYTES + length;
	item->length -= RECORD_FIELD_HEAD_BYTES + length;
	return true;
}

bool quality_read(struct quality *quality, const struct schema_record *record, struct ep_slice list)
{
	const struct schema_quality *note;
	struct ep_slice item, path, code;
	uint32_t last = 0; /* field index and number of the note before */

	while (list.length) {
		const struct schema_field *field = NULL;
		uint32_t length, rank;

		if (list.length < 4)
			return false;
		length = get_u32(list.data);
		if (length > list.length - 4)
			return false;
		item = ep_slice_make(list.data + 4, length);
		list = ep_slice_make(list.data + 4 + length, list.length - 4 - length);
		if (take_text(&item, 1, &path)) {
			field = schema_field_named(record, path);
			if (!field)
				return false;
		}
		if (!take_text(&item, 2, &code) || item.length)
			return false;
		note = schema_quality_named(code);
		if (!note)
			return false;
		rank = (field ? (uint32_t)(field - record->fields) + 1 : 0) << 8 | note->number;
		if (rank <= last)
			return false;
		last = rank;
		quality_add(quality, record, field, note->number);
	}
	return true;
}
