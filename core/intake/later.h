/*
 * later.h: messages that came while the journal was full of what it is just writing: copied, kept in their order, and
 * given to it again when it has written, a few milliseconds later. Bounded; beyond that the sender is told to wait.
 */
#ifndef INTAKE_LATER_H
#define INTAKE_LATER_H

#include "intake/accept.h"

#define LATER_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct later {
	struct later *next;
	size_t bytes;
	struct acceptance what; /* its slices point into `text` */
	char text[];
};

struct later_list {
	struct later *first, **last;
	size_t bytes;
};

void later_init(struct later_list *list);
/* EP_AGAIN: too much waits already. EP_NO_MEMORY. Takes over the spool file if EP_OK. */
EP_MUST_CHECK enum ep_status later_put(struct later_list *list, const struct acceptance *what);
/* Takes the first off; the caller frees it. NULL: there is none. */
struct later *later_take(struct later_list *list);
/* It is the first again. */
void later_put_back(struct later_list *list, struct later *later);

#endif
