/*
 * normalizer.c: see normalizer.h. The worker's records are treated as in the gateway: copied, checked, keyed; but nothing
 * is remembered from message to message, so every record is a first one. Events appear only once the plugin has
 * returned EP_OK, and memory doesn't grow with their number.
 */
#include "command/normalizer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/note.h"
#include "base/place.h"
#include "command/command.h"
#include "command/input.h"
#include "command/spill.h"
#include "record/accept.h"
#include "record/event.h"

#define EVENT_BYTES_MAX ((size_t)32 * 1024 * 1024) /* one event: a record of 1 MiB, escaped and named */
#define COMPLAINTS_MAX ((size_t)1024 * 1024)       /* bytes about one file; the rest is counted */
#define WAIT_NS (NS_PER_S)

struct normalizer {
	struct normalizer_options options;
	struct loop *loop;
	struct supervisor *supervisor;
	struct worker *worker;
	bool whole; /* a rejected record refuses its message */
	/* Of the file at hand. */
	const char *file;
	struct worker_call call;
	struct record_keys *keys;
	struct spill records; /* accepted, encoded */
	struct buffer record, event, key;
	struct buffer complaints; /* lines for `errors`; not yet written, since a second try repeats them */
	uint64_t rejected, unshown;
	struct error trouble; /* of ours; text empty: none */
	bool ended, succeeded;
	int result;
};

/* Control characters can't forge a line. */
static void append_plain(struct buffer *out, struct ep_slice text)
{
	for (uint64_t i = 0; i < text.length; i++)
		buffer_append_byte(out, (unsigned char)text.data[i] < ' ' || text.data[i] == 127 ? '?' : text.data[i]);
}

static void complain(
	struct normalizer *normalizer, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	struct buffer *out = &normalizer->complaints;
	const size_t before = out->length;

	if (normalizer->unshown > 0) {
		normalizer->unshown++;
		return;
	}
	append_plain(out, ep_slice_of(normalizer->file));
	buffer_append_string(out, ": ");
	place_write(place, out);
	buffer_append_format(out, ": %s: ", schema_error_find((uint32_t)code)->code);
	append_plain(out, text.length > 0 ? text : ep_slice_of(schema_error_find((uint32_t)code)->english));
	buffer_append_byte(out, '\n');
	if (out->failed != EP_OK) {
		out->failed = EP_OK;
		out->length = before;
		normalizer->unshown++;
	}
}

static void on_reject(struct worker_call *call, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	struct normalizer *normalizer = call->owner;

	normalizer->rejected++;
	complain(normalizer, code, place, text);
}

static void on_record(
	struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins, uint32_t origin_count)
{
	struct normalizer *normalizer = call->owner;
	/* No key here: persons' numbers keep their mask only. */
	const struct record_policy policy = {.source = ep_slice_of(normalizer->options.source)};
	struct record_rejection rejection;
	enum ep_status status;

	if (normalizer->trouble.text[0])
		return;
	buffer_clear(&normalizer->record);
	status = record_accept(&policy, encoded, origins, origin_count, &normalizer->record, &rejection);
	if (status == EP_BAD_INPUT) {
		on_reject(call, rejection.code, &rejection.place, ep_slice_of(rejection.text));
		return;
	}
	if (status == EP_MISUSE) {
		worker_fault(normalizer->worker, "gave a record that isn't one");
		return;
	}
	if (status == EP_OK)
		status = record_keys_see(normalizer->keys, buffer_slice(&normalizer->record));
	if (status == EP_OK)
		status = spill_append(&normalizer->records, buffer_slice(&normalizer->record), &normalizer->trouble);
	else
		error_set(&normalizer->trouble, status, EP_ERR_INTERNAL, "no memory for a record");
}

static enum ep_status forget(struct normalizer *normalizer)
{
	spill_clear(&normalizer->records);
	buffer_clear(&normalizer->complaints);
	normalizer->rejected = normalizer->unshown = 0;
	record_keys_destroy(normalizer->keys);
	normalizer->keys = record_keys_create(ep_slice_of(normalizer->options.source));
	return normalizer->keys ? EP_OK : error_set(&normalizer->trouble, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory");
}

static void on_restarted(struct worker_call *call)
{
	(void)forget(call->owner); /* what went wrong stands in `trouble` */
}

static void on_end(struct worker_call *call, enum call_result result, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	struct normalizer *normalizer = call->owner;

	normalizer->ended = true;
	normalizer->succeeded = result == CALL_OK;
	if (normalizer->succeeded)
		return;
	complain(normalizer, code, place, text);
	normalizer->result = result == CALL_FAILED ? COMMAND_BAD_DATA : COMMAND_INTERNAL;
}

static enum ep_status write_event(struct normalizer *normalizer, struct ep_slice record)
{
	char version_text[40];
	struct event event = {.source = ep_slice_of(normalizer->options.source), .revision = 1, .record = record};
	const struct schema_record *type = record_read(record).record;

	buffer_clear(&normalizer->key);
	buffer_clear(&normalizer->event);
	if (record_keys_make(normalizer->keys, record, &normalizer->key) != EP_OK)
		return error_set(&normalizer->trouble, EP_INTERNAL, EP_ERR_INTERNAL, "a record's key can't be made");
	event.key = buffer_slice(&normalizer->key);
	event.version = record_version(record, version_text);
	record_id(event.source, type, event.key, event.version, 1, event.id);
	if (event_write(&event, &normalizer->event) != EP_OK || buffer_append_byte(&normalizer->event, '\n') != EP_OK)
		return error_set(
			&normalizer->trouble, EP_LIMIT, EP_ERR_LIMIT, "an event over %zu bytes", EVENT_BYTES_MAX);
	if (fwrite(normalizer->event.data, normalizer->event.length, 1, normalizer->options.out) != 1)
		return error_set_errno(&normalizer->trouble, EP_ERR_IO, "standard output");
	return EP_OK;
}

static void write_events(struct normalizer *normalizer)
{
	enum ep_status status = spill_rewind(&normalizer->records, &normalizer->trouble);

	while (status == EP_OK) {
		status = spill_next(&normalizer->records, &normalizer->record, &normalizer->trouble);
		if (status == EP_OK)
			status = write_event(normalizer, buffer_slice(&normalizer->record));
	}
	if (status == EP_END && fflush(normalizer->options.out) != 0)
		error_set_errno(&normalizer->trouble, EP_ERR_IO, "standard output");
}

/* The message is with the worker and its answer is all there: what comes of it. */
static void conclude(struct normalizer *normalizer)
{
	const struct ep_place nowhere = ep_place_none();

	if (normalizer->succeeded && normalizer->rejected > 0)
		normalizer->result = COMMAND_BAD_DATA;
	if (normalizer->succeeded && normalizer->rejected > 0 && normalizer->whole)
		complain(normalizer, EP_ERR_RECORD_REJECTED, &nowhere, ep_slice_make(NULL, 0));
	else if (normalizer->succeeded && !normalizer->trouble.text[0])
		write_events(normalizer);
	if (normalizer->trouble.text[0]) {
		complain(normalizer, normalizer->trouble.code, &nowhere, ep_slice_of(normalizer->trouble.text));
		normalizer->result = COMMAND_INTERNAL;
	}
	if (normalizer->complaints.length > 0)
		fwrite(normalizer->complaints.data, 1, normalizer->complaints.length, normalizer->options.errors);
	if (normalizer->unshown > 0)
		fprintf(normalizer->options.errors, "%s: message: limit: %" PRIu64 " more like these\n",
			normalizer->file, normalizer->unshown);
}

static struct ep_slice base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return strcmp(file, "-") == 0 ? ep_slice_make(NULL, 0) : ep_slice_of(slash ? slash + 1 : file);
}

static void hand_over(struct normalizer *normalizer, struct input *input)
{
	struct ep_input shown = {.size = sizeof(shown), .headers = input->headers, .header_count = input->header_count};

	normalizer->call = (struct worker_call){
		.body_fd = input->fd,
		.body_length = input->length,
		.name = base_name(normalizer->file),
		.content_type = ep_header(&shown, EP_SAY("content-type")),
		.content_encoding = ep_header(&shown, EP_SAY("content-encoding")),
		.headers = input->headers,
		.header_count = input->header_count,
		.record = on_record,
		.reject = on_reject,
		.restarted = on_restarted,
		.end = on_end,
		.owner = normalizer,
	};
	if (worker_submit(normalizer->worker, &normalizer->call) != EP_OK)
		PANIC("a worker with an empty queue refuses a call");
	while (!normalizer->ended) /* bounded by the call's deadline */
		loop_run_once(normalizer->loop, WAIT_NS);
}

int normalizer_run(struct normalizer *normalizer, const char *file)
{
	struct input input;
	struct error error;

	normalizer->file = file;
	normalizer->result = COMMAND_OK;
	normalizer->trouble.text[0] = '\0';
	normalizer->ended = normalizer->succeeded = false;
	if (input_open(&input, file, &error) != EP_OK) {
		fprintf(normalizer->options.errors, "%s: message: %s: %s\n", file, schema_error_find(error.code)->code,
			error.text);
		input_close(&input);
		return COMMAND_NO_INPUT;
	}
	for (uint32_t i = 0; i < normalizer->options.header_count; i++)
		input_add_header(&input, normalizer->options.headers[i]);
	if (forget(normalizer) == EP_OK)
		hand_over(normalizer, &input);
	conclude(normalizer);
	input_close(&input);
	return normalizer->result;
}

enum ep_status normalizer_create(struct normalizer **out, const struct normalizer_options *options, struct error *error)
{
	struct normalizer *normalizer = calloc(1, sizeof(*normalizer));
	const struct worker_options worker = {
		.source = options->source,
		.plugin_path = options->plugin_path,
		.settings = options->settings,
		.setting_count = options->setting_count,
		.deadline_ns = options->deadline_ns,
		.deadline_per_mib_ns = options->deadline_per_mib_ns,
		.memory_max = options->memory_max,
		.json_max = options->json_max,
		.reject_message = options->reject_message,
	};
	struct supervisor_options supervisor = {
		.worker_program = options->worker_program,
		.require = options->require,
		.require_count = options->require_count,
	};
	struct ep_note note;
	enum ep_status status;

	*out = NULL;
	if (!normalizer)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory");
	normalizer->options = *options;
	spill_init(&normalizer->records);
	buffer_init(&normalizer->record, 2 * (size_t)RECORD_BYTES_MAX);
	buffer_init(&normalizer->key, RECORD_BYTES_MAX);
	buffer_init(&normalizer->event, EVENT_BYTES_MAX);
	buffer_init(&normalizer->complaints, COMPLAINTS_MAX);
	status = note_read(options->plugin_path, &note, error);
	if (status == EP_OK)
		status = loop_create(&normalizer->loop, error);
	supervisor.loop = normalizer->loop;
	if (status == EP_OK)
		status = supervisor_create(&normalizer->supervisor, &supervisor, error);
	if (status == EP_OK)
		status = worker_create(normalizer->supervisor, &worker, &normalizer->worker, error);
	if (status == EP_OK)
		status = worker_start(normalizer->worker, error);
	if (status != EP_OK) {
		normalizer_destroy(normalizer);
		return status;
	}
	normalizer->whole = options->reject_message || (note.flags & EP_WHOLE_ONLY);
	*out = normalizer;
	return EP_OK;
}

void normalizer_destroy(struct normalizer *normalizer)
{
	if (!normalizer)
		return;
	supervisor_destroy(normalizer->supervisor);
	loop_destroy(normalizer->loop);
	record_keys_destroy(normalizer->keys);
	spill_free(&normalizer->records);
	buffer_free(&normalizer->record);
	buffer_free(&normalizer->key);
	buffer_free(&normalizer->event);
	buffer_free(&normalizer->complaints);
	free(normalizer);
}
