/*
 * encode.h: the canonical encoding of a record, shared by workers and the outbox. Little endian.
 *
 *   record  u16 number, u16 0, u32 length of the fields, fields
 *   field   u16 id, u8 type (enum schema_type), u8 0, u32 length, value; ids ascending, none twice
 *   list    items: u32 length, fields (ids ascending)        texts  items: u32 length, UTF-8
 *   text, codes, gtin, iban  UTF-8          enum u16       bool u8 (0 or 1)      integer i64
 *   decimal u8 scale, 16 bytes two's complement            money    decimal, 0 or 3 letters of the currency
 *   quantity decimal, the unit's bytes (0 to 15)            date     i16 year, u8 month, u8 day
 *   time    i64 seconds, u32 nanosecond, i16 offset minutes, u8 digits
 *   person  u8 length of kind, kind, number                 sealed   u8 length of kind, kind, 32 bytes HMAC-SHA-256, mask
 *
 * What is absent isn't encoded; an empty text or list is absent. The same record has one encoding only.
 */
#ifndef RECORD_ENCODE_H
#define RECORD_ENCODE_H

#include "base/buffer.h"
#include "record/schema.h"

#define RECORD_HEAD_BYTES 8
#define RECORD_FIELD_HEAD_BYTES 8
#define RECORD_DEPTH_MAX 4
#define RECORD_BYTES_MAX (1024 * 1024) /* one record */

/* Where a field's value came from; in the order of the encoding, nested ones where their list stands. 24 bytes. */
struct record_origin {
	uint16_t field;
	uint16_t part; /* 0xffff: none */
	uint32_t length;
	uint64_t offset;
	uint32_t item; /* index of the item in its list, from 0 */
	uint32_t reserved;
};

/*
 * Builds one record from puts in any order. Errors stick until the end. A put on a field that isn't of the record, is
 * given twice, or stands in the wrong list is EP_MISUSE with `error` set.
 */
struct record_builder;

struct record_builder *record_builder_create(size_t bytes_max); /* NULL without memory */
void record_builder_destroy(struct record_builder *builder);
void record_builder_begin(struct record_builder *builder, uint32_t record);
/* `field` as in entrepot/records.h (record number in the high half). Values as in struct ep_host. */
void record_builder_text(struct record_builder *builder, uint32_t field, struct ep_text text); /* UTF-8 already */
void record_builder_code(struct record_builder *builder, uint32_t field, uint32_t enumerator, struct ep_text origin);
void record_builder_bool(struct record_builder *builder, uint32_t field, bool value, struct ep_text origin);
void record_builder_integer(struct record_builder *builder, uint32_t field, int64_t value, struct ep_text origin);
void record_builder_decimal(
	struct record_builder *builder, uint32_t field, struct ep_decimal value, struct ep_text origin);
void record_builder_money(struct record_builder *builder, uint32_t field, struct ep_money value, struct ep_text origin);
void record_builder_quantity(
	struct record_builder *builder, uint32_t field, struct ep_quantity value, struct ep_text origin);
void record_builder_date(struct record_builder *builder, uint32_t field, struct ep_date value, struct ep_text origin);
void record_builder_time(struct record_builder *builder, uint32_t field, struct ep_time value, struct ep_text origin);
void record_builder_person(struct record_builder *builder, uint32_t field, struct ep_slice kind, struct ep_text number);
void record_builder_list_begin(struct record_builder *builder, uint32_t field);
void record_builder_item_begin(struct record_builder *builder);
void record_builder_item_end(struct record_builder *builder);
void record_builder_list_end(struct record_builder *builder);
void record_builder_note(struct record_builder *builder, uint32_t field, uint32_t quality);
bool record_builder_active(const struct record_builder *builder);
/* EP_OK: the encoding and its origins, valid until the next begin. Else *error and a text that names the field. */
enum ep_status record_builder_end(struct record_builder *builder, struct ep_slice *encoded,
	const struct record_origin **origins, uint32_t *origin_count, enum ep_error *error, struct ep_slice *text);
void record_builder_cancel(struct record_builder *builder);

/* Reads fields in order. The encoding must have passed record_check() once. */
struct record_reader {
	const struct schema_record *record;
	struct ep_slice rest;
};

struct record_value {
	const struct schema_field *field; /* NULL for SCHEMA_QUALITY_FIELD */
	uint16_t id;
	uint32_t type;
	struct ep_slice bytes;
};

struct record_reader record_read(struct ep_slice encoded);
/* Of one item of a list. */
struct record_reader record_read_item(const struct schema_record *record, struct ep_slice item);
bool record_next(struct record_reader *reader, struct record_value *value);
/* Takes the next item off a list's or texts' bytes. */
bool record_next_item(struct ep_slice *list, struct ep_slice *item);
/* The record's own field; false if absent. */
bool record_find(struct ep_slice encoded, uint32_t field, struct record_value *value);
struct ep_decimal record_decimal(struct ep_slice bytes);
struct ep_money record_money(struct ep_slice bytes);
struct ep_quantity record_quantity(struct ep_slice bytes);
struct ep_date record_date(struct ep_slice bytes);
struct ep_time record_time(struct ep_slice bytes);
int64_t record_integer(struct ep_slice bytes);

#endif
