/*
 * call.c: see call.h. Judges what a plugin returned by what its services told it: a plugin can't make records of a
 * message by ignoring an error.
 */
#include "worker/call_state.h"

#include <stdio.h>
#include <stdlib.h>

static enum ep_status open_charset(struct ep_call *call, struct error *error)
{
	struct ep_slice name = call->options.charset;

	if (name.length == 0)
		return EP_OK;
	call->charset = charset_named(name);
	if (call->charset && call->charset->number >= 0 && charset_usable(call->charsets, call->charset))
		return EP_OK;
	return error_set(error, EP_BAD_CONFIG, EP_ERR_PLUGIN_OPTION,
		"charset = \"%.*s\": %s; accepted are utf-8, gb18030, iso-8859-1, windows-1252, cp850, cp852",
		(int)(name.length < 100 ? name.length : 100), name.data,
		call->charset && call->charset->number >= 0 ? "this system lacks the converter"
							    : "no such character set");
}

enum ep_status call_create(struct ep_call **created, const struct call_options *options, struct error *error)
{
	struct ep_call *call = calloc(1, sizeof(*call));
	enum ep_status status;

	*created = NULL;
	if (!call)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker's call");
	call->options = *options;
	arena_init(&call->arena, options->memory_max);
	buffer_init(&call->converted, (size_t)RECORD_BYTES_MAX);
	call->builder = record_builder_create(RECORD_BYTES_MAX);
	call->charsets = charsets_create();
	call->json = json_reader_create();
	call->xml = xml_reader_create();
	if (!call->builder || !call->charsets || !call->json || !call->xml) {
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker's call");
		goto out;
	}
	status = open_charset(call, error);
	if (status == EP_OK && options->zone.length)
		status = zone_open(&call->zone, options->zone, error);
out:
	if (status != EP_OK) {
		call_destroy(call);
		return status;
	}
	*created = call;
	return EP_OK;
}

void call_destroy(struct ep_call *call)
{
	if (!call)
		return;
	xml_reader_destroy(call->xml);
	json_reader_destroy(call->json);
	charsets_destroy(call->charsets);
	zone_close(call->zone);
	if (call->builder)
		record_builder_destroy(call->builder);
	buffer_free(&call->converted);
	arena_free(&call->arena);
	free(call);
}

bool call_lacks_memory(const struct ep_call *call)
{
	return call->memory.set;
}

const struct ep_host *call_host(void)
{
	return &call_host_table;
}

uint32_t call_charset(const struct ep_call *call, struct ep_slice content_type)
{
	const struct charset *charset = call->charset;

	if (!charset)
		charset = charset_named(charset_parameter(content_type));
	return charset && charset->number >= 0 ? (uint32_t)charset->number : EP_UTF8;
}

/* Forgets the last message. */
static void start(struct ep_call *call)
{
	arena_reset(&call->arena);
	json_reader_reset(call->json);
	xml_reader_reset(call->xml);
	if (record_builder_active(call->builder))
		record_builder_cancel(call->builder);
	call->utf8_parts = NULL;
	call->failed.set = call->refused.set = call->sticky.set = call->rejected = false;
	call->misuse.set = call->memory.set = false;
	call->log_lines = 0;
}

static enum ep_status say(struct ep_call *call, enum ep_status status, enum ep_error code,
	const struct kept_failure *cause, const char *text, struct call_failure *failure)
{
	struct kept_failure *told = &call->failed;

	if (cause != told)
		*told = *cause;
	if (told->place.path.data)
		told->place.path.data = told->path;
	if (text) {
		char whole[CALL_TEXT_MAX + 100];

		snprintf(whole, sizeof(whole), "%s%.*s", text, (int)cause->text_length, cause->text);
		call_keep(told, status, code, &told->place, ep_slice_of(whole));
	}
	failure->code = code;
	failure->place = told->place;
	failure->text = ep_slice_make(told->text, told->text_length);
	return status;
}

/* A status other than EP_OK, and no service has said why. */
static enum ep_status unexplained(struct ep_call *call, enum ep_status status, struct call_failure *failure)
{
	static const struct kept_failure nothing = {.place = {.part = EP_NO_PART}};

	switch (status) {
	case EP_NO_ZONE:
		return say(call, EP_BAD_INPUT, EP_ERR_TIME_ZONE, &nothing,
			"a local time, and the source declares no zone", failure);
	case EP_LIMIT:
		return say(call, EP_BAD_INPUT, EP_ERR_LIMIT, &nothing, "a bound of the plugin's is exceeded", failure);
	case EP_NO_MEMORY:
		return say(call, EP_BAD_INPUT, EP_ERR_PLUGIN_MEMORY, &nothing, "the plugin had no memory", failure);
	case EP_END:
		return say(call, EP_BAD_INPUT, EP_ERR_EMPTY, &nothing, "nothing to read", failure);
	case EP_BAD_INPUT:
		return say(call, EP_MISUSE, EP_ERR_PLUGIN_FAULT, &nothing,
			"the plugin returned EP_BAD_INPUT without fail()", failure);
	default:
		return say(call, EP_MISUSE, EP_ERR_PLUGIN_FAULT, &nothing,
			"the plugin returned a status that isn't for it, without fail()", failure);
	}
}

static enum ep_status judge_ok(struct ep_call *call, struct call_failure *failure)
{
	if (call->failed.set)
		return say(call, EP_MISUSE, EP_ERR_PLUGIN_FAULT, &call->failed,
			"the plugin returned EP_OK, but the message can't be read: ", failure);
	if (call->refused.set)
		return say(
			call, EP_BAD_INPUT, EP_ERR_RECORD_REJECTED, &call->refused, "a record was rejected: ", failure);
	if (record_builder_active(call->builder)) {
		call_misuse(call, "the plugin returned EP_OK with a record begun");
		return say(call, EP_MISUSE, call->misuse.code, &call->misuse, NULL, failure);
	}
	return EP_OK;
}

/* What the plugin broke counts before what it said, and what it said before what it returned. */
static enum ep_status judge(struct ep_call *call, enum ep_status status, struct call_failure *failure)
{
	if (call->misuse.set)
		return say(call, EP_MISUSE, call->misuse.code, &call->misuse, NULL, failure);
	if (call->memory.set)
		return say(call, EP_BAD_INPUT, EP_ERR_PLUGIN_MEMORY, &call->memory, NULL, failure);
	if (status == EP_OK)
		return judge_ok(call, failure);
	if (call->failed.set)
		return say(call, EP_BAD_INPUT, call->failed.code, &call->failed, NULL, failure);
	if (call->refused.set)
		return say(
			call, EP_BAD_INPUT, EP_ERR_RECORD_REJECTED, &call->refused, "a record was rejected: ", failure);
	return unexplained(call, status, failure);
}

enum ep_status call_open(
	struct ep_call *call, const struct ep_plugin *plugin, void *state, struct call_failure *failure)
{
	*failure = (struct call_failure){.code = EP_ERR_INTERNAL, .place = call_no_place()};
	start(call);
	call->part_count = 0;
	return judge(call, plugin->open(&call_host_table, call, state), failure);
}

enum ep_status call_parse(struct ep_call *call, const struct ep_plugin *plugin, const void *state,
	const struct ep_input *input, struct call_failure *failure)
{
	enum ep_status status;

	*failure = (struct call_failure){.code = EP_ERR_INTERNAL, .place = call_no_place()};
	start(call);
	call->part_count = input->part_count;
	status = plugin->parse(&call_host_table, call, state, input);
	if (status == EP_OK && !call->failed.set)
		xml_reader_finish(call);
	status = judge(call, status, failure);
	if (record_builder_active(call->builder))
		record_builder_cancel(call->builder);
	return status;
}
