/*
 * input.h: a file as a message: a descriptor to read it from, and the headers that stand beside it in FILE.headers.
 */
#ifndef COMMAND_INPUT_H
#define COMMAND_INPUT_H

#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"

#define INPUT_HEADERS_MAX 200

struct input {
	int fd; /* owned */
	uint64_t length;
	FILE *spool; /* owned; of what isn't a regular file */
	struct ep_header headers[INPUT_HEADERS_MAX];
	uint32_t header_count;
	struct arena memory; /* of the headers */
};

/* "-": standard input. EP_NOT_FOUND, EP_IO or EP_LIMIT with a text. */
EP_MUST_CHECK enum ep_status input_open(struct input *input, const char *file, struct error *error);
void input_close(struct input *input);
/* "Name: value" into a header with its name in lower case. False if it isn't one. */
bool input_header(struct arena *memory, struct ep_slice line, struct ep_header *header);
/* Adds a header unless one of its name is there already. */
void input_add_header(struct input *input, struct ep_header header);

#endif
