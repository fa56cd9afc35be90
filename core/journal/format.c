/* format.c: see format.h. */
#include "journal/format.h"

#include "base/hash.h"
#include "journal/wire.h"

static const uint8_t segment_magic[8] = {0xe7, 'e', 'p', '-', 's', 'e', 'g', '1'};
static const uint8_t group_magic[8] = {FORMAT_GROUP, 'e', 'p', '-', 'g', 'r', 'p', '1'};

/* In a frame: its checksum, and what the digest goes over. */
#define CHECKSUM_AT 6
#define HASHED_FROM (CHECKSUM_AT + 8)

/* One number of both, in which neither can stand for the other: positions differ in bits that the product spreads. */
static uint64_t seed_of(uint64_t epoch, uint64_t position)
{
	return epoch ^ (position * UINT64_C(0x9e3779b97f4a7c15));
}

enum stream format_stream(enum journal_kind kind)
{
	switch (kind) {
	case JOURNAL_MESSAGE:
	case JOURNAL_ACTION:
		return STREAM_INBOX;
	case JOURNAL_OUTCOME:
		return STREAM_OUTBOX;
	case JOURNAL_DELIVERY:
	case JOURNAL_CHECKPOINT:
	case JOURNAL_HOLE:
		break;
	}
	return STREAM_OTHER;
}

bool format_is_zero(const uint8_t *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/*
 * 0 magic, 8 checksum of what follows, 16 format number u32, 20 flags u32 (none yet), 24 epoch, 32 number, 40 previous,
 * 48 start, 56 bytes, 64 checkpoint, 72 sequences (3), 96 identity (16), 112 zeros.
 */
void format_write_segment(const struct segment_head *head, uint8_t block[SEGMENT_HEAD_BYTES])
{
	memset(block, 0, SEGMENT_HEAD_BYTES);
	memcpy(block, segment_magic, sizeof(segment_magic));
	wire_put32(block + 16, FORMAT_NUMBER);
	wire_put64(block + 24, head->epoch);
	wire_put64(block + 32, head->number);
	wire_put64(block + 40, head->previous);
	wire_put64(block + 48, head->start);
	wire_put64(block + 56, head->bytes);
	wire_put64(block + 64, head->checkpoint);
	for (size_t i = 0; i < STREAMS; i++)
		wire_put64(block + 72 + 8 * i, head->sequence[i]);
	memcpy(block + 96, head->identity, sizeof(head->identity));
	wire_put64(block + 8, xxh3(block + 16, SEGMENT_HEAD_BYTES - 16, 0));
}

enum format_verdict format_read_segment(const uint8_t block[SEGMENT_HEAD_BYTES], struct segment_head *head)
{
	if (memcmp(block, segment_magic, sizeof(segment_magic)) != 0 ||
		wire_get64(block + 8) != xxh3(block + 16, SEGMENT_HEAD_BYTES - 16, 0))
		return FORMAT_BAD;
	if (wire_get32(block + 16) != FORMAT_NUMBER || wire_get32(block + 20) != 0 ||
		!format_is_zero(block + 112, SEGMENT_HEAD_BYTES - 112))
		return FORMAT_UNKNOWN;
	head->epoch = wire_get64(block + 24);
	head->number = wire_get64(block + 32);
	head->previous = wire_get64(block + 40);
	head->start = wire_get64(block + 48);
	head->bytes = wire_get64(block + 56);
	head->checkpoint = wire_get64(block + 64);
	for (size_t i = 0; i < STREAMS; i++)
		head->sequence[i] = wire_get64(block + 72 + 8 * i);
	memcpy(head->identity, block + 96, sizeof(head->identity));
	if (head->epoch == 0 || head->number == 0 || head->start < LOG_START || head->start % BLOCK_BYTES != 0 ||
		head->start > INT64_MAX / 2 || head->bytes <= SEGMENT_HEAD_BYTES || head->bytes > INT64_MAX / 2)
		return FORMAT_BAD;
	return FORMAT_SOUND;
}

/*
 * 0 magic, 8 checksum of what follows, 16 epoch, 24 position, 32 bytes u32, 36 frames u32, 40 durable_before,
 * 48 checkpoint, 56 sequences (3), 80 flags u64 (none yet), 88 reserved.
 */
void format_write_group(const struct group_head *head, uint8_t out[GROUP_HEAD_BYTES])
{
	memset(out, 0, GROUP_HEAD_BYTES);
	memcpy(out, group_magic, sizeof(group_magic));
	wire_put64(out + 16, head->epoch);
	wire_put64(out + 24, head->position);
	wire_put32(out + 32, head->bytes);
	wire_put32(out + 36, head->frames);
	wire_put64(out + 40, head->durable_before);
	wire_put64(out + 48, head->checkpoint);
	for (size_t i = 0; i < STREAMS; i++)
		wire_put64(out + 56 + 8 * i, head->sequence[i]);
	wire_put64(out + 8, xxh3(out + 16, GROUP_HEAD_BYTES - 16, seed_of(head->epoch, head->position)));
}

enum format_verdict format_read_group(
	const uint8_t in[GROUP_HEAD_BYTES], uint64_t epoch, uint64_t position, struct group_head *head)
{
	if (memcmp(in, group_magic, sizeof(group_magic)) != 0 || wire_get64(in + 16) != epoch ||
		wire_get64(in + 24) != position ||
		wire_get64(in + 8) != xxh3(in + 16, GROUP_HEAD_BYTES - 16, seed_of(epoch, position)))
		return FORMAT_BAD;
	if (!format_is_zero(in + 80, GROUP_HEAD_BYTES - 80))
		return FORMAT_UNKNOWN;
	head->epoch = epoch;
	head->position = position;
	head->bytes = wire_get32(in + 32);
	head->frames = wire_get32(in + 36);
	head->durable_before = wire_get64(in + 40);
	head->checkpoint = wire_get64(in + 48);
	for (size_t i = 0; i < STREAMS; i++)
		head->sequence[i] = wire_get64(in + 56 + 8 * i);
	return head->bytes >= GROUP_HEAD_BYTES && head->durable_before <= position ? FORMAT_SOUND : FORMAT_BAD;
}

static uint8_t flags_of(const struct journal_frame *frame)
{
	return (uint8_t)((frame->source_sequence ? FRAME_SOURCE : 0) |
			 (frame->schema || frame->build ? FRAME_BUILT : 0) | (frame->extent ? FRAME_EXTENT : 0));
}

static size_t head_bytes(uint8_t flags)
{
	return FRAME_HEAD_BYTES + (flags & FRAME_SOURCE ? 8u : 0u) + (flags & FRAME_BUILT ? 16u : 0u) +
	       (flags & FRAME_EXTENT ? 24u : 0u);
}

size_t format_frame_bytes(const struct journal_frame *frame)
{
	return head_bytes(flags_of(frame)) + (size_t)frame->payload.length;
}

/* 0 kind u8, 1 flags u8, 2 length of the whole frame u32, 6 checksum, 14 sequence; then what the flags say. */
size_t format_write_frame(const struct journal_frame *frame, uint8_t *out)
{
	uint8_t flags = flags_of(frame);
	size_t at = FRAME_HEAD_BYTES;

	out[0] = (uint8_t)frame->kind;
	out[1] = flags;
	wire_put32(out + 2, (uint32_t)format_frame_bytes(frame));
	wire_put64(out + 14, frame->sequence);
	if (flags & FRAME_SOURCE) {
		wire_put64(out + at, frame->source_sequence);
		at += 8;
	}
	if (flags & FRAME_BUILT) {
		wire_put64(out + at, frame->schema);
		wire_put64(out + at + 8, frame->build);
		at += 16;
	}
	if (flags & FRAME_EXTENT) {
		wire_put64(out + at, frame->extent);
		wire_put64(out + at + 8, frame->extent_length);
		wire_put64(out + at + 16, frame->extent_digest);
		at += 24;
	}
	return at;
}

void format_digest_frame(uint8_t *at, size_t length)
{
	wire_put64(at + CHECKSUM_AT, xxh3(at + HASHED_FROM, length - HASHED_FROM, 0));
}

/* Over what stands before the digest, and the digest. */
void format_seal_frame(uint8_t *at, uint64_t epoch, uint64_t position)
{
	wire_put64(at + CHECKSUM_AT, xxh3(at, HASHED_FROM, seed_of(epoch, position)));
}

size_t format_frame_claims(const uint8_t *in)
{
	uint32_t length = wire_get32(in + 2);

	return length < FRAME_HEAD_BYTES || length > FRAME_HEAD_MAX + JOURNAL_FRAME_MAX ? 0 : length;
}

static bool is_known(const uint8_t *in, size_t length)
{
	return in[0] >= JOURNAL_MESSAGE && in[0] <= JOURNAL_KIND_LAST &&
	       !(in[1] & ~(FRAME_SOURCE | FRAME_BUILT | FRAME_EXTENT)) && length >= head_bytes(in[1]);
}

/* What the flags announce; returns where the payload begins. */
static size_t read_rest_of_head(const uint8_t *in, struct journal_frame *frame)
{
	size_t at = FRAME_HEAD_BYTES;

	if (in[1] & FRAME_SOURCE) {
		frame->source_sequence = wire_get64(in + at);
		at += 8;
	}
	if (in[1] & FRAME_BUILT) {
		frame->schema = wire_get64(in + at);
		frame->build = wire_get64(in + at + 8);
		at += 16;
	}
	if (in[1] & FRAME_EXTENT) {
		frame->extent = wire_get64(in + at);
		frame->extent_length = wire_get64(in + at + 8);
		frame->extent_digest = wire_get64(in + at + 16);
		at += 24;
	}
	return at;
}

enum format_verdict format_read_frame(
	const uint8_t *in, size_t length, uint64_t epoch, uint64_t position, struct journal_frame *frame)
{
	uint8_t sealed[HASHED_FROM];
	size_t at;

	memcpy(sealed, in, CHECKSUM_AT);
	wire_put64(sealed + CHECKSUM_AT, xxh3(in + HASHED_FROM, length - HASHED_FROM, 0));
	if (wire_get64(in + CHECKSUM_AT) != xxh3(sealed, sizeof(sealed), seed_of(epoch, position)))
		return FORMAT_BAD;
	if (!is_known(in, length))
		return FORMAT_UNKNOWN;
	*frame = (struct journal_frame){
		.kind = (enum journal_kind)in[0], .position = position, .next = position + length};
	frame->sequence = wire_get64(in + 14);
	at = read_rest_of_head(in, frame);
	frame->payload = ep_slice_make((const char *)in + at, length - at);
	return FORMAT_SOUND;
}

bool format_read_remains(struct ep_slice bytes, uint64_t position, struct journal_frame *frame)
{
	const uint8_t *in = (const uint8_t *)bytes.data;
	size_t length, at;

	if (bytes.length < FRAME_HEAD_BYTES)
		return false;
	length = format_frame_claims(in);
	if (!length || length > bytes.length) /* the length itself may be what is damaged */
		length = (size_t)bytes.length;
	if (!is_known(in, length))
		return false;
	*frame = (struct journal_frame){
		.kind = (enum journal_kind)in[0], .position = position, .next = position + length};
	frame->sequence = wire_get64(in + 14);
	at = read_rest_of_head(in, frame);
	frame->payload = ep_slice_make((const char *)in + at, length - at);
	return true;
}
