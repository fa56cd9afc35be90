/*
 * event.c: see event.h. Each record leaves through here, so it writes straight into the buffer: room for a whole member
 * is reserved at once, texts without anything to escape are copied. The members of `data` stand in the order of the schema.
 */
#include "record/event.h"

#include "base/json.h"
#include "base/text.h"
#include "record/bytes.h"

/* buffer_reserve() and buffer_append(), inline where there is room: nearly always, since buffers are used again. */
static inline char *reserve(struct buffer *out, size_t length)
{
	if (out->failed == EP_OK && out->capacity - out->length >= length)
		return out->data + out->length;
	return buffer_reserve(out, length);
}

static inline void add(struct buffer *out, const void *data, size_t length)
{
	char *at = reserve(out, length);

	if (!at)
		return;
	memcpy(at, data, length);
	out->length += length;
}

/* A literal, whose length is known. */
#define ADD(out, literal) add((out), (literal), sizeof(literal) - 1)

static bool has_byte(uint64_t eight, uint8_t byte)
{
	uint64_t zero = eight ^ (UINT64_C(0x0101010101010101) * byte);

	return ((zero - UINT64_C(0x0101010101010101)) & ~zero & UINT64_C(0x8080808080808080)) != 0;
}

static bool is_plain(struct ep_slice text)
{
	uint64_t i = 0, eight;

	for (; text.length - i >= 8; i += 8) {
		memcpy(&eight, text.data + i, 8);
		/* Below 0x20: the subtraction borrows into the top bit of a byte that didn't have it. */
		if (((eight - UINT64_C(0x2020202020202020)) & ~eight & UINT64_C(0x8080808080808080)) ||
			has_byte(eight, '"') || has_byte(eight, '\\') || has_byte(eight, 0x7f))
			return false;
	}
	for (; i < text.length; i++)
		if ((uint8_t)text.data[i] < 0x20 || text.data[i] == '"' || text.data[i] == '\\' || text.data[i] == 0x7f)
			return false;
	return true;
}

/* A JSON string. The text is UTF-8 already. */
static void add_text(struct buffer *out, struct ep_slice text)
{
	char *at;

	if (!is_plain(text)) {
		ADD(out, "\"");
		json_escape(out, text);
		ADD(out, "\"");
		return;
	}
	at = reserve(out, text.length + 2);
	if (!at)
		return;
	at[0] = '"';
	if (text.length)
		memcpy(at + 1, text.data, text.length);
	at[text.length + 1] = '"';
	out->length += text.length + 2;
}

/* The name of a member, with the comma before it where one is due. */
static void add_name(struct buffer *out, const char *name, size_t length, bool first)
{
	char *at = reserve(out, length + 4);

	if (!at)
		return;
	*at = ',';
	at += !first;
	at[0] = '"';
	memcpy(at + 1, name, length);
	at[length + 1] = '"';
	at[length + 2] = ':';
	out->length += length + 3 + !first;
}

static void add_integer(struct buffer *out, uint64_t magnitude, bool negative)
{
	char digits[21];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude);
	if (negative)
		digits[--at] = '-';
	add(out, digits + at, sizeof(digits) - at);
}

/* A decimal, date or time between quotes. */
static void add_value(struct buffer *out, uint32_t type, struct ep_slice bytes)
{
	char *at = reserve(out, 64);
	uint32_t length;

	if (!at)
		return;
	at[0] = '"';
	if (type == SCHEMA_DATE)
		length = ep_date_write(record_date(bytes), at + 1);
	else if (type == SCHEMA_TIME)
		length = ep_time_write(record_time(bytes), at + 1);
	else
		length = ep_decimal_write(record_decimal(bytes), at + 1);
	at[1 + length] = '"';
	out->length += 2 + length;
}

/* Money or a quantity: {"amount":"1.00","currency":"EUR"}. */
static void add_measured(struct buffer *out, struct ep_slice bytes, const char *name, size_t name_length,
	const char *of, size_t of_length)
{
	struct ep_slice measure = ep_slice_make(bytes.data + DECIMAL_BYTES, bytes.length - DECIMAL_BYTES);

	ADD(out, "{");
	add_name(out, name, name_length, true);
	add_value(out, SCHEMA_DECIMAL, bytes);
	if (measure.length) {
		add_name(out, of, of_length, false);
		add_text(out, measure);
	}
	ADD(out, "}");
}

/* {"kind":"cn-id","hash":"<64 digits>","masked":"110*************2X"}; no hash where the gateway has no key. */
static void add_person(struct buffer *out, struct ep_slice bytes)
{
	static const char none[SEALED_HASH_BYTES];
	uint64_t kind_length = (uint8_t)bytes.data[0];
	const char *hash = bytes.data + 1 + kind_length;
	char digits[2 * SEALED_HASH_BYTES + 1];

	ADD(out, "{\"kind\":");
	add_text(out, ep_slice_make(bytes.data + 1, kind_length));
	if (memcmp(hash, none, sizeof(none)) != 0) {
		hex_write(hash, SEALED_HASH_BYTES, digits);
		ADD(out, ",\"hash\":\"");
		add(out, digits, 2 * SEALED_HASH_BYTES);
		ADD(out, "\"");
	}
	ADD(out, ",\"masked\":");
	add_text(out, ep_slice_make(hash + SEALED_HASH_BYTES, bytes.length - 1 - kind_length - SEALED_HASH_BYTES));
	ADD(out, "}");
}

static void add_fields(struct buffer *out, struct record_reader reader);

static void add_list(struct buffer *out, const struct schema_record *record, const struct record_value *value)
{
	struct ep_slice rest = value->bytes, item;
	bool first = true;

	ADD(out, "[");
	while (record_next_item(&rest, &item)) {
		if (!first)
			ADD(out, ",");
		first = false;
		if (value->type == SCHEMA_TEXTS)
			add_text(out, item);
		else
			add_fields(out, record_read_item(record, item));
	}
	ADD(out, "]");
}

/* [{"field":"lines.sku","code":"too-long"}] */
static void add_quality(struct buffer *out, struct ep_slice list)
{
	struct ep_slice item;
	struct record_value value;
	bool first = true;

	ADD(out, "[");
	while (record_next_item(&list, &item)) {
		struct record_reader reader = record_read_item(NULL, item);
		bool first_member = true;

		if (first)
			ADD(out, "{");
		else
			ADD(out, ",{");
		first = false;
		while (record_next(&reader, &value)) {
			if (value.id == 1)
				add_name(out, "field", 5, first_member);
			else
				add_name(out, "code", 4, first_member);
			first_member = false;
			add_text(out, value.bytes);
		}
		ADD(out, "}");
	}
	ADD(out, "]");
}

static void add_member_value(struct buffer *out, const struct schema_record *record, const struct record_value *value)
{
	int64_t integer;

	switch (value->type) {
	case SCHEMA_ENUM:
		add_text(out, ep_slice_of(schema_code_find(value->field, get_u16(value->bytes.data))->text));
		break;
	case SCHEMA_BOOL:
		add(out, value->bytes.data[0] ? "true" : "false", value->bytes.data[0] ? 4 : 5);
		break;
	case SCHEMA_INTEGER:
		integer = record_integer(value->bytes);
		add_integer(out, integer < 0 ? -(uint64_t)integer : (uint64_t)integer, integer < 0);
		break;
	case SCHEMA_DECIMAL:
	case SCHEMA_DATE:
	case SCHEMA_TIME:
		add_value(out, value->type, value->bytes);
		break;
	case SCHEMA_MONEY:
		add_measured(out, value->bytes, "amount", 6, "currency", 8);
		break;
	case SCHEMA_QUANTITY:
		add_measured(out, value->bytes, "quantity", 8, "unit", 4);
		break;
	case SCHEMA_LIST:
	case SCHEMA_TEXTS:
		add_list(out, record, value);
		break;
	case SCHEMA_SEALED_PERSON:
		add_person(out, value->bytes);
		break;
	default:
		add_text(out, value->bytes);
		break;
	}
}

static void add_fields(struct buffer *out, struct record_reader reader)
{
	struct record_value value;
	bool first = true;

	ADD(out, "{");
	while (record_next(&reader, &value)) {
		if (value.type == SCHEMA_PERSON)
			continue; /* in clear: it doesn't leave the gateway */
		if (value.id == SCHEMA_QUALITY_FIELD) {
			add_name(out, "quality", 7, first);
			add_quality(out, value.bytes);
		} else {
			add_name(out, value.field->name, value.field->name_length, first);
			add_member_value(out, reader.record, &value);
		}
		first = false;
	}
	ADD(out, "}");
}

enum ep_status event_write_data(struct ep_slice record, struct buffer *out)
{
	add_fields(out, record_read(record));
	return out->failed;
}

/* RFC 3986, section 2.3: everything but the unreserved characters as %XX, so that '/' can part the key's parts. */
static void add_subject(struct buffer *out, struct ep_slice key)
{
	static const char digits[] = "0123456789ABCDEF";
	bool first = true;

	while (key.length >= 2) {
		uint64_t length = get_u16(key.data);
		char *at;

		length = length > key.length - 2 ? key.length - 2 : length;
		at = reserve(out, 3 * length + 1);
		if (!at)
			return;
		if (!first)
			*at++ = '/';
		out->length += !first;
		first = false;
		for (uint64_t i = 0; i < length; i++) {
			uint8_t byte = (uint8_t)key.data[2 + i];
			bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
				     (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
				     byte == '~';

			if (plain) {
				*at++ = (char)byte;
				out->length++;
				continue;
			}
			at[0] = '%';
			at[1] = digits[byte >> 4];
			at[2] = digits[byte & 15];
			at += 3;
			out->length += 3;
		}
		key.data += 2 + length;
		key.length -= 2 + length;
	}
}

enum ep_status event_write(const struct event *event, struct buffer *out)
{
	const struct schema_record *record = record_read(event->record).record;
	char id[2 * sizeof(event->id) + 1];
	struct record_value time;

	if (!record)
		return EP_MISUSE;
	hex_write(event->id, sizeof(event->id), id);
	ADD(out, "{\"specversion\":\"1.0\",\"id\":\"");
	add(out, id, sizeof(id) - 1);
	ADD(out, "\",\"source\":\"urn:entrepot:source:");
	buffer_append_slice(out, event->source); /* [a-z][a-z0-9-]*: nothing to escape */
	ADD(out, "\",\"type\":\"entrepot.");
	add(out, record->name, record->name_length);
	ADD(out, ".v1\",\"subject\":\"");
	add_subject(out, event->key);
	ADD(out, "\"");
	if (record->time_field && record_find(event->record, record->time_field, &time)) {
		ADD(out, ",\"time\":");
		add_value(out, SCHEMA_TIME, time.bytes);
	}
	ADD(out, ",\"datacontenttype\":\"application/json\",\"dataschema\":\"urn:entrepot:schema:");
	add(out, record->name, record->name_length);
	ADD(out, ":v1\",\"revision\":");
	add_integer(out, event->revision, false);
	if (event->version.length) {
		ADD(out, ",\"version\":");
		add_text(out, event->version);
	}
	if (event->message.length) {
		ADD(out, ",\"entrepotmessage\":");
		add_text(out, event->message);
	}
	ADD(out, ",\"data\":");
	add_fields(out, record_read(event->record));
	ADD(out, "}");
	return out->failed;
}
