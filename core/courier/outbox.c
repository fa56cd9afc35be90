/* outbox.c: see outbox.h. */
#include "courier/outbox.h"

#include <errno.h>
#include <stdlib.h>

#define FRAMES_PER_CALL 256 /* without a record, before the caller gets a word in */
#define WINDOW_BYTES ((uint64_t)256 * 1024)

struct outbox {
	struct journal *journal;
	struct journal_reader *reader;
	struct delivery_place place; /* of what comes next */
	bool inside;                 /* `frame` and `outcome` are of place.frame */
	struct journal_frame frame;
	struct outcome outcome;
	uint64_t byte; /* of the record at `place`, in the frame's records */
	int extent_fd; /* -1: none */
	char *window;  /* owned; of the extent */
	uint64_t window_size, window_start, window_length;
};

enum ep_status outbox_open(struct journal *journal, struct outbox **out, struct error *error)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	enum ep_status status;

	*out = NULL;
	if (!outbox)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read the outbox");
	outbox->journal = journal;
	outbox->extent_fd = -1;
	status = journal_reader_open(journal, 0, &outbox->reader, error);
	if (status != EP_OK) {
		free(outbox);
		return status;
	}
	*out = outbox;
	return EP_OK;
}

static void leave_frame(struct outbox *outbox)
{
	outbox->inside = false;
	outbox->byte = 0;
	if (outbox->extent_fd != -1)
		disk_close(outbox->extent_fd);
	outbox->extent_fd = -1;
	free(outbox->window);
	outbox->window = NULL;
	outbox->window_size = outbox->window_start = outbox->window_length = 0;
}

void outbox_close(struct outbox *outbox)
{
	if (!outbox)
		return;
	leave_frame(outbox);
	journal_reader_close(outbox->reader);
	free(outbox);
}

void outbox_seek(struct outbox *outbox, struct delivery_place place)
{
	leave_frame(outbox);
	outbox->place = place;
	journal_reader_seek(outbox->reader, place.frame);
}

struct delivery_place outbox_place(const struct outbox *outbox)
{
	/* behind the last record of a frame is the next frame, although this one stays until the next call */
	if (outbox->inside && outbox->place.index == outbox->outcome.record_count)
		return (struct delivery_place){outbox->frame.next, 0};
	return outbox->place;
}

static enum ep_status damaged(const struct outbox *outbox, struct error *error)
{
	return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
		"record %u of the outcome at position %llu is damaged", outbox->place.index,
		(unsigned long long)outbox->place.frame);
}

static enum ep_status enter_frame(struct outbox *outbox, struct error *error)
{
	enum ep_status status = journal_read(outbox->reader, JOURNAL_KINDS(JOURNAL_OUTCOME), &outbox->frame, error);

	if (status != EP_OK)
		return status;
	if (outbox->frame.position != outbox->place.frame)
		outbox->place = (struct delivery_place){outbox->frame.position, 0};
	if (outcome_read(&outbox->frame, &outbox->outcome) != EP_OK)
		return damaged(outbox, error);
	outbox->inside = true;
	outbox->byte = 0;
	if (!outbox->frame.extent || outbox->outcome.record_count == 0)
		return EP_OK;
	status = journal_extent_open(outbox->journal, outbox->frame.extent, &outbox->extent_fd, error);
	if (status != EP_OK)
		outbox->extent_fd = -1;
	return status;
}

/* The extent's bytes from outbox->byte on, at least `least` of them. */
static enum ep_status window_fill(struct outbox *outbox, uint64_t least, struct ep_slice *bytes, struct error *error)
{
	uint64_t left = outbox->frame.extent_length - outbox->byte, wanted;
	ssize_t got;

	if (outbox->byte > outbox->frame.extent_length || least > left)
		return damaged(outbox, error);
	if (outbox->byte < outbox->window_start ||
		outbox->byte + least > outbox->window_start + outbox->window_length) {
		wanted = least > WINDOW_BYTES ? least : left < WINDOW_BYTES ? left : WINDOW_BYTES;
		if (wanted > outbox->window_size) {
			char *window = realloc(outbox->window, wanted);

			if (!window)
				return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read the outbox");
			outbox->window = window;
			outbox->window_size = wanted;
		}
		outbox->window_length = 0;
		outbox->window_start = outbox->byte;
		got = disk_read_at(outbox->extent_fd, outbox->window, wanted, (off_t)outbox->byte);
		if (got == -1)
			return error_set_errno(error, EP_ERR_IO, "extent %llu can't be read at byte %llu",
				(unsigned long long)outbox->frame.extent, (unsigned long long)outbox->byte);
		outbox->window_length = (uint64_t)got;
		if (outbox->window_length < least)
			return damaged(outbox, error);
	}
	*bytes = ep_slice_make(outbox->window + (outbox->byte - outbox->window_start),
		outbox->window_start + outbox->window_length - outbox->byte);
	return EP_OK;
}

/* The bytes at outbox->byte: a whole record and perhaps more. */
static enum ep_status record_bytes(struct outbox *outbox, struct ep_slice *bytes, struct error *error)
{
	enum ep_status status;
	uint64_t length;

	if (!outbox->frame.extent) {
		*bytes = ep_slice_make(
			outbox->outcome.records.data + outbox->byte, outbox->outcome.records.length - outbox->byte);
		return EP_OK;
	}
	status = window_fill(outbox, sizeof(uint32_t), bytes, error);
	if (status != EP_OK)
		return status;
	length = outcome_record_bytes(*bytes);
	if (length > OUTCOME_RECORD_BYTES_MAX)
		return damaged(outbox, error);
	return window_fill(outbox, length, bytes, error);
}

static enum ep_status take_record(struct outbox *outbox, struct outbox_record *record, struct error *error)
{
	struct ep_slice bytes, rest;
	enum ep_status status = record_bytes(outbox, &bytes, error);

	if (status != EP_OK)
		return status;
	rest = bytes;
	if (!outcome_next_record(&rest, &record->record))
		return damaged(outbox, error);
	record->at = outbox->place;
	record->outcome = &outbox->outcome;
	outbox->place.index++;
	outbox->byte += bytes.length - rest.length;
	return EP_OK;
}

/* A place inside a frame is reached by passing the records before it. */
static enum ep_status skip_to(struct outbox *outbox, uint32_t index, struct error *error)
{
	struct outbox_record passed;
	enum ep_status status = EP_OK;

	if (index > outbox->outcome.record_count)
		return damaged(outbox, error);
	outbox->place.index = 0;
	outbox->byte = 0;
	while (status == EP_OK && outbox->place.index < index)
		status = take_record(outbox, &passed, error);
	return status;
}

enum ep_status outbox_next(struct outbox *outbox, struct outbox_record *record, struct error *error)
{
	for (int frames = 0; frames < FRAMES_PER_CALL; frames++) {
		enum ep_status status = EP_OK;

		if (!outbox->inside) {
			struct delivery_place wanted = outbox->place;

			status = enter_frame(outbox, error);
			if (status == EP_OK && wanted.index && outbox->place.frame == wanted.frame)
				status = skip_to(outbox, wanted.index, error);
			if (status != EP_OK && status != EP_END)
				outbox_seek(outbox, wanted); /* the next call meets the same */
			if (status != EP_OK)
				return status;
		}
		if (outbox->place.index < outbox->outcome.record_count)
			return take_record(outbox, record, error);
		outbox->place = (struct delivery_place){outbox->frame.next, 0};
		leave_frame(outbox);
	}
	return EP_AGAIN;
}

enum ep_status outbox_fetch(
	struct outbox *outbox, struct delivery_place place, struct outbox_record *record, struct error *error)
{
	enum ep_status status = EP_OK;

	if (!outbox->inside || outbox->frame.position != place.frame || outbox->place.index > place.index)
		outbox_seek(outbox, place);
	while (status == EP_OK && outbox->inside && outbox->place.index < place.index)
		status = take_record(outbox, record, error);
	if (status == EP_OK)
		status = outbox_next(outbox, record, error);
	if (status == EP_OK && delivery_place_compare(record->at, place) != 0)
		status = damaged(outbox, error);
	if (status == EP_END || status == EP_AGAIN)
		status = damaged(outbox, error);
	return status;
}
