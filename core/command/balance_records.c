/* balance_records.c: the records of the outbox in their order, read without a journal. See balance.h. */
#include <stdlib.h>
#include <string.h>

#include "command/balance.h"

#define WINDOW_BYTES ((size_t)OUTCOME_RECORD_BYTES_MAX + 4096)

enum ep_status balance_records_open(struct balance_records *records, const char *directory, struct error *error)
{
	*records = (struct balance_records){.extent_fd = -1};
	return survey_open(&records->survey, directory, error);
}

static void leave(struct balance_records *records)
{
	if (records->extent_fd != -1)
		disk_close(records->extent_fd);
	records->extent_fd = -1;
	records->inside = false;
}

void balance_records_close(struct balance_records *records)
{
	if (!records->survey)
		return;
	leave(records);
	survey_close(records->survey);
	free(records->window);
	records->survey = NULL;
}

void balance_records_seek(struct balance_records *records, struct delivery_place place)
{
	leave(records);
	records->place = place;
	survey_seek(records->survey, place.frame);
}

/* The bytes of an extent from where the next record begins. */
static enum ep_status fill(struct balance_records *records, struct error *error)
{
	uint64_t left = records->frame.extent_length - records->extent_at;
	size_t wanted = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
	ssize_t got;

	if (!records->window)
		records->window = malloc(WINDOW_BYTES);
	if (!records->window)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read records");
	got = disk_read_at(records->extent_fd, records->window, wanted, (off_t)records->extent_at);
	if (got == -1)
		return error_set_errno(error, EP_ERR_IO, "an extent can't be read");
	records->rest = ep_slice_make(records->window, (uint64_t)got);
	return EP_OK;
}

static enum ep_status enter(struct balance_records *records, struct error *error)
{
	enum ep_status status = survey_frame(records->survey, JOURNAL_KINDS(JOURNAL_OUTCOME), &records->frame, error);

	if (status != EP_OK)
		return status;
	if (records->frame.position != records->place.frame)
		records->place = (struct delivery_place){records->frame.position, 0};
	if (outcome_read(&records->frame, &records->outcome) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "the outcome at position %llu is damaged",
			(unsigned long long)records->frame.position);
	records->inside = true;
	records->extent_at = 0;
	records->rest = records->outcome.records;
	if (records->frame.extent && records->outcome.record_count) {
		status = survey_extent_open(records->survey, records->frame.extent, &records->extent_fd, error);
		if (status == EP_OK)
			status = fill(records, error);
	}
	return status;
}

static enum ep_status take(struct balance_records *records, struct outcome_record *record, struct error *error)
{
	uint64_t before = records->rest.length;
	bool taken = outcome_next_record(&records->rest, record);

	if (!taken && records->extent_fd != -1) {
		enum ep_status status = fill(records, error);

		if (status != EP_OK)
			return status;
		before = records->rest.length;
		taken = outcome_next_record(&records->rest, record);
	}
	if (!taken)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"record %u of the outcome at position %llu is damaged", records->place.index,
			(unsigned long long)records->frame.position);
	records->extent_at += before - records->rest.length;
	records->place.index++;
	return EP_OK;
}

/* The next record's outcome is entered, records before its place are passed. */
static enum ep_status arrive(struct balance_records *records, struct error *error)
{
	while (!records->inside || records->place.index == records->outcome.record_count) {
		uint32_t wanted = records->inside ? 0 : records->place.index;
		uint64_t frame = records->place.frame;
		struct outcome_record passed;
		enum ep_status status;

		if (records->inside)
			records->place = (struct delivery_place){records->frame.next, 0};
		leave(records);
		status = enter(records, error);
		if (status == EP_OK && frame == records->place.frame)
			for (records->place.index = 0; status == EP_OK && records->place.index < wanted;)
				status = take(records, &passed, error);
		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

enum ep_status balance_records_next(struct balance_records *records, struct delivery_place limit,
	struct delivery_place *at, struct outcome_record *record, struct error *error)
{
	enum ep_status status;

	if (delivery_place_compare(records->place, limit) >= 0)
		return EP_END;
	status = arrive(records, error);
	if (status != EP_OK)
		return status;
	if (delivery_place_compare(records->place, limit) >= 0)
		return EP_END;
	*at = records->place;
	return take(records, record, error);
}
