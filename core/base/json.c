/* json.c: see json.h. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define DEPTH_MAX 64

struct json json_begin(struct buffer *out)
{
	return (struct json){.out = out};
}

/* A comma before everything but the first of its level. */
static void separate(struct json *json)
{
	uint64_t bit = UINT64_C(1) << json->depth;

	if (json->started & bit)
		buffer_append_byte(json->out, ',');
	json->started |= bit;
}

static void open_level(struct json *json, char bracket)
{
	separate(json);
	ASSERT(json->depth + 1 < DEPTH_MAX);
	json->depth++;
	json->started &= ~(UINT64_C(1) << json->depth);
	buffer_append_byte(json->out, bracket);
}

static void close_level(struct json *json, char bracket)
{
	ASSERT(json->depth > 0);
	json->depth--;
	buffer_append_byte(json->out, bracket);
}

void json_object_begin(struct json *json)
{
	open_level(json, '{');
}

void json_object_end(struct json *json)
{
	close_level(json, '}');
}

void json_array_begin(struct json *json)
{
	open_level(json, '[');
}

void json_array_end(struct json *json)
{
	close_level(json, ']');
}

void json_name(struct json *json, const char *name)
{
	separate(json);
	buffer_append_byte(json->out, '"');
	buffer_append_string(json->out, name);
	buffer_append(json->out, "\":", 2);
	json->started &= ~(UINT64_C(1) << json->depth); /* its value comes without a comma */
}

/* What must not stand in a JSON string as it is; 1: as \u00XX, else the letter behind the backslash. */
static const char escapes[256] = {[0] = 1,
	[1] = 1,
	[2] = 1,
	[3] = 1,
	[4] = 1,
	[5] = 1,
	[6] = 1,
	[7] = 1,
	['\b'] = 'b',
	['\t'] = 't',
	['\n'] = 'n',
	[11] = 1,
	['\f'] = 'f',
	['\r'] = 'r',
	[14] = 1,
	[15] = 1,
	[16] = 1,
	[17] = 1,
	[18] = 1,
	[19] = 1,
	[20] = 1,
	[21] = 1,
	[22] = 1,
	[23] = 1,
	[24] = 1,
	[25] = 1,
	[26] = 1,
	[27] = 1,
	[28] = 1,
	[29] = 1,
	[30] = 1,
	[31] = 1,
	['"'] = '"',
	['\\'] = '\\',
	[127] = 1};

static void escape_valid(struct buffer *out, struct ep_slice text)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t plain = 0;

	for (uint64_t i = 0; i < text.length; i++) {
		unsigned char byte = (unsigned char)text.data[i];
		char escaped[6] = {'\\', escapes[byte], '0', '0', digits[byte >> 4], digits[byte & 15]};

		if (!escapes[byte])
			continue;
		buffer_append(out, text.data + plain, i - plain);
		if (escapes[byte] == 1)
			escaped[1] = 'u';
		buffer_append(out, escaped, escapes[byte] == 1 ? 6 : 2);
		plain = i + 1;
	}
	buffer_append(out, text.data + plain, text.length - plain);
}

void json_escape(struct buffer *out, struct ep_slice text)
{
	while (text.length) {
		uint64_t valid = utf8_valid_until(text);

		escape_valid(out, ep_slice_make(text.data, valid));
		if (valid < text.length) {
			buffer_append(out, "\xef\xbf\xbd", 3);
			valid++;
		}
		text = ep_slice_make(text.data + valid, text.length - valid);
	}
}

void json_text(struct json *json, struct ep_slice text)
{
	separate(json);
	buffer_append_byte(json->out, '"');
	json_escape(json->out, text);
	buffer_append_byte(json->out, '"');
}

void json_string(struct json *json, const char *string)
{
	json_text(json, ep_slice_of(string));
}

void json_integer(struct json *json, int64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)value);

	separate(json);
	buffer_append(json->out, digits, (size_t)length);
}

void json_raw(struct json *json, struct ep_slice text)
{
	separate(json);
	buffer_append_slice(json->out, text);
}

void json_bool(struct json *json, bool value)
{
	json_raw(json, value ? EP_SAY("true") : EP_SAY("false"));
}

void json_null(struct json *json)
{
	json_raw(json, EP_SAY("null"));
}

void json_member_text(struct json *json, const char *name, struct ep_slice text)
{
	if (!text.data)
		return;
	json_name(json, name);
	json_text(json, text);
}

void json_member_string(struct json *json, const char *name, const char *string)
{
	json_member_text(json, name, ep_slice_of(string));
}

void json_member_integer(struct json *json, const char *name, int64_t value)
{
	json_name(json, name);
	json_integer(json, value);
}

void json_member_bool(struct json *json, const char *name, bool value)
{
	json_name(json, name);
	json_bool(json, value);
}
