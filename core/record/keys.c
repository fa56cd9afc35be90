/*
 * keys.c: business keys, as the contract lists them (contract, Events). sdk/schema says which fields a record's key has;
 * a settlement's key is made here, for it depends on the other entries of its message:
 *
 *   (account, servicer_ref)                       where no other entry of the account in this message has that reference
 *   (account, booking or value date, currency, amount, direction, references, occurrence)                    otherwise
 *
 * so that an entry reported as pending (camt.052), booked (054) and in the statement (053) is one settlement. Amounts are
 * written without trailing zeros. `references` is a hash over the set of the entry's and its details' references, without
 * the words that banks write for none; where there are none, over what the payer wrote, else the servicer's text.
 * Two equal lines in one message are two entries: the occurrence counts them from 1, in the order of the message.
 */
#include "record/accept.h"

#include <stdlib.h>

#include "base/hash.h"
#include "record/bytes.h"
#include "record/tally.h"

#define PART_MAX 512      /* bytes; of a longer part its first 400 and its hash are the key's */
#define PART_HEAD_MAX 400 /* bytes */
#define REFERENCE_HASH 8  /* bytes */

struct record_keys {
	struct ep_slice fallback; /* owned */
	struct tally servicer_refs;
	struct tally equals;
	struct buffer scratch;
	uint8_t (*references)[REFERENCE_HASH]; /* of the entry at hand, owned */
	size_t reference_count, reference_capacity;
};

struct record_keys *record_keys_create(struct ep_slice account_fallback)
{
	struct record_keys *keys = calloc(1, sizeof(*keys));
	char *copy = malloc(account_fallback.length + 1);

	if (!keys || !copy) {
		free(keys);
		free(copy);
		return NULL;
	}
	if (account_fallback.length)
		memcpy(copy, account_fallback.data, account_fallback.length);
	keys->fallback = ep_slice_make(copy, account_fallback.length);
	buffer_init(&keys->scratch, RECORD_BYTES_MAX);
	return keys;
}

void record_keys_destroy(struct record_keys *keys)
{
	if (!keys)
		return;
	tally_free(&keys->servicer_refs);
	tally_free(&keys->equals);
	buffer_free(&keys->scratch);
	free(keys->references);
	free((char *)keys->fallback.data);
	free(keys);
}

static void hex(const uint8_t *bytes, size_t length, char *text)
{
	for (size_t i = 0; i < length; i++) {
		text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
}

static void append_part(struct buffer *key, struct ep_slice part)
{
	char head[2], digits[2 * SHA256_BYTES];
	uint8_t hash[SHA256_BYTES];
	size_t shown = part.length;

	if (part.length > PART_MAX) {
		for (shown = PART_HEAD_MAX; shown && ((uint8_t)part.data[shown] & 0xc0) == 0x80;)
			shown--;
		sha256_of(part, hash);
		hex(hash, sizeof(hash), digits);
	}
	set_u16(head, (uint16_t)(shown + (part.length > PART_MAX ? 1 + sizeof(digits) : 0)));
	buffer_append(key, head, sizeof(head));
	buffer_append(key, part.data, shown);
	if (part.length > PART_MAX) {
		buffer_append_byte(key, '~');
		buffer_append(key, digits, sizeof(digits));
	}
}

static void append_value(struct buffer *key, const struct record_value *value)
{
	char text[48];

	switch (value->type) {
	case SCHEMA_ENUM:
		append_part(key, ep_slice_of(schema_code_find(value->field, get_u16(value->bytes.data))->text));
		break;
	case SCHEMA_DATE:
		append_part(key, ep_slice_make(text, ep_date_write(record_date(value->bytes), text)));
		break;
	case SCHEMA_TIME:
		append_part(key, ep_slice_make(text, ep_time_write(record_time(value->bytes), text)));
		break;
	default:
		append_part(key, value->bytes);
		break;
	}
}

static void append_field(struct record_keys *keys, struct ep_slice encoded, const struct schema_record *record,
	const struct schema_key_part *part, struct buffer *key)
{
	struct record_value value;

	if (record_find(encoded, part->field, &value) ||
		(part->otherwise && record_find(encoded, part->otherwise, &value)))
		append_value(key, &value);
	else
		append_part(key, part->field == record->fallback_field ? keys->fallback : ep_slice_make(NULL, 0));
}

/* Upper case, letters and digits only; what isn't ASCII stays. Empty for what banks write where there is none. */
static struct ep_slice normalize(struct buffer *scratch, struct ep_slice text)
{
	static const char *const none[] = {"NOTPROVIDED", "NONREF", "NOREF", "NOTAVAILABLE", "NONE", "NA"};
	struct ep_slice normalized;

	buffer_clear(scratch);
	for (uint64_t i = 0; i < text.length; i++) {
		char byte = text.data[i];

		if (byte >= 'a' && byte <= 'z')
			byte = (char)(byte - 'a' + 'A');
		if ((byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || (uint8_t)byte >= 0x80)
			buffer_append_byte(scratch, byte);
	}
	normalized = buffer_slice(scratch);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (ep_slice_equal(normalized, ep_slice_of(none[i])))
			normalized.length = 0;
	return normalized;
}

static enum ep_status add_reference(struct record_keys *keys, struct ep_slice text)
{
	struct ep_slice normalized = normalize(&keys->scratch, text);
	uint8_t hash[SHA256_BYTES];

	if (keys->scratch.failed != EP_OK)
		return keys->scratch.failed;
	if (normalized.length == 0)
		return EP_OK;
	if (keys->reference_count == keys->reference_capacity) {
		/* Each stands in a record of RECORD_BYTES_MAX, which bounds their number. */
		size_t capacity = keys->reference_capacity ? keys->reference_capacity * 2 : 16;
		void *more = realloc(keys->references, capacity * REFERENCE_HASH);

		if (!more)
			return EP_NO_MEMORY;
		keys->references = more;
		keys->reference_capacity = capacity;
	}
	sha256_of(normalized, hash);
	memcpy(keys->references[keys->reference_count++], hash, REFERENCE_HASH);
	return EP_OK;
}

enum reference_kind { REFERENCES, REMITTANCES, DESCRIPTIONS, REFERENCE_KINDS };

static bool is_reference(uint16_t id, enum reference_kind kind)
{
	switch (EP_SETTLEMENT << 16 | id) {
	case EP_SETTLEMENT_SERVICER_REF:
	case EP_SETTLEMENT_END_TO_END_ID:
	case EP_SETTLEMENT_REFERENCE:
	case EP_SETTLEMENT_TRANSACTION_ID:
	case EP_SETTLEMENT_DETAILS_SERVICER_REF:
	case EP_SETTLEMENT_DETAILS_END_TO_END_ID:
	case EP_SETTLEMENT_DETAILS_REFERENCE:
	case EP_SETTLEMENT_DETAILS_TRANSACTION_ID:
	case EP_SETTLEMENT_DETAILS_INSTRUCTION_ID:
	case EP_SETTLEMENT_DETAILS_UETR:
		return kind == REFERENCES;
	case EP_SETTLEMENT_REMITTANCE:
	case EP_SETTLEMENT_DETAILS_REMITTANCE:
		return kind == REMITTANCES;
	case EP_SETTLEMENT_DESCRIPTION:
		return kind == DESCRIPTIONS;
	default:
		return false;
	}
}

static enum ep_status collect(struct record_keys *keys, struct record_reader reader, enum reference_kind kind)
{
	struct record_value value;
	struct ep_slice item;
	enum ep_status status = EP_OK;

	while (status == EP_OK && record_next(&reader, &value)) {
		if (value.type == SCHEMA_LIST && value.id != SCHEMA_QUALITY_FIELD)
			while (status == EP_OK && record_next_item(&value.bytes, &item))
				status = collect(keys, record_read_item(reader.record, item), kind);
		else if (is_reference(value.id, kind))
			status = add_reference(keys, value.bytes);
	}
	return status;
}

static int compare_references(const void *a, const void *b)
{
	return memcmp(a, b, REFERENCE_HASH);
}

/* The set of references as 16 hexadecimal digits; empty without any. */
static enum ep_status append_references(struct record_keys *keys, struct ep_slice encoded, struct buffer *key)
{
	uint8_t hash[SHA256_BYTES];
	char digits[16];
	size_t unique = 0;

	keys->reference_count = 0;
	for (int kind = REFERENCES; kind < REFERENCE_KINDS && keys->reference_count == 0; kind++) {
		enum ep_status status = collect(keys, record_read(encoded), (enum reference_kind)kind);

		if (status != EP_OK)
			return status;
	}
	if (keys->reference_count == 0) {
		append_part(key, ep_slice_make(NULL, 0));
		return EP_OK;
	}
	qsort(keys->references, keys->reference_count, REFERENCE_HASH, compare_references);
	for (size_t i = 0; i < keys->reference_count; i++)
		if (i == 0 || memcmp(keys->references[i], keys->references[unique - 1], REFERENCE_HASH) != 0)
			memmove(keys->references[unique++], keys->references[i], REFERENCE_HASH);
	sha256_of(ep_slice_make((const char *)keys->references, unique * REFERENCE_HASH), hash);
	hex(hash, sizeof(digits) / 2, digits);
	append_part(key, ep_slice_make(digits, sizeof(digits)));
	return EP_OK;
}

/* By value: 1.50 and 1.5 are one amount. */
static void append_amount(struct buffer *key, struct ep_money money)
{
	char text[48];
	uint32_t length = ep_decimal_write(money.amount, text);

	if (money.amount.scale) {
		while (text[length - 1] == '0')
			length--;
		length -= text[length - 1] == '.';
	}
	append_part(key, ep_slice_of(money.currency));
	append_part(key, ep_slice_make(text, length));
}

static struct ep_slice account_of(struct record_keys *keys, struct ep_slice encoded)
{
	struct record_value value;

	return record_find(encoded, EP_SETTLEMENT_ACCOUNT, &value) ? value.bytes : keys->fallback;
}

/* The servicer's reference, if it is one, and the hash under which it is counted. */
static bool servicer_ref(struct record_keys *keys, struct ep_slice encoded, struct ep_slice *reference, uint64_t *hash)
{
	struct ep_slice account = account_of(keys, encoded);
	struct record_value value;

	if (!record_find(encoded, EP_SETTLEMENT_SERVICER_REF, &value) ||
		normalize(&keys->scratch, value.bytes).length == 0)
		return false;
	*reference = value.bytes;
	*hash = xxh3(value.bytes.data, value.bytes.length, xxh3(account.data, account.length, 0));
	return true;
}

enum ep_status record_keys_see(struct record_keys *keys, struct ep_slice encoded)
{
	const struct schema_record *record = record_read(encoded).record;
	struct ep_slice reference;
	uint64_t hash, count;

	if (!record)
		return EP_MISUSE;
	if (record->number != EP_SETTLEMENT || !servicer_ref(keys, encoded, &reference, &hash))
		return EP_OK;
	return tally_add(&keys->servicer_refs, hash, &count);
}

static enum ep_status make_settlement_key(struct record_keys *keys, struct ep_slice encoded, struct buffer *key)
{
	static const struct schema_key_part dates = {
		EP_SETTLEMENT_BOOKING_DATE & 0xffff, EP_SETTLEMENT_VALUE_DATE & 0xffff};
	static const struct schema_key_part direction = {EP_SETTLEMENT_DIRECTION & 0xffff, 0};
	const struct schema_record *record = schema_record_find(EP_SETTLEMENT);
	struct record_value amount = {0};
	struct ep_slice reference;
	size_t start = key->length;
	enum ep_status status;
	uint64_t hash, count;
	char digits[48];
	uint32_t length;

	append_part(key, account_of(keys, encoded));
	if (servicer_ref(keys, encoded, &reference, &hash) && tally_count(&keys->servicer_refs, hash) <= 1) {
		append_part(key, reference);
		return key->failed;
	}
	append_field(keys, encoded, record, &dates, key);
	if (record_find(encoded, EP_SETTLEMENT_AMOUNT, &amount)) {
		append_amount(key, record_money(amount.bytes));
	} else {
		append_part(key, ep_slice_make(NULL, 0));
		append_part(key, ep_slice_make(NULL, 0));
	}
	append_field(keys, encoded, record, &direction, key);
	status = append_references(keys, encoded, key);
	if (status != EP_OK || key->failed != EP_OK)
		return status != EP_OK ? status : key->failed;
	status = tally_add(&keys->equals, xxh3(key->data + start, key->length - start, 0), &count);
	if (status != EP_OK)
		return status;
	length = ep_decimal_write((struct ep_decimal){count, 0, 0, 0}, digits);
	append_part(key, ep_slice_make(digits, length));
	return key->failed;
}

enum ep_status record_keys_make(struct record_keys *keys, struct ep_slice encoded, struct buffer *key)
{
	const struct schema_record *record = record_read(encoded).record;

	if (!record)
		return EP_MISUSE;
	if (record->number == EP_SETTLEMENT)
		return make_settlement_key(keys, encoded, key);
	for (uint32_t i = 0; i < record->key_count; i++)
		append_field(keys, encoded, record, &record->key[i], key);
	return key->failed;
}
