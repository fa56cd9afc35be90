/*
 * buffer.h: bytes that grow up to a maximum given when the buffer is made.
 *
 * An append that would pass the maximum, or for which no memory is left, stores nothing and marks the buffer as failed;
 * a failed buffer refuses every further append, so a caller may append many times and check once.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <entrepot/plugin.h>

struct buffer {
	char *data; /* owned */
	size_t length;
	size_t capacity;
	size_t max;            /* bytes */
	enum ep_status failed; /* EP_OK, EP_LIMIT or EP_NO_MEMORY */
};

void buffer_init(struct buffer *buffer, size_t max);
void buffer_free(struct buffer *buffer);
/* Empty again, not failed; keeps its memory. */
void buffer_clear(struct buffer *buffer);
/* Room for `length` more bytes at the end, not yet counted; NULL if refused. */
char *buffer_reserve(struct buffer *buffer, size_t length);
enum ep_status buffer_append(struct buffer *buffer, const void *data, size_t length);
enum ep_status buffer_append_slice(struct buffer *buffer, struct ep_slice slice);
enum ep_status buffer_append_string(struct buffer *buffer, const char *string);
enum ep_status buffer_append_byte(struct buffer *buffer, char byte);
__attribute__((format(printf, 2, 3))) enum ep_status buffer_append_format(
	struct buffer *buffer, const char *format, ...);
/* Drops `length` bytes at the front. */
void buffer_consume(struct buffer *buffer, size_t length);
struct ep_slice buffer_slice(const struct buffer *buffer);

#endif
