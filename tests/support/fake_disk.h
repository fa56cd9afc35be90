/*
 * fake_disk.h: a disk in memory behind core/base/disk.h that can lose what was not synced.
 *
 * It lives in memory shared with child processes: a child that works on it may be stopped at any operation, like a
 * gateway that is killed; the parent then decides what survives the power cut, and another process opens what is left.
 * It fails, shortens and interrupts on demand. Files of at most 256 KiB, paths of at most 120 bytes; more is an error of the test.
 */
#ifndef SUPPORT_FAKE_DISK_H
#define SUPPORT_FAKE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"

/* What can be made to fail, and is counted. */
enum fake_operation {
	FAKE_CREATE, /* open() that makes a file, mkdir() */
	FAKE_READ,
	FAKE_WRITE,
	FAKE_SYNC_DATA,
	FAKE_SYNC,
	FAKE_ALLOCATE,
	FAKE_TRUNCATE,
	FAKE_RENAME,
	FAKE_UNLINK,
	FAKE_LINK,
	FAKE_OPERATIONS
};

/* What is left of what was not synced. */
enum fake_loss {
	FAKE_KEEP, /* everything: only the process ended */
	FAKE_DROP, /* nothing */
	FAKE_SOME  /* any of the pages and directory changes, each by chance; a page may be torn at a sector */
};

/* Makes an empty disk with a root directory "/data"'s parent, and installs it. Ends with fake_disk_end(). */
void fake_disk_begin(uint64_t seed);
void fake_disk_end(void);

/* The process is stopped (_exit 99) when the operation of this number (from 1, reads not counted) begins; a write has
 * happened before that, as far as its pages go. 0: never. */
void fake_disk_stop_at(uint64_t operation);
uint64_t fake_disk_operations(void);
uint64_t fake_disk_count(enum fake_operation operation);
void fake_disk_reset_counts(void);
/* The next `operation` but `skip` fails with this errno, once. After a failed sync the pages count as written, as with
 * Linux: another sync doesn't bring them to the disk. */
void fake_disk_fail(enum fake_operation operation, uint64_t skip, int error_number);
/* Whether that is still to come. */
bool fake_disk_fails(enum fake_operation operation);
/* Called before each operation, where nothing is locked yet: it may take its time, arrange a failure of this very
 * operation with fake_disk_fail(), or not return. NULL: none. */
void fake_disk_on_operation(void (*hook)(enum fake_operation operation));
/* Bytes that files may take; allocation, writing beyond a file's end and new names fail with ENOSPC. */
void fake_disk_space(uint64_t bytes);
/* Writes are cut short and calls interrupted by chance. */
void fake_disk_disturb(bool on);
/* No unnamed temporary files. */
void fake_disk_no_tmpfile(bool on);

/* The machine loses power (or the process was killed): open files are closed, what is not on the disk is gone. */
void fake_disk_crash(enum fake_loss loss);

/* A copy of the whole disk, and back. */
struct fake_image;
struct fake_image *fake_disk_save(void);
void fake_disk_restore(const struct fake_image *image);
void fake_disk_free_image(struct fake_image *image);

/* Direct access to a file's content for damaging it; NULL if there is none. Counts as synced. */
uint8_t *fake_disk_bytes(const char *path, uint64_t *size);
void fake_disk_set_size(const char *path, uint64_t size);
/* The nth name in the directory (sorted); false: fewer. */
bool fake_disk_name(const char *directory, int n, char name[128]);
/* Copies of the pages that a later fake_disk_bytes() shows are on the disk. */
void fake_disk_settle(void);

/* Shared with the child processes, for what the test wants to know of them. */
struct fake_notes {
	uint64_t number[16];
};
struct fake_notes *fake_disk_notes(void);

#endif
