/*
 * outcome.h: the payload of an outbox frame: what became of one inbox frame, and its records.
 */
#ifndef JOURNAL_OUTCOME_H
#define JOURNAL_OUTCOME_H

#include "base/buffer.h"
#include "journal/journal.h"
#include "record/encode.h"

enum outcome_kind {
	OUTCOME_PENDING = 0,
	OUTCOME_NORMALIZED = 1,
	OUTCOME_DUPLICATE = 2,
	OUTCOME_QUARANTINED = 3,
	OUTCOME_DISCARDED = 4
};

#define OUTCOME_DAMAGED 0x1u /* flag, put by a repair: the outcome's own frame and its records are lost */

/* What became of one record. */
enum record_fate {
	RECORD_NEW = 1,        /* forwarded, revision 1 */
	RECORD_UPDATE = 2,     /* forwarded, a newer version of a known key */
	RECORD_CONFLICT = 3,   /* forwarded with attempt + 1: equal version, other content */
	RECORD_SUPERSEDED = 4, /* kept, not forwarded: older than what is known */
	RECORD_SUPPRESSED = 5  /* not kept: the content is the current one. Counted only, never written */
};

struct outcome_record {
	uint8_t id[16];
	uint8_t content[32]; /* SHA-256 */
	uint64_t revision;
	uint32_t attempt;
	uint32_t fate;           /* enum record_fate */
	struct ep_slice version; /* as in the event */
	struct ep_slice key;
	struct ep_slice encoded;
};

struct outcome_rejection {
	uint32_t code;         /* enum ep_error */
	struct ep_slice place; /* as shown to people, e.g. "byte 120 (row 3, column 5) Ntry[2]/Amt" */
	struct ep_slice text;
};

#define OUTCOME_REJECTIONS_MAX 100
#define OUTCOME_RECORD_BYTES_MAX ((uint64_t)RECORD_BYTES_MAX + 16 * 1024) /* a record with what goes before it */

struct outcome {
	enum outcome_kind kind;
	uint32_t flags;
	uint64_t inbox_position; /* of the frame that this is the outcome of */
	uint64_t inbox_sequence;
	uint64_t
		original_position; /* of the message that is meant: another than the above for actions and duplicates */
	uint8_t message_id[16];    /* of the original message */
	int64_t received_at_ns;    /* of the original message */
	struct ep_slice source;
	struct ep_slice plugin; /* "camt 1.0.0", or empty */
	uint32_t record_count;  /* records that follow: forwarded and superseded ones */
	uint32_t suppressed;
	uint32_t rejected; /* all of them; at most OUTCOME_REJECTIONS_MAX are kept */
	uint32_t rejection_count;
	struct ep_slice rejections; /* encoded; outcome_next_rejection() */
	struct ep_slice records;    /* encoded; outcome_next_record(); in the extent if the frame has one */
};

EP_MUST_CHECK enum ep_status outcome_write_rejection(const struct outcome_rejection *rejection, struct buffer *out);
EP_MUST_CHECK enum ep_status outcome_write_record(const struct outcome_record *record, struct buffer *out);
/* Appends everything but the records, which follow as a part of their own or as the extent. */
EP_MUST_CHECK enum ep_status outcome_write(const struct outcome *outcome, struct buffer *out);
EP_MUST_CHECK enum ep_status outcome_read(const struct journal_frame *frame, struct outcome *outcome);
/* Takes the next one off; false at the end or if the bytes are not sound (then *rest isn't used up). */
bool outcome_next_rejection(struct ep_slice *rest, struct outcome_rejection *rejection);
bool outcome_next_record(struct ep_slice *rest, struct outcome_record *record);
/* For reading records from an extent in pieces: bytes of the record that `rest` begins with; 0: too few to tell. More
 * than OUTCOME_RECORD_BYTES_MAX is no record. */
uint64_t outcome_record_bytes(struct ep_slice rest);
const char *outcome_kind_name(enum outcome_kind kind);

#endif
