/* buffer.c: see buffer.h. Grows by doubling, so that an append costs constant time on average. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, size_t max)
{
	*buffer = (struct buffer){.max = max};
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){.max = buffer->max};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = EP_OK;
}

static enum ep_status fail(struct buffer *buffer, enum ep_status status)
{
	buffer->failed = status;
	return status;
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
	size_t wanted = buffer->capacity ? buffer->capacity : 256;
	char *data;

	if (buffer->failed != EP_OK)
		return NULL;
	if (length > buffer->max - buffer->length) {
		fail(buffer, EP_LIMIT);
		return NULL;
	}
	if (buffer->data && length <= buffer->capacity - buffer->length)
		return buffer->data + buffer->length;
	while (wanted < buffer->length + length)
		wanted = wanted > buffer->max / 2 ? buffer->max : wanted * 2;
	if (wanted > buffer->max)
		wanted = buffer->max;
	data = realloc(buffer->data, wanted ? wanted : 1);
	if (!data) {
		fail(buffer, EP_NO_MEMORY);
		return NULL;
	}
	buffer->data = data;
	buffer->capacity = wanted;
	return buffer->data + buffer->length;
}

enum ep_status buffer_append(struct buffer *buffer, const void *data, size_t length)
{
	char *end;

	if (length == 0)
		return buffer->failed;
	end = buffer_reserve(buffer, length);
	if (!end)
		return buffer->failed;
	memcpy(end, data, length);
	buffer->length += length;
	return EP_OK;
}

enum ep_status buffer_append_slice(struct buffer *buffer, struct ep_slice slice)
{
	return buffer_append(buffer, slice.data, slice.length);
}

enum ep_status buffer_append_string(struct buffer *buffer, const char *string)
{
	return buffer_append(buffer, string, strlen(string));
}

enum ep_status buffer_append_byte(struct buffer *buffer, char byte)
{
	return buffer_append(buffer, &byte, 1);
}

enum ep_status buffer_append_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	char *end;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return fail(buffer, EP_LIMIT);
	end = buffer_reserve(buffer, (size_t)length + 1); /* vsnprintf writes a NUL, which is not counted */
	if (!end)
		return buffer->failed;
	va_start(arguments, format);
	vsnprintf(end, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
	return EP_OK;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	if (length > buffer->length)
		length = buffer->length;
	buffer->length -= length;
	if (buffer->length)
		memmove(buffer->data, buffer->data + length, buffer->length);
}

struct ep_slice buffer_slice(const struct buffer *buffer)
{
	return ep_slice_make(buffer->data, buffer->length);
}
