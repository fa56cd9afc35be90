/*
 * builder.c: builds one record's encoding from puts in any order. put.c has the puts of single values.
 *
 * Values go into one buffer in the order of the puts, already in their final form; each level (the record, an item of a
 * list) knows where its fields stand. When a level ends and its puts did not come in the order of the ids, its fields are
 * copied into that order. So a put costs a copy and no allocation: the buffers are kept from record to record.
 *
 * The first error sticks; record_builder_end() hands it out.
 */
#include "record/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "record/bytes.h"

#define BUFFER_START 4096 /* bytes */
#define ORIGINS_START 128
#define NO_PART 0xffff

struct record_builder *record_builder_create(size_t bytes_max)
{
	struct record_builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return NULL;
	if (bytes_max > RECORD_BYTES_MAX)
		bytes_max = RECORD_BYTES_MAX;
	if (bytes_max < BUFFER_START)
		bytes_max = BUFFER_START;
	buffer_init(&builder->bytes, bytes_max);
	buffer_init(&builder->sorted, bytes_max);
	builder->origins = calloc(ORIGINS_START, sizeof(*builder->origins));
	builder->sorted_origins = calloc(ORIGINS_START, sizeof(*builder->sorted_origins));
	builder->origins_capacity = ORIGINS_START;
	if (!builder->origins || !builder->sorted_origins || !buffer_reserve(&builder->bytes, BUFFER_START)) {
		record_builder_destroy(builder);
		return NULL;
	}
	return builder;
}

void record_builder_destroy(struct record_builder *builder)
{
	if (!builder)
		return;
	free(builder->origins);
	free(builder->sorted_origins);
	buffer_free(&builder->sorted);
	buffer_free(&builder->bytes);
	free(builder);
}

void builder_refuse(struct record_builder *builder, enum ep_status status, enum ep_error error, const char *format, ...)
{
	va_list arguments;

	if (builder->status != EP_OK)
		return;
	builder->status = status;
	builder->error = error;
	va_start(arguments, format);
	vsnprintf(builder->text, sizeof(builder->text), format, arguments);
	va_end(arguments);
}

void builder_refuse_size(struct record_builder *builder, const struct schema_field *field)
{
	if (builder->bytes.failed == EP_NO_MEMORY)
		builder_refuse(builder, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for %s.%s", builder->record->name,
			field->path);
	else
		builder_refuse(builder, EP_LIMIT, EP_ERR_LIMIT, "%s.%s: the record would be larger than %zu bytes",
			builder->record->name, field->path, builder->bytes.max);
}

/* A field that isn't of the record that was begun: named as well as it can be. */
__attribute__((cold)) static void refuse_foreign(struct record_builder *builder, uint32_t id)
{
	const struct schema_record *other = schema_record_find(id >> 16);
	const struct schema_field *field = other ? schema_field_find(other, id & 0xffff) : NULL;
	const char *where = builder->active ? (builder->record ? builder->record->name : "no record") : "no record";

	if (!field)
		builder_refuse(builder, EP_MISUSE, EP_ERR_FIELD_FOREIGN, "0x%08x put into %s: there is no such field",
			id, where);
	else
		builder_refuse(
			builder, EP_MISUSE, EP_ERR_FIELD_FOREIGN, "%s.%s put into %s", other->name, field->path, where);
}

static void level_begin(struct record_builder *builder, const struct schema_field *of, uint32_t item)
{
	struct level *level = &builder->levels[builder->depth];

	level->of = of;
	level->open = NULL;
	level->start = (uint32_t)builder->bytes.length;
	level->origin_start = builder->origin_count;
	level->item = item;
	level->last = 0;
	level->sorted = true;
	memset(level->seen, 0, sizeof(level->seen));
}

void record_builder_begin(struct record_builder *builder, uint32_t record)
{
	if (builder->active) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "a record was begun before %s was ended",
			builder->record ? builder->record->name : "the last");
		return;
	}
	/* An error from before stands: what was put outside of a record was meant for one. */
	builder->active = true;
	builder->record = schema_record_find(record);
	builder->depth = 0;
	builder->origin_count = 0;
	buffer_clear(&builder->bytes);
	quality_clear(&builder->quality);
	if (!builder->record)
		builder_refuse(builder, EP_MISUSE, EP_ERR_PLUGIN_FAULT, "there is no record type %u", record);
	builder->bytes.length = RECORD_HEAD_BYTES; /* within what create() reserved */
	level_begin(builder, NULL, 0);
}

const struct schema_field *builder_resolve(struct record_builder *builder, uint32_t id)
{
	const struct level *level = &builder->levels[builder->depth];
	const struct schema_field *field;

	if (builder->status != EP_OK)
		return NULL;
	field = builder->active && id >> 16 == builder->record->number ? schema_field_find(builder->record, id & 0xffff)
								       : NULL;
	if (!field) {
		refuse_foreign(builder, id);
		return NULL;
	}
	if (level->open) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "%s.%s put into list %s outside of an item",
			builder->record->name, field->path, level->open->path);
		return NULL;
	}
	if (field->parent != (level->of ? level->of->id : 0)) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "%s.%s put into %s%s", builder->record->name,
			field->path, level->of ? "an item of " : "the record itself", level->of ? level->of->path : "");
		return NULL;
	}
	return field;
}

void builder_refuse_type(struct record_builder *builder, const struct schema_field *field, const char *put)
{
	builder_refuse(builder, EP_MISUSE, EP_ERR_PLUGIN_FAULT, "%s.%s is of another type than %s",
		builder->record->name, field->path, put);
}

char *builder_add_field(struct record_builder *builder, const struct schema_field *field, uint32_t type, size_t length)
{
	struct level *level = &builder->levels[builder->depth];
	uint32_t index = (uint32_t)(field - builder->record->fields);
	uint64_t bit = (uint64_t)1 << (index % 64);
	char *at;

	if (level->seen[index / 64] & bit) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_FIELD_REPEATED, "%s.%s given twice", builder->record->name,
			field->path);
		return NULL;
	}
	at = length <= builder->bytes.max ? buffer_reserve(&builder->bytes, RECORD_FIELD_HEAD_BYTES + length) : NULL;
	if (!at) {
		builder_refuse_size(builder, field);
		return NULL;
	}
	set_field_head(at, field->id, type, length);
	level->seen[index / 64] |= bit;
	level->spans[index] = (struct span){(uint32_t)builder->bytes.length,
		(uint32_t)(RECORD_FIELD_HEAD_BYTES + length), builder->origin_count, 0, 0};
	if (index < level->last)
		level->sorted = false;
	else
		level->last = index;
	builder->bytes.length += RECORD_FIELD_HEAD_BYTES + length;
	return at + RECORD_FIELD_HEAD_BYTES;
}

static bool origins_grow(struct record_builder *builder)
{
	uint32_t capacity = builder->origins_capacity * 2;
	struct record_origin *more = realloc(builder->origins, capacity * sizeof(*more));

	if (!more)
		return false;
	builder->origins = more;
	more = realloc(builder->sorted_origins, capacity * sizeof(*more));
	if (!more)
		return false;
	builder->sorted_origins = more;
	builder->origins_capacity = capacity;
	return true;
}

/*
 * At most one for each value in a buffer that has a maximum, so the number of
 * origins is bounded by it too.
 */
void builder_add_origin(
	struct record_builder *builder, const struct schema_field *field, uint32_t item, struct ep_text origin)
{
	struct level *level = &builder->levels[builder->depth];
	struct record_origin *to;

	if (origin.part >= NO_PART)
		return;
	if (builder->origin_count == builder->origins_capacity && !origins_grow(builder)) {
		builder_refuse(builder, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the origin of %s.%s",
			builder->record->name, field->path);
		return;
	}
	to = &builder->origins[builder->origin_count++];
	to->field = field->id;
	to->part = (uint16_t)origin.part;
	to->length = origin.length > UINT32_MAX ? UINT32_MAX : (uint32_t)origin.length;
	to->offset = origin.offset;
	to->item = item;
	to->reserved = 0;
	level->spans[field - builder->record->fields].origin_count++;
}

void record_builder_list_begin(struct record_builder *builder, uint32_t field)
{
	const struct schema_field *known = builder_resolve(builder, field);
	struct level *level = &builder->levels[builder->depth];

	if (!known)
		return;
	if (known->type != SCHEMA_LIST) {
		builder_refuse_type(builder, known, "a list");
		return;
	}
	if (!builder_add_field(builder, known, SCHEMA_LIST, 0))
		return;
	level->open = known;
	level->open_items = 0;
}

void record_builder_item_begin(struct record_builder *builder)
{
	struct level *level = &builder->levels[builder->depth];
	char *at;

	if (builder->status != EP_OK)
		return;
	if (!builder->active || !level->open) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "an item was begun outside of a list");
		return;
	}
	if (builder->depth == RECORD_DEPTH_MAX) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "%s.%s: lists nest at most %d deep",
			builder->record->name, level->open->path, RECORD_DEPTH_MAX);
		return;
	}
	at = buffer_reserve(&builder->bytes, 4);
	if (!at) {
		builder_refuse_size(builder, level->open);
		return;
	}
	builder->bytes.length += 4; /* its length is set when it ends */
	builder->depth++;
	level_begin(builder, level->open, level->open_items);
}

/* Brings the fields of the innermost level into the order of their ids. */
static bool level_sort(struct record_builder *builder)
{
	struct level *level = &builder->levels[builder->depth];
	size_t length = builder->bytes.length - level->start;
	uint32_t origin_count = builder->origin_count - level->origin_start, origins = 0;
	char *to;

	if (level->sorted)
		return true;
	buffer_clear(&builder->sorted);
	to = buffer_reserve(&builder->sorted, length);
	if (!to) {
		builder_refuse(builder, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for %s", builder->record->name);
		return false;
	}
	for (size_t word = 0; word < FIELDS_MAX / 64; word++)
		for (uint64_t seen = level->seen[word]; seen; seen &= seen - 1) {
			const struct span *span = &level->spans[word * 64 + (size_t)__builtin_ctzll(seen)];

			memcpy(to, builder->bytes.data + span->offset, span->length);
			to += span->length;
			memcpy(builder->sorted_origins + origins, builder->origins + span->origin,
				span->origin_count * sizeof(struct record_origin));
			origins += span->origin_count;
		}
	ASSERT((size_t)(to - builder->sorted.data) == length && origins == origin_count);
	memcpy(builder->bytes.data + level->start, builder->sorted.data, length);
	memcpy(builder->origins + level->origin_start, builder->sorted_origins, origins * sizeof(struct record_origin));
	return true;
}

void record_builder_item_end(struct record_builder *builder)
{
	struct level *level = &builder->levels[builder->depth], *above;

	if (builder->status != EP_OK)
		return;
	if (!builder->active || builder->depth == 0 || level->open) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING,
			"an item was ended that was not begun, or with a list open in it");
		return;
	}
	if (!level_sort(builder))
		return;
	above = &builder->levels[--builder->depth];
	if (builder->bytes.length == level->start) {
		builder->bytes.length -= 4; /* an item without fields is absent */
		return;
	}
	set_u32(builder->bytes.data + level->start - 4, (uint32_t)(builder->bytes.length - level->start));
	above->open_items++;
}

void record_builder_list_end(struct record_builder *builder)
{
	struct level *level = &builder->levels[builder->depth];
	uint32_t index;
	struct span *span;

	if (builder->status != EP_OK)
		return;
	if (!builder->active || !level->open) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING,
			"a list was ended that was not begun, or with an item open in it");
		return;
	}
	index = (uint32_t)(level->open - builder->record->fields);
	span = &level->spans[index];
	if (level->open_items == 0) { /* an empty list is absent */
		builder->bytes.length = span->offset;
		level->seen[index / 64] &= ~((uint64_t)1 << (index % 64));
	} else {
		span->length = (uint32_t)(builder->bytes.length - span->offset);
		span->origin_count = builder->origin_count - span->origin;
		set_field_head(builder->bytes.data + span->offset, level->open->id, SCHEMA_LIST,
			span->length - RECORD_FIELD_HEAD_BYTES);
	}
	level->open = NULL;
}

void record_builder_note(struct record_builder *builder, uint32_t field, uint32_t quality)
{
	const struct schema_field *known = NULL;

	if (builder->status != EP_OK)
		return;
	if (!builder->active) {
		refuse_foreign(builder, field);
		return;
	}
	/* Field 0 stands for the record as a whole. */
	if (field & 0xffff || (field && field >> 16 != builder->record->number)) {
		known = field >> 16 == builder->record->number ? schema_field_find(builder->record, field & 0xffff)
							       : NULL;
		if (!known) {
			refuse_foreign(builder, field);
			return;
		}
	}
	if (!schema_quality_find(quality)) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_PLUGIN_FAULT, "%s: there is no quality note %u",
			builder->record->name, quality);
		return;
	}
	quality_add(&builder->quality, builder->record, known, quality);
}

bool record_builder_active(const struct record_builder *builder)
{
	return builder->active;
}

static void finish(struct record_builder *builder)
{
	struct buffer *bytes = &builder->bytes;

	if (!builder->active) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "a record was ended that was not begun");
		return;
	}
	if (builder->status != EP_OK)
		return;
	if (builder->depth > 0 || builder->levels[0].open) {
		builder_refuse(builder, EP_MISUSE, EP_ERR_NESTING, "%s was ended with a list or an item open",
			builder->record->name);
		return;
	}
	if (!level_sort(builder))
		return;
	quality_write(&builder->quality, builder->record, bytes);
	if (bytes->failed != EP_OK) {
		builder_refuse(builder, EP_LIMIT, EP_ERR_LIMIT, "%s: the record would be larger than %zu bytes",
			builder->record->name, bytes->max);
		return;
	}
	set_u16(bytes->data, builder->record->number);
	set_u16(bytes->data + 2, 0);
	set_u32(bytes->data + 4, (uint32_t)(bytes->length - RECORD_HEAD_BYTES));
}

enum ep_status record_builder_end(struct record_builder *builder, struct ep_slice *encoded,
	const struct record_origin **origins, uint32_t *origin_count, enum ep_error *error, struct ep_slice *text)
{
	enum ep_status status;

	finish(builder);
	status = builder->status;
	builder->active = false;
	builder->status = EP_OK;
	if (status != EP_OK) {
		*error = builder->error;
		*text = ep_slice_of(builder->text);
		return status;
	}
	*encoded = buffer_slice(&builder->bytes);
	*origins = builder->origins;
	*origin_count = builder->origin_count;
	return EP_OK;
}

void record_builder_cancel(struct record_builder *builder)
{
	builder->active = false;
	builder->status = EP_OK;
}
