/*
 * spill.h: records kept until it is known whether they count: in memory up to a bound, beyond it in an unlinked file.
 */
#ifndef COMMAND_SPILL_H
#define COMMAND_SPILL_H

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"

#define SPILL_MEMORY_MAX ((size_t)1024 * 1024)

struct spill {
	struct buffer memory;
	FILE *file; /* owned; NULL until memory is full, then it holds everything */
	size_t at;  /* of what is read next from memory */
};

void spill_init(struct spill *spill);
void spill_free(struct spill *spill);
/* Forgets everything. */
void spill_clear(struct spill *spill);
EP_MUST_CHECK enum ep_status spill_append(struct spill *spill, struct ep_slice piece, struct error *error);
/* Reading begins at the first piece. */
EP_MUST_CHECK enum ep_status spill_rewind(struct spill *spill, struct error *error);
/* The next piece in the order of appending; EP_END behind the last. */
EP_MUST_CHECK enum ep_status spill_next(struct spill *spill, struct buffer *piece, struct error *error);
/* An unlinked temporary file, in TMPDIR or /tmp. NULL with errno. */
FILE *spill_temporary_file(void);

#endif
