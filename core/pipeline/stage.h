/*
 * stage.h: output on its way to one outcome frame: in memory up to a bound, from there on in a spool file of the journal.
 * It is written at the end only and read anywhere, through a window of bounded size.
 */
#ifndef PIPELINE_STAGE_H
#define PIPELINE_STAGE_H

#include "base/buffer.h"
#include "journal/journal.h"

#define STAGE_WRITE_BYTES ((size_t)256 * 1024)            /* written to the spool file at a time */
#define STAGE_PIECE_MAX ((size_t)1024 * 1024 + 64 * 1024) /* what is appended or read in one call */

struct stage {
	struct journal *journal;
	struct buffer memory; /* everything, or what is not yet in the file */
	int fd;               /* of the spool file; -1: none */
	uint64_t written;     /* bytes in the file */
};

void stage_init(struct stage *stage, struct journal *journal);
/* Gives its memory and its spool file up. */
void stage_free(struct stage *stage);
/* `spill`: to the file from now on, even if it would still fit into memory. EP_LIMIT: no room on the disk; EP_NO_MEMORY.
 * After an error only stage_free() is allowed. */
EP_MUST_CHECK enum ep_status stage_append(struct stage *stage, struct ep_slice piece, bool spill, struct error *error);
/* All that was appended can be read and, if there is a file, is in it. */
EP_MUST_CHECK enum ep_status stage_finish(struct stage *stage, struct error *error);
static inline uint64_t stage_length(const struct stage *stage)
{
	return stage->written + stage->memory.length;
}

/* Reads bytes that lie in memory or in a file (a spool file, an extent). Holds no descriptor of its own. */
struct window {
	struct ep_slice memory; /* used where fd is -1 */
	int fd;
	uint64_t length; /* bytes there are */
	struct buffer cache;
	uint64_t cache_at; /* offset of the cache's first byte */
};

void window_init_memory(struct window *window, struct ep_slice memory);
void window_init_file(struct window *window, int fd, uint64_t length);
/* Of a finished stage, which must outlive it. */
void window_init_stage(struct window *window, const struct stage *stage);
void window_free(struct window *window);
/* At least `least` bytes at `offset`, fewer only at the end; valid until the next call. EP_IO, EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status window_read(
	struct window *window, uint64_t offset, uint64_t least, struct ep_slice *bytes, struct error *error);

#endif
