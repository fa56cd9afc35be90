/*
 * drop_file.h: the file system's side of a drop folder: opened so that nothing outside of it can be reached.
 *
 * Every name is opened by openat2() beneath its folder, without following a link of any kind. Who may write to the folder
 * may be hostile; who owns it is the sender.
 */
#ifndef INTAKE_DROP_FILE_H
#define INTAKE_DROP_FILE_H

#include <sys/stat.h>

#include "base/error.h"

#define DROP_NAME_MAX 255

struct drop_directory {
	int folder;  /* where files are put */
	int claimed; /* .claimed: those that are ours now */
	int done, failed;
	uid_t owner; /* of the folder: whose files count, besides ours */
};

/* Opens the folder, making it and what belongs beneath it where that is missing. */
EP_MUST_CHECK enum ep_status drop_directory_open(
	struct drop_directory *directory, const char *path, struct error *error);
void drop_directory_close(struct drop_directory *directory);

/* A name that may be a message's: no leading dot, no control characters. */
bool drop_name_counts(const char *name);
/* A regular file of the expected owner. *status is that of the name itself, never of what a link points to. */
bool drop_file_counts(const struct drop_directory *directory, const char *name, struct stat *status);
/* Renames it into .claimed. EP_NOT_FOUND: it is gone; EP_AGAIN: one of that name is claimed already; EP_IO. */
EP_MUST_CHECK enum ep_status drop_file_claim(const struct drop_directory *directory, const char *name);
/* A claimed file, for reading. -1 with errno; ELOOP, EXDEV, EPERM: not what counts as a file. */
int drop_file_open(const struct drop_directory *directory, const char *name, struct stat *status);
/* Renames a claimed file into done/ or failed/. *as: its name there; with a suffix if that was taken. With `reason`, that is
 * written beside it first. */
EP_MUST_CHECK enum ep_status drop_file_finish(const struct drop_directory *directory, const char *name, bool failed,
	struct ep_slice reason, char as[DROP_NAME_MAX + 1], struct error *error);

#endif
