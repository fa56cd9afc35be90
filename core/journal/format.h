/*
 * format.h: what stands in a segment file, byte for byte, and whether it is sound. No I/O here.
 *
 *   segment  a head of 4 KiB, then groups. Position p of the endless log lies at offset p - start + 4096
 *   group    on a 4 KiB block: a head of 96 bytes, frames, zeros up to the next block
 *   frame    a head of 22 bytes, what the flags announce, the payload
 *
 * The first byte says what begins there: 0 padding, 1 to 6 a frame of that kind, 0xE9 a group. All checksums are seeded
 * with the segment's epoch, a random number of each life of the file, and with the position: nothing that an earlier
 * life left behind passes, and nothing that was moved.
 *
 * What is not known is refused: kinds, flags, and anything but zeros where nothing is defined yet.
 */
#ifndef JOURNAL_FORMAT_H
#define JOURNAL_FORMAT_H

#include "journal/journal.h"

#define FORMAT_NUMBER 1
#define BLOCK_BYTES UINT64_C(4096)
#define LOG_START BLOCK_BYTES /* position of the first group ever; 0 is before everything */

#define SEGMENT_HEAD_BYTES BLOCK_BYTES
#define GROUP_HEAD_BYTES 96
#define FRAME_HEAD_BYTES 22
#define FRAME_HEAD_MAX (FRAME_HEAD_BYTES + 8 + 16 + 24)

#define FORMAT_PADDING 0x00
#define FORMAT_GROUP 0xe9

/* Each kind of frame belongs to one stream, which numbers its frames. */
enum stream { STREAM_INBOX, STREAM_OUTBOX, STREAM_OTHER, STREAMS };

/* What follows the head, in this order. */
enum frame_flags {
	FRAME_SOURCE = 0x1, /* source sequence, 8 bytes */
	FRAME_BUILT = 0x2,  /* schema and build, 16 */
	FRAME_EXTENT = 0x4, /* the extent's number, length and digest, 24 */
	FRAME_SEALED = 0x8  /* key_id, 4: the payload is encrypted. Kept for that; refused as long as no key exists */
};

struct segment_head {
	uint64_t epoch; /* not 0 */
	uint64_t number;
	uint64_t previous; /* number of the segment before it; 0: none */
	uint64_t start;    /* position of its first group; everything before is on disk */
	uint64_t bytes;    /* of the file when it was made */
	uint64_t checkpoint;
	uint64_t sequence[STREAMS]; /* given last when it was made */
	uint8_t identity[16];
};

struct group_head {
	uint64_t epoch;
	uint64_t position;
	uint32_t bytes; /* of head and frames, without the padding */
	uint32_t frames;
	uint64_t durable_before;    /* everything before this position was on disk when the group was written */
	uint64_t checkpoint;        /* position of the newest checkpoint known to be on disk; 0: none */
	uint64_t sequence[STREAMS]; /* given last before this group */
};

enum stream format_stream(enum journal_kind kind);

static inline uint64_t format_blocks(uint64_t bytes)
{
	return (bytes + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1);
}

/* FORMAT_UNKNOWN: the checksum holds, but it says something that this version doesn't know: a later one wrote it. */
enum format_verdict { FORMAT_SOUND, FORMAT_BAD, FORMAT_UNKNOWN };

void format_write_segment(const struct segment_head *head, uint8_t block[SEGMENT_HEAD_BYTES]);
enum format_verdict format_read_segment(const uint8_t block[SEGMENT_HEAD_BYTES], struct segment_head *head);

void format_write_group(const struct group_head *head, uint8_t out[GROUP_HEAD_BYTES]);
/* Whether a group of this epoch begins at this position. */
enum format_verdict format_read_group(
	const uint8_t in[GROUP_HEAD_BYTES], uint64_t epoch, uint64_t position, struct group_head *head);

/* Writes the head of a frame (payload, extent and numbers as in `frame`) and returns its length. */
size_t format_write_frame(const struct journal_frame *frame, uint8_t *out);
/* In all, payload included. */
size_t format_frame_bytes(const struct journal_frame *frame);
/* Once the payload stands behind the head: the digest of both, which format_seal_frame() makes into the checksum as
 * soon as epoch and position are known. Two steps, so that the bytes are hashed while they are in the cache. */
void format_digest_frame(uint8_t *at, size_t length);
void format_seal_frame(uint8_t *at, uint64_t epoch, uint64_t position);

/* How many bytes the frame at `in` has in all, as it claims; 0 if that can't be. `in`: FRAME_HEAD_BYTES at least. */
size_t format_frame_claims(const uint8_t *in);
/* Whether the `length` bytes (as claimed) are a sound frame; then *frame, with position, next and a payload that points
 * into `in`. */
enum format_verdict format_read_frame(
	const uint8_t *in, size_t length, uint64_t epoch, uint64_t position, struct journal_frame *frame);

/* The frame at the beginning of the bytes as if its checksum held: for telling people what may have stood there. */
bool format_read_remains(struct ep_slice bytes, uint64_t position, struct journal_frame *frame);

bool format_is_zero(const uint8_t *bytes, size_t length);

#endif
