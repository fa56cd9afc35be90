/* verify.c: see verify.h. */
#include "journal/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	struct verify *verify;
	struct survey *survey;
	struct trail trail;
	uint64_t last[STREAMS]; /* sequence of the last frame seen */
	bool excused;           /* damage or a hole since: sequences may have gone on without us */
	uint64_t position;      /* of the frame at hand */
	void (*progress)(void *argument, uint64_t position);
	void *argument;
};

const char *verify_loss_name(enum verify_loss_kind kind)
{
	static const char *const names[] = {"none", "message", "outcome", "body", "records"};

	return kind <= LOSS_RECORDS ? names[kind] : "unknown";
}

/* Grows by doubling; NULL: at the maximum, or no memory. The new element is zeroed. */
static void *grow(void **list, size_t *count, size_t *capacity, size_t max, size_t bytes)
{
	char *at;

	if (*count == max)
		return NULL;
	if (*count == *capacity) {
		size_t wanted = *capacity ? *capacity * 2 : 64;
		void *grown = reallocarray(*list, wanted, bytes);

		if (!grown)
			return NULL;
		*list = grown;
		*capacity = wanted;
	}
	at = (char *)*list + *count * bytes;
	memset(at, 0, bytes);
	++*count;
	return at;
}

static void name_source(struct verify_loss *loss, struct ep_slice name)
{
	size_t length = name.length < sizeof(loss->source) ? name.length : sizeof(loss->source) - 1;

	memcpy(loss->source, name.data, length);
	loss->source[length] = '\0';
}

static struct verify_loss *add_loss(struct run *run, enum verify_loss_kind kind, bool proven, size_t place,
	struct ep_slice source, const uint8_t id[16])
{
	struct verify *verify = run->verify;
	struct verify_loss *loss = grow((void **)&verify->losses, &verify->loss_count, &verify->loss_capacity,
		VERIFY_LOSSES_MAX, sizeof(*loss));

	if (!loss) {
		verify->overflow++;
		return NULL;
	}
	loss->kind = kind;
	loss->proven = proven;
	loss->place = place;
	memcpy(loss->id, id, sizeof(loss->id));
	name_source(loss, source);
	return loss;
}

static size_t place_of(const struct verify *verify, uint64_t position)
{
	for (size_t i = 0; i < verify->place_count; i++)
		if (verify->places[i].position <= position && position < verify->places[i].end)
			return i;
	return SIZE_MAX;
}

/* Damage: what the bytes still say. */

static struct ep_slice printable(struct ep_slice name)
{
	for (uint64_t i = 0; i < name.length; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return EP_SAY("?");
	return name.length && name.length < VERIFY_SOURCE_MAX ? name : EP_SAY("?");
}

/* As if the checksum held: never more than a hint. */
static void read_remains(struct run *run, const struct survey_item *item, size_t place)
{
	struct journal_frame frame = {.kind = 0};
	struct message message;
	struct outcome outcome;
	struct verify_loss *loss = NULL;

	if (!format_read_remains(item->bytes, item->position, &frame))
		return;
	if (frame.kind == JOURNAL_MESSAGE && message_read(&frame, &message) == EP_OK) {
		loss = add_loss(run, LOSS_MESSAGE, false, place, printable(message.source), message.id);
		if (loss)
			loss->received_at_ns = message.received_at_ns;
	} else if (frame.kind == JOURNAL_OUTCOME && outcome_read(&frame, &outcome) == EP_OK) {
		loss = add_loss(run, LOSS_OUTCOME, false, place, printable(outcome.source), outcome.message_id);
		if (loss)
			loss->received_at_ns = outcome.received_at_ns;
	}
	if (!loss)
		return;
	loss->position = frame.kind == JOURNAL_MESSAGE ? item->position : outcome.inbox_position;
	loss->sequence = frame.kind == JOURNAL_MESSAGE ? frame.sequence : outcome.inbox_sequence;
}

static void on_damage(struct run *run, const struct survey_item *item)
{
	struct verify *verify = run->verify;
	struct verify_place *place = grow((void **)&verify->places, &verify->place_count, &verify->place_capacity,
		VERIFY_PLACES_MAX, sizeof(*place));

	run->excused = true;
	if (!place) {
		verify->overflow++;
		return;
	}
	place->what = item->damage;
	place->segment = item->segment;
	place->offset = item->offset;
	place->position = item->position;
	place->end = item->end;
	survey_path(run->survey, item->segment, place->path, sizeof(place->path));
	if (item->damage == DAMAGE_FRAMES)
		read_remains(run, item, verify->place_count - 1);
}

/* Sequences say how many frames are missing; they are missing in the last damaged place. */
static void expect(struct run *run, enum stream stream, uint64_t before)
{
	struct verify *verify = run->verify;
	struct verify_place *place = verify->place_count ? &verify->places[verify->place_count - 1] : NULL;

	if (before > run->last[stream] && run->excused && place && place->lost[stream] == 0) {
		place->first_lost[stream] = run->last[stream] + 1;
		place->lost[stream] = before - run->last[stream];
	} else if (before > run->last[stream] && !run->excused) {
		verify->overflow++; /* frames are missing where nothing is damaged: no version writes that */
	}
	if (before > run->last[stream])
		run->last[stream] = before;
}

/* Frames. */

static void check_extent(struct run *run, const struct journal_frame *frame, enum verify_loss_kind kind,
	struct ep_slice source, const uint8_t id[16], uint64_t position)
{
	struct error error = {0};
	enum ep_status status;
	struct verify_loss *loss;

	if (!frame->extent)
		return;
	run->verify->extents++;
	run->verify->extent_bytes += frame->extent_length;
	status = survey_extent_check(run->survey, frame, &error);
	if (status == EP_OK)
		return;
	loss = add_loss(run, kind, true, SIZE_MAX, source, id);
	if (!loss)
		return;
	loss->position = position;
	loss->extent = frame->extent;
	snprintf(loss->text, sizeof(loss->text), "%.255s", error.text);
}

static enum ep_status on_message(struct run *run, const struct journal_frame *frame, struct error *error)
{
	struct message message;
	enum ep_status status;

	if (message_read(frame, &message) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"the message at position %llu has a sound checksum and no sense: a later version wrote it",
			(unsigned long long)frame->position);
	run->verify->repaired += (message.flags & MESSAGE_DAMAGED) != 0;
	check_extent(run, frame, LOSS_BODY, message.source, message.id, frame->position);
	status = trail_add(&run->trail, frame, &message);
	return status == EP_OK ? EP_OK : error_set(error, status, EP_ERR_INTERNAL, "too many messages wait");
}

/* Its message isn't there: its frame is lost. */
static void on_orphan(struct run *run, const struct outcome *outcome)
{
	size_t place = place_of(run->verify, outcome->inbox_position);
	struct verify_loss *loss = NULL;

	for (size_t i = 0; !loss && i < run->verify->loss_count; i++) /* what was only read off is proven now */
		if (run->verify->losses[i].kind == LOSS_MESSAGE && run->verify->losses[i].place == place &&
			place != SIZE_MAX && run->verify->losses[i].position == outcome->inbox_position)
			loss = &run->verify->losses[i];
	if (loss) {
		memcpy(loss->id, outcome->message_id, sizeof(loss->id));
		name_source(loss, outcome->source);
		loss->proven = true;
	} else {
		loss = add_loss(run, LOSS_MESSAGE, true, place, outcome->source, outcome->message_id);
	}
	if (!loss)
		return;
	loss->settled = true;
	loss->position = outcome->inbox_position;
	loss->sequence = outcome->inbox_sequence;
	loss->received_at_ns = outcome->received_at_ns;
}

static enum ep_status on_outcome(struct run *run, const struct journal_frame *frame, struct error *error)
{
	struct outcome outcome;
	enum ep_status status;

	if (outcome_read(frame, &outcome) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"the outcome at position %llu has a sound checksum and no sense: a later version wrote it",
			(unsigned long long)frame->position);
	run->verify->repaired += (outcome.flags & OUTCOME_DAMAGED) != 0;
	check_extent(run, frame, LOSS_RECORDS, outcome.source, outcome.message_id, outcome.inbox_position);
	status = trail_end(&run->trail, &outcome);
	if (status == EP_NOT_FOUND) {
		on_orphan(run, &outcome);
		return EP_OK;
	}
	return status == EP_OK ? EP_OK : error_set(error, status, EP_ERR_INTERNAL, "no memory");
}

/* Its outcome was lost: in the last place between the two where outcomes are missing. */
static void on_skipped(void *argument, const struct trail_source *source, const struct trail_message *message)
{
	struct run *run = argument;
	size_t place = run->verify->place_count;
	struct verify_loss *loss = NULL;

	while (place > 0 && (run->verify->places[place - 1].position > run->position ||
				    run->verify->places[place - 1].lost[STREAM_OUTBOX] == 0))
		place--;
	place = place && run->verify->places[place - 1].position > message->position ? place - 1 : SIZE_MAX;
	for (size_t i = 0; !loss && i < run->verify->loss_count; i++)
		if (run->verify->losses[i].kind == LOSS_OUTCOME && run->verify->losses[i].position == message->position)
			loss = &run->verify->losses[i];
	if (!loss)
		loss = add_loss(run, LOSS_OUTCOME, true, place, source->name, message->id);
	if (!loss)
		return;
	memcpy(loss->id, message->id, sizeof(loss->id));
	name_source(loss, source->name);
	loss->proven = true;
	loss->position = message->position;
	loss->sequence = message->sequence;
	loss->received_at_ns = message->received_at_ns;
}

static enum ep_status on_frame(struct run *run, const struct journal_frame *frame, struct error *error)
{
	enum stream stream = format_stream(frame->kind);

	run->position = frame->position;
	run->verify->frames[frame->kind]++;
	if (frame->kind == JOURNAL_HOLE) {
		run->excused = true;
	} else {
		expect(run, stream, frame->sequence - 1);
		run->last[stream] = frame->sequence;
	}
	if (frame->kind == JOURNAL_MESSAGE)
		return on_message(run, frame, error);
	return frame->kind == JOURNAL_OUTCOME ? on_outcome(run, frame, error) : EP_OK;
}

static enum ep_status on_item(struct run *run, const struct survey_item *item, struct error *error)
{
	run->verify->end = item->kind == SURVEY_SEGMENT ? run->verify->end : item->end;
	switch (item->kind) {
	case SURVEY_SEGMENT:
		break;
	case SURVEY_GROUP:
		run->verify->groups++;
		for (size_t i = 0; i < STREAMS; i++)
			expect(run, (enum stream)i, item->group.sequence[i]);
		run->excused = false;
		if (run->progress)
			run->progress(run->argument, item->position);
		break;
	case SURVEY_FRAME:
		return on_frame(run, &item->frame, error);
	case SURVEY_DAMAGE:
		on_damage(run, item);
		break;
	}
	return EP_OK;
}

/* An outcome that was read off damaged bytes, for a message that stands there and waits: no coincidence. */
static void prove_waiting(struct run *run)
{
	for (size_t i = 0; i < run->verify->loss_count; i++) {
		struct verify_loss *loss = &run->verify->losses[i];
		const struct trail_source *source = trail_source(&run->trail, ep_slice_of(loss->source));

		if (loss->kind != LOSS_OUTCOME || loss->proven || !source)
			continue;
		for (size_t at = 0; at < source->count && !loss->proven; at++) {
			const struct trail_message *message = trail_waiting(source, at);

			loss->proven = message->position == loss->position && message->sequence == loss->sequence &&
				       memcmp(message->id, loss->id, sizeof(loss->id)) == 0;
		}
	}
}

/* What the sequences miss and nothing names. */
static void count_unnamed(struct run *run)
{
	struct verify *verify = run->verify;
	uint64_t named[STREAMS] = {0}, lost[STREAMS] = {0};

	for (size_t i = 0; i < verify->loss_count; i++) {
		named[STREAM_INBOX] += verify->losses[i].kind == LOSS_MESSAGE;
		named[STREAM_OUTBOX] += verify->losses[i].kind == LOSS_OUTCOME;
	}
	for (size_t i = 0; i < verify->place_count; i++)
		for (size_t stream = 0; stream < STREAMS; stream++)
			lost[stream] += verify->places[i].lost[stream];
	for (size_t stream = 0; stream < STREAMS; stream++)
		verify->unnamed[stream] = lost[stream] > named[stream] ? lost[stream] - named[stream] : 0;
}

enum ep_status verify_run(struct verify *verify, const char *directory,
	void (*progress)(void *argument, uint64_t position), void *argument, struct error *error)
{
	struct run run = {.verify = verify, .progress = progress, .argument = argument, .excused = true};
	const struct survey_segment *segments;
	struct survey_item item;
	enum ep_status status;
	size_t count;

	*verify = (struct verify){.first = 0};
	status = survey_open(&run.survey, directory, error);
	if (status != EP_OK)
		return status;
	verify->first = verify->end = survey_first(run.survey);
	trail_init(&run.trail, verify->first);
	run.trail.skipped = on_skipped;
	run.trail.argument = &run;
	segments = survey_segments(run.survey, &count);
	if (count)
		memcpy(run.last, segments[0].head.sequence, sizeof(run.last));
	while ((status = survey_next(run.survey, &item, error)) == EP_OK) {
		status = on_item(&run, &item, error);
		if (status != EP_OK)
			break;
	}
	verify->pending = run.trail.waiting;
	prove_waiting(&run);
	count_unnamed(&run);
	trail_free(&run.trail);
	survey_close(run.survey);
	if (status == EP_END)
		return EP_OK;
	verify_free(verify);
	return status;
}

void verify_free(struct verify *verify)
{
	free(verify->places);
	free(verify->losses);
	*verify = (struct verify){.first = 0};
}
