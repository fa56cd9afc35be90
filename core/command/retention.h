/*
 * retention.h: how far the log may be let go of: never past what anybody needs, and from there back only what is older
 * than the configuration's age, or more than its bytes.
 */
#ifndef COMMAND_RETENTION_H
#define COMMAND_RETENTION_H

#include "conf/conf.h"
#include "journal/journal.h"

struct retention {
	uint64_t seen; /* position at whose time was looked last */
	int64_t seen_ns;
	bool complained;
};

/* The position before which all may go; 0: nothing. `needed`: everybody has passed what lies before it. */
uint64_t retention_cut(struct retention *retention, const struct conf *conf, struct journal *journal, uint64_t needed);

#endif
