/* quality.h: the notes of one record as a set, so that they are written once each and in one order. */
#ifndef RECORD_QUALITY_H
#define RECORD_QUALITY_H

#include "base/buffer.h"
#include "record/schema.h"

#define QUALITY_FIELDS_MAX 256 /* index of the field in its record's table, from 1; 0: the record as a whole */

struct quality {
	uint64_t fields[QUALITY_FIELDS_MAX / 64]; /* a bit each: has notes */
	uint64_t codes[QUALITY_FIELDS_MAX];       /* a bit each number; meaningful where `fields` says so */
};

static inline void quality_clear(struct quality *quality)
{
	for (size_t i = 0; i < QUALITY_FIELDS_MAX / 64; i++)
		quality->fields[i] = 0;
}

/* `field` NULL: the record as a whole. `number` is one that schema_quality_find() knows. */
void quality_add(
	struct quality *quality, const struct schema_record *record, const struct schema_field *field, uint32_t number);
bool quality_any(const struct quality *quality);
/* Appends the field SCHEMA_QUALITY_FIELD; nothing if there are no notes. */
void quality_write(const struct quality *quality, const struct schema_record *record, struct buffer *out);
/* Adds the notes of an encoded list; false if it isn't exactly what quality_write() makes. */
bool quality_read(struct quality *quality, const struct schema_record *record, struct ep_slice list);

#endif
