/*
 * scan.c: reads the last segment through and finds where the log ends.
 *
 * A bad group at or after the highest `durable_before` that any sound group (or the segment's head) states was never
 * acknowledged: the log ends there. A bad group before it is damage, and refused with its place.
 */
#include "journal/internal.h"

#include <inttypes.h>

#include "base/log.h"
#include "journal/wire.h"

/* Reading a group. */

static enum ep_status say_unknown(
	const struct journal *journal, const struct scan *scan, uint64_t position, struct error *error)
{
	char path[PATH_BYTES];

	journal_path(journal, FILE_SEGMENT, scan->segment->number, path);
	return error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT,
		"%s, offset %" PRId64 ", position %" PRIu64 ": written by a later version", path,
		(int64_t)segment_offset(scan->segment, position), position);
}

enum ep_status scan_say_damage(
	const struct journal *journal, const struct scan *scan, uint64_t position, struct error *error)
{
	char path[PATH_BYTES];

	journal_path(journal, FILE_SEGMENT, scan->segment->number, path);
	return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
		"%s, offset %" PRId64 ", position %" PRIu64
		": the group here is damaged, and what follows up to position %" PRIu64 " was on disk",
		path, (int64_t)segment_offset(scan->segment, position), position, scan->durable_before);
}

static enum ep_status say_unreadable(const struct journal *journal, const struct scan *scan, struct error *error)
{
	char path[PATH_BYTES];

	journal_path(journal, FILE_SEGMENT, scan->segment->number, path);
	return error_set_errno(error, EP_ERR_IO, "%s can't be read", path);
}

/* The group at `position` into `data`, whole. EP_END: no sound head stands there. */
enum ep_status scan_load_group(const struct journal *journal, const struct scan *scan, uint64_t position, uint8_t *data,
	struct group_head *head, struct error *error)
{
	enum format_verdict verdict;
	uint64_t bytes;
	ssize_t got;

	if (position + BLOCK_BYTES > scan->limit)
		return EP_END;
	got = disk_read_at(scan->fd, data, BLOCK_BYTES, segment_offset(scan->segment, position));
	if (got == -1)
		return say_unreadable(journal, scan, error);
	verdict =
		(size_t)got < BLOCK_BYTES ? FORMAT_BAD : format_read_group(data, scan->segment->epoch, position, head);
	if (verdict == FORMAT_UNKNOWN)
		return say_unknown(journal, scan, position, error);
	bytes = verdict == FORMAT_SOUND ? format_blocks(head->bytes) : UINT64_MAX;
	if (bytes > GROUP_MAX || bytes > scan->limit - position)
		return EP_END;
	got = disk_read_at(scan->fd, data + BLOCK_BYTES, bytes - BLOCK_BYTES,
		segment_offset(scan->segment, position + BLOCK_BYTES));
	if (got == -1)
		return say_unreadable(journal, scan, error);
	return (uint64_t)got == bytes - BLOCK_BYTES ? EP_OK : EP_END;
}

/* Its frames and padding. Checkpoints and sequences are noted only if all is sound. EP_END: it isn't. */
static enum ep_status check_group(const struct journal *journal, struct scan *scan, const uint8_t *data,
	const struct group_head *head, struct error *error)
{
	uint64_t sequence[STREAMS];
	uint64_t checkpoint = 0;
	uint64_t at = GROUP_HEAD_BYTES;

	memcpy(sequence, head->sequence, sizeof(sequence));
	for (uint32_t i = 0; i < head->frames; i++) {
		struct journal_frame frame;
		size_t length = head->bytes - at < FRAME_HEAD_BYTES ? 0 : format_frame_claims(data + at);
		enum format_verdict verdict = FORMAT_BAD;

		if (length && length <= head->bytes - at)
			verdict = format_read_frame(data + at, length, head->epoch, head->position + at, &frame);
		if (verdict == FORMAT_UNKNOWN)
			return say_unknown(journal, scan, head->position + at, error);
		if (verdict == FORMAT_BAD)
			return EP_END;
		sequence[format_stream(frame.kind)] = frame.sequence;
		if (frame.kind == JOURNAL_CHECKPOINT)
			checkpoint = frame.position;
		at += length;
	}
	if (at != head->bytes || !format_is_zero(data + at, format_blocks(at) - at))
		return EP_END;
	memcpy(scan->sequence, sequence, sizeof(sequence));
	if (checkpoint)
		scan->checkpoint = checkpoint;
	else if (head->checkpoint > scan->checkpoint)
		scan->checkpoint = head->checkpoint;
	return EP_OK;
}

/* Scanning. */

/* Heads behind a bad group may still state what was on disk. `torn`: something was being written at `end`. */
static enum ep_status look_behind(
	const struct journal *journal, struct scan *scan, uint8_t *data, bool *torn, struct error *error)
{
	for (uint64_t at = scan->end; at < scan->limit;) {
		uint64_t bytes = scan->limit - at < GROUP_MAX ? scan->limit - at : GROUP_MAX;
		ssize_t got = disk_read_at(scan->fd, data, bytes, segment_offset(scan->segment, at));

		if (got == -1)
			return say_unreadable(journal, scan, error);
		for (ssize_t i = 0; i + (ssize_t)BLOCK_BYTES <= got; i += (ssize_t)BLOCK_BYTES) {
			uint64_t position = at + (uint64_t)i;
			struct group_head head;

			if (wire_get64(data + i + 16) == scan->segment->epoch || wire_get64(data + i + 24) == position)
				*torn = true;
			if (format_read_group(data + i, scan->segment->epoch, position, &head) == FORMAT_SOUND &&
				head.durable_before > scan->durable_before)
				scan->durable_before = head.durable_before;
		}
		at += bytes;
	}
	return EP_OK;
}

enum ep_status scan_segment(struct journal *journal, struct scan *scan, struct error *error)
{
	uint8_t *data = journal->groups[0].data;
	struct group_head head;
	enum ep_status status;
	bool torn = false;

	scan->end = scan->durable_before = scan->segment->start;
	scan->checkpoint = scan->segment->checkpoint;
	memcpy(scan->sequence, scan->segment->sequence, sizeof(scan->sequence));
	for (;;) {
		status = scan_load_group(journal, scan, scan->end, data, &head, error);
		if (status == EP_OK)
			status = check_group(journal, scan, data, &head, error);
		if (status != EP_OK)
			break;
		if (head.durable_before > scan->durable_before)
			scan->durable_before = head.durable_before;
		scan->end += format_blocks(head.bytes);
	}
	if (status == EP_END)
		status = look_behind(journal, scan, data, &torn, error);
	if (status != EP_OK)
		return status;
	if (scan->end < scan->durable_before)
		return scan_say_damage(journal, scan, scan->end, error);
	if (torn)
		log_warn("journal: a group that was being written when the gateway ended is cut off; nobody was told "
			 "of it",
			log_number("segment", (int64_t)scan->segment->number),
			log_number("position", (int64_t)scan->end));
	return EP_OK;
}
