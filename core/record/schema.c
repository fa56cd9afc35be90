/* schema.c: see schema.h. The tables are made by sdk/schema/generate.awk and codes.awk. */
#include "record/schema.h"

#include <pthread.h>

#include "base/hash.h"
#include "record/tables.inc"
#include "record/codes.inc"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct schema_record *schema_record_find(uint32_t number)
{
	/* Numbers are given from 1 on, so this is nearly always the one. */
	if (number - 1 < COUNT(schema_records) && schema_records[number - 1].number == number)
		return &schema_records[number - 1];
	for (size_t i = 0; i < COUNT(schema_records); i++)
		if (schema_records[i].number == number)
			return &schema_records[i];
	return NULL;
}

const struct schema_record *schema_record_named(struct ep_slice name)
{
	for (size_t i = 0; i < COUNT(schema_records); i++)
		if (ep_slice_equal(name, ep_slice_of(schema_records[i].name)))
			return &schema_records[i];
	return NULL;
}

const struct schema_record *schema_record_list(size_t *count)
{
	*count = COUNT(schema_records);
	return schema_records;
}

const struct schema_field *schema_field_named(const struct schema_record *record, struct ep_slice path)
{
	for (uint32_t i = 0; i < record->field_count; i++)
		if (ep_slice_equal(path, ep_slice_make(record->fields[i].path, record->fields[i].path_length)))
			return &record->fields[i];
	return NULL;
}

const struct schema_code *schema_code_find(const struct schema_field *field, uint32_t number)
{
	return number - 1 < field->code_count ? &field->codes[number - 1] : NULL;
}

static uint64_t fingerprint;

static void add_text(const char *text)
{
	fingerprint = xxh3(text, strlen(text) + 1, fingerprint);
}

static void add_number(uint32_t number)
{
	fingerprint = xxh3(&number, sizeof(number), fingerprint);
}

static void compute_fingerprint(void)
{
	for (size_t r = 0; r < COUNT(schema_records); r++) {
		const struct schema_record *record = &schema_records[r];

		add_number(record->number);
		add_text(record->name);
		for (uint32_t f = 0; f < record->field_count; f++) {
			const struct schema_field *field = &record->fields[f];

			add_number(field->id);
			add_number(field->type);
			add_text(field->path);
			for (uint32_t c = 0; c < field->code_count; c++)
				add_text(field->codes[c].text);
		}
	}
}

uint64_t schema_fingerprint(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, compute_fingerprint);
	return fingerprint;
}

const struct schema_error *schema_error_find(uint32_t number)
{
	const struct schema_error *internal = NULL;

	for (size_t i = 0; i < COUNT(schema_errors); i++) {
		if (schema_errors[i].number == number)
			return &schema_errors[i];
		if (schema_errors[i].number == EP_ERR_INTERNAL)
			internal = &schema_errors[i];
	}
	return internal;
}

const struct schema_error *schema_error_list(size_t *count)
{
	*count = COUNT(schema_errors);
	return schema_errors;
}

const struct schema_quality *schema_quality_find(uint32_t number)
{
	for (size_t i = 0; i < COUNT(schema_qualities); i++)
		if (schema_qualities[i].number == number)
			return &schema_qualities[i];
	return NULL;
}

const struct schema_quality *schema_quality_named(struct ep_slice code)
{
	for (size_t i = 0; i < COUNT(schema_qualities); i++)
		if (ep_slice_equal(code, ep_slice_of(schema_qualities[i].code)))
			return &schema_qualities[i];
	return NULL;
}

/* The letters as codes.awk reads them; -1 for anything but `length` capitals. */
static int32_t code_value(struct ep_slice code, uint64_t length)
{
	int32_t value = 0;

	if (code.length != length)
		return -1;
	for (uint64_t i = 0; i < length; i++) {
		if (code.data[i] < 'A' || code.data[i] > 'Z')
			return -1;
		value = value * 26 + (code.data[i] - 'A');
	}
	return value;
}

static bool contains(const uint16_t *codes, size_t count, int32_t value)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (codes[middle] == value)
			return true;
		if (codes[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool schema_currency_known(struct ep_slice code)
{
	return contains(currency_codes, COUNT(currency_codes), code_value(code, 3));
}

bool schema_country_known(struct ep_slice code)
{
	return contains(country_codes, COUNT(country_codes), code_value(code, 2));
}

bool schema_unit_known(struct ep_slice code)
{
	if (code.length < 1 || code.length > 3)
		return false;
	for (uint64_t i = 0; i < code.length; i++)
		if (!(code.data[i] >= 'A' && code.data[i] <= 'Z') && !(code.data[i] >= '0' && code.data[i] <= '9'))
			return false;
	return true;
}
