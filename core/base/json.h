/*
 * json.h: writes JSON (RFC 8259) into a buffer. Commas are set by themselves; members and elements nest at most 64 deep.
 * Bytes that are not UTF-8 become U+FFFD, so the output is valid whatever goes in.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buffer.h"

struct json {
	struct buffer *out;
	uint64_t started; /* a bit a level: something stands in it */
	uint32_t depth;
};

struct json json_begin(struct buffer *out);
void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);
/* The name of the member that comes next; `name` needs no escape. */
void json_name(struct json *json, const char *name);
void json_text(struct json *json, struct ep_slice text);
void json_string(struct json *json, const char *string);
void json_integer(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
/* Already JSON. */
void json_raw(struct json *json, struct ep_slice text);
/* A member in one call. An absent text (data NULL) is left out. */
void json_member_text(struct json *json, const char *name, struct ep_slice text);
void json_member_string(struct json *json, const char *name, const char *string);
void json_member_integer(struct json *json, const char *name, int64_t value);
void json_member_bool(struct json *json, const char *name, bool value);
/* Only the escapes, no quotes. */
void json_escape(struct buffer *out, struct ep_slice text);

#endif
