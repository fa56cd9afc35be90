/*
 * reader.c: reads the log from a position on, up to what is durable, one window at a time.
 *
 * Where the groups end need not be known: at each place the first byte says whether a frame, a group or padding begins
 * there, and a frame's checksum proves it, seeded with the segment's epoch and the position.
 */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define WINDOW_BYTES ((size_t)256 * 1024)

struct journal_reader {
	struct journal *journal;
	uint64_t position;           /* of what is read next */
	struct segment_head segment; /* that `fd` is open on; number 0: none */
	int fd;
	uint8_t *window;
	size_t window_size;
	uint64_t window_start; /* position */
	size_t window_length;
};

enum ep_status journal_reader_open(
	struct journal *journal, uint64_t position, struct journal_reader **out, struct error *error)
{
	struct journal_reader *reader = calloc(1, sizeof(*reader));

	*out = reader;
	if (!reader)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read the journal");
	reader->journal = journal;
	reader->fd = -1;
	reader->position = position;
	return EP_OK;
}

void journal_reader_close(struct journal_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd != -1)
		disk_close(reader->fd);
	free(reader->window);
	free(reader);
}

uint64_t journal_reader_position(const struct journal_reader *reader)
{
	return reader->position;
}

void journal_reader_seek(struct journal_reader *reader, uint64_t position)
{
	reader->position = position;
}

static enum ep_status say_damage(const struct journal_reader *reader, struct error *error)
{
	char path[PATH_BYTES];

	journal_path(reader->journal, FILE_SEGMENT, reader->segment.number, path);
	return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
		"%s, offset %" PRId64 ", position %" PRIu64 ": the journal is damaged here", path,
		(int64_t)segment_offset(&reader->segment, reader->position), reader->position);
}

/* The segment that holds the position is open; *limit: up to where it may be read. */
static enum ep_status enter_segment(struct journal_reader *reader, uint64_t *limit, struct error *error)
{
	const struct journal *journal = reader->journal;
	const struct segment_head *segment;
	char path[PATH_BYTES];

	segment = segment_at(journal, reader->position);
	if (!segment)
		return error_set(error, EP_NOT_FOUND, EP_ERR_NOT_FOUND,
			"position %" PRIu64 " of the journal is no longer kept", reader->position);
	*limit = segment_end(journal, segment);
	if (*limit > journal->durable)
		*limit = journal->durable;
	if (segment->number == reader->segment.number)
		return EP_OK;
	if (reader->fd != -1)
		disk_close(reader->fd);
	reader->segment.number = 0;
	reader->window_length = 0;
	journal_path(journal, FILE_SEGMENT, segment->number, path);
	reader->fd = disk_open(path, O_RDONLY, 0);
	if (reader->fd == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
	reader->segment = *segment;
	return EP_OK;
}

/* At least `length` bytes from the position on are in the window. `limit` allows them. */
static enum ep_status fill_window(struct journal_reader *reader, size_t length, uint64_t limit, struct error *error)
{
	size_t wanted = length > WINDOW_BYTES ? length : WINDOW_BYTES;
	ssize_t got;

	if (reader->window_start <= reader->position &&
		reader->position + length <= reader->window_start + reader->window_length)
		return EP_OK;
	if (wanted > reader->window_size || (reader->window_size > WINDOW_BYTES && wanted == WINDOW_BYTES)) {
		free(reader->window);
		reader->window_length = reader->window_size = 0;
		reader->window = malloc(wanted);
		if (!reader->window)
			return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read the journal");
		reader->window_size = wanted;
	}
	if (wanted > limit - reader->position)
		wanted = limit - reader->position;
	reader->window_start = reader->position;
	reader->window_length = 0;
	got = disk_read_at(reader->fd, reader->window, wanted, segment_offset(&reader->segment, reader->position));
	if (got == -1) {
		char path[PATH_BYTES];

		journal_path(reader->journal, FILE_SEGMENT, reader->segment.number, path);
		return error_set_errno(error, EP_ERR_IO, "%s can't be read at offset %" PRId64, path,
			(int64_t)segment_offset(&reader->segment, reader->position));
	}
	reader->window_length = (size_t)got;
	return (size_t)got < length ? say_damage(reader, error) : EP_OK; /* the file is cut short */
}

static const uint8_t *here(const struct journal_reader *reader)
{
	return reader->window + (reader->position - reader->window_start);
}

static enum ep_status pass_group_head(struct journal_reader *reader, uint64_t limit, struct error *error)
{
	struct group_head head;
	enum ep_status status;

	if (limit - reader->position < BLOCK_BYTES)
		return say_damage(reader, error);
	status = fill_window(reader, GROUP_HEAD_BYTES, limit, error);
	if (status != EP_OK)
		return status;
	if (format_read_group(here(reader), reader->segment.epoch, reader->position, &head) != FORMAT_SOUND)
		return say_damage(reader, error);
	reader->position += GROUP_HEAD_BYTES;
	return EP_OK;
}

/* Zeros up to the next block, which are checked: a frame whose first byte was wiped isn't passed over. */
static enum ep_status pass_padding(struct journal_reader *reader, uint64_t limit, struct error *error)
{
	size_t length = (size_t)(format_blocks(reader->position + 1) - reader->position);
	enum ep_status status;

	if (length == BLOCK_BYTES || length > limit - reader->position)
		return say_damage(reader, error);
	status = fill_window(reader, length, limit, error);
	if (status != EP_OK)
		return status;
	if (!format_is_zero(here(reader), length))
		return say_damage(reader, error);
	reader->position += length;
	return EP_OK;
}

static enum ep_status take_frame(
	struct journal_reader *reader, uint64_t limit, struct journal_frame *frame, struct error *error)
{
	enum ep_status status;
	size_t length;

	if (limit - reader->position < FRAME_HEAD_BYTES)
		return say_damage(reader, error);
	status = fill_window(reader, FRAME_HEAD_BYTES, limit, error);
	if (status != EP_OK)
		return status;
	length = format_frame_claims(here(reader));
	if (!length || length > limit - reader->position)
		return say_damage(reader, error);
	status = fill_window(reader, length, limit, error);
	if (status != EP_OK)
		return status;
	if (format_read_frame(here(reader), length, reader->segment.epoch, reader->position, frame) != FORMAT_SOUND)
		return say_damage(reader, error);
	reader->position += length;
	return EP_OK;
}

enum ep_status journal_read(
	struct journal_reader *reader, uint32_t kinds, struct journal_frame *frame, struct error *error)
{
	for (;;) {
		uint64_t limit;
		enum ep_status status;

		if (reader->position == 0)
			reader->position = reader->journal->segments[0].start;
		if (reader->position >= reader->journal->durable)
			return EP_END;
		status = enter_segment(reader, &limit, error);
		if (status == EP_OK)
			status = fill_window(reader, 1, limit, error);
		if (status != EP_OK)
			return status;
		if (*here(reader) == FORMAT_GROUP && reader->position % BLOCK_BYTES == 0) {
			status = pass_group_head(reader, limit, error);
		} else if (*here(reader) == FORMAT_PADDING) {
			status = pass_padding(reader, limit, error);
		} else {
			status = take_frame(reader, limit, frame, error);
			if (status == EP_OK && (kinds & JOURNAL_KINDS(frame->kind)))
				return EP_OK;
		}
		if (status != EP_OK)
			return status;
	}
}
