/* journal_verify.c: `entrepot journal stat` and `verify`: what verify.h finds, for people and for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "command/command.h"
#include "command/journal.h"
#include "command/offline.h"
#include "journal/verify.h"

#define OUTPUT_MAX ((size_t)512 * 1024 * 1024)

static const char *const frame_names[] = {
	"none", "messages", "actions", "outcomes", "deliveries", "checkpoints", "holes"};

struct shown {
	int64_t next_ns; /* when the next line is due */
};

/* A line a second on standard error, if someone looks. */
static void show_progress(void *argument, uint64_t position)
{
	struct shown *shown = argument;
	int64_t now = clock_monotonic_ns();

	if (shown->next_ns == 0)
		shown->next_ns = now + NS_PER_S;
	if (now < shown->next_ns || !isatty(STDERR_FILENO))
		return;
	shown->next_ns = now + NS_PER_S;
	fprintf(stderr, "read up to position %" PRIu64 "\n", position);
}

static enum ep_status look(const struct journal_command *command, struct verify *verify, struct error *error)
{
	struct shown shown = {0};

	return verify_run(verify, command->directory, show_progress, &shown, error);
}

static void write_counts(struct json *json, const struct verify *verify)
{
	json_member_integer(json, "first", (int64_t)verify->first);
	json_member_integer(json, "end", (int64_t)verify->end);
	json_member_integer(json, "groups", (int64_t)verify->groups);
	for (size_t i = 1; i <= JOURNAL_KIND_LAST; i++)
		json_member_integer(json, frame_names[i], (int64_t)verify->frames[i]);
	json_member_integer(json, "extents", (int64_t)verify->extents);
	json_member_integer(json, "extent_bytes", (int64_t)verify->extent_bytes);
	json_member_integer(json, "pending", (int64_t)verify->pending);
	json_member_integer(json, "repaired", (int64_t)verify->repaired);
	json_member_bool(json, "sound", verify_is_sound(verify));
}

static void print_counts(struct buffer *out, const struct verify *verify)
{
	(void)buffer_append_format(out,
		"log          position %" PRIu64 " to %" PRIu64 ", %.1f MiB in %" PRIu64 " groups\n", verify->first,
		verify->end, (double)(verify->end - verify->first) / (1024.0 * 1024.0), verify->groups);
	for (size_t i = 1; i <= JOURNAL_KIND_LAST; i++)
		if (verify->frames[i])
			(void)buffer_append_format(out, "%-12s %" PRIu64 "\n", frame_names[i], verify->frames[i]);
	(void)buffer_append_format(
		out, "extents      %" PRIu64 ", %" PRIu64 " bytes\n", verify->extents, verify->extent_bytes);
	(void)buffer_append_format(out, "pending      %" PRIu64 " messages without an outcome yet\n", verify->pending);
	if (verify->repaired)
		(void)buffer_append_format(
			out, "repaired     %" PRIu64 " messages and outcomes stand for lost ones\n", verify->repaired);
}

/* Segments. */

static void write_segment(struct json *json, const struct survey_segment *segment, const char *path)
{
	json_object_begin(json);
	json_member_string(json, "file", path);
	json_member_integer(json, "number", (int64_t)segment->head.number);
	json_member_integer(json, "start", (int64_t)segment->head.start);
	json_member_integer(json, "bytes", segment->size);
	json_member_bool(json, "head_damaged", segment->derived);
	json_object_end(json);
}

static enum ep_status add_segments(
	const struct journal_command *command, struct buffer *out, struct json *json, struct error *error)
{
	const struct survey_segment *segments;
	struct survey *survey;
	enum ep_status status = survey_open(&survey, command->directory, error);
	size_t count;

	if (status != EP_OK)
		return status;
	segments = survey_segments(survey, &count);
	if (command->json) {
		json_name(json, "segments");
		json_array_begin(json);
	} else {
		(void)buffer_append_format(out, "segments     %zu\n", count);
	}
	for (size_t i = 0; i < count; i++) {
		char path[4096];

		survey_path(survey, segments[i].head.number, path, sizeof(path));
		if (command->json)
			write_segment(json, &segments[i], path);
		else
			(void)buffer_append_format(out, "  %s  start %" PRIu64 "  %" PRId64 " bytes%s\n", path,
				segments[i].head.start, segments[i].size, segments[i].derived ? "  head damaged" : "");
	}
	if (command->json)
		json_array_end(json);
	survey_close(survey);
	return EP_OK;
}

int journal_stat(const struct journal_command *command)
{
	struct verify verify;
	struct error error = {0};
	enum ep_status status = look(command, &verify, &error);
	struct buffer out;
	struct json json;
	int result;

	if (status != EP_OK)
		return offline_fail("journal stat", status, &error);
	buffer_init(&out, OUTPUT_MAX);
	json = json_begin(&out);
	if (command->json) {
		json_object_begin(&json);
		json_member_string(&json, "data_dir", command->directory);
		json_member_integer(&json, "format", FORMAT_NUMBER);
		write_counts(&json, &verify);
	} else {
		(void)buffer_append_format(&out, "data         %s, format %d\n", command->directory, FORMAT_NUMBER);
		print_counts(&out, &verify);
	}
	status = add_segments(command, &out, &json, &error);
	if (command->json) {
		json_object_end(&json);
		(void)buffer_append_byte(&out, '\n');
	}
	result = status != EP_OK ? offline_fail("journal stat", status, &error)
				 : (offline_print("journal stat", &out) ? COMMAND_OK : COMMAND_INTERNAL);
	buffer_free(&out);
	verify_free(&verify);
	return result;
}

/* Damage. */

static void write_place(struct json *json, const struct verify_place *place)
{
	json_object_begin(json);
	json_member_string(json, "damage", survey_damage_name(place->what));
	json_member_string(json, "file", place->path);
	json_member_integer(json, "offset", place->offset);
	json_member_integer(json, "bytes", (int64_t)(place->end - place->position));
	json_member_integer(json, "position", (int64_t)place->position);
	json_member_integer(json, "lost_messages", (int64_t)place->lost[STREAM_INBOX]);
	json_member_integer(json, "lost_outcomes", (int64_t)place->lost[STREAM_OUTBOX]);
	json_member_integer(json, "lost_others", (int64_t)place->lost[STREAM_OTHER]);
	json_object_end(json);
}

static void write_loss(struct json *json, const struct verify_loss *loss)
{
	char id[33], received[32];

	json_object_begin(json);
	json_member_string(json, "lost", verify_loss_name(loss->kind));
	json_member_string(json, "source", loss->source);
	json_member_string(json, "message_id", offline_id(loss->id, id));
	json_member_bool(json, "proven", loss->proven);
	json_member_bool(json, "settled", loss->settled);
	json_member_integer(json, "position", (int64_t)loss->position);
	if (loss->received_at_ns > 0) {
		timestamp_write(loss->received_at_ns, received);
		json_member_string(json, "received_at", received);
	}
	if (loss->text[0])
		json_member_string(json, "text", loss->text);
	json_object_end(json);
}

static void write_damage(struct json *json, const struct verify *verify)
{
	json_name(json, "places");
	json_array_begin(json);
	for (size_t i = 0; i < verify->place_count; i++)
		write_place(json, &verify->places[i]);
	json_array_end(json);
	json_name(json, "affected");
	json_array_begin(json);
	for (size_t i = 0; i < verify->loss_count; i++)
		write_loss(json, &verify->losses[i]);
	json_array_end(json);
	json_member_integer(json, "unnamed_messages", (int64_t)verify->unnamed[STREAM_INBOX]);
	json_member_integer(json, "unnamed_outcomes", (int64_t)verify->unnamed[STREAM_OUTBOX]);
	json_member_integer(json, "unnamed_others", (int64_t)verify->unnamed[STREAM_OTHER]);
	json_member_integer(json, "not_listed", (int64_t)verify->overflow);
}

static void print_loss(struct buffer *out, const struct verify_loss *loss)
{
	static const char *const says[] = {
		"", "its bytes are lost", "its outcome is lost", "its body is lost", "its records are lost"};
	char id[33], received[32] = "unknown";

	if (loss->received_at_ns > 0)
		timestamp_write(loss->received_at_ns, received);
	(void)buffer_append_format(out, "message %s of source %s (received %s): %s%s%s%s%s\n", offline_id(loss->id, id),
		loss->source, received, says[loss->kind], loss->settled ? "; its outcome is there" : "",
		loss->proven ? "" : "; read off the damaged bytes, may be wrong", loss->text[0] ? ": " : "",
		loss->text);
}

static void print_damage(struct buffer *out, const struct verify *verify)
{
	for (size_t i = 0; i < verify->place_count; i++) {
		const struct verify_place *place = &verify->places[i];

		(void)buffer_append_format(out,
			"damaged: %s, offset %" PRId64 ", %" PRIu64 " bytes (position %" PRIu64 "): %s; lost: %" PRIu64
			" messages, %" PRIu64 " outcomes, %" PRIu64 " others\n",
			place->path, place->offset, place->end - place->position, place->position,
			survey_damage_name(place->what), place->lost[STREAM_INBOX], place->lost[STREAM_OUTBOX],
			place->lost[STREAM_OTHER]);
	}
	for (size_t i = 0; i < verify->loss_count; i++)
		print_loss(out, &verify->losses[i]);
	if (verify->unnamed[STREAM_INBOX] || verify->unnamed[STREAM_OUTBOX] || verify->unnamed[STREAM_OTHER])
		(void)buffer_append_format(out,
			"lost, and nothing says whose: %" PRIu64 " messages, %" PRIu64
			" outcomes (of those that wait), %" PRIu64 " steps of destinations or checkpoints\n",
			verify->unnamed[STREAM_INBOX], verify->unnamed[STREAM_OUTBOX], verify->unnamed[STREAM_OTHER]);
	if (verify->overflow)
		(void)buffer_append_format(out, "and %" PRIu64 " more that are not listed\n", verify->overflow);
}

int journal_verify(const struct journal_command *command)
{
	struct verify verify;
	struct error error = {0};
	enum ep_status status = look(command, &verify, &error);
	struct buffer out;
	struct json json;
	int result;

	if (status != EP_OK)
		return offline_fail("journal verify", status, &error);
	buffer_init(&out, OUTPUT_MAX);
	if (command->json) {
		json = json_begin(&out);
		json_object_begin(&json);
		write_counts(&json, &verify);
		write_damage(&json, &verify);
		json_object_end(&json);
		(void)buffer_append_byte(&out, '\n');
	} else {
		print_counts(&out, &verify);
		print_damage(&out, &verify);
		buffer_append_string(&out, verify_is_sound(&verify) ? "sound\n" : "DAMAGED\n");
	}
	result = verify_is_sound(&verify) ? COMMAND_OK : COMMAND_FAILED;
	if (!offline_print("journal verify", &out))
		result = COMMAND_INTERNAL;
	buffer_free(&out);
	verify_free(&verify);
	return result;
}
