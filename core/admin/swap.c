/*
 * swap.c: POST /sources/NAME/swap: another plugin for a source, by the path of its file. The answer comes when the new one
 * was refused, is in service, or has been on trial for two seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/parts.h"
#include "base/json.h"
#include "base/log.h"
#include "base/note.h"

/* A request that waits. Gone with its answer, or with who asked. */
struct wait {
	struct visit *visit;
	char source[64];
	char *path; /* owned */
};

static void end(struct wait *wait)
{
	free(wait->path);
	free(wait);
}

static void on_gone(void *argument)
{
	struct wait *wait = argument;

	pipeline_swap_cancel(wait->visit->admin->options.pipeline, wait);
	end(wait);
}

static void answer(struct wait *wait, const struct swap_result *result)
{
	const struct conf *conf = wait->visit->admin->options.conf;
	const struct conf_source *source = conf_source_find(conf, ep_slice_of(wait->source));
	const struct worker_identity *identity = result->identity;
	struct buffer out;
	struct json json;
	char build[32];

	buffer_init(&out, 65536);
	json = json_begin(&out);
	snprintf(build, sizeof(build), "%016llx", (unsigned long long)identity->build);
	json_object_begin(&json);
	json_member_string(&json, "source", wait->source);
	json_member_string(&json, "state", result->state == SWAP_IN_SERVICE ? "in service" : "on trial");
	json_member_string(&json, "plugin", identity->name);
	json_member_string(&json, "version", identity->version);
	json_member_string(&json, "build", build);
	json_member_string(&json, "file", wait->path);
	json_member_integer(&json, "messages", result->messages);
	json_member_integer(&json, "refused", result->refused);
	if (source && strcmp(source->plugin_path, wait->path) != 0)
		json_member_string(&json, "configured", source->plugin_path);
	json_object_end(&json);
	(void)buffer_append_byte(&out, '\n');
	visit_answer(wait->visit, 200, "application/json", buffer_slice(&out));
	buffer_free(&out);
}

static void on_done(void *argument, const struct swap_result *result)
{
	struct wait *wait = argument;
	char text[1024];

	visit_wait(wait->visit, NULL, NULL);
	if (result->state != SWAP_REFUSED) {
		answer(wait, result);
	} else {
		snprintf(text, sizeof(text), "source %s keeps its plugin: %s", wait->source, result->why);
		visit_refuse(wait->visit, 422, result->code, text);
	}
	end(wait);
}

static void refuse(struct visit *visit, enum ep_status status, const struct error *error)
{
	static const struct {
		enum ep_status status;
		int code;
	} codes[] = {{EP_NOT_FOUND, 404}, {EP_CONFLICT, 409}, {EP_AGAIN, 503}, {EP_NO_MEMORY, 503}};
	int code = 422;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == status)
			code = codes[i].code;
	visit_refuse(visit, code, error->code, error->text);
}

/* Headers that the new plugin reads are kept from now on; those of the old one are kept, too. */
static enum ep_status keep_headers(struct wait *wait, struct error *error)
{
	struct ep_note note;
	enum ep_status status = note_read(wait->path, &note, error);

	if (status == EP_OK && wait->visit->admin->options.intake &&
		intake_keep_headers(wait->visit->admin->options.intake, ep_slice_of(wait->source),
			ep_slice_make(note.headers, strnlen(note.headers, sizeof(note.headers)))) != EP_OK)
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for headers");
	return status;
}

void swap_request(struct visit *visit, struct ep_slice source)
{
	struct wait *wait = calloc(1, sizeof(*wait));
	struct ep_slice path = ep_slice_trim(buffer_slice(&visit->body));
	struct error error = {0};
	enum ep_status status = EP_OK;

	if (path.length == 0 || path.data[0] != '/' || memchr(path.data, '\0', path.length) || source.length >= 64) {
		free(wait);
		visit_refuse(visit, 422, EP_ERR_PLUGIN_MISSING, "the body is the absolute path of a plugin's file");
		return;
	}
	if (wait)
		wait->path = strndup(path.data, path.length);
	if (!wait || !wait->path) {
		free(wait);
		visit_refuse(visit, 503, EP_ERR_BUSY, "no memory");
		return;
	}
	wait->visit = visit;
	memcpy(wait->source, source.data, source.length);
	log_info("plugin swap asked for", log_slice("source", source), log_text("file", wait->path),
		log_text("by", visit->actor));
	status = keep_headers(wait, &error);
	if (status == EP_OK)
		status = pipeline_swap(visit->admin->options.pipeline, source, wait->path, on_done, wait, &error);
	if (status != EP_OK) {
		refuse(visit, status, &error);
		end(wait);
		return;
	}
	visit_wait(visit, on_gone, wait);
}
