/*
 * accept.h: takes a record that a worker sent, as if it came from the network.
 *
 * Its structure, types and UTF-8 are checked first (what breaks the encoding's rules is a fault of the worker: EP_MISUSE).
 * Then its content: a missing key field or an unreadable value rejects the record (EP_BAD_INPUT); all else is kept and
 * noted in `quality`: length in code points, code lists, check digits. Persons' numbers are replaced by their keyed
 * hash and mask. What comes out is canonical.
 */
#ifndef RECORD_ACCEPT_H
#define RECORD_ACCEPT_H

#include "base/buffer.h"
#include "record/encode.h"

struct record_policy {
	struct ep_slice person_key; /* empty: persons' numbers keep their mask only */
	struct ep_slice source;     /* its name: the account where the sender names none; empty: left out then */
};

struct record_rejection {
	enum ep_error code;
	struct ep_place place;
	char path[128]; /* place.path points here */
	char text[256];
};

/* Appends the accepted record to `out`. */
EP_MUST_CHECK enum ep_status record_accept(const struct record_policy *policy, struct ep_slice encoded,
	const struct record_origin *origins, uint32_t origin_count, struct buffer *out,
	struct record_rejection *rejection);

/* Structure only; true if `encoded` is exactly one sound record. */
bool record_check(struct ep_slice encoded);

/* SHA-256 over the encoding as it would be without its quality list. */
void record_content_hash(struct ep_slice encoded, uint8_t hash[32]);

/*
 * Keys. A key is the encoding of its parts, each u16 length and bytes, absent ones of length 0. Most come from the record
 * alone; the key of a settlement depends on the message: whether its servicer_ref is unique there, and which of equal
 * entries it is. So a message's records are first all shown to record_keys_see(), then keyed in the same order.
 */
struct record_keys;

struct record_keys *record_keys_create(struct ep_slice account_fallback); /* NULL without memory */
EP_MUST_CHECK enum ep_status record_keys_see(struct record_keys *keys, struct ep_slice encoded);
EP_MUST_CHECK enum ep_status record_keys_make(struct record_keys *keys, struct ep_slice encoded, struct buffer *key);
void record_keys_destroy(struct record_keys *keys);

/* The sender's version as text (RFC 3339 or as given); empty if the record has none. */
struct ep_slice record_version(struct ep_slice encoded, char text[40]);

/* The first 16 bytes of SHA-256 over source, type (without its version), key, version, attempt: see design, Id. */
void record_id(struct ep_slice source, const struct schema_record *record, struct ep_slice key, struct ep_slice version,
	uint32_t attempt, uint8_t id[16]);

#endif
