/*
 * load.h: a plugin's file becomes code in this process, in two steps: fetched and checked while files can still be
 * read, loaded once the sandbox's first stage is on (constructors run inside dlopen).
 */
#ifndef WORKER_LOAD_H
#define WORKER_LOAD_H

#include "base/error.h"

struct plugin_file {
	int fd; /* a sealed copy: what was checked is what is loaded, and the file may be replaced meanwhile */
	const char *path;   /* as configured; borrowed */
	char load_path[64]; /* by which the copy is opened; empty: only `path` works here */
	struct ep_note note;
	uint64_t build;
	struct ep_plugin plugin; /* after plugin_load(); zero beyond what an older plugin has */
};

/* EP_BAD_CONFIG or EP_IO with a text that names file, field and versions. */
EP_MUST_CHECK enum ep_status plugin_fetch(struct plugin_file *file, const char *path, struct error *error);
/* Loads it, and checks that ep_plugin_v1() says what the note says. */
EP_MUST_CHECK enum ep_status plugin_load(struct plugin_file *file, struct error *error);

#endif
