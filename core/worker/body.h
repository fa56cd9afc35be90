/*
 * body.h: a message's body behind a descriptor, as a plugin wants it: contiguous, read-only, zeros behind it.
 */
#ifndef WORKER_BODY_H
#define WORKER_BODY_H

#include "base/error.h"

struct body {
	char *mapping; /* NULL: none */
	size_t mapped; /* bytes */
	struct ep_slice bytes;
};

/* Maps the first `length` bytes of `fd`, which may be closed afterwards. EP_IO if the file is shorter. */
EP_MUST_CHECK enum ep_status body_map(struct body *body, int fd, uint64_t length, struct error *error);
void body_unmap(struct body *body);
/* Whether an address lies in the body that is mapped: a SIGBUS there is the disk's fault, not the plugin's. */
bool body_holds(const void *address);

#endif
