/*
 * entries.h: what stands in the index: keys and values of its tables, written and read in one place.
 *
 *   MESSAGES  kind, source, id           -> what a receipt needs     put by the acceptor when a message is appended
 *   OUTCOMES  message id                 -> inbox, outbox position   put by the acceptor with outbox 0 when a message is
 *                                                                    appended, by the pipeline when its outcome is
 *   RECORDS   source, type, business key -> the current version      put by the pipeline when an outcome is appended
 *
 * Every entry is put with the position of the frame that says so, right after that frame was appended. Evidence of a
 * duplicate (MESSAGE_DUPLICATE) carries the id of the message that it repeats, whose entries stay; it puts nothing but its
 * Idempotency-Key, which leads to that message too.
 */
#ifndef INDEX_ENTRIES_H
#define INDEX_ENTRIES_H

#include "base/buffer.h"
#include "base/error.h"

#define ENTRY_MESSAGE_BYTES 72
#define ENTRY_OUTCOME_BYTES 16
#define ENTRY_RECORD_BYTES_MAX 120
#define ENTRY_VERSION_MAX 40 /* bytes; as record_version() gives it */

/*
 * A message's id: milliseconds since 1970 as 6 bytes big endian, then 10 random bytes. Ids grow, as keys of the index
 * must (random ones measured 17 times slower), and 80 random bits a millisecond can't be guessed or met twice.
 */
void entry_message_id(int64_t received_at_ns, uint8_t id[16]);

/* By what a message is known. Each kind has its own keys, so that a digest never meets an event id. */
enum entry_known_by { ENTRY_BY_EVENT = 'e', ENTRY_BY_DIGEST = 'd', ENTRY_BY_IDEMPOTENCY = 'i' };

/* received_at_ns also says in which day the entry stands, and with which it expires. */
struct entry_message {
	int64_t received_at_ns;
	uint64_t position; /* of the message's frame */
	uint64_t bytes;
	uint8_t id[16];
	uint8_t sha256[32];
};

struct entry_outcome {
	uint64_t inbox_position;
	uint64_t outbox_position; /* 0: pending */
};

/* The version that a business key has now. */
struct entry_record {
	uint64_t revision;
	uint64_t sequence; /* inbox sequence of the original message: the version of a record that brings none */
	uint32_t attempt;
	bool sent; /* `version` is the sender's; otherwise it is `sequence` in decimal */
	uint8_t content[32];
	struct ep_slice version; /* at most ENTRY_VERSION_MAX bytes */
};

/* Keys are appended to `key`, which the caller has cleared; EP_LIMIT or EP_NO_MEMORY as buffers say. */
EP_MUST_CHECK enum ep_status entry_message_key(
	struct buffer *key, enum entry_known_by by, struct ep_slice source, struct ep_slice id);
EP_MUST_CHECK enum ep_status entry_record_key(
	struct buffer *key, struct ep_slice source, uint16_t record, struct ep_slice business_key);
/* The key of an outcome is the message's id itself. */
static inline struct ep_slice entry_outcome_key(const uint8_t id[16])
{
	return ep_slice_make((const char *)id, 16);
}

/* Values. Writing returns the slice that was written into `bytes`; reading panics on what no version ever wrote, since
 * only the gateway writes the index. */
struct ep_slice entry_message_write(const struct entry_message *entry, uint8_t bytes[ENTRY_MESSAGE_BYTES]);
struct entry_message entry_message_read(struct ep_slice value);
struct ep_slice entry_outcome_write(const struct entry_outcome *entry, uint8_t bytes[ENTRY_OUTCOME_BYTES]);
struct entry_outcome entry_outcome_read(struct ep_slice value);
struct ep_slice entry_record_write(const struct entry_record *entry, uint8_t bytes[ENTRY_RECORD_BYTES_MAX]);
/* `version` points into the value. */
struct entry_record entry_record_read(struct ep_slice value);

#endif
