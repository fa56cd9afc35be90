/*
 * put.c: the puts of single values into a record that is being built. Values that don't exist (a date, an enumerator) are
 * refused here, to the plugin that puts them, though the core checks all of them again.
 */
#include "record/builder.h"
#include "record/bytes.h"
#include "record/sound.h"

#define BIT(type) (1u << (type))
#define TEXT_TYPES                                                                                                     \
	(BIT(SCHEMA_TEXT) | BIT(SCHEMA_CODE_CURRENCY) | BIT(SCHEMA_CODE_COUNTRY) | BIT(SCHEMA_CODE_UNIT) |             \
		BIT(SCHEMA_GTIN) | BIT(SCHEMA_IBAN))

/* What every put of one value has in common. */
static char *put(struct record_builder *builder, uint32_t id, uint32_t types, const char *name, size_t length,
	struct ep_text origin)
{
	const struct schema_field *field = builder_resolve(builder, id);
	char *value;

	if (!field)
		return NULL;
	if (!(BIT(field->type) & types)) {
		builder_refuse_type(builder, field, name);
		return NULL;
	}
	value = builder_add_field(builder, field, field->type, length);
	if (value)
		builder_add_origin(builder, field, builder->levels[builder->depth].item, origin);
	return value;
}

__attribute__((cold)) static void refuse_value(struct record_builder *builder, uint32_t id, const char *why)
{
	const struct schema_field *field = builder_resolve(builder, id);

	if (field)
		builder_refuse(
			builder, EP_MISUSE, EP_ERR_PLUGIN_FAULT, "%s.%s: %s", builder->record->name, field->path, why);
}

static void reverse(char *bytes, size_t length)
{
	for (size_t i = 0; i < length / 2; i++) {
		char byte = bytes[i];

		bytes[i] = bytes[length - 1 - i];
		bytes[length - 1 - i] = byte;
	}
}

/* Moves the first `first` bytes behind the others. */
static void rotate(void *bytes, size_t first, size_t length)
{
	reverse(bytes, first);
	reverse((char *)bytes + first, length - first);
	reverse(bytes, length);
}

/* Makes the field that stands anywhere in its level the last one of the buffer, so that it can grow. */
static void move_to_end(struct record_builder *builder, struct span *span)
{
	struct level *level = &builder->levels[builder->depth];
	struct span old = *span;
	size_t behind = builder->bytes.length - old.offset;
	uint32_t origins_behind = builder->origin_count - old.origin;

	if (behind == old.length)
		return;
	rotate(builder->bytes.data + old.offset, old.length, behind);
	rotate(builder->origins + old.origin, old.origin_count * sizeof(struct record_origin),
		origins_behind * sizeof(struct record_origin));
	for (uint32_t index = 0; index < builder->record->field_count; index++)
		if (level->seen[index / 64] >> (index % 64) & 1 && level->spans[index].offset > old.offset) {
			level->spans[index].offset -= old.length;
			level->spans[index].origin -= old.origin_count;
		}
	span->offset = (uint32_t)(builder->bytes.length - old.length);
	span->origin = builder->origin_count - old.origin_count;
	level->sorted = false;
}

static void put_one_of_texts(struct record_builder *builder, const struct schema_field *field, struct ep_text text)
{
	struct level *level = &builder->levels[builder->depth];
	uint32_t index = (uint32_t)(field - builder->record->fields);
	struct span *span = &level->spans[index];
	char *at;

	if (!(level->seen[index / 64] >> (index % 64) & 1) && !builder_add_field(builder, field, SCHEMA_TEXTS, 0))
		return;
	move_to_end(builder, span);
	at = text.value.length <= builder->bytes.max ? buffer_reserve(&builder->bytes, 4 + text.value.length) : NULL;
	if (!at) {
		builder_refuse_size(builder, field);
		return;
	}
	set_u32(at, (uint32_t)text.value.length);
	memcpy(at + 4, text.value.data, text.value.length);
	builder->bytes.length += 4 + text.value.length;
	span->length += (uint32_t)(4 + text.value.length);
	set_field_head(
		builder->bytes.data + span->offset, field->id, SCHEMA_TEXTS, span->length - RECORD_FIELD_HEAD_BYTES);
	builder_add_origin(builder, field, span->texts++, text);
}

void record_builder_text(struct record_builder *builder, uint32_t field, struct ep_text text)
{
	const struct schema_field *known = builder_resolve(builder, field);
	char *value;

	if (!known)
		return;
	if (known->type != SCHEMA_TEXTS && !(BIT(known->type) & TEXT_TYPES)) {
		builder_refuse_type(builder, known, "text");
		return;
	}
	if (text.value.length == 0)
		return;
	if (known->type == SCHEMA_TEXTS) {
		put_one_of_texts(builder, known, text);
		return;
	}
	value = builder_add_field(builder, known, known->type, text.value.length);
	if (!value)
		return;
	memcpy(value, text.value.data, text.value.length);
	builder_add_origin(builder, known, builder->levels[builder->depth].item, text);
}

void record_builder_code(struct record_builder *builder, uint32_t field, uint32_t enumerator, struct ep_text origin)
{
	const struct schema_field *known = builder_resolve(builder, field);
	char *value;

	if (known && known->type == SCHEMA_ENUM && !schema_code_find(known, enumerator)) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_PLUGIN_FAULT, "%s.%s: %u is none of its %u codes",
			builder->record->name, known->path, enumerator, known->code_count);
		return;
	}
	value = put(builder, field, BIT(SCHEMA_ENUM), "a code", 2, origin);
	if (value)
		set_u16(value, (uint16_t)enumerator);
}

void record_builder_bool(struct record_builder *builder, uint32_t field, bool value, struct ep_text origin)
{
	char *at = put(builder, field, BIT(SCHEMA_BOOL), "a truth value", 1, origin);

	if (at)
		*at = value;
}

void record_builder_integer(struct record_builder *builder, uint32_t field, int64_t value, struct ep_text origin)
{
	char *at = put(builder, field, BIT(SCHEMA_INTEGER), "an integer", 8, origin);

	if (at)
		set_u64(at, (uint64_t)value);
}

static void set_decimal(char *at, struct ep_decimal value)
{
	at[0] = (char)value.scale;
	set_u64(at + 1, value.low);
	set_u64(at + 9, (uint64_t)value.high);
}

static const char decimal_fault[] = "a decimal has at most 38 digits and a scale of 0 to 18";

void record_builder_decimal(
	struct record_builder *builder, uint32_t field, struct ep_decimal value, struct ep_text origin)
{
	char *at;

	if (!decimal_sound(value)) {
		refuse_value(builder, field, decimal_fault);
		return;
	}
	at = put(builder, field, BIT(SCHEMA_DECIMAL), "a decimal", DECIMAL_BYTES, origin);
	if (at)
		set_decimal(at, value);
}

void record_builder_money(struct record_builder *builder, uint32_t field, struct ep_money value, struct ep_text origin)
{
	int length = currency_length(value.currency);
	char *at;

	if (!decimal_sound(value.amount) || length < 0) {
		refuse_value(builder, field, length < 0 ? "a currency is three capitals or empty" : decimal_fault);
		return;
	}
	at = put(builder, field, BIT(SCHEMA_MONEY), "money", DECIMAL_BYTES + (size_t)length, origin);
	if (!at)
		return;
	set_decimal(at, value.amount);
	memcpy(at + DECIMAL_BYTES, value.currency, (size_t)length);
}

void record_builder_quantity(
	struct record_builder *builder, uint32_t field, struct ep_quantity value, struct ep_text origin)
{
	size_t length = strnlen(value.unit, sizeof(value.unit));
	char *at;

	if (!decimal_sound(value.quantity) || length == sizeof(value.unit)) {
		refuse_value(builder, field,
			length == sizeof(value.unit) ? "a unit has at most 15 bytes and ends with a NUL"
						     : decimal_fault);
		return;
	}
	at = put(builder, field, BIT(SCHEMA_QUANTITY), "a quantity", DECIMAL_BYTES + length, origin);
	if (!at)
		return;
	set_decimal(at, value.quantity);
	memcpy(at + DECIMAL_BYTES, value.unit, length);
}

void record_builder_date(struct record_builder *builder, uint32_t field, struct ep_date value, struct ep_text origin)
{
	char *at;

	if (!date_sound(value)) {
		refuse_value(builder, field, "a date that doesn't exist");
		return;
	}
	at = put(builder, field, BIT(SCHEMA_DATE), "a date", DATE_BYTES, origin);
	if (!at)
		return;
	set_u16(at, (uint16_t)value.year);
	at[2] = (char)value.month;
	at[3] = (char)value.day;
}

void record_builder_time(struct record_builder *builder, uint32_t field, struct ep_time value, struct ep_text origin)
{
	char *at;

	if (!time_sound(value)) {
		refuse_value(
			builder, field, "a time outside of the years 1 to 9999, or with an offset of a day or more");
		return;
	}
	at = put(builder, field, BIT(SCHEMA_TIME), "a time", TIME_BYTES, origin);
	if (!at)
		return;
	set_u64(at, (uint64_t)value.seconds);
	set_u32(at + 8, value.nanosecond - value.nanosecond % time_unit(value.digits));
	set_u16(at + 12, (uint16_t)value.offset_minutes);
	at[14] = (char)value.digits;
}

void record_builder_person(struct record_builder *builder, uint32_t field, struct ep_slice kind, struct ep_text number)
{
	char *at;

	if (!person_kind_sound(kind)) {
		refuse_value(builder, field, "a kind of identity number is 1 to 32 of a-z, 0-9 and -");
		return;
	}
	if (number.value.length == 0)
		return;
	if (number.value.length > builder->bytes.max)
		number.value.length = builder->bytes.max; /* too large all the same: put() refuses it */
	at = put(
		builder, field, BIT(SCHEMA_PERSON), "a person's number", 1 + kind.length + number.value.length, number);
	if (!at)
		return;
	at[0] = (char)kind.length;
	memcpy(at + 1, kind.data, kind.length);
	memcpy(at + 1 + kind.length, number.value.data, number.value.length);
}
