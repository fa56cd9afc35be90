/*
 * sdk_host.h: a host just large enough for tests of the helpers: memory, one failure, and what was put, as text.
 */
#ifndef TESTS_SDK_HOST_H
#define TESTS_SDK_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/plugin.h>

#define SDK_BLOCKS_MAX 4096

struct ep_call {
	void *blocks[SDK_BLOCKS_MAX];
	size_t block_count;
	bool no_memory;
	uint32_t failed; /* enum ep_error of the first fail() */
	struct ep_place place;
	bool zoned; /* the source declares a zone: +08:00 */
	char output[4096];
};

static inline void sdk_say(struct ep_call *call, const char *what, uint32_t field, const char *value)
{
	size_t used = strlen(call->output);

	snprintf(call->output + used, sizeof(call->output) - used, "%s %u %s\n", what, field, value);
}

static inline void *sdk_alloc(struct ep_call *call, uint64_t size)
{
	if (call->no_memory || call->block_count == SDK_BLOCKS_MAX)
		return NULL;
	return call->blocks[call->block_count++] = calloc(1, size);
}

static inline enum ep_status sdk_fail(struct ep_call *call, uint32_t error, struct ep_place place, struct ep_slice text)
{
	(void)text;
	if (!call->failed) {
		call->failed = error;
		call->place = place;
	}
	return EP_BAD_INPUT;
}

static inline enum ep_status sdk_reject(
	struct ep_call *call, uint32_t error, struct ep_place place, struct ep_slice text)
{
	(void)place;
	(void)text;
	sdk_say(call, "reject", error, "");
	return EP_OK;
}

static inline void sdk_put_time(struct ep_call *call, uint32_t field, struct ep_time value, struct ep_text origin)
{
	char text[40];

	(void)origin;
	ep_time_write(value, text);
	sdk_say(call, "time", field, text);
}

static inline void sdk_put_date(struct ep_call *call, uint32_t field, struct ep_date value, struct ep_text origin)
{
	char text[16];

	(void)origin;
	ep_date_write(value, text);
	sdk_say(call, "date", field, text);
}

static inline void sdk_put_number(
	struct ep_call *call, const char *what, uint32_t field, struct ep_decimal value, const char *unit)
{
	char text[80];

	ep_decimal_write(value, text);
	snprintf(text + strlen(text), 20, "%s%s", unit[0] ? " " : "", unit);
	sdk_say(call, what, field, text);
}

static inline void sdk_put_decimal(struct ep_call *call, uint32_t field, struct ep_decimal value, struct ep_text origin)
{
	(void)origin;
	sdk_put_number(call, "decimal", field, value, "");
}

static inline void sdk_put_money(struct ep_call *call, uint32_t field, struct ep_money value, struct ep_text origin)
{
	(void)origin;
	sdk_put_number(call, "money", field, value.amount, value.currency);
}

static inline void sdk_put_quantity(
	struct ep_call *call, uint32_t field, struct ep_quantity value, struct ep_text origin)
{
	(void)origin;
	sdk_put_number(call, "quantity", field, value.quantity, value.unit);
}

static inline void sdk_put_integer(struct ep_call *call, uint32_t field, int64_t value, struct ep_text origin)
{
	(void)origin;
	sdk_put_number(call, "integer", field, ep_decimal_make(value, 0), "");
}

static inline void sdk_put_text(struct ep_call *call, uint32_t field, struct ep_text text)
{
	char value[256];

	snprintf(value, sizeof(value), "%.*s", (int)text.value.length, text.value.data ? text.value.data : "");
	if (text.value.length)
		sdk_say(call, "text", field, value);
}

static inline void sdk_put_code(struct ep_call *call, uint32_t field, uint32_t enumerator, struct ep_text origin)
{
	(void)origin;
	sdk_put_number(call, "code", field, ep_decimal_make(enumerator, 0), "");
}

static inline void sdk_put_bool(struct ep_call *call, uint32_t field, bool value, struct ep_text origin)
{
	(void)origin;
	sdk_say(call, "bool", field, value ? "true" : "false");
}

static inline void sdk_note(struct ep_call *call, uint32_t field, uint32_t quality)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", quality);
	sdk_say(call, "note", field, text);
}

static inline enum ep_status sdk_zoned(struct ep_call *call, struct ep_local_time local, struct ep_time *time)
{
	if (!call->zoned)
		return EP_NO_ZONE;
	*time = ep_time_at(local, 480);
	return EP_OK;
}

static inline const struct ep_host *sdk_host(void)
{
	static const struct ep_text_service text = {.size = sizeof(text), .zoned = sdk_zoned};
	static const struct ep_host host = {.size = sizeof(host),
		.abi_major = EP_ABI_MAJOR,
		.abi_minor = EP_ABI_MINOR,
		.put_text = sdk_put_text,
		.put_code = sdk_put_code,
		.put_bool = sdk_put_bool,
		.put_integer = sdk_put_integer,
		.put_decimal = sdk_put_decimal,
		.put_money = sdk_put_money,
		.put_quantity = sdk_put_quantity,
		.put_date = sdk_put_date,
		.put_time = sdk_put_time,
		.note = sdk_note,
		.fail = sdk_fail,
		.reject = sdk_reject,
		.alloc = sdk_alloc,
		.text = &text};

	return &host;
}

static inline void sdk_call_free(struct ep_call *call)
{
	while (call->block_count)
		free(call->blocks[--call->block_count]);
	memset(call, 0, sizeof(*call));
}

/* A part over a copy that is exactly as long, so that a sanitizer sees every read beyond it. To be freed. */
static inline struct ep_part sdk_part(const void *bytes, size_t length)
{
	struct ep_part part;
	char *copy = malloc(length ? length : 1);

	memcpy(copy, bytes, length);
	memset(&part, 0, sizeof(part));
	part.bytes = ep_slice_make(copy, length);
	return part;
}

static inline void sdk_part_free(struct ep_part *part)
{
	free((char *)(uintptr_t)part->bytes.data);
}

#endif
