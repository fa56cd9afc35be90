/*
 * schema.h: the unified format at run time: what sdk/schema declares, as tables made by the build.
 */
#ifndef RECORD_SCHEMA_H
#define RECORD_SCHEMA_H

#include <entrepot/plugin.h>

/* The numbers stand in the encoding: never change one. */
enum schema_type {
	SCHEMA_TEXT = 1,
	SCHEMA_CODE_CURRENCY = 2,
	SCHEMA_CODE_COUNTRY = 3,
	SCHEMA_CODE_UNIT = 4,
	SCHEMA_ENUM = 5,
	SCHEMA_BOOL = 6,
	SCHEMA_INTEGER = 7,
	SCHEMA_DECIMAL = 8,
	SCHEMA_MONEY = 9,
	SCHEMA_QUANTITY = 10,
	SCHEMA_DATE = 11,
	SCHEMA_TIME = 12,
	SCHEMA_PERSON = 13, /* from the worker: the number in clear */
	SCHEMA_LIST = 14,
	SCHEMA_TEXTS = 15,
	SCHEMA_GTIN = 16,
	SCHEMA_IBAN = 17,
	SCHEMA_SEALED_PERSON = 18 /* after the core: keyed hash and mask */
};

#define SCHEMA_PERSONAL 0x1u

struct schema_code {
	uint32_t number;
	const char *text;
};

struct schema_field {
	uint16_t id;
	uint16_t parent; /* id of the list that it is an item's field of; 0: the record's own */
	uint32_t type;   /* enum schema_type */
	uint32_t flags;
	uint32_t length_max; /* code points; 0: no limit. Longer is kept and noted */
	uint32_t code_count;
	const struct schema_code *codes; /* of an enum */
	const char *name;                /* JSON member */
	const char *meaning;
	const char *standard;
	const char *path; /* name with those of its lists: "lines.sku" */
	uint16_t name_length;
	uint16_t path_length;
};

struct schema_key_part {
	uint16_t field;
	uint16_t otherwise; /* the field that stands in where the first is absent; 0: none */
};

struct schema_record {
	uint16_t number;
	uint16_t field_count;
	uint16_t key_count;
	uint16_t version_field; /* 0: the order of arrival */
	uint16_t monetary_field;
	const struct schema_field *fields; /* ids ascending */
	const struct schema_key_part *key; /* the first is required */
	const char *name;
	const char *meaning;
	uint16_t time_field;     /* the event's business time; 0: none */
	uint16_t fallback_field; /* is the source's name where absent; 0: none */
	uint16_t id_max;
	uint16_t name_length;
	const uint8_t *slots; /* [id]: index into `fields` from 1; 0: no such field. id_max + 1 entries */
};

struct schema_error {
	uint32_t number;
	const char *code, *english, *chinese, *remedy, *who;
};

struct schema_quality {
	uint32_t number;
	const char *code, *meaning;
};

/* Every record has this list at its end: { 1 field: text, 2 code: text }. Not part of the content hash. */
#define SCHEMA_QUALITY_FIELD 4095

const struct schema_record *schema_record_find(uint32_t number);       /* NULL: none */
const struct schema_record *schema_record_named(struct ep_slice name); /* NULL: none */
const struct schema_record *schema_record_list(size_t *count);
/* NULL: none. `id` without the record's number. */
static inline const struct schema_field *schema_field_find(const struct schema_record *record, uint32_t id)
{
	return id <= record->id_max && record->slots[id] ? &record->fields[record->slots[id] - 1] : NULL;
}
/* By its path, "lines.sku"; NULL: none. */
const struct schema_field *schema_field_named(const struct schema_record *record, struct ep_slice path);
/* NULL: not an enumerator of this field. */
const struct schema_code *schema_code_find(const struct schema_field *field, uint32_t number);
/* Changes whenever a record type or field is added: stands in each outbox frame. */
uint64_t schema_fingerprint(void);
/* Never NULL: an unknown number gives the entry of EP_ERR_INTERNAL. */
const struct schema_error *schema_error_find(uint32_t number);
const struct schema_error *schema_error_list(size_t *count);
const struct schema_quality *schema_quality_find(uint32_t number);       /* NULL: none */
const struct schema_quality *schema_quality_named(struct ep_slice code); /* NULL: none */

/* Code lists. Upper case only. */
bool schema_currency_known(struct ep_slice code); /* ISO 4217 alpha-3 */
bool schema_country_known(struct ep_slice code);  /* ISO 3166-1 alpha-2 */
/* UN/CEFACT Rec 20 and 21 by their form: one to three capitals and digits (packages: X and two). */
bool schema_unit_known(struct ep_slice code);

#endif
