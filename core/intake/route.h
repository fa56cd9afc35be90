/* route.h: which request a path and method ask for, and what its headers wish. */
#ifndef INTAKE_ROUTE_H
#define INTAKE_ROUTE_H

#include "intake/http_parse.h"

enum route_kind {
	ROUTE_NONE,
	ROUTE_POST_MESSAGE, /* /in/<source> */
	ROUTE_GET_OUTCOME   /* /in/<source>/messages/<id> */
};

struct route {
	enum route_kind kind; /* by the path alone */
	struct ep_slice source;
	struct ep_slice id;
	bool method_fits;
	const char *allow; /* the methods of the path */
};

struct route route_find(const struct http_head *head);
/* Seconds of `Prefer: wait=N` (RFC 7240), at most `max`; -1: no such preference. */
int route_wait(const struct http_head *head, int max);

#endif
