/*
 * json_schema.c: the unified format as JSON Schema 2020-12, for event_write_schema() in event.h.
 *
 * It describes what entrepot sends, so whatever it sends is valid: a text over its length or a code that isn't in its list
 * is kept and noted in `quality`, hence lengths stand as the annotation `x-length-max`, and open lists have no pattern.
 * Members may be added later: additional ones are allowed.
 */
#include "record/event.h"

#include "base/error.h"
#include "base/json.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define JOINED_MAX 128 /* bytes */

/* A member whose text is put together. */
static void write_joined(struct json *json, const char *name, const char *first, const char *second, const char *third)
{
	struct buffer text;

	buffer_init(&text, JOINED_MAX);
	buffer_append_string(&text, first);
	buffer_append_string(&text, second);
	buffer_append_string(&text, third);
	ASSERT(text.failed == EP_OK);
	json_member_text(json, name, buffer_slice(&text));
	buffer_free(&text);
}

static void write_ref(struct json *json, const char *name)
{
	write_joined(json, "$ref", "#/$defs/", name, "");
}

static void write_pattern(struct json *json, const char *name, const char *pattern, const char *format)
{
	json_name(json, name);
	json_object_begin(json);
	json_member_string(json, "type", "string");
	if (pattern)
		json_member_string(json, "pattern", pattern);
	if (format)
		json_member_string(json, "format", format);
	json_object_end(json);
}

/* An object of two members, of which the first is required. */
static void write_measured(struct json *json, const char *name, const char *number, const char *of, const char *pattern)
{
	json_name(json, name);
	json_object_begin(json);
	json_member_string(json, "type", "object");
	json_name(json, "properties");
	json_object_begin(json);
	json_name(json, number);
	json_object_begin(json);
	write_ref(json, "decimal");
	json_object_end(json);
	write_pattern(json, of, pattern, NULL);
	json_object_end(json);
	json_name(json, "required");
	json_array_begin(json);
	json_string(json, number);
	json_array_end(json);
	json_object_end(json);
}

static void write_person(struct json *json)
{
	json_name(json, "person");
	json_object_begin(json);
	json_member_string(json, "type", "object");
	json_member_string(json, "description", "A person's number: keyed hash and mask, never the number");
	json_name(json, "properties");
	json_object_begin(json);
	write_pattern(json, "kind", "^[a-z0-9-]{1,32}$", NULL);
	write_pattern(json, "hash", "^[0-9a-f]{64}$", NULL);
	write_pattern(json, "masked", NULL, NULL);
	json_object_end(json);
	json_name(json, "required");
	json_array_begin(json);
	json_string(json, "kind");
	json_string(json, "masked");
	json_array_end(json);
	json_object_end(json);
}

static void write_quality(struct json *json)
{
	json_name(json, "quality");
	json_object_begin(json);
	json_member_string(json, "type", "array");
	json_member_string(json, "description", "What deviates: the value is kept as given");
	json_name(json, "items");
	json_object_begin(json);
	json_member_string(json, "type", "object");
	json_name(json, "properties");
	json_object_begin(json);
	write_pattern(json, "field", NULL, NULL);
	json_name(json, "code");
	json_object_begin(json);
	json_member_string(json, "type", "string");
	json_name(json, "examples");
	json_array_begin(json);
	for (uint32_t number = 1; number < 64; number++)
		if (schema_quality_find(number))
			json_string(json, schema_quality_find(number)->code);
	json_array_end(json);
	json_object_end(json);
	json_object_end(json);
	json_name(json, "required");
	json_array_begin(json);
	json_string(json, "code");
	json_array_end(json);
	json_object_end(json);
	json_object_end(json);
}

static void write_common(struct json *json)
{
	write_pattern(json, "decimal", "^-?[0-9]{1,38}(\\.[0-9]{1,18})?$", NULL);
	write_pattern(json, "date", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "date");
	write_pattern(json, "time",
		"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
		"date-time");
	write_measured(json, "money", "amount", "currency", "^[A-Z]{3}$");
	write_measured(json, "quantity", "quantity", "unit", NULL);
	write_person(json);
	write_quality(json);
}

/* The type's members of a field's schema. */
static void write_type(struct json *json, const struct schema_field *field)
{
	static const char *const shared[] = {
		[SCHEMA_DECIMAL] = "decimal",
		[SCHEMA_MONEY] = "money",
		[SCHEMA_QUANTITY] = "quantity",
		[SCHEMA_DATE] = "date",
		[SCHEMA_TIME] = "time",
		[SCHEMA_PERSON] = "person",
		[SCHEMA_SEALED_PERSON] = NULL,
	};

	if (shared[field->type]) {
		write_ref(json, shared[field->type]);
		return;
	}
	switch (field->type) {
	case SCHEMA_BOOL:
		json_member_string(json, "type", "boolean");
		break;
	case SCHEMA_INTEGER:
		json_member_string(json, "type", "integer");
		break;
	case SCHEMA_TEXTS:
		json_member_string(json, "type", "array");
		json_name(json, "items");
		json_object_begin(json);
		json_member_string(json, "type", "string");
		if (field->length_max)
			json_member_integer(json, "x-length-max", field->length_max);
		json_object_end(json);
		return;
	case SCHEMA_ENUM:
		json_name(json, "enum");
		json_array_begin(json);
		for (uint32_t i = 0; i < field->code_count; i++)
			json_string(json, field->codes[i].text);
		json_array_end(json);
		break;
	default:
		json_member_string(json, "type", "string");
		json_member_integer(json, "minLength", 1);
		break;
	}
	if (field->length_max)
		json_member_integer(json, "x-length-max", field->length_max);
}

static void write_properties(struct json *json, const struct schema_record *record, uint16_t parent);

static void write_field(struct json *json, const struct schema_record *record, const struct schema_field *field)
{
	json_name(json, field->name);
	json_object_begin(json);
	if (field->type == SCHEMA_LIST) {
		json_member_string(json, "type", "array");
		json_name(json, "items");
		json_object_begin(json);
		json_member_string(json, "type", "object");
		write_properties(json, record, field->id);
		json_object_end(json);
	} else {
		write_type(json, field);
	}
	json_member_string(json, "description", field->meaning);
	if (field->standard[0])
		json_member_string(json, "$comment", field->standard);
	if (field->flags & SCHEMA_PERSONAL)
		json_member_bool(json, "x-personal", true);
	json_object_end(json);
}

static void write_properties(struct json *json, const struct schema_record *record, uint16_t parent)
{
	json_name(json, "properties");
	json_object_begin(json);
	for (uint32_t i = 0; i < record->field_count; i++)
		if (record->fields[i].parent == parent)
			write_field(json, record, &record->fields[i]);
	if (parent == 0) {
		json_name(json, "quality");
		json_object_begin(json);
		write_ref(json, "quality");
		json_object_end(json);
	}
	json_object_end(json);
}

static void write_required(struct json *json, const struct schema_field *field)
{
	json_name(json, "required");
	json_array_begin(json);
	json_string(json, field->name);
	json_array_end(json);
}

/* The members of one record's schema. Its key's first field is required, or one of the two that may stand there. */
static void write_record(struct json *json, const struct schema_record *record)
{
	json_member_string(json, "title", record->name);
	json_member_string(json, "description", record->meaning);
	json_member_string(json, "type", "object");
	write_properties(json, record, 0);
	if (record->key_count == 0)
		return;
	if (!record->key[0].otherwise) {
		write_required(json, schema_field_find(record, record->key[0].field));
		return;
	}
	json_name(json, "anyOf");
	json_array_begin(json);
	for (int i = 0; i < 2; i++) {
		json_object_begin(json);
		write_required(json, schema_field_find(record, i ? record->key[0].otherwise : record->key[0].field));
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_all(struct json *json)
{
	size_t count;
	const struct schema_record *records = schema_record_list(&count);

	for (size_t i = 0; i < count; i++) {
		json_name(json, records[i].name);
		json_object_begin(json);
		write_record(json, &records[i]);
		json_object_end(json);
	}
}

enum ep_status event_write_schema(const struct schema_record *record, struct buffer *out)
{
	struct json json = json_begin(out);
	size_t count;
	const struct schema_record *records = schema_record_list(&count);

	json_object_begin(&json);
	json_member_string(&json, "$schema", DIALECT);
	if (record) {
		write_joined(
			&json, "$id", "urn:entrepot:schema:", record->name, ":v1"); /* `dataschema` of its events */
		write_record(&json, record);
	} else {
		json_member_string(&json, "$id", "urn:entrepot:schema:v1");
		json_member_string(&json, "description", "The data of every type of event; the type says which");
		json_name(&json, "anyOf");
		json_array_begin(&json);
		for (size_t i = 0; i < count; i++) {
			json_object_begin(&json);
			write_ref(&json, records[i].name);
			json_object_end(&json);
		}
		json_array_end(&json);
	}
	json_name(&json, "$defs");
	json_object_begin(&json);
	write_common(&json);
	if (!record)
		write_all(&json);
	json_object_end(&json);
	json_object_end(&json);
	return out->failed;
}
