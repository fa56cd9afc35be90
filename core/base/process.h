/*
 * process.h: the seam through which child processes are started. fork and exec of another program; every descriptor but
 * those given is closed; the environment is empty but for what is given.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <sys/types.h>

#include "base/error.h"

struct process_options {
	const char *program;            /* path */
	const char *const *arguments;   /* NULL-terminated, [0] included */
	const char *const *environment; /* NULL-terminated; may be NULL */
	const int *descriptors;         /* become 0, 1, 2 ... in the child; -1 becomes /dev/null */
	int descriptor_count;
	bool new_pid_namespace; /* where the kernel permits it; the child is then its process 1 */
};

/* *pid is a child to be reaped; *pidfd is readable once it has ended. EP_IO if the program can't be run. */
EP_MUST_CHECK enum ep_status process_spawn(
	const struct process_options *options, pid_t *pid, int *pidfd, struct error *error);

#endif
