/*
 * writer.h: commits sealed tables to the store, one at a time, on a thread of its own (or, with a store that takes no
 * time, on the loop).
 */
#ifndef INDEX_WRITER_H
#define INDEX_WRITER_H

#include "index/table.h"

struct writer;

/* `done` is called on the loop after each commit: EP_OK, or EP_LIMIT if the disk is full. One that fails otherwise ends
 * the process. */
EP_MUST_CHECK enum ep_status writer_create(struct writer **writer, struct loop *loop, struct index_store *store,
	uint32_t count_max, void (*done)(void *argument, enum ep_status status), void *argument, struct error *error);
/* Commits the table, which must not change until `done`. One at a time. */
void writer_start(struct writer *writer, const struct table *table, uint64_t position);
bool writer_busy(const struct writer *writer);
/* Until the commit under way is done, `done` called. */
void writer_wait(struct writer *writer);
void writer_destroy(struct writer *writer);

/* Says why and ends the process: what can't be read from or written to the index is not tried again, since a failed sync
 * may have dropped what it should have written. The journal has it all; the next start reads it again. */
__attribute__((noreturn)) void index_die(const char *what, const struct error *error);

#endif
