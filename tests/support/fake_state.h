/*
 * fake_state.h: what the fake disk holds. Shared by fake_ops.c (what a process may do) and fake_disk.c (what happens to
 * the disk itself), and by nobody else.
 */
#ifndef SUPPORT_FAKE_STATE_H
#define SUPPORT_FAKE_STATE_H

#include <pthread.h>

#include "support/fake_disk.h"

#define FILE_MAX ((size_t)256 * 1024)
#define PAGE 4096
#define SECTOR 512
#define PAGES (FILE_MAX / PAGE)
#define INODES 192
#define NAMES 256
#define CHANGES 1024
#define FDS 256
#define FD_BASE 100000
#define PATH_MAX_BYTES 128

struct inode {
	bool used;
	bool directory;
	int opened;
	uint64_t size;
	uint64_t synced_size;
	uint64_t top;      /* bytes behind this one were never written */
	bool dirty[PAGES]; /* may differ from what is synced */
	bool lost[PAGES];  /* a sync failed: counts as written, isn't */
	uint8_t *bytes;    /* FILE_MAX each, in the shared memory */
	uint8_t *synced;
};

struct name {
	char path[PATH_MAX_BYTES];
	int inode; /* -1: free */
};

/* A change of a directory that isn't synced: `from` goes, `to` comes; either may be empty. */
struct change {
	char from[PATH_MAX_BYTES];
	char to[PATH_MAX_BYTES];
	int inode;
};

struct state {
	struct inode inodes[INODES];
	struct name names[NAMES];
	struct name synced[NAMES];
	struct change changes[CHANGES];
	int change_count;
	int fds[FDS]; /* inode; -1: free */
	uint64_t random;
	uint64_t operations;
	uint64_t counts[FAKE_OPERATIONS];
	uint64_t stop_at;
	int fail_number[FAKE_OPERATIONS];
	uint64_t fail_skip[FAKE_OPERATIONS];
	uint64_t space;
	bool disturb;
	bool no_tmpfile;
	struct fake_notes notes;
};

extern struct state *fake_state; /* in memory that child processes share */
extern pthread_mutex_t fake_mutex;
extern void (*fake_hook)(enum fake_operation operation);
extern const struct disk_ops fake_ops;

void __attribute__((noreturn)) fake_misuse(const char *what);
bool fake_chance(uint64_t one_in);
void fake_set_path(char out[PATH_MAX_BYTES], const char *path);
struct name *fake_find_name(struct name *names, const char *path);
void fake_put_name(struct name *names, const char *path, int inode);
bool fake_in_directory(const char *path, const char *directory);
void fake_apply(struct name *names, const struct change *change);
int fake_new_inode(bool directory);
void fake_free_unused(void);
/* From this byte on (to the file's end, whatever that was) there are zeros. */
void fake_clear_from(struct inode *inode, uint64_t at);

#endif
