/*
 * structure.c: see structure.h. What comes in may be written by an enemy: every length is checked against what is left
 * before anything is read, nesting is bounded, nothing is remembered. Whoever reads a record later relies on this.
 */
#include "record/structure.h"

#include "base/text.h"
#include "record/accept.h"
#include "record/bytes.h"
#include "record/quality.h"
#include "record/sound.h"

struct check {
	const struct schema_record *record;
	struct structure_fault *fault;
	uint32_t item;
};

__attribute__((cold)) static bool refuse(struct check *check, const struct schema_field *field, const char *why)
{
	check->fault->record = check->record;
	check->fault->field = field;
	check->fault->item = check->item;
	check->fault->why = why;
	return false;
}

static bool is_utf8(struct ep_slice text)
{
	return utf8_valid_until(text) == text.length;
}

/* What is wrong with a decimal, NULL if nothing. */
static const char *decimal_fault(struct ep_slice bytes)
{
	if (bytes.length < DECIMAL_BYTES)
		return "a decimal of the wrong length";
	return decimal_sound(record_decimal(bytes)) ? NULL : "a decimal of more than 38 digits or a scale over 18";
}

static const char *money_fault(struct ep_slice bytes)
{
	const char *fault = decimal_fault(bytes);

	if (fault)
		return fault;
	if (bytes.length == DECIMAL_BYTES)
		return NULL;
	if (bytes.length != DECIMAL_BYTES + 3 || currency_length(record_money(bytes).currency) != 3)
		return "a currency that isn't three capitals";
	return NULL;
}

static const char *quantity_fault(struct ep_slice bytes)
{
	const char *fault = decimal_fault(bytes);
	struct ep_slice unit;

	if (fault)
		return fault;
	unit = ep_slice_make(bytes.data + DECIMAL_BYTES, bytes.length - DECIMAL_BYTES);
	if (unit.length > 15 || (unit.length && memchr(unit.data, '\0', unit.length)) || !is_utf8(unit))
		return "a unit that isn't 1 to 15 bytes of UTF-8";
	return NULL;
}

static const char *time_fault(struct ep_slice bytes)
{
	struct ep_time time;

	if (bytes.length != TIME_BYTES)
		return "a time of the wrong length";
	time = record_time(bytes);
	if (!time_sound(time) || time.nanosecond % time_unit(time.digits) != 0)
		return "a time that doesn't exist";
	return NULL;
}

/* `tail`: what stands behind the kind. */
static bool person_kind(struct ep_slice bytes, struct ep_slice *tail)
{
	uint8_t length = bytes.length ? (uint8_t)bytes.data[0] : 0;

	if (length == 0 || bytes.length < 1 + (uint64_t)length ||
		!person_kind_sound(ep_slice_make(bytes.data + 1, length)))
		return false;
	*tail = ep_slice_make(bytes.data + 1 + length, bytes.length - 1 - length);
	return true;
}

static const char *person_fault(struct ep_slice bytes, uint32_t type)
{
	struct ep_slice tail;

	if (!person_kind(bytes, &tail))
		return "a person's number without its kind";
	if (type == SCHEMA_SEALED_PERSON) {
		if (tail.length <= SEALED_HASH_BYTES)
			return "a sealed number without hash and mask";
		tail = ep_slice_make(tail.data + SEALED_HASH_BYTES, tail.length - SEALED_HASH_BYTES);
	}
	return tail.length && is_utf8(tail) ? NULL : "a person's number that is empty or not UTF-8";
}

static const char *texts_fault(struct ep_slice bytes)
{
	struct ep_slice text;

	if (bytes.length == 0)
		return "an empty list";
	while (record_next_item(&bytes, &text))
		if (text.length == 0 || !is_utf8(text))
			return "a text that is empty or not UTF-8";
	return bytes.length ? "a list that ends inside of an item" : NULL;
}

static const char *value_fault(const struct schema_field *field, uint32_t type, struct ep_slice bytes)
{
	switch (type) {
	case SCHEMA_TEXT:
	case SCHEMA_CODE_CURRENCY:
	case SCHEMA_CODE_COUNTRY:
	case SCHEMA_CODE_UNIT:
	case SCHEMA_GTIN:
	case SCHEMA_IBAN:
		return bytes.length && is_utf8(bytes) ? NULL : "a text that is empty or not UTF-8";
	case SCHEMA_ENUM:
		return bytes.length == 2 && schema_code_find(field, get_u16(bytes.data))
			       ? NULL
			       : "a code that it doesn't have";
	case SCHEMA_BOOL:
		return bytes.length == 1 && (uint8_t)bytes.data[0] <= 1 ? NULL : "a truth value other than 0 and 1";
	case SCHEMA_INTEGER:
		return bytes.length == 8 ? NULL : "an integer of the wrong length";
	case SCHEMA_DECIMAL:
		return bytes.length == DECIMAL_BYTES ? decimal_fault(bytes) : "a decimal of the wrong length";
	case SCHEMA_MONEY:
		return money_fault(bytes);
	case SCHEMA_QUANTITY:
		return quantity_fault(bytes);
	case SCHEMA_DATE:
		return bytes.length == DATE_BYTES && date_sound(record_date(bytes)) ? NULL
										    : "a date that doesn't exist";
	case SCHEMA_TIME:
		return time_fault(bytes);
	case SCHEMA_PERSON:
	case SCHEMA_SEALED_PERSON:
		return person_fault(bytes, type);
	case SCHEMA_TEXTS:
		return texts_fault(bytes);
	default:
		return "a type that doesn't exist";
	}
}

static bool check_fields(struct check *check, uint16_t parent, struct ep_slice bytes, uint32_t depth);

static bool check_list(struct check *check, const struct schema_field *field, struct ep_slice bytes, uint32_t depth)
{
	uint32_t outer = check->item;
	struct ep_slice item;

	if (bytes.length == 0)
		return refuse(check, field, "an empty list");
	if (depth == RECORD_DEPTH_MAX)
		return refuse(check, field, "lists nested too deep");
	for (check->item = 0; record_next_item(&bytes, &item); check->item++) {
		if (item.length == 0)
			return refuse(check, field, "an item without fields");
		if (!check_fields(check, field->id, item, depth + 1))
			return false;
	}
	check->item = outer;
	return bytes.length == 0 ? true : refuse(check, field, "a list that ends inside of an item");
}

static bool check_quality(struct check *check, struct ep_slice bytes)
{
	struct quality quality;

	quality_clear(&quality);
	if (bytes.length == 0 || !quality_read(&quality, check->record, bytes))
		return refuse(check, NULL, "quality notes that don't exist or are out of order");
	return true;
}

/* The fields of the record (parent 0) or of an item of a list. */
static bool check_fields(struct check *check, uint16_t parent, struct ep_slice bytes, uint32_t depth)
{
	struct record_reader reader = {check->record, bytes};
	struct record_value value;
	uint32_t last = 0;

	while (reader.rest.length) {
		const char *at = reader.rest.data, *fault;

		if (!record_next(&reader, &value))
			return refuse(check, NULL, "a field that reaches beyond the end");
		if (value.id <= last)
			return refuse(check, value.field, "fields out of order or given twice");
		if (at[3] != 0)
			return refuse(check, value.field, "a reserved byte that isn't 0");
		last = value.id;
		if (value.id == SCHEMA_QUALITY_FIELD && parent == 0) {
			if (value.type != SCHEMA_LIST || !check_quality(check, value.bytes))
				return refuse(check, NULL, "quality notes that don't exist or are out of order");
			continue;
		}
		if (!value.field || value.field->parent != parent)
			return refuse(check, value.field, "a field that doesn't belong here");
		if (value.type != value.field->type &&
			!(value.type == SCHEMA_SEALED_PERSON && value.field->type == SCHEMA_PERSON))
			return refuse(check, value.field, "a value of another type");
		if (value.type == SCHEMA_LIST) {
			if (!check_list(check, value.field, value.bytes, depth))
				return false;
			continue;
		}
		fault = value_fault(value.field, value.type, value.bytes);
		if (fault)
			return refuse(check, value.field, fault);
	}
	return true;
}

bool structure_check(struct ep_slice encoded, struct structure_fault *fault)
{
	struct check check = {.fault = fault};

	if (encoded.length < RECORD_HEAD_BYTES || encoded.length > RECORD_BYTES_MAX)
		return refuse(&check, NULL, "the record's size is out of bounds");
	check.record = schema_record_find(get_u16(encoded.data));
	if (!check.record)
		return refuse(&check, NULL, "no such record type");
	if (get_u16(encoded.data + 2) != 0 || get_u32(encoded.data + 4) != encoded.length - RECORD_HEAD_BYTES)
		return refuse(&check, NULL, "the record's length isn't that of its bytes");
	return check_fields(
		&check, 0, ep_slice_make(encoded.data + RECORD_HEAD_BYTES, encoded.length - RECORD_HEAD_BYTES), 0);
}

bool record_check(struct ep_slice encoded)
{
	struct structure_fault fault;

	return structure_check(encoded, &fault);
}
