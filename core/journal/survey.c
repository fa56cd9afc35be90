/*
 * survey.c: goes through the log group by group, and around what is damaged. See survey.h.
 *
 * In the last segment a bad group may be where the log ends: it is damage only if a head behind it says that it was on
 * disk. A running gateway writes there meanwhile, but group after group, so a group that is still bad once a later head
 * has been seen is damaged.
 */
#include "journal/survey_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/wire.h"

#define SALVAGE_BYTES (UINT64_C(1) << 30) /* hashed in one damaged stretch while frames are looked for */

const char *survey_damage_name(enum survey_damage damage)
{
	static const char *const names[] = {
		"none", "segment head", "segment lost", "group head", "frames", "padding", "unreadable"};

	return damage <= DAMAGE_UNREADABLE ? names[damage] : "unknown";
}

static const struct survey_segment *here(const struct survey *survey)
{
	return &survey->segments[survey->at];
}

static bool is_last(const struct survey *survey)
{
	return survey->at + 1 == survey->segment_count;
}

/* Up to where the segment that is being read counts. */
static uint64_t limit_of(const struct survey *survey)
{
	const struct survey_segment *segment = here(survey);

	if (!is_last(survey))
		return segment[1].head.start;
	if (segment->size <= (int64_t)SEGMENT_HEAD_BYTES)
		return segment->head.start;
	return segment->head.start + (((uint64_t)segment->size - SEGMENT_HEAD_BYTES) & ~(BLOCK_BYTES - 1));
}

static struct scan scan_of(const struct survey *survey)
{
	return (struct scan){.segment = &here(survey)->head, .fd = survey->fd, .limit = limit_of(survey)};
}

static void place(const struct survey *survey, struct survey_item *item, uint64_t position, uint64_t end)
{
	item->position = position;
	item->end = end;
	item->segment = here(survey)->head.number;
	item->offset = segment_offset(&here(survey)->head, position);
}

static enum ep_status damage(
	struct survey *survey, struct survey_item *item, enum survey_damage what, uint64_t position, uint64_t end)
{
	uint64_t from = position - survey->start;

	item->kind = SURVEY_DAMAGE;
	item->damage = what;
	place(survey, item, position, end);
	if (survey->inside && position >= survey->start && from < survey->loaded)
		item->bytes = ep_slice_make((const char *)survey->memory + from,
			end - survey->start < survey->loaded ? end - position : survey->loaded - from);
	survey->damages++;
	return EP_OK;
}

/* Groups. */

/* The next sound head behind the position, or the limit; and what heads say was on disk. */
static uint64_t next_head(const struct survey *survey, uint64_t position, uint64_t *durable_before)
{
	uint64_t limit = limit_of(survey), found = limit;
	uint8_t bytes[GROUP_HEAD_BYTES];
	struct group_head head;

	*durable_before = 0;
	for (uint64_t at = position + BLOCK_BYTES; at < limit; at += BLOCK_BYTES) {
		off_t offset = segment_offset(&here(survey)->head, at);

		if (disk_read_at(survey->fd, bytes, sizeof(bytes), offset) != (ssize_t)sizeof(bytes))
			continue;
		if (format_read_group(bytes, here(survey)->head.epoch, at, &head) != FORMAT_SOUND)
			continue;
		if (found == limit)
			found = at;
		if (head.durable_before > *durable_before)
			*durable_before = head.durable_before;
		if (*durable_before > position)
			break;
	}
	return found;
}

static void enter(struct survey *survey, uint64_t length, uint64_t loaded, bool headless)
{
	survey->start = survey->position;
	survey->length = length;
	survey->loaded = loaded;
	survey->headless = headless;
	survey->frames = 0;
	survey->cursor = headless ? 0 : GROUP_HEAD_BYTES;
	survey->frames_end = headless ? loaded : survey->head.bytes;
	survey->inside = true;
	survey->position += length;
}

static void enter_stretch(struct survey *survey, uint64_t end)
{
	uint64_t length = end - survey->position, wanted = length < GROUP_MAX ? length : GROUP_MAX;
	ssize_t got =
		disk_read_at(survey->fd, survey->memory, wanted, segment_offset(&here(survey)->head, survey->position));

	survey->unreadable = got == -1;
	enter(survey, length, got == -1 ? 0 : (uint64_t)got, true);
}

/* EP_AGAIN: a stretch was entered; EP_END: nothing more in this segment. */
static enum ep_status load_group(struct survey *survey, struct survey_item *item, struct error *error)
{
	struct scan scan = scan_of(survey);
	uint64_t durable_before, end;
	enum ep_status status;

	status = scan_load_group(&survey->paths, &scan, survey->position, survey->memory, &survey->head, error);
	if (status == EP_END || status == EP_IO) {
		end = next_head(survey, survey->position, &durable_before);
		if (is_last(survey) && durable_before <= survey->position)
			return EP_END; /* the log ends here, for now */
		if (status == EP_END)  /* once more: it may just have been written */
			status = scan_load_group(
				&survey->paths, &scan, survey->position, survey->memory, &survey->head, error);
		if (status == EP_END || status == EP_IO) {
			enter_stretch(survey, end);
			return EP_AGAIN;
		}
	}
	if (status != EP_OK)
		return status;
	enter(survey, format_blocks(survey->head.bytes), format_blocks(survey->head.bytes), false);
	item->kind = SURVEY_GROUP;
	item->group = survey->head;
	place(survey, item, survey->start, survey->start + survey->length);
	return EP_OK;
}

/* Frames. */

static enum format_verdict frame_at(const struct survey *survey, uint64_t at, struct journal_frame *frame)
{
	uint64_t left = survey->frames_end - at;
	size_t length = left < FRAME_HEAD_BYTES ? 0 : format_frame_claims(survey->memory + at);

	if (!length || length > left || survey->memory[at] < JOURNAL_MESSAGE || survey->memory[at] > JOURNAL_KIND_LAST)
		return FORMAT_BAD;
	return format_read_frame(survey->memory + at, length, here(survey)->head.epoch, survey->start + at, frame);
}

/* Offset of the next sound frame behind a bad one, or the end of the frames. */
static uint64_t resume(const struct survey *survey, uint64_t at)
{
	struct journal_frame frame;
	uint64_t hashed = 0;

	for (at++; at < survey->frames_end && hashed < SALVAGE_BYTES; at++) {
		const uint8_t *bytes = survey->memory + at;

		if (bytes[0] < JOURNAL_MESSAGE || bytes[0] > JOURNAL_KIND_LAST ||
			survey->frames_end - at < FRAME_HEAD_BYTES)
			continue;
		hashed += format_frame_claims(bytes);
		if (frame_at(survey, at, &frame) == FORMAT_SOUND)
			return at;
	}
	return survey->frames_end;
}

static void leave(struct survey *survey)
{
	survey->inside = false;
}

/* Behind the last frame. */
static enum ep_status pass_padding(struct survey *survey, struct survey_item *item)
{
	uint64_t from = survey->start + survey->frames_end;
	bool sound = survey->headless ||
		     format_is_zero(survey->memory + survey->frames_end, survey->length - survey->frames_end);

	if (sound) {
		leave(survey);
		return EP_AGAIN;
	}
	(void)damage(survey, item, DAMAGE_PADDING, from, survey->start + survey->length);
	leave(survey);
	return EP_OK;
}

/* What stands at the cursor is no frame: up to where the next one stands it is damage. */
static enum ep_status pass_damage(struct survey *survey, struct survey_item *item)
{
	uint64_t from = survey->cursor, to = resume(survey, from);
	uint64_t end = to == survey->frames_end && survey->headless ? survey->length : to;
	enum survey_damage what = survey->headless && from == 0 ? DAMAGE_GROUP_HEAD : DAMAGE_FRAMES;

	survey->cursor = to;
	if (survey->headless && from && end <= survey->loaded && to == survey->frames_end &&
		format_is_zero(survey->memory + from, survey->loaded - from)) {
		leave(survey); /* the padding of a group whose head is lost */
		return EP_AGAIN;
	}
	if (survey->unreadable)
		what = DAMAGE_UNREADABLE;
	else if (survey->headless && survey->loaded == 0)
		what = DAMAGE_SEGMENT_LOST;
	(void)damage(survey, item, what, survey->start + from, survey->start + end);
	if (to == survey->frames_end && survey->headless)
		leave(survey);
	return EP_OK;
}

static enum ep_status next_inside(struct survey *survey, struct survey_item *item, struct error *error)
{
	enum format_verdict verdict;

	if (survey->cursor >= survey->frames_end && !(survey->headless && survey->cursor == 0))
		return pass_padding(survey, item);
	verdict = frame_at(survey, survey->cursor, &item->frame);
	if (verdict == FORMAT_UNKNOWN)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT,
			"position %llu: written by a later version",
			(unsigned long long)survey->start + survey->cursor);
	if (verdict == FORMAT_BAD)
		return pass_damage(survey, item);
	item->kind = SURVEY_FRAME;
	place(survey, item, item->frame.position, item->frame.next);
	survey->cursor += item->frame.next - item->frame.position;
	survey->frames++;
	return EP_OK;
}

/* Segments. */

static enum ep_status open_segment(struct survey *survey, struct survey_item *item, struct error *error)
{
	const struct survey_segment *segment = here(survey);
	char path[PATH_BYTES];

	journal_path(&survey->paths, FILE_SEGMENT, segment->head.number, path);
	survey->fd = disk_open(path, O_RDONLY, 0);
	if (survey->fd == -1) {
		if (!survey_still_there(survey, segment)) {
			survey->at++; /* recycled */
			return EP_AGAIN;
		}
		return error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
	}
	survey->position = segment->head.start;
	place(survey, item, segment->head.start, limit_of(survey));
	item->offset = 0;
	item->kind = SURVEY_SEGMENT;
	if (segment->derived) {
		item->kind = SURVEY_DAMAGE;
		item->damage = DAMAGE_SEGMENT_HEAD;
		survey->damages++;
	}
	return EP_OK;
}

static void close_segment(struct survey *survey)
{
	if (survey->fd != -1)
		disk_close(survey->fd);
	survey->fd = -1;
	survey->inside = false;
	survey->at++;
}

static enum ep_status step(struct survey *survey, struct survey_item *item, struct error *error)
{
	if (survey->at == survey->segment_count)
		return EP_END;
	if (survey->fd == -1)
		return open_segment(survey, item, error);
	if (survey->inside)
		return next_inside(survey, item, error);
	if (survey->position >= limit_of(survey)) {
		close_segment(survey);
		return EP_AGAIN;
	}
	return load_group(survey, item, error);
}

enum ep_status survey_next(struct survey *survey, struct survey_item *item, struct error *error)
{
	for (;;) {
		uint64_t damages = survey->damages;
		enum ep_status status;

		*item = (struct survey_item){.kind = 0};
		status = step(survey, item, error);
		if (status == EP_OK && survey->damages != damages && survey->at < survey->segment_count &&
			!survey_still_there(survey, here(survey))) {
			survey->damages = damages; /* the gateway has recycled it under our eyes */
			close_segment(survey);
			continue;
		}
		if (status == EP_AGAIN ||
			(status == EP_OK && item->end <= survey->skip_to && item->kind != SURVEY_SEGMENT))
			continue;
		return status;
	}
}

enum ep_status survey_frame(struct survey *survey, uint32_t kinds, struct journal_frame *frame, struct error *error)
{
	struct survey_item item;
	enum ep_status status;

	while ((status = survey_next(survey, &item, error)) == EP_OK) {
		if (item.kind != SURVEY_FRAME || !(kinds & JOURNAL_KINDS(item.frame.kind)))
			continue;
		*frame = item.frame;
		return EP_OK;
	}
	return status;
}

uint64_t survey_damages(const struct survey *survey)
{
	return survey->damages;
}

void survey_seek(struct survey *survey, uint64_t position)
{
	close_segment(survey);
	survey->at = 0;
	while (survey->at + 1 < survey->segment_count && survey->segments[survey->at + 1].head.start <= position)
		survey->at++;
	survey->skip_to = position;
}
