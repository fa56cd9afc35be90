/*
 * encode.c: reads records. Trusts the encoding: record_check() (accept.c) has seen every byte of it before. Still no read
 * leaves the slice that it was given.
 */
#include "record/encode.h"

#include "record/bytes.h"

struct record_reader record_read(struct ep_slice encoded)
{
	struct record_reader reader = {0};

	if (encoded.length < RECORD_HEAD_BYTES)
		return reader;
	reader.record = schema_record_find(get_u16(encoded.data));
	reader.rest = ep_slice_make(encoded.data + RECORD_HEAD_BYTES, encoded.length - RECORD_HEAD_BYTES);
	return reader;
}

struct record_reader record_read_item(const struct schema_record *record, struct ep_slice item)
{
	return (struct record_reader){record, item};
}

bool record_next(struct record_reader *reader, struct record_value *value)
{
	struct ep_slice rest = reader->rest;
	uint32_t length;

	if (rest.length < RECORD_FIELD_HEAD_BYTES)
		return false;
	length = get_u32(rest.data + 4);
	if (length > rest.length - RECORD_FIELD_HEAD_BYTES)
		return false;
	value->id = get_u16(rest.data);
	value->type = (uint8_t)rest.data[2];
	value->field = reader->record ? schema_field_find(reader->record, value->id) : NULL;
	value->bytes = ep_slice_make(rest.data + RECORD_FIELD_HEAD_BYTES, length);
	reader->rest.data += RECORD_FIELD_HEAD_BYTES + length;
	reader->rest.length -= RECORD_FIELD_HEAD_BYTES + length;
	return true;
}

bool record_next_item(struct ep_slice *list, struct ep_slice *item)
{
	uint32_t length;

	if (list->length < 4)
		return false;
	length = get_u32(list->data);
	if (length > list->length - 4)
		return false;
	*item = ep_slice_make(list->data + 4, length);
	list->data += 4 + length;
	list->length -= 4 + length;
	return true;
}

bool record_find(struct ep_slice encoded, uint32_t field, struct record_value *value)
{
	struct record_reader reader = record_read(encoded);

	if (field >> 16 && (!reader.record || field >> 16 != reader.record->number))
		return false;
	while (record_next(&reader, value)) {
		if (value->id == (field & 0xffff))
			return true;
		if (value->id > (field & 0xffff))
			return false;
	}
	return false;
}

struct ep_decimal record_decimal(struct ep_slice bytes)
{
	struct ep_decimal decimal = {0};

	if (bytes.length < DECIMAL_BYTES)
		return decimal;
	decimal.scale = (uint8_t)bytes.data[0];
	decimal.low = get_u64(bytes.data + 1);
	decimal.high = (int64_t)get_u64(bytes.data + 9);
	return decimal;
}

struct ep_money record_money(struct ep_slice bytes)
{
	struct ep_money money = {.amount = record_decimal(bytes)};

	if (bytes.length == DECIMAL_BYTES + 3)
		memcpy(money.currency, bytes.data + DECIMAL_BYTES, 3);
	return money;
}

struct ep_quantity record_quantity(struct ep_slice bytes)
{
	struct ep_quantity quantity = {.quantity = record_decimal(bytes)};

	if (bytes.length > DECIMAL_BYTES && bytes.length - DECIMAL_BYTES < sizeof(quantity.unit))
		memcpy(quantity.unit, bytes.data + DECIMAL_BYTES, bytes.length - DECIMAL_BYTES);
	return quantity;
}

struct ep_date record_date(struct ep_slice bytes)
{
	struct ep_date date = {0};

	if (bytes.length < DATE_BYTES)
		return date;
	date.year = (int16_t)get_u16(bytes.data);
	date.month = (uint8_t)bytes.data[2];
	date.day = (uint8_t)bytes.data[3];
	return date;
}

struct ep_time record_time(struct ep_slice bytes)
{
	struct ep_time time = {0};

	if (bytes.length < TIME_BYTES)
		return time;
	time.seconds = (int64_t)get_u64(bytes.data);
	time.nanosecond = get_u32(bytes.data + 8);
	time.offset_minutes = (int16_t)get_u16(bytes.data + 12);
	time.digits = (uint8_t)bytes.data[14];
	return time;
}

int64_t record_integer(struct ep_slice bytes)
{
	return bytes.length < 8 ? 0 : (int64_t)get_u64(bytes.data);
}
