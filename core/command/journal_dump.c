/*
 * journal_dump.c: `entrepot journal dump`: each frame a line of JSON, in the order of the log; damaged places too.
 *
 * Without --bodies nothing that a partner or a person wrote is shown: no body, no record, no header's value, no file
 * name, no business key, no text of a rejection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "command/command.h"
#include "command/journal.h"
#include "command/offline.h"
#include "courier/delivery.h"
#include "journal/survey.h"
#include "journal/verify.h"
#include "record/bytes.h"
#include "record/event.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define BODY_MAX ((size_t)8 * 1024 * 1024) /* of an extent, shown; more is cut, and said */

struct dump {
	const struct journal_command *command;
	struct survey *survey;
	struct buffer out, event;
	struct json json;
};

static void write_time(struct json *json, const char *name, int64_t ns)
{
	char text[32];

	timestamp_write(ns, text);
	json_member_string(json, name, text);
}

static void write_hex(struct json *json, const char *name, const void *bytes, size_t length)
{
	char text[65];

	hex_write(bytes, length, text);
	json_member_string(json, name, text);
}

/* Up to BODY_MAX bytes of an extent; the caller frees. */
static char *load_extent(struct dump *dump, const struct journal_frame *frame, size_t *length)
{
	struct error error = {0};
	char *bytes = NULL;
	ssize_t got;
	int fd;

	*length = frame->extent_length < BODY_MAX ? (size_t)frame->extent_length : BODY_MAX;
	if (survey_extent_open(dump->survey, frame->extent, &fd, &error) != EP_OK)
		return NULL;
	bytes = malloc(*length + 1);
	got = bytes ? disk_read_at(fd, bytes, *length, 0) : -1;
	disk_close(fd);
	if (got == -1) {
		free(bytes);
		return NULL;
	}
	*length = (size_t)got;
	return bytes;
}

static void write_bytes(struct json *json, struct ep_slice bytes)
{
	char *text;

	if (utf8_valid_until(bytes) == bytes.length) {
		json_member_text(json, "body", bytes);
		return;
	}
	text = malloc(4 * ((bytes.length + 2) / 3) + 1);
	if (!text)
		return;
	base64_write(bytes.data, bytes.length, text);
	json_member_string(json, "body_base64", text);
	free(text);
}

static void write_body(struct dump *dump, const struct journal_frame *frame, const struct message *message)
{
	size_t length;
	char *bytes;

	if (!frame->extent) {
		write_bytes(&dump->json, message->body);
		return;
	}
	bytes = load_extent(dump, frame, &length);
	if (bytes)
		write_bytes(&dump->json, ep_slice_make(bytes, length));
	json_member_bool(&dump->json, "body_cut", !bytes || length < frame->extent_length);
	free(bytes);
}

static void write_message(struct dump *dump, const struct journal_frame *frame)
{
	struct json *json = &dump->json;
	struct message message;

	if (message_read(frame, &message) != EP_OK)
		return;
	write_hex(json, "message_id", message.id, sizeof(message.id));
	json_member_text(json, "source", message.source);
	write_time(json, "received_at", message.received_at_ns);
	json_member_integer(json, "body_bytes", (int64_t)message.body_length);
	write_hex(json, "sha256", message.sha256, sizeof(message.sha256));
	if (message.flags & MESSAGE_DUPLICATE)
		json_member_integer(json, "duplicate_of", (int64_t)message.first);
	if (message.flags & MESSAGE_CONFLICT)
		json_member_bool(json, "conflict", true);
	if (message.flags & MESSAGE_DAMAGED)
		json_member_bool(json, "damaged", true);
	if (!dump->command->bodies)
		return;
	json_member_text(json, "content_type", message.content_type);
	if (message.name.length)
		json_member_text(json, "name", message.name);
	json_name(json, "headers");
	json_object_begin(json);
	for (uint32_t i = 0; i < message.header_count; i++) {
		char name[256];

		snprintf(name, sizeof(name), "%.*s", (int)(message.headers[i].name.length & 255),
			message.headers[i].name.data);
		json_member_text(json, name, message.headers[i].value);
	}
	json_object_end(json);
	if (!(message.flags & (MESSAGE_DUPLICATE | MESSAGE_DAMAGED)))
		write_body(dump, frame, &message);
}

static const char *fate_name(uint32_t fate)
{
	static const char *const names[] = {"?", "new", "update", "conflict", "superseded", "suppressed"};

	return fate <= RECORD_SUPPRESSED ? names[fate] : names[0];
}

static void write_record(struct dump *dump, const struct outcome *outcome, const struct outcome_record *record)
{
	struct json *json = &dump->json;
	const struct schema_record *type =
		record->encoded.length >= RECORD_HEAD_BYTES ? schema_record_find(get_u16(record->encoded.data)) : NULL;
	struct event event = {.source = outcome->source,
		.version = record->version,
		.revision = record->revision,
		.key = record->key,
		.record = record->encoded};

	json_object_begin(json);
	write_hex(json, "id", record->id, sizeof(record->id));
	json_member_string(json, "type", type ? type->name : "?");
	json_member_string(json, "fate", fate_name(record->fate));
	json_member_integer(json, "revision", (int64_t)record->revision);
	if (dump->command->bodies && type) {
		memcpy(event.id, record->id, sizeof(event.id));
		buffer_clear(&dump->event);
		if (event_write(&event, &dump->event) == EP_OK) {
			json_name(json, "event");
			json_raw(json, buffer_slice(&dump->event));
		}
	}
	json_object_end(json);
}

static void write_records(struct dump *dump, const struct journal_frame *frame, const struct outcome *outcome)
{
	struct ep_slice rest = outcome->records;
	struct outcome_record record;
	char *bytes = NULL;
	size_t length;

	if (frame->extent) {
		bytes = load_extent(dump, frame, &length);
		rest = ep_slice_make(bytes, bytes ? length : 0);
		json_member_bool(&dump->json, "list_cut", !bytes || length < frame->extent_length);
	}
	json_name(&dump->json, "list");
	json_array_begin(&dump->json);
	while (rest.length && outcome_next_record(&rest, &record))
		write_record(dump, outcome, &record);
	json_array_end(&dump->json);
	free(bytes);
}

static void write_outcome(struct dump *dump, const struct journal_frame *frame)
{
	struct json *json = &dump->json;
	struct outcome outcome;

	if (outcome_read(frame, &outcome) != EP_OK)
		return;
	write_hex(json, "message_id", outcome.message_id, sizeof(outcome.message_id));
	json_member_text(json, "source", outcome.source);
	json_member_string(json, "outcome", outcome_kind_name(outcome.kind));
	json_member_integer(json, "inbox_position", (int64_t)outcome.inbox_position);
	if (outcome.plugin.length)
		json_member_text(json, "plugin", outcome.plugin);
	json_member_integer(json, "records", outcome.record_count);
	json_member_integer(json, "suppressed", outcome.suppressed);
	json_member_integer(json, "rejected", outcome.rejected);
	if (outcome.flags & OUTCOME_DAMAGED)
		json_member_bool(json, "damaged", true);
	if (outcome.record_count)
		write_records(dump, frame, &outcome);
}

static void write_place_of(struct json *json, const char *name, struct delivery_place place)
{
	json_name(json, name);
	json_array_begin(json);
	json_integer(json, (int64_t)place.frame);
	json_integer(json, place.index);
	json_array_end(json);
}

static void write_delivery(struct dump *dump, const struct journal_frame *frame)
{
	struct json *json = &dump->json;
	struct delivery delivery;

	if (delivery_read(frame->payload, &delivery) != EP_OK)
		return;
	json_member_text(json, "destination", delivery.destination);
	write_place_of(json, "before", delivery.before);
	write_place_of(json, "after", delivery.after);
	json_member_integer(json, "delivered", (int64_t)delivery.delivered);
	json_member_integer(json, "filtered", (int64_t)delivery.filtered);
	json_member_integer(json, "superseded", (int64_t)delivery.superseded);
	json_member_integer(json, "dead", (int64_t)delivery.dead_count);
	json_member_integer(json, "opened", (int64_t)delivery.opened_count);
	json_member_integer(json, "closed", (int64_t)delivery.closed_count);
}

static void write_frame(struct dump *dump, const struct survey_item *item)
{
	static const char *const names[] = {"?", "message", "action", "outcome", "delivery", "checkpoint", "hole"};
	const struct journal_frame *frame = &item->frame;
	struct json *json = &dump->json;

	json_member_string(json, "kind", names[frame->kind]);
	json_member_integer(json, "sequence", (int64_t)frame->sequence);
	if (frame->extent) {
		json_member_integer(json, "extent", (int64_t)frame->extent);
		json_member_integer(json, "extent_bytes", (int64_t)frame->extent_length);
	}
	if (frame->kind == JOURNAL_MESSAGE)
		write_message(dump, frame);
	else if (frame->kind == JOURNAL_OUTCOME)
		write_outcome(dump, frame);
	else if (frame->kind == JOURNAL_DELIVERY)
		write_delivery(dump, frame);
}

static bool print_item(struct dump *dump, const struct survey_item *item)
{
	struct json *json = &dump->json;

	if (item->kind == SURVEY_GROUP || item->kind == SURVEY_SEGMENT)
		return true;
	buffer_clear(&dump->out);
	dump->json = json_begin(&dump->out);
	json_object_begin(json);
	json_member_integer(json, "position", (int64_t)item->position);
	json_member_integer(json, "segment", (int64_t)item->segment);
	json_member_integer(json, "offset", (int64_t)item->offset);
	json_member_integer(json, "bytes", (int64_t)(item->end - item->position));
	if (item->kind == SURVEY_FRAME)
		write_frame(dump, item);
	else
		json_member_string(json, "damage", survey_damage_name(item->damage));
	json_object_end(json);
	(void)buffer_append_byte(&dump->out, '\n');
	return offline_print("journal dump", &dump->out);
}

int journal_dump(const struct journal_command *command)
{
	struct dump dump = {.command = command};
	struct survey_item item;
	struct error error = {0};
	enum ep_status status = survey_open(&dump.survey, command->directory, &error);
	int result = COMMAND_OK;

	if (status != EP_OK)
		return offline_fail("journal dump", status, &error);
	buffer_init(&dump.out, LINE_MAX_BYTES);
	buffer_init(&dump.event, LINE_MAX_BYTES);
	if (command->from)
		survey_seek(dump.survey, command->from);
	while (result == COMMAND_OK && (status = survey_next(dump.survey, &item, &error)) == EP_OK)
		if (!print_item(&dump, &item))
			result = COMMAND_INTERNAL;
	if (status != EP_OK && status != EP_END)
		result = offline_fail("journal dump", status, &error);
	else if (result == COMMAND_OK && survey_damages(dump.survey))
		result = COMMAND_FAILED;
	survey_close(dump.survey);
	buffer_free(&dump.out);
	buffer_free(&dump.event);
	return result;
}
