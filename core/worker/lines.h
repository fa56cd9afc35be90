/*
 * lines.h: row and column of an offset. Remembers where it counted last, so that places asked for in the order of the
 * text cost one pass over it.
 */
#ifndef WORKER_LINES_H
#define WORKER_LINES_H

#include <string.h>

#include <entrepot/plugin.h>

struct lines {
	const char *data; /* the text that was counted in */
	uint64_t offset;  /* counted up to here */
	uint64_t row;     /* from 0 */
	uint64_t begin;   /* of the row */
};

/* Rows end with LF; columns count bytes from 1. */
static inline void lines_find(struct lines *lines, struct ep_slice text, uint64_t offset, struct ep_place *place)
{
	if (offset > text.length)
		offset = text.length;
	if (lines->data != text.data || offset < lines->begin)
		*lines = (struct lines){.data = text.data};
	while (lines->offset < offset) {
		const char *end = memchr(text.data + lines->offset, '\n', offset - lines->offset);

		lines->offset = end ? (uint64_t)(end - text.data) + 1 : offset;
		if (end) {
			lines->row++;
			lines->begin = lines->offset;
		}
	}
	place->row = lines->row + 1;
	place->column = (uint32_t)(offset - lines->begin + 1);
}

#endif
