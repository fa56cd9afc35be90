/*
 * disk.h: the seam through which all files of the data directory are read and written, so that tests can record, fail,
 * shorten, reorder and drop what is written. EINTR and short reads and writes are dealt with here.
 *
 * Every function returns 0 (or a count) or -1 with errno, like the system call that it stands for.
 */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct disk_ops {
	int (*open)(void *self, const char *path, int flags, mode_t mode);
	int (*close)(void *self, int fd);
	ssize_t (*pread)(void *self, int fd, void *data, size_t length, off_t offset);
	ssize_t (*pwritev)(void *self, int fd, const struct iovec *parts, int count, off_t offset);
	int (*fdatasync)(void *self, int fd);
	int (*fsync)(void *self, int fd);
	int (*fallocate)(void *self, int fd, off_t offset, off_t length);
	int (*ftruncate)(void *self, int fd, off_t length);
	int (*rename)(void *self, const char *from, const char *to);
	int (*unlink)(void *self, const char *path);
	int (*linkat_fd)(
		void *self, int fd, const char *path); /* gives an unlinked temporary file (O_TMPFILE) its name */
	int (*mkdir)(void *self, const char *path, mode_t mode);
	int (*list)(void *self, const char *path, int (*each)(void *argument, const char *name), void *argument);
	int64_t (*size)(void *self, int fd);
	int (*lock)(void *self, int fd);                     /* flock(LOCK_EX | LOCK_NB) */
	int64_t (*free_bytes)(void *self, const char *path); /* that this process may still use where `path` lies */
	int (*direct)(void *self, int fd, bool on);          /* NULL: can't */
	void *self;
};

int disk_open(const char *path, int flags, mode_t mode);
int disk_close(int fd);
/* Up to `length` bytes; less only at the end of the file. */
ssize_t disk_read_at(int fd, void *data, size_t length, off_t offset);
/* All bytes of all parts, or -1. `parts` is used up. */
int disk_write_at(int fd, struct iovec *parts, int count, off_t offset);
/* The data and what is needed to read it again is on the disk when this returns 0. Never repeat one that failed. */
int disk_sync_data(int fd);
int disk_sync(int fd);
/* Entries made, renamed or removed in the directory are on the disk when this returns 0. */
int disk_sync_directory(const char *path);
int disk_allocate(int fd, off_t offset, off_t length);
int disk_truncate(int fd, off_t length);
int disk_rename(const char *from, const char *to);
int disk_unlink(const char *path);
int disk_name_file(int fd, const char *path);
int disk_make_directory(const char *path, mode_t mode);
/* Names in the directory without . and .., in no order; stops when `each` returns other than 0, and returns that. */
int disk_list(const char *path, int (*each)(void *argument, const char *name), void *argument);
int64_t disk_size(int fd);
/* Locks the open file against other processes until it is closed; -1 with EWOULDBLOCK if one has it. */
int disk_lock(int fd);
int64_t disk_free_bytes(const char *path);
/* Writes go past the page cache from now on, or no longer: then buffers, offsets and lengths are multiples of 4 KiB, and a
 * write fails with EINVAL where that isn't enough. -1: not possible here. */
int disk_direct(int fd, bool on);
/* For tests and simulation; NULL puts the system's back. */
void disk_install(const struct disk_ops *ops);

#endif
