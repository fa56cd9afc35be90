/*
 * host.c: the table of functions that a plugin is given.
 *
 * Everything that a plugin hands over is checked as far as it could break a record: texts are UTF-8 when they reach the
 * builder, origins name the sender's bytes. What goes wrong in a record sticks and rejects that record at its
 * record_end(); what goes wrong outside of one fails the message.
 */
#include "worker/call_state.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct ep_place call_no_place(void)
{
	return (struct ep_place){.part = EP_NO_PART};
}

/* At most `max` bytes, no character cut in two. */
static size_t cut(struct ep_slice text, size_t max)
{
	size_t length = max;

	if (text.length <= max)
		return text.length;
	while (length > 0 && ((unsigned char)text.data[length] & 0xc0) == 0x80)
		length--;
	return length;
}

void call_keep(struct kept_failure *kept, enum ep_status status, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	size_t path_length = cut(place->path, sizeof(kept->path));

	kept->set = true;
	kept->status = status;
	kept->code = code;
	kept->place = *place;
	if (path_length)
		memmove(kept->path, place->path.data, path_length);
	kept->place.path = ep_slice_make(path_length ? kept->path : NULL, path_length);
	kept->text_length = cut(text, sizeof(kept->text));
	if (kept->text_length)
		memmove(kept->text, text.data, kept->text_length);
}

void call_misuse(struct ep_call *call, const char *text)
{
	struct ep_place place = call_no_place();

	if (!call->misuse.set)
		call_keep(&call->misuse, EP_MISUSE, EP_ERR_PLUGIN_FAULT, &place, ep_slice_of(text));
}

void *call_alloc(struct ep_call *call, uint64_t size)
{
	void *memory = arena_alloc(&call->arena, size);

	if (!memory && !call->memory.set) {
		struct ep_place place = call_no_place();
		char text[160];

		snprintf(text, sizeof(text), "%llu bytes more than the %zu given out would pass memory_max, %zu bytes",
			(unsigned long long)size, call->arena.used, call->options.memory_max);
		call_keep(&call->memory, EP_LIMIT, EP_ERR_PLUGIN_MEMORY, &place, ep_slice_of(text));
	}
	return memory;
}

/* Errors --------------------------------------------------------------------------------------------------------- */

static struct ep_place sent_place(const struct ep_call *call, struct ep_place place)
{
	utf8_origin(call, &place.part, &place.offset, &place.length);
	return place;
}

static bool is_catalogued(struct ep_call *call, uint32_t error)
{
	if (error != 0 && schema_error_find(error)->number == error)
		return true;
	call_misuse(call, "fail() or reject() with an error that isn't in the catalogue");
	return false;
}

static enum ep_status host_fail(struct ep_call *call, uint32_t error, struct ep_place place, struct ep_slice text)
{
	struct ep_place sent = sent_place(call, place);

	if (is_catalogued(call, error) && !call->failed.set)
		call_keep(&call->failed, EP_BAD_INPUT, (enum ep_error)error, &sent, text);
	return EP_BAD_INPUT;
}

enum ep_status call_fail(struct ep_call *call, enum ep_error code, struct ep_place place, const char *text)
{
	return host_fail(call, code, place, ep_slice_of(text));
}

static void host_record_cancel(struct ep_call *call)
{
	if (record_builder_active(call->builder))
		record_builder_cancel(call->builder);
	call->sticky.set = false;
	call->rejected = false;
}

/* Tells the gateway of a rejected record; what the plugin is to return from parse(), if anything. */
static enum ep_status tell_rejection(
	struct ep_call *call, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	text.length = cut(text, CALL_TEXT_MAX);
	call->options.sink.reject(call->options.sink.self, code, place, text);
	if (call->options.reject_message && !call->refused.set)
		call_keep(&call->refused, EP_BAD_INPUT, code, place, text);
	return call->refused.set ? EP_BAD_INPUT : EP_OK;
}

/* A record that was begun stays begun, so that the plugin can go on to its record_end(); of its errors the first counts. */
static enum ep_status host_reject(struct ep_call *call, uint32_t error, struct ep_place place, struct ep_slice text)
{
	struct ep_place sent = sent_place(call, place);

	if (!is_catalogued(call, error))
		return EP_BAD_INPUT;
	if (!record_builder_active(call->builder))
		return tell_rejection(call, (enum ep_error)error, &sent, text);
	if (call->rejected)
		return call->refused.set ? EP_BAD_INPUT : EP_OK;
	call->rejected = true;
	if (call->sticky.set) {
		call->sticky.place.path = ep_slice_make(NULL, 0);
		return tell_rejection(call, call->sticky.code, &call->sticky.place,
			ep_slice_make(call->sticky.text, call->sticky.text_length));
	}
	return tell_rejection(call, (enum ep_error)error, &sent, text);
}

static void host_log(struct ep_call *call, uint32_t level, struct ep_slice text)
{
	const struct call_sink *sink = &call->options.sink;

	if (call->log_lines > CALL_LOG_LINES_MAX)
		return;
	if (call->log_lines++ == CALL_LOG_LINES_MAX) {
		sink->log(sink->self, EP_LOG_WARN,
			EP_SAY("the plugin logs too much on one message; the rest is left out"));
		return;
	}
	text.length = cut(text, CALL_TEXT_MAX);
	sink->log(sink->self, level > EP_LOG_ERROR ? EP_LOG_ERROR : (enum ep_log_level)level, text);
}

/* Records -------------------------------------------------------------------------------------------------------- */

static void stick(
	struct ep_call *call, enum ep_error code, const struct ep_text *text, uint64_t offset, const char *what)
{
	struct ep_place place = {.part = text->part, .offset = text->offset, .length = text->length};

	if (offset < text->length && text->length == text->value.length) { /* nothing was undone: the very byte */
		place.offset += offset;
		place.length = 1;
	}
	place = sent_place(call, place);
	call_keep(&call->sticky, EP_BAD_INPUT, code, &place, ep_slice_of(what));
}

/* Whether a put has a record to go to; nothing happens in one that has gone wrong. */
static bool wanted(struct ep_call *call)
{
	if (record_builder_active(call->builder))
		return !call->sticky.set && !call->rejected;
	call_misuse(call, "a field was put, or a list begun or ended, outside of a record");
	return false;
}

/* The text in UTF-8, valid until the next put; false if it isn't text. */
static bool make_utf8(struct ep_call *call, struct ep_text *text)
{
	const struct charset *charset;
	struct ep_slice from = text->value;
	uint64_t valid;
	size_t written;
	char *room;

	if (text->charset == EP_UTF8) {
		valid = utf8_valid_until(text->value);
		if (valid < text->value.length)
			stick(call, EP_ERR_CHARSET, text, valid, "a byte that isn't UTF-8");
		return valid == text->value.length;
	}
	charset = charset_numbered(text->charset);
	if (!charset || charset->kind != CHARSET_IS_ONE_BYTE) {
		call_misuse(call, "a text whose charset is none of those that ep_text may have");
		return false;
	}
	buffer_clear(&call->converted);
	room = from.length < RECORD_BYTES_MAX / 3 ? buffer_reserve(&call->converted, from.length * 3 + 1) : NULL;
	if (!room) {
		stick(call, EP_ERR_LIMIT, text, text->length, "a text too long for a record");
		return false;
	}
	if (charset_decode(call->charsets, charset, &from, room, from.length * 3 + 1, &written) != EP_OK) {
		stick(call, EP_ERR_CHARSET, text, text->value.length - from.length,
			"a byte that the character set doesn't have");
		return false;
	}
	text->value = ep_slice_make(room, written);
	text->charset = EP_UTF8;
	return true;
}

static struct ep_text sent_origin(const struct ep_call *call, struct ep_text text)
{
	utf8_origin(call, &text.part, &text.offset, &text.length);
	return text;
}

static void host_record_begin(struct ep_call *call, uint32_t record)
{
	if (record_builder_active(call->builder)) {
		call_misuse(call, "a record was begun within a record");
		return;
	}
	call->sticky.set = false;
	call->rejected = false;
	record_builder_begin(call->builder, record);
}

static void host_put_text(struct ep_call *call, uint32_t field, struct ep_text text)
{
	if (wanted(call) && text.value.length && make_utf8(call, &text))
		record_builder_text(call->builder, field, sent_origin(call, text));
}

static void host_put_code(struct ep_call *call, uint32_t field, uint32_t enumerator, struct ep_text origin)
{
	if (wanted(call))
		record_builder_code(call->builder, field, enumerator, sent_origin(call, origin));
}

static void host_put_bool(struct ep_call *call, uint32_t field, bool value, struct ep_text origin)
{
	if (wanted(call))
		record_builder_bool(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_integer(struct ep_call *call, uint32_t field, int64_t value, struct ep_text origin)
{
	if (wanted(call))
		record_builder_integer(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_decimal(struct ep_call *call, uint32_t field, struct ep_decimal value, struct ep_text origin)
{
	if (wanted(call))
		record_builder_decimal(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_money(struct ep_call *call, uint32_t field, struct ep_money value, struct ep_text origin)
{
	if (wanted(call))
		record_builder_money(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_quantity(struct ep_call *call, uint32_t field, struct ep_quantity value, struct ep_text origin)
{
	struct ep_slice unit = {value.unit, strnlen(value.unit, sizeof(value.unit))};

	if (!wanted(call))
		return;
	if (utf8_valid_until(unit) < unit.length) {
		stick(call, EP_ERR_CHARSET, &origin, origin.length, "a unit that isn't UTF-8");
		return;
	}
	record_builder_quantity(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_date(struct ep_call *call, uint32_t field, struct ep_date value, struct ep_text origin)
{
	if (wanted(call))
		record_builder_date(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_time(struct ep_call *call, uint32_t field, struct ep_time value, struct ep_text origin)
{
	if (wanted(call))
		record_builder_time(call->builder, field, value, sent_origin(call, origin));
}

static void host_put_person_id(struct ep_call *call, uint32_t field, struct ep_slice kind, struct ep_text number)
{
	if (utf8_valid_until(kind) < kind.length)
		call_misuse(call, "a kind of identity number that isn't UTF-8");
	else if (wanted(call) && number.value.length && make_utf8(call, &number))
		record_builder_person(call->builder, field, kind, sent_origin(call, number));
}

static void host_list_begin(struct ep_call *call, uint32_t field)
{
	if (wanted(call))
		record_builder_list_begin(call->builder, field);
}

static void host_item_begin(struct ep_call *call)
{
	if (wanted(call))
		record_builder_item_begin(call->builder);
}

static void host_item_end(struct ep_call *call)
{
	if (wanted(call))
		record_builder_item_end(call->builder);
}

static void host_list_end(struct ep_call *call)
{
	if (wanted(call))
		record_builder_list_end(call->builder);
}

static void host_note(struct ep_call *call, uint32_t field, uint32_t quality)
{
	if (wanted(call))
		record_builder_note(call->builder, field, quality);
}

/* Rejected already, by reject(); or by a put that went wrong, which is told now. */
static enum ep_status end_rejected(struct ep_call *call)
{
	struct kept_failure why = call->sticky;
	bool told = call->rejected;

	host_record_cancel(call);
	if (told)
		return call->refused.set ? EP_BAD_INPUT : EP_OK;
	why.place.path = ep_slice_make(NULL, 0);
	return tell_rejection(call, why.code, &why.place, ep_slice_make(why.text, why.text_length));
}

static enum ep_status host_record_end(struct ep_call *call)
{
	const struct ep_place nowhere = call_no_place();
	const struct record_origin *origins;
	struct ep_slice encoded, text;
	uint32_t origin_count;
	enum ep_error code;
	enum ep_status status;

	if (!record_builder_active(call->builder)) {
		call_misuse(call, "record_end() without record_begin()");
		return EP_MISUSE;
	}
	if (call->rejected || call->sticky.set)
		return end_rejected(call);
	status = record_builder_end(call->builder, &encoded, &origins, &origin_count, &code, &text);
	if (status == EP_OK)
		call->options.sink.record(call->options.sink.self, encoded, origins, origin_count);
	else if (status == EP_NO_MEMORY) /* says nothing of the record: the message must not go on without it */
		call_keep(&call->memory, status, EP_ERR_PLUGIN_MEMORY, &nowhere, text);
	else
		status = tell_rejection(call, code, &nowhere, text);
	return status;
}

const struct ep_host call_host_table = {
	.size = sizeof(struct ep_host),
	.abi_major = EP_ABI_MAJOR,
	.abi_minor = EP_ABI_MINOR,
	.record_begin = host_record_begin,
	.put_text = host_put_text,
	.put_code = host_put_code,
	.put_bool = host_put_bool,
	.put_integer = host_put_integer,
	.put_decimal = host_put_decimal,
	.put_money = host_put_money,
	.put_quantity = host_put_quantity,
	.put_date = host_put_date,
	.put_time = host_put_time,
	.put_person_id = host_put_person_id,
	.list_begin = host_list_begin,
	.item_begin = host_item_begin,
	.item_end = host_item_end,
	.list_end = host_list_end,
	.note = host_note,
	.record_end = host_record_end,
	.record_cancel = host_record_cancel,
	.fail = host_fail,
	.reject = host_reject,
	.log = host_log,
	.alloc = call_alloc,
	.json = &json_service,
	.xml = &xml_service,
	.text = &utf8_service,
};
