/* disk.c: see disk.h. */
#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int system_open(void *self, const char *path, int flags, mode_t mode)
{
	(void)self;
	return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(void *self, int fd)
{
	(void)self;
	return close(fd);
}

static ssize_t system_pread(void *self, int fd, void *data, size_t length, off_t offset)
{
	(void)self;
	return pread(fd, data, length, offset);
}

static ssize_t system_pwritev(void *self, int fd, const struct iovec *parts, int count, off_t offset)
{
	(void)self;
	return pwritev(fd, parts, count, offset);
}

static int system_fdatasync(void *self, int fd)
{
	(void)self;
	return fdatasync(fd);
}

static int system_fsync(void *self, int fd)
{
	(void)self;
	return fsync(fd);
}

static int system_fallocate(void *self, int fd, off_t offset, off_t length)
{
	(void)self;
	return fallocate(fd, 0, offset, length);
}

static int system_ftruncate(void *self, int fd, off_t length)
{
	(void)self;
	return ftruncate(fd, length);
}

static int system_rename(void *self, const char *from, const char *to)
{
	(void)self;
	return rename(from, to);
}

static int system_unlink(void *self, const char *path)
{
	(void)self;
	return unlink(path);
}

static int system_linkat_fd(void *self, int fd, const char *path)
{
	char name[32];

	(void)self;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static int system_mkdir(void *self, const char *path, mode_t mode)
{
	(void)self;
	return mkdir(path, mode);
}

static int system_list(void *self, const char *path, int (*each)(void *argument, const char *name), void *argument)
{
	DIR *directory = opendir(path);
	int result = 0;

	(void)self;
	if (!directory)
		return -1;
	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(directory);
		if (!entry) {
			result = errno ? -1 : 0;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		result = each(argument, entry->d_name);
		if (result != 0)
			break;
	}
	closedir(directory);
	return result;
}

static int64_t system_size(void *self, int fd)
{
	struct stat status;

	(void)self;
	return fstat(fd, &status) == -1 ? -1 : (int64_t)status.st_size;
}

static int system_lock(void *self, int fd)
{
	(void)self;
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int64_t system_free_bytes(void *self, const char *path)
{
	struct statvfs status;
	uint64_t bytes;

	(void)self;
	if (statvfs(path, &status) == -1)
		return -1;
	if (__builtin_mul_overflow((uint64_t)status.f_bavail, (uint64_t)status.f_frsize, &bytes) || bytes > INT64_MAX)
		return INT64_MAX;
	return (int64_t)bytes;
}

static int system_direct(void *self, int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	(void)self;
	return flags == -1 ? -1 : fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

static const struct disk_ops system_ops = {system_open, system_close, system_pread, system_pwritev, system_fdatasync,
	system_fsync, system_fallocate, system_ftruncate, system_rename, system_unlink, system_linkat_fd, system_mkdir,
	system_list, system_size, system_lock, system_free_bytes, system_direct, NULL};

static const struct disk_ops *ops = &system_ops;

int disk_open(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = ops->open(ops->self, path, flags, mode);
	while (fd == -1 && errno == EINTR);
	return fd;
}

int disk_close(int fd)
{
	return ops->close(ops->self, fd); /* never repeated: on Linux the descriptor is gone, EINTR or not */
}

ssize_t disk_read_at(int fd, void *data, size_t length, off_t offset)
{
	size_t done = 0;

	while (done < length) {
		ssize_t got = ops->pread(ops->self, fd, (char *)data + done, length - done, offset + (off_t)done);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int disk_write_at(int fd, struct iovec *parts, int count, off_t offset)
{
	while (count) {
		ssize_t wrote = ops->pwritev(ops->self, fd, parts, count, offset);

		if (wrote == -1 && errno == EINTR)
			continue;
		if (wrote == -1)
			return -1;
		if (wrote == 0) {
			errno = EIO;
			return -1;
		}
		offset += wrote;
		while (count && (size_t)wrote >= parts->iov_len) {
			wrote -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count) {
			parts->iov_base = (char *)parts->iov_base + wrote;
			parts->iov_len -= (size_t)wrote;
		}
	}
	return 0;
}

int disk_sync_data(int fd)
{
	return ops->fdatasync(ops->self, fd);
}

int disk_sync(int fd)
{
	return ops->fsync(ops->self, fd);
}

int disk_sync_directory(const char *path)
{
	int fd = disk_open(path, O_RDONLY | O_DIRECTORY, 0);
	int result;

	if (fd == -1)
		return -1;
	result = disk_sync(fd);
	disk_close(fd);
	return result;
}

int disk_allocate(int fd, off_t offset, off_t length)
{
	int result;

	do
		result = ops->fallocate(ops->self, fd, offset, length);
	while (result == -1 && errno == EINTR);
	return result;
}

int disk_truncate(int fd, off_t length)
{
	return ops->ftruncate(ops->self, fd, length);
}

int disk_rename(const char *from, const char *to)
{
	return ops->rename(ops->self, from, to);
}

int disk_unlink(const char *path)
{
	return ops->unlink(ops->self, path);
}

int disk_name_file(int fd, const char *path)
{
	return ops->linkat_fd(ops->self, fd, path);
}

int disk_make_directory(const char *path, mode_t mode)
{
	return ops->mkdir(ops->self, path, mode);
}

int disk_list(const char *path, int (*each)(void *argument, const char *name), void *argument)
{
	return ops->list(ops->self, path, each, argument);
}

int64_t disk_size(int fd)
{
	return ops->size(ops->self, fd);
}

int disk_lock(int fd)
{
	return ops->lock(ops->self, fd);
}

int64_t disk_free_bytes(const char *path)
{
	return ops->free_bytes(ops->self, path);
}

int disk_direct(int fd, bool on)
{
	if (ops->direct)
		return ops->direct(ops->self, fd, on);
	errno = EOPNOTSUPP;
	return -1;
}

void disk_install(const struct disk_ops *replacement)
{
	ops = replacement ? replacement : &system_ops;
}
