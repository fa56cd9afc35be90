/* id.c: what identifies a record: its content's hash, its version, its id. See accept.h; design, De-duplication. */
#include "record/accept.h"

#include "base/hash.h"
#include "record/bytes.h"

#define VERSION_BYTES_MAX 40
#define HASHED_MAX 4096 /* bytes hashed in one piece from the stack */

void record_content_hash(struct ep_slice encoded, uint8_t hash[32])
{
	struct record_value quality;
	struct sha256 *digest;
	uint64_t length;
	char head[RECORD_HEAD_BYTES];

	if (!record_find(encoded, SCHEMA_QUALITY_FIELD, &quality)) {
		sha256_of(encoded, hash);
		return;
	}
	length = (uint64_t)(quality.bytes.data - encoded.data) - RECORD_FIELD_HEAD_BYTES;
	memcpy(head, encoded.data, sizeof(head));
	set_u32(head + 4, (uint32_t)(length - RECORD_HEAD_BYTES));
	digest = sha256_create();
	sha256_start(digest);
	sha256_update(digest, ep_slice_make(head, sizeof(head)));
	sha256_update(digest, ep_slice_make(encoded.data + RECORD_HEAD_BYTES, length - RECORD_HEAD_BYTES));
	sha256_finish(digest, hash);
	sha256_destroy(digest);
}

struct ep_slice record_version(struct ep_slice encoded, char text[VERSION_BYTES_MAX])
{
	const struct schema_record *record = record_read(encoded).record;
	struct record_value value;

	if (!record || !record->version_field || !record_find(encoded, record->version_field, &value))
		return ep_slice_make(text, 0);
	if (value.type == SCHEMA_TIME)
		return ep_slice_make(text, ep_time_write(record_time(value.bytes), text));
	if (value.type == SCHEMA_DATE)
		return ep_slice_make(text, ep_date_write(record_date(value.bytes), text));
	if (value.type != SCHEMA_TEXT)
		return ep_slice_make(text, 0);
	value.bytes.length = value.bytes.length > VERSION_BYTES_MAX ? VERSION_BYTES_MAX : value.bytes.length;
	memcpy(text, value.bytes.data, value.bytes.length);
	return ep_slice_make(text, value.bytes.length);
}

/* What is hashed, field by field, in one piece where it fits. */
struct hashed {
	char bytes[HASHED_MAX];
	size_t length;
	struct sha256 *digest; /* NULL as long as all fits */
};

static void add(struct hashed *hashed, struct ep_slice data)
{
	char length[8];

	if (!hashed->digest && sizeof(hashed->bytes) - hashed->length >= sizeof(length) &&
		data.length <= sizeof(hashed->bytes) - hashed->length - sizeof(length)) {
		set_u64(hashed->bytes + hashed->length, data.length);
		if (data.length)
			memcpy(hashed->bytes + hashed->length + sizeof(length), data.data, data.length);
		hashed->length += sizeof(length) + data.length;
		return;
	}
	if (!hashed->digest) {
		hashed->digest = sha256_create();
		sha256_start(hashed->digest);
		sha256_update(hashed->digest, ep_slice_make(hashed->bytes, hashed->length));
	}
	sha256_update_field(hashed->digest, data);
}

void record_id(struct ep_slice source, const struct schema_record *record, struct ep_slice key, struct ep_slice version,
	uint32_t attempt, uint8_t id[16])
{
	struct hashed hashed;
	uint8_t hash[SHA256_BYTES];
	char number[4];

	hashed.length = 0;
	hashed.digest = NULL;
	set_u32(number, attempt);
	add(&hashed, source);
	add(&hashed, ep_slice_make(record->name, record->name_length));
	add(&hashed, key);
	add(&hashed, version);
	add(&hashed, ep_slice_make(number, sizeof(number)));
	if (hashed.digest) {
		sha256_finish(hashed.digest, hash);
		sha256_destroy(hashed.digest);
	} else {
		sha256_of(ep_slice_make(hashed.bytes, hashed.length), hash);
	}
	memcpy(id, hash, 16);
}
