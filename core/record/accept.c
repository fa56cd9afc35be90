/*
 * accept.c: see accept.h. Structure first (structure.c), then content (content.c), then what comes out is written: the
 * same bytes but for persons' numbers, the account that the source stands in for, and the notes.
 */
#include "record/accept.h"

#include <stdarg.h>
#include <stdio.h>

#include "record/bytes.h"
#include "record/content.h"
#include "record/structure.h"

struct acceptance {
	const struct record_policy *policy;
	const struct schema_record *record;
	struct ep_slice fields; /* without the quality list */
	bool rewrite;           /* something but the notes changes */
	bool account_absent;    /* and the source's name stands in for it */
	struct quality quality;
};

struct places {
	const struct record_origin *origins;
	uint32_t count;
	struct record_rejection *rejection;
};

/* `field` NULL: the whole record. The origins come from the worker too: nothing relies on them. */
static void set_place(const struct places *places, const struct schema_field *field, uint32_t item)
{
	struct ep_place *place = &places->rejection->place;
	uint64_t end = 0;
	bool known = false;

	for (uint32_t i = 0; i < places->count; i++) {
		const struct record_origin *origin = &places->origins[i];
		uint64_t origin_end;

		if (origin->part == 0xffff || (field && (origin->field != field->id || origin->item != item)))
			continue;
		if (known && origin->part != place->part)
			continue;
		if (__builtin_add_overflow(origin->offset, origin->length, &origin_end))
			continue;
		if (!known || origin->offset < place->offset)
			place->offset = origin->offset;
		if (!known || origin_end > end)
			end = origin_end;
		place->part = origin->part;
		place->length = end - place->offset;
		known = true;
	}
}

/* "lines[2].sku", counting from 1 as people do. */
static void set_path(struct record_rejection *rejection, const struct schema_field *field, uint32_t item)
{
	if (!field)
		return;
	if (field->parent)
		snprintf(rejection->path, sizeof(rejection->path), "%.*s[%u].%s",
			(int)(field->path_length - field->name_length - 1), field->path, item + 1, field->name);
	else
		snprintf(rejection->path, sizeof(rejection->path), "%s", field->path);
	rejection->place.path = ep_slice_of(rejection->path);
}

__attribute__((format(printf, 6, 7), cold)) static enum ep_status reject(const struct places *places,
	const struct schema_field *field, uint32_t item, enum ep_status status, enum ep_error code, const char *format,
	...)
{
	struct record_rejection *rejection = places->rejection;
	va_list arguments;

	*rejection = (struct record_rejection){.code = code, .place = ep_place_none()};
	set_path(rejection, field, item);
	set_place(places, field, item);
	va_start(arguments, format);
	vsnprintf(rejection->text, sizeof(rejection->text), format, arguments);
	va_end(arguments);
	return status;
}

/* Notes what the fields of the record or of an item hold. False for a sealed number: no worker can have one. */
static bool check_fields(struct acceptance *acceptance, struct record_reader reader)
{
	struct record_value value;
	struct ep_slice item;

	while (record_next(&reader, &value)) {
		if (value.type == SCHEMA_SEALED_PERSON)
			return false;
		if (value.type == SCHEMA_PERSON)
			acceptance->rewrite = true;
		else if (value.id == SCHEMA_QUALITY_FIELD)
			quality_read(&acceptance->quality, acceptance->record, value.bytes);
		else if (value.type != SCHEMA_LIST)
			content_check(&acceptance->quality, acceptance->record, value.field, value.bytes);
		else
			while (record_next_item(&value.bytes, &item))
				if (!check_fields(acceptance, record_read_item(acceptance->record, item)))
					return false;
	}
	return true;
}

static const struct schema_field *missing_key(struct acceptance *acceptance, struct ep_slice encoded)
{
	const struct schema_record *record = acceptance->record;
	struct record_value value;

	if (record->key_count == 0 || record_find(encoded, record->key[0].field, &value))
		return NULL;
	if (record->key[0].otherwise && record_find(encoded, record->key[0].otherwise, &value))
		return NULL;
	if (record->key[0].field == record->fallback_field) {
		acceptance->account_absent = acceptance->rewrite = acceptance->policy->source.length > 0;
		return NULL;
	}
	return schema_field_find(record, record->key[0].field);
}

static void write_field(struct buffer *out, uint32_t id, uint32_t type, struct ep_slice bytes)
{
	char head[RECORD_FIELD_HEAD_BYTES];

	set_field_head(head, id, type, bytes.length);
	buffer_append(out, head, sizeof(head));
	buffer_append_slice(out, bytes);
}

static void write_sealed(struct acceptance *acceptance, const struct record_value *value, struct buffer *out)
{
	size_t start = out->length;

	write_field(out, value->id, SCHEMA_SEALED_PERSON, ep_slice_make(NULL, 0));
	if (!person_seal(acceptance->policy->person_key, value->bytes, out)) {
		out->length = out->failed == EP_OK ? start : out->length;
		quality_add(&acceptance->quality, acceptance->record, value->field, EP_NOTE_VALUE_UNREADABLE);
		return;
	}
	if (out->failed == EP_OK)
		set_u32(out->data + start + 4, (uint32_t)(out->length - start - RECORD_FIELD_HEAD_BYTES));
}

/* Persons are fields of the record itself (generate.awk sees to it), so lists are copied whole. */
static void rewrite(struct acceptance *acceptance, struct buffer *out)
{
	const struct schema_record *record = acceptance->record;
	struct record_reader reader = {record, acceptance->fields};
	bool absent = acceptance->account_absent;
	const struct schema_field *account = absent ? schema_field_find(record, record->fallback_field) : NULL;
	struct record_value value;

	while (record_next(&reader, &value)) {
		if (account && value.id > account->id) {
			write_field(out, account->id, account->type, acceptance->policy->source);
			account = NULL;
		}
		if (value.type == SCHEMA_PERSON)
			write_sealed(acceptance, &value, out);
		else
			write_field(out, value.id, value.type, value.bytes);
	}
	if (account)
		write_field(out, account->id, account->type, acceptance->policy->source);
}

static enum ep_status write_record(struct acceptance *acceptance, struct ep_slice encoded, struct buffer *out)
{
	size_t start = out->length;

	buffer_append(out, encoded.data, RECORD_HEAD_BYTES);
	if (acceptance->rewrite)
		rewrite(acceptance, out);
	else
		buffer_append_slice(out, acceptance->fields);
	quality_write(&acceptance->quality, acceptance->record, out);
	if (out->failed == EP_OK && out->length - start <= RECORD_BYTES_MAX) {
		set_u32(out->data + start + 4, (uint32_t)(out->length - start - RECORD_HEAD_BYTES));
		return EP_OK;
	}
	out->length = start;
	return out->failed == EP_OK ? EP_BAD_INPUT : out->failed;
}

/* The fields without the quality list, which is the last one. */
static struct ep_slice without_quality(struct ep_slice encoded)
{
	struct record_reader reader = record_read(encoded);
	struct ep_slice all = reader.rest;
	struct record_value value;

	for (struct ep_slice before = all; record_next(&reader, &value); before = reader.rest)
		if (value.id == SCHEMA_QUALITY_FIELD)
			return ep_slice_make(all.data, all.length - before.length);
	return all;
}

enum ep_status record_accept(const struct record_policy *policy, struct ep_slice encoded,
	const struct record_origin *origins, uint32_t origin_count, struct buffer *out,
	struct record_rejection *rejection)
{
	const struct places places = {origins, origin_count, rejection};
	struct structure_fault fault;
	struct acceptance acceptance;
	const struct schema_field *missing;
	enum ep_status status;

	if (!structure_check(encoded, &fault))
		return reject(&places, fault.field, fault.item, EP_MISUSE, EP_ERR_PLUGIN_FAULT, "%s%s%s: %s",
			fault.record ? fault.record->name : "record", fault.field ? "." : "",
			fault.field ? fault.field->path : "", fault.why);
	acceptance.policy = policy;
	acceptance.record = record_read(encoded).record;
	acceptance.fields = without_quality(encoded);
	acceptance.rewrite = acceptance.account_absent = false;
	quality_clear(&acceptance.quality);
	if (!check_fields(&acceptance, record_read(encoded)))
		return reject(&places, NULL, 0, EP_MISUSE, EP_ERR_PLUGIN_FAULT,
			"%s: a person's number that is sealed already", acceptance.record->name);
	missing = missing_key(&acceptance, encoded);
	if (missing) {
		const struct schema_field *otherwise =
			schema_field_find(acceptance.record, acceptance.record->key[0].otherwise);

		reject(&places, NULL, 0, EP_BAD_INPUT, EP_ERR_KEY_MISSING, "%s.%s%s%s is missing",
			acceptance.record->name, missing->path, otherwise ? " or " : "",
			otherwise ? otherwise->path : "");
		set_path(rejection, missing, 0);
		return EP_BAD_INPUT;
	}
	status = write_record(&acceptance, encoded, out);
	if (status == EP_BAD_INPUT)
		return reject(&places, NULL, 0, status, EP_ERR_LIMIT, "%s: with its notes it is larger than %d bytes",
			acceptance.record->name, RECORD_BYTES_MAX);
	return status;
}
