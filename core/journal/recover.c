/*
 * recover.c: opens the log of an earlier run.
 *
 * The heads of all segments are checked: one identity, no gap, no file shorter than what it must hold. The last segment
 * is read through (scan.c), and what was being written when the gateway ended is cut off.
 *
 * What no group states to be on disk is copied to a fresh segment and synced before anything is served: after a failed
 * sync the cache may hold pages that the disk doesn't, and reading them again proves nothing. Positions stay, since a
 * segment says where it starts; the older segment counts only up to there. Every start so has an epoch of its own.
 *
 * Damage further back is met by who reads it (reader.c).
 */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "journal/wire.h"

#define LEFT_SPARES_MAX 1024

struct names {
	uint64_t *segments;
	size_t segment_count;
	size_t segment_capacity;
	uint64_t spares[LEFT_SPARES_MAX];
	size_t spare_count;
	bool failed;
};

/* The fresh segment. */

/* Copies one group to the new file, sealed for the new epoch. */
static enum ep_status copy_group(const struct journal *journal, const struct scan *scan, uint64_t *position,
	const struct segment_head *fresh, int fd, struct error *error)
{
	uint8_t *data = journal->groups[0].data;
	struct iovec part = {.iov_base = data};
	struct group_head head;
	uint64_t at = GROUP_HEAD_BYTES;
	enum ep_status status = scan_load_group(journal, scan, *position, data, &head, error);

	if (status != EP_OK) /* it was sound a moment ago */
		return status == EP_END ? scan_say_damage(journal, scan, *position, error) : status;
	head.epoch = fresh->epoch;
	format_write_group(&head, data);
	for (uint32_t i = 0; i < head.frames; i++) {
		size_t length = format_frame_claims(data + at);

		format_digest_frame(data + at, length);
		format_seal_frame(data + at, fresh->epoch, *position + at);
		at += length;
	}
	part.iov_len = format_blocks(head.bytes);
	*position += part.iov_len;
	if (disk_write_at(fd, &part, 1, segment_offset(fresh, head.position)) == -1)
		return error_set_errno(error, EP_ERR_IO, "the journal's tail can't be copied");
	return EP_OK;
}

/* `scan` NULL: the first segment of all. */
static enum ep_status fill_segment(struct journal *journal, const struct scan *scan, struct segment_head *fresh,
	struct spare *spare, struct error *error)
{
	uint8_t block[SEGMENT_HEAD_BYTES];
	struct iovec part = {block, sizeof(block)};
	uint64_t position = fresh->start;
	enum ep_status status = EP_OK;
	char from[PATH_BYTES];
	char to[PATH_BYTES];
	const char *what;

	while (scan && status == EP_OK && position < scan->end)
		status = copy_group(journal, scan, &position, fresh, spare->fd, error);
	if (status != EP_OK)
		return status;
	format_write_segment(fresh, block);
	journal_path(journal, FILE_SPARE, spare->number, from);
	journal_path(journal, FILE_SEGMENT, fresh->number, to);
	errno = segment_install(spare->fd, &part, 1, from, to, journal->log_directory, &what);
	return errno == 0 ? EP_OK : error_set_errno(error, EP_ERR_IO, "could not %s %s", what, to);
}

/* The spare at hand, if it is large enough, or a new one; on a full disk a small one, so that what was accepted can be
 * finished. */
static enum ep_status get_spare(struct journal *journal, uint64_t bytes, struct spare **spare, struct error *error)
{
	int64_t least = (int64_t)(format_blocks(bytes) + journal->group_max);
	int64_t wanted = least > journal->segment_bytes ? least : journal->segment_bytes;
	enum ep_status status = EP_OK;
	size_t at = 0;

	if (!journal->spare_count || bytes > (uint64_t)journal->spares[0]->bytes) {
		ASSERT(journal->spare_count < SPARES_MAX);
		status = spare_create(journal, wanted, error);
		if (status == EP_LIMIT && least < wanted)
			status = spare_create(journal, least, error);
		if (status != EP_OK)
			return status;
		at = journal->spare_count - 1;
		status = spare_write_zeros(journal->spares[at], error);
	}
	if (status != EP_OK)
		return status;
	*spare = journal->spares[at];
	journal->spare_count--;
	memmove(journal->spares + at, journal->spares + at + 1, (journal->spare_count - at) * sizeof(struct spare *));
	return EP_OK;
}

static enum ep_status begin_fresh(struct journal *journal, const struct scan *scan, struct error *error)
{
	struct segment_head fresh = {.number = ++journal->number_last, .start = LOG_START};
	struct spare *spare = NULL;
	enum ep_status status;

	while (fresh.epoch == 0)
		random_bytes(&fresh.epoch, sizeof(fresh.epoch));
	memcpy(fresh.identity, journal->identity, sizeof(fresh.identity));
	if (scan) {
		fresh.start = scan->durable_before;
		fresh.checkpoint = scan->checkpoint;
		memcpy(fresh.sequence, scan->sequence, sizeof(fresh.sequence));
		fresh.previous = fresh.start == scan->segment->start ? scan->segment->previous : scan->segment->number;
	}
	status = segment_reserve(journal, error);
	if (status == EP_OK)
		status = get_spare(journal, SEGMENT_HEAD_BYTES + (scan ? scan->end - fresh.start : 0), &spare, error);
	if (status != EP_OK)
		return status;
	fresh.bytes = (uint64_t)spare->bytes;
	status = fill_segment(journal, scan, &fresh, spare, error);
	if (status != EP_OK) {
		spare_destroy(spare);
		return status;
	}
	journal->active_fd = spare->fd;
	spare_used(spare);
	segment_add(journal, &fresh);
	return EP_OK;
}

/* The older segment's part that was copied isn't needed any more. Only room is at stake: no sync. */
static void trim_older(struct journal *journal)
{
	struct segment_head *older = &journal->segments[journal->segment_count - 2];
	uint64_t start = older[1].start;
	char path[PATH_BYTES];
	int fd;

	journal_path(journal, FILE_SEGMENT, older->number, path);
	if (older->start == start) {
		disk_unlink(path);
		*older = older[1];
		journal->segment_count--;
		return;
	}
	fd = disk_open(path, O_RDWR, 0);
	if (fd == -1)
		return;
	if (disk_truncate(fd, segment_offset(older, start)) == -1)
		log_warn("journal: a segment keeps room that it doesn't need", log_text("path", path));
	disk_close(fd);
}

/* The files that are there. */

static int note_name(void *argument, const char *name)
{
	struct names *names = argument;
	uint64_t number;

	if (journal_file_number(name, FILE_SPARE, &number) && names->spare_count < LEFT_SPARES_MAX)
		names->spares[names->spare_count++] = number;
	if (!journal_file_number(name, FILE_SEGMENT, &number))
		return 0;
	if (names->segment_count == names->segment_capacity) {
		size_t capacity = names->segment_capacity ? names->segment_capacity * 2 : 64;
		uint64_t *grown = capacity > SEGMENTS_MAX ? NULL : realloc(names->segments, capacity * sizeof(*grown));

		if (!grown) {
			names->failed = true;
			return 1;
		}
		names->segments = grown;
		names->segment_capacity = capacity;
	}
	names->segments[names->segment_count++] = number;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static enum ep_status read_head(
	struct journal *journal, uint64_t number, struct segment_head *head, int64_t *size, struct error *error)
{
	uint8_t block[SEGMENT_HEAD_BYTES];
	enum format_verdict verdict;
	char path[PATH_BYTES];
	ssize_t got = -1;
	int fd;

	*size = -1;
	journal_path(journal, FILE_SEGMENT, number, path);
	fd = disk_open(path, O_RDONLY, 0);
	if (fd != -1)
		got = disk_read_at(fd, block, sizeof(block), 0);
	if (got != -1)
		*size = disk_size(fd);
	if (*size == -1)
		error_set_errno(error, EP_ERR_IO, "%s can't be read", path);
	if (fd != -1)
		disk_close(fd);
	if (*size == -1)
		return EP_IO;
	verdict = (size_t)got < sizeof(block) ? FORMAT_BAD : format_read_segment(block, head);
	if (verdict == FORMAT_UNKNOWN)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT, "%s: written by a later version", path);
	if (verdict == FORMAT_BAD || head->number != number)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"%s, offset 0: the segment's head is damaged", path);
	if (memcmp(head->identity, journal->identity, sizeof(head->identity)) != 0)
		return error_set(
			error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "%s belongs to another data directory", path);
	return EP_OK;
}

/* One after the other, no gap. A segment that starts where the one before it started replaces it. */
static enum ep_status load_segments(struct journal *journal, const struct names *names, struct error *error)
{
	int64_t size_before = 0;
	char path[PATH_BYTES];

	for (size_t i = 0; i < names->segment_count; i++) {
		struct segment_head *last =
			journal->segment_count ? &journal->segments[journal->segment_count - 1] : NULL;
		struct segment_head head;
		int64_t size;
		enum ep_status status = read_head(journal, names->segments[i], &head, &size, error);

		if (status != EP_OK)
			return status;
		journal_path(journal, FILE_SEGMENT, head.number, path);
		if (last && last->start == head.start && last->previous == head.previous) {
			journal_path(journal, FILE_SEGMENT, last->number, path);
			disk_unlink(path);
			*last = head;
			size_before = size;
			continue;
		}
		if (last && (head.previous != last->number || head.start < last->start))
			return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
				"%s: the segment before it (%" PRIu64 ") is missing", path, head.previous);
		if (last && size_before < (int64_t)segment_offset(last, head.start))
			return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
				"the segment before %s is shorter than what was written to it", path);
		status = segment_reserve(journal, error);
		if (status != EP_OK)
			return status;
		segment_add(journal, &head);
		size_before = size;
	}
	return EP_OK;
}

/* Spare files that an earlier run left: kept for use, up to the number that is ever wanted. */
static enum ep_status adopt_spares(struct journal *journal, const struct names *names, struct error *error)
{
	for (size_t i = 0; i < names->spare_count; i++) {
		char path[PATH_BYTES];
		int fd;

		journal_path(journal, FILE_SPARE, names->spares[i], path);
		fd = disk_open(path, O_RDWR, 0);
		if (fd == -1)
			return error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
		if (journal->spare_count < SPARES_MAX - 1 && disk_size(fd) == journal->segment_bytes) {
			enum ep_status status = spare_adopt(journal, names->spares[i], fd, error);

			if (status != EP_OK)
				return status;
			continue;
		}
		disk_close(fd);
		if (disk_unlink(path) == -1)
			return error_set_errno(error, EP_ERR_IO, "%s can't be removed", path);
	}
	return EP_OK;
}

static enum ep_status list_files(struct journal *journal, struct names *names, struct error *error)
{
	if (disk_list(journal->log_directory, note_name, names) == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be listed", journal->log_directory);
	if (names->failed)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal's segments");
	if (names->segment_count)
		qsort(names->segments, names->segment_count, sizeof(uint64_t), compare_numbers);
	if (names->spare_count)
		qsort(names->spares, names->spare_count, sizeof(uint64_t), compare_numbers);
	if (names->segment_count)
		journal->number_last = names->segments[names->segment_count - 1];
	if (names->spare_count && names->spares[names->spare_count - 1] > journal->number_last)
		journal->number_last = names->spares[names->spare_count - 1];
	return EP_OK;
}

/* Putting it together. */

static enum ep_status load_checkpoint(struct journal *journal, struct error *error)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	enum ep_status status;

	if (!journal->checkpoint) {
		if (journal->segments[0].start != LOG_START)
			return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
				"%s: the journal's beginning is missing, and there is no checkpoint",
				journal->log_directory);
		return EP_OK;
	}
	status = journal_reader_open(journal, journal->checkpoint, &reader, error);
	if (status != EP_OK)
		return status;
	status = journal_read(reader, JOURNAL_KINDS(JOURNAL_CHECKPOINT), &frame, error);
	if (status == EP_OK && (frame.position != journal->checkpoint || frame.payload.length < sizeof(uint64_t)))
		status = EP_END;
	if (status == EP_END || status == EP_NOT_FOUND)
		status = error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"%s: there is no checkpoint at position %" PRIu64, journal->log_directory, journal->checkpoint);
	if (status == EP_OK) {
		journal->checkpoint_from = wire_get64((const uint8_t *)frame.payload.data);
		journal->release_max =
			journal->checkpoint_from < journal->checkpoint ? journal->checkpoint_from : journal->checkpoint;
		journal->checkpoint_length = frame.payload.length - sizeof(uint64_t);
		journal->checkpoint_bytes = malloc(journal->checkpoint_length + 1);
		if (!journal->checkpoint_bytes)
			status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the checkpoint");
		else
			memcpy(journal->checkpoint_bytes, frame.payload.data + sizeof(uint64_t),
				journal->checkpoint_length);
	}
	journal_reader_close(reader);
	return status;
}

static enum ep_status recover_tail(struct journal *journal, struct error *error)
{
	struct scan scan = {.segment = &journal->segments[journal->segment_count - 1]};
	struct segment_head segment = *scan.segment; /* the table may move */
	enum ep_status status;
	char path[PATH_BYTES];
	int64_t size;

	scan.segment = &segment;
	journal_path(journal, FILE_SEGMENT, segment.number, path);
	scan.fd = disk_open(path, O_RDONLY, 0);
	if (scan.fd == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
	size = disk_size(scan.fd);
	scan.limit = segment.start;
	if (size > (int64_t)SEGMENT_HEAD_BYTES)
		scan.limit += ((uint64_t)size - SEGMENT_HEAD_BYTES) & ~(BLOCK_BYTES - 1);
	status = scan_segment(journal, &scan, error);
	if (status == EP_OK)
		status = begin_fresh(journal, &scan, error);
	disk_close(scan.fd);
	if (status != EP_OK)
		return status;
	trim_older(journal);
	memcpy(journal->sequence, scan.sequence, sizeof(journal->sequence));
	journal->durable = scan.end;
	journal->checkpoint = scan.checkpoint;
	return EP_OK;
}

enum ep_status recover_log(struct journal *journal, bool is_new, struct error *error)
{
	struct names names = {0};
	enum ep_status status = list_files(journal, &names, error);

	if (status == EP_OK)
		status = adopt_spares(journal, &names, error);
	if (status == EP_OK)
		status = load_segments(journal, &names, error);
	free(names.segments);
	if (status != EP_OK)
		return status;
	if (!journal->segment_count && !is_new)
		return error_set(
			error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "%s holds no segments", journal->log_directory);
	if (!journal->segment_count) {
		status = begin_fresh(journal, NULL, error);
		journal->durable = LOG_START;
	} else {
		status = recover_tail(journal, error);
	}
	if (status == EP_OK && is_new && journal->durable != LOG_START)
		status = error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT,
			"the data directory %s has no format file, but a journal with messages", journal->directory);
	if (status != EP_OK)
		return status;
	journal->filling = &journal->groups[0];
	commit_begin_group(journal, journal->filling, journal->durable);
	status = extent_collect(journal, journal->segments[0].start, journal->durable, true, error);
	return status == EP_OK ? load_checkpoint(journal, error) : status;
}
