/*
 * claim.h: one claimed file of a drop folder on its way: read in pieces, accepted, its outcome waited for, moved away.
 *
 * Inside of drop.c's. Nothing here blocks for longer than reading CLAIM_READ bytes takes.
 */
#ifndef INTAKE_CLAIM_H
#define INTAKE_CLAIM_H

#include <sys/queue.h>

#include "intake/drop.h"
#include "intake/drop_file.h"

#define CLAIM_READ ((size_t)256 * 1024) /* bytes of one step */

enum claim_state {
	CLAIM_QUEUED, /* to be read from its beginning, not before not_before_ns */
	CLAIM_READING,
	CLAIM_ACCEPTING, /* in the acceptor's hands */
	CLAIM_WAITING    /* has its receipt, waits for the outcome */
};

struct drop_folder;

struct claim {
	TAILQ_ENTRY(claim) link; /* of the folder */
	struct drop_folder *folder;
	enum claim_state state;
	bool resumed; /* was claimed before the start: a duplicate is probably itself */
	int64_t not_before_ns;
	int fd;             /* CLAIM_READING; else -1 */
	struct stat status; /* when it was opened */
	uint64_t offset;
	struct receipt receipt;
	char name[DROP_NAME_MAX + 1];
};

TAILQ_HEAD(claim_list, claim);

struct drop_folder {
	struct drops *drops;
	const struct source *source;
	struct drop_directory directory;
	int watch;       /* inotify's; -1: none */
	bool resuming;   /* .claimed may hold files that aren't in `claims` */
	int64_t scan_ns; /* monotonic: when the folder is to be looked through */
	struct claim_list claims;
	size_t claim_count;
	struct body body; /* of the one file that is being read */
};

struct drops {
	struct drops_options options;
	struct drop_folder *folders;
	size_t folder_count;
	bool stopped;
	int inotify; /* -1: none */
	struct event *notified;
	struct loop_task work;
	struct loop_timer timer;
	size_t accepting;
	char *read_buffer; /* CLAIM_READ bytes */
	struct buffer scratch;
};

/* NULL without memory. */
struct claim *claim_create(struct drop_folder *folder, const char *name, bool resumed);
/* One step of reading. true: there is more to do at once. */
bool claim_step(struct claim *claim);
/* Forgets it; the file stays claimed. */
void claim_drop(struct claim *claim);

/* drop.c: something can be done again, now or at the time given. */
void drops_wake(struct drops *drops);
void drops_wake_at(struct drops *drops, int64_t monotonic_ns);

#endif
