/*
 * describe.h: what a plugin's code says of itself: its options. It is loaded for that in a sandboxed worker, and serves
 * nothing.
 */
#ifndef COMMAND_DESCRIBE_H
#define COMMAND_DESCRIBE_H

#include "supervise/supervise.h"

struct description;

EP_MUST_CHECK enum ep_status description_open(
	struct description **description, const char *plugin_path, struct error *error);
/* Valid until description_close(). */
const struct worker_identity *description_identity(const struct description *description);
void description_close(struct description *description);

#endif
