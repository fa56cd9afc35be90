/*
 * sandbox.h: takes from this process, layer by layer, what computing doesn't need.
 *
 *   sandbox_confine        rlimits, no-new-privs, namespaces, an own uid, no capabilities, dies with the gateway
 *   sandbox_restrict_files Landlock: libraries may be read, nothing else
 *   sandbox_close_loading  seccomp stage 1: what dlopen needs, no more
 *   sandbox_close          seccomp stage 2: what computing in one thread needs, no more
 *
 * A layer that the kernel refuses is left out, not fatal: each is tried out after it was asked for, and only one that
 * was seen to work is named as active. The configuration says without which nothing is loaded.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include "base/error.h"

/* In the order of their names in sandbox_layers(). */
enum sandbox_layer {
	SANDBOX_RLIMITS,
	SANDBOX_NO_NEW_PRIVS,
	SANDBOX_UID,
	SANDBOX_USER_NS,
	SANDBOX_PID_NS,
	SANDBOX_NET_NS,
	SANDBOX_IPC_NS,
	SANDBOX_MOUNT_NS,
	SANDBOX_LANDLOCK,
	SANDBOX_SECCOMP,
	SANDBOX_LAYERS
};

/* Only what can't be gone without is an error: nothing of what is called a layer. */
struct sandbox_limits {
	uint64_t memory_max; /* what the plugin may have, bytes */
	uint64_t body_max;   /* the largest message, bytes; 0: not known */
};
EP_MUST_CHECK enum ep_status sandbox_confine(const struct sandbox_limits *limits, struct error *error);
void sandbox_restrict_files(void);
void sandbox_close_loading(void);
void sandbox_close(void);

bool sandbox_active(enum sandbox_layer layer);
/* The names of the active layers, separated by blanks. */
const char *sandbox_layers(void);
/* EP_BAD_CONFIG with EP_ERR_SANDBOX and a text if the layer of this name isn't active. */
EP_MUST_CHECK enum ep_status sandbox_require(struct ep_slice name, struct error *error);

/* For the parts of the sandbox. */
/* Always, but in a build for tests, where ENTREPOT_TEST_SANDBOX_OFF names layers to be left out, with commas between. */
bool sandbox_wanted(enum sandbox_layer layer);
void sandbox_note(enum sandbox_layer layer, bool active);

#endif
