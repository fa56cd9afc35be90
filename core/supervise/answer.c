/*
 * answer.c: what a worker says. Every byte of it is hostile: a plugin runs in that process and can write to the socket.
 *
 * Frames were copied out of the socket into memory that the worker can't reach; lengths are bounded before anything
 * is waited for. A frame that doesn't fit the state, a number that isn't the call's, a length that overruns: the worker
 * is killed, and the call that is being answered is held to account.
 */
#include "supervise/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "worker/protocol.h"

#define READ_CHUNK ((size_t)64 * 1024)
#define READS_A_PASS 8
#define START_KEPT 16                /* workers that stay when all were started to see whether they can */
#define IN_KEPT ((size_t)256 * 1024) /* what an idle worker's buffer may keep */
/* What one call may put out; the plugin of a flood is killed here at the latest. */
#define OUTPUT_BASE ((uint64_t)64 << 20)
#define OUTPUT_PER_BYTE 64

#define LIES(worker, ...) fault_kill(worker, EP_ERR_PLUGIN_FAULT, true, __VA_ARGS__)

static uint64_t body_length(const struct worker_call *call)
{
	return call->body_fd != -1 ? call->body_length : call->body.length;
}

/* Printable ASCII only: these are shown in logs and status. */
static bool copy_name(struct ep_slice from, char *to, size_t size)
{
	if (from.length >= size)
		return false;
	for (uint64_t i = 0; i < from.length; i++) {
		if (from.data[i] < ' ' || from.data[i] > '~')
			return false;
	}
	memcpy(to, from.data ? from.data : "", from.length);
	to[from.length] = '\0';
	return true;
}

/* A text to be shown to people, kept as long as the worker; NULL: it isn't one. */
static const char *keep_text(struct worker *worker, struct frame_reader *reader)
{
	struct ep_slice text = frame_get_bytes(reader);

	if (text.length > WORKER_TEXT_MAX || utf8_valid_until(text) != text.length)
		return NULL;
	for (uint64_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
			return NULL;
	return arena_copy(&worker->memory, text).data;
}

/* False: it says what can't be. */
static bool take_options(struct worker *worker, struct frame_reader *reader)
{
	const uint32_t count = frame_get_u32(reader);
	struct worker_option *options;

	if (count == 0)
		return true;
	if (count > WORKER_OPTIONS_MAX || !worker->options.describe)
		return false;
	options = arena_alloc(&worker->memory, count * sizeof(*options));
	if (!options)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		options[i].type = frame_get_u32(reader);
		options[i].required = frame_get_u32(reader) != 0;
		options[i].min = (int64_t)frame_get_u64(reader);
		options[i].max = (int64_t)frame_get_u64(reader);
		options[i].name = keep_text(worker, reader);
		options[i].fallback = keep_text(worker, reader);
		options[i].choices = keep_text(worker, reader);
		options[i].help = keep_text(worker, reader);
		if (reader->bad || !options[i].name || !options[i].fallback || !options[i].choices || !options[i].help)
			return false;
	}
	worker->identity.options = options;
	worker->identity.option_count = count;
	return true;
}

/* Before the plugin is loaded: the only frame that the gateway's own program is sure to have written. */
static void take_loading(struct worker *worker, struct frame_reader *reader)
{
	worker->identity.build = frame_get_u64(reader);
	if (!copy_name(frame_get_bytes(reader), worker->plugin_name, sizeof(worker->plugin_name)) ||
		!copy_name(frame_get_bytes(reader), worker->plugin_version, sizeof(worker->plugin_version)) ||
		!copy_name(frame_get_bytes(reader), worker->layers, sizeof(worker->layers)) || reader->bad) {
		LIES(worker, "said unreadable things about itself");
		return;
	}
	worker->state = WORKER_LOADS;
}

static void take_ready(struct worker *worker, struct frame_reader *reader)
{
	if (!take_options(worker, reader) || reader->bad) {
		LIES(worker, "said unreadable things about its options");
		return;
	}
	worker->state = WORKER_SERVING;
	loop_timer_cancel(&worker->timer);
	log_info("worker started", log_text("source", worker->options.source), log_text("plugin", worker->plugin_name),
		log_text("version", worker->plugin_version), log_number("pid", worker->identity.pid),
		log_text("sandbox", worker->layers));
	if (worker->watch.ready)
		worker->watch.ready(worker->watch.argument);
	if (worker->count > 0)
		submit_pump(worker);
	else if (worker->supervisor->starting_all && worker->supervisor->kept++ >= START_KEPT)
		fault_retire(worker); /* it has shown that it can; most of many sources are quiet */
	else
		fault_idle(worker);
}

/* What is shown to people, on terminals too, of a text that a plugin may have written. */
static void make_printable(char *text)
{
	const size_t length = strlen(text);
	size_t valid;

	while ((valid = (size_t)utf8_valid_until(ep_slice_of(text))) < length)
		text[valid] = '?';
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
}

static void take_refused(struct worker *worker, struct frame_reader *reader)
{
	const uint32_t code = frame_get_u32(reader), status = frame_get_u32(reader);
	struct ep_slice text = frame_get_bytes(reader);

	if (reader->bad || schema_error_find(code)->number != code) {
		LIES(worker, "refused to serve without saying why");
		return;
	}
	worker->refused = true; /* its end follows */
	worker->start_status = status > EP_OK && status <= EP_CONFLICT ? (enum ep_status)status : EP_BAD_CONFIG;
	error_set(&worker->start_error, EP_BAD_CONFIG, (enum ep_error)code, "%.*s",
		(int)(text.length < sizeof(worker->start_error.text) ? text.length : sizeof(worker->start_error.text)),
		text.data ? text.data : "");
	make_printable(worker->start_error.text);
}

/* An origin that isn't in the body names no bytes at all, so that nobody reads beyond it. */
static void check_origins(struct record_origin *origins, uint32_t count, uint64_t length)
{
	for (uint32_t i = 0; i < count; i++) {
		struct record_origin *origin = &origins[i];

		if (origin->part == 0 && (origin->offset > length || origin->length > length - origin->offset))
			origin->part = UINT16_MAX;
	}
}

static void take_record(struct worker *worker, struct worker_call *call, struct frame_reader *reader)
{
	const uint32_t origin_count = frame_get_u32(reader), length = frame_get_u32(reader);
	struct record_origin *origins;
	const char *encoded;

	if (origin_count > WORKER_ORIGINS_MAX || length > RECORD_BYTES_MAX) {
		LIES(worker, "gave a record of %u bytes with %u origins", length, origin_count);
		return;
	}
	/* Frames lie on multiples of 8 in a buffer of ours that may be written to. */
	origins = (struct record_origin *)(uintptr_t)frame_take(reader, origin_count * sizeof(*origins));
	encoded = frame_take(reader, length);
	if (reader->bad) {
		LIES(worker, "gave a record that is longer than its frame");
		return;
	}
	check_origins(origins, origin_count, body_length(call));
	worker->first_given = true;
	call->record(call, ep_slice_make(encoded, length), origins, origin_count);
}

/* Of a REJECT or FAIL. */
static bool take_verdict(struct worker *worker, struct frame_reader *reader, enum ep_error *code,
	struct ep_place *place, struct ep_slice *text)
{
	const uint32_t number = frame_get_u32(reader);

	frame_get_u32(reader);
	*place = frame_get_place(reader);
	*text = frame_get_bytes(reader);
	if (reader->bad || place->path.length > WORKER_TEXT_MAX || text->length > WORKER_TEXT_MAX ||
		schema_error_find(number)->number != number) {
		LIES(worker, "gave an error that can't be read, or isn't in the catalogue");
		return false;
	}
	*code = (enum ep_error)number;
	return true;
}

static void end_first(struct worker *worker, enum call_result result, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	struct worker_call *call = worker->first;

	worker->good = true;
	worker->failures = 0;
	worker->first_given = false;
	worker->first_output = 0;
	submit_unlink(worker, call);
	if (worker->count == 0)
		fault_idle(worker);
	call->end(call, result, code, place, text);
}

static void take_answer(struct worker *worker, const struct worker_frame *frame)
{
	struct frame_reader reader = frame_reader_of(frame);
	struct worker_call *call = worker->first;
	struct ep_place place = ep_place_none();
	struct ep_slice text = ep_slice_make(NULL, 0);
	enum ep_error code = 0;

	if (!call || call == worker->unsent || frame_get_u64(&reader) != call->number) {
		LIES(worker, "gave an answer to a call that it doesn't have");
		return;
	}
	worker->first_output += WORKER_FRAME_HEAD + frame->length;
	if (worker->first_output > OUTPUT_BASE + OUTPUT_PER_BYTE * body_length(call)) {
		LIES(worker, "gave more than %llu bytes of output from a message of %llu",
			(unsigned long long)(OUTPUT_BASE + OUTPUT_PER_BYTE * body_length(call)),
			(unsigned long long)body_length(call));
		return;
	}
	switch (frame->kind) {
	case WORKER_RECORD:
		take_record(worker, call, &reader);
		break;
	case WORKER_REJECT:
		if (take_verdict(worker, &reader, &code, &place, &text)) {
			worker->first_given = true;
			call->reject(call, code, &place, text);
		}
		break;
	case WORKER_DONE:
		end_first(worker, CALL_OK, code, &place, text);
		break;
	case WORKER_FAIL:
		if (take_verdict(worker, &reader, &code, &place, &text))
			end_first(worker, CALL_FAILED, code, &place, text);
		break;
	default:
		LIES(worker, "gave a frame of kind %u", frame->kind);
	}
}

static void take_frame(struct worker *worker, const struct worker_frame *frame)
{
	struct frame_reader reader = frame_reader_of(frame);

	if (worker->state == WORKER_SERVING)
		take_answer(worker, frame);
	else if (frame->kind == WORKER_LOADING && worker->state == WORKER_STARTING)
		take_loading(worker, &reader);
	else if (frame->kind == WORKER_READY && worker->state == WORKER_LOADS)
		take_ready(worker, &reader);
	else if (frame->kind == WORKER_REFUSED)
		take_refused(worker, &reader);
	else
		LIES(worker, "gave a frame of kind %u out of turn", frame->kind);
}

static void take_frames(struct worker *worker)
{
	struct buffer *in = &worker->in;
	size_t used = 0;

	while (!worker->dying) {
		struct worker_frame frame;
		enum ep_status status = frame_read(in->data + used, in->length - used, WORKER_REPLY_MAX, &frame);

		if (status == EP_AGAIN)
			break;
		if (status != EP_OK) {
			LIES(worker, "gave a frame of %u bytes", frame.length);
			break;
		}
		used += WORKER_FRAME_HEAD + frame.length;
		take_frame(worker, &frame);
	}
	buffer_consume(in, used);
	if (in->length == 0 && in->capacity > IN_KEPT)
		buffer_free(in);
}

/* One read. False: nothing more is there now. */
static bool read_chunk(struct worker *worker)
{
	char *end = buffer_reserve(&worker->in, READ_CHUNK);
	ssize_t got;

	if (!end) {
		fault_kill(worker, EP_ERR_WORKER_DIED, true, "no memory for its output");
		return false;
	}
	got = worker->supervisor->ops->read(worker->channel, end, READ_CHUNK);
	if (got == -1 && errno == EAGAIN)
		return false;
	if (got <= 0) { /* its exit follows; a worker that only closed its socket is of no more use */
		fault_kill(worker, EP_ERR_WORKER_DIED, false, "%s", "");
		return false;
	}
	worker->heard += (uint64_t)got;
	worker->in.length += (size_t)got;
	take_frames(worker);
	return (size_t)got == READ_CHUNK && !worker->dying;
}

bool answer_read(struct worker *worker)
{
	bool more = !worker->dying;

	for (int i = 0; i < READS_A_PASS && more; i++)
		more = read_chunk(worker);
	if (worker->state == WORKER_SERVING && worker->unsent)
		submit_pump(worker);
	return more;
}
