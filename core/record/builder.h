/*
 * builder.h: what builder.c (records, lists, order) and put.c (values) share of a record that is being built.
 */
#ifndef RECORD_BUILDER_H
#define RECORD_BUILDER_H

#include "record/encode.h"
#include "record/quality.h"

#define FIELDS_MAX QUALITY_FIELDS_MAX /* a record has at most 255 fields: generate.awk sees to it */

/* One field of a level: its bytes, head included, and its origins. */
struct span {
	uint32_t offset;
	uint32_t length;
	uint32_t origin;
	uint32_t origin_count;
	uint32_t texts; /* of a texts field: how many */
};

struct level {
	const struct schema_field *of;   /* the list that this is an item of; NULL: the record */
	const struct schema_field *open; /* the list that was begun here; NULL: none */
	uint32_t start;                  /* offset of the first field */
	uint32_t origin_start;
	uint32_t item;                  /* which item of `of` this is, from 0 */
	uint32_t last;                  /* the largest index put so far */
	bool sorted;                    /* the puts came in the order of the ids */
	uint32_t open_items;            /* of `open` */
	uint64_t seen[FIELDS_MAX / 64]; /* a bit for each field's index in the table */
	struct span spans[FIELDS_MAX];  /* by that index, where seen */
};

struct record_builder {
	const struct schema_record *record; /* NULL: none begun, or an unknown one */
	bool active;
	enum ep_status status;
	enum ep_error error;
	char text[256];
	struct buffer bytes;
	struct buffer sorted; /* scratch */
	struct record_origin *origins, *sorted_origins;
	uint32_t origin_count, origins_capacity;
	struct quality quality;
	uint32_t depth; /* of the innermost level */
	struct level levels[RECORD_DEPTH_MAX + 1];
};

/* Sets the error, if there is none yet. */
__attribute__((format(printf, 4, 5), cold)) void builder_refuse(
	struct record_builder *builder, enum ep_status status, enum ep_error error, const char *format, ...);
__attribute__((cold)) void builder_refuse_size(struct record_builder *builder, const struct schema_field *field);
/* `put`: what was put into a field of another type, "a date". */
__attribute__((cold)) void builder_refuse_type(
	struct record_builder *builder, const struct schema_field *field, const char *put);
/* The field, if it may be put at this place; NULL with the error set if not. */
const struct schema_field *builder_resolve(struct record_builder *builder, uint32_t id);
/* Room for a field that is put for the first time: its head is written, the value is the caller's. NULL: refused. */
char *builder_add_field(struct record_builder *builder, const struct schema_field *field, uint32_t type, size_t length);
/* Notes where the field put last came from. */
void builder_add_origin(
	struct record_builder *builder, const struct schema_field *field, uint32_t item, struct ep_text origin);

#endif
