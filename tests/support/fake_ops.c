/* fake_ops.c: what a process can do with the fake disk; see fake_disk.h. */
#include "support/fake_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pthread_mutex_t fake_mutex = PTHREAD_MUTEX_INITIALIZER;
void (*fake_hook)(enum fake_operation operation);

static uint64_t next_random(void)
{
	uint64_t x = fake_state->random; /* xorshift64* */

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	fake_state->random = x;
	return x * UINT64_C(2685821657736338717);
}

bool fake_chance(uint64_t one_in)
{
	return (next_random() >> 33) % one_in == 0;
}

void __attribute__((noreturn)) fake_misuse(const char *what)
{
	fprintf(stderr, "fake disk: %s\n", what);
	abort();
}

void fake_set_path(char out[PATH_MAX_BYTES], const char *path)
{
	if (strlen(path) >= PATH_MAX_BYTES)
		fake_misuse("path too long");
	memset(out, 0, PATH_MAX_BYTES);
	memcpy(out, path, strlen(path));
}

struct name *fake_find_name(struct name *names, const char *path)
{
	for (int i = 0; i < NAMES; i++)
		if (names[i].inode != -1 && strcmp(names[i].path, path) == 0)
			return &names[i];
	return NULL;
}

void fake_put_name(struct name *names, const char *path, int inode)
{
	struct name *name = fake_find_name(names, path);

	for (int i = 0; !name && i < NAMES; i++)
		if (names[i].inode == -1)
			name = &names[i];
	if (!name)
		fake_misuse("too many names");
	fake_set_path(name->path, path);
	name->inode = inode;
}

bool fake_in_directory(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/' && !strchr(path + length + 1, '/');
}

void fake_apply(struct name *names, const struct change *change)
{
	struct name *from = change->from[0] ? fake_find_name(names, change->from) : NULL;

	if (from)
		from->inode = -1;
	if (change->to[0])
		fake_put_name(names, change->to, change->inode);
}

static void note_change(const char *from, const char *to, int inode)
{
	struct change *change = &fake_state->changes[fake_state->change_count];

	if (fake_state->change_count == CHANGES)
		fake_misuse("too many unsynced changes of directories");
	fake_state->change_count++;
	fake_set_path(change->from, from);
	fake_set_path(change->to, to);
	change->inode = inode;
	fake_apply(fake_state->names, change);
}

void fake_free_unused(void)
{
	for (int i = 0; i < INODES; i++) {
		bool named = fake_state->inodes[i].opened > 0;

		if (!fake_state->inodes[i].used)
			continue;
		for (int k = 0; k < NAMES && !named; k++)
			named = fake_state->names[k].inode == i || fake_state->synced[k].inode == i;
		for (int k = 0; k < fake_state->change_count && !named; k++)
			named = fake_state->changes[k].inode == i;
		if (!named)
			fake_state->inodes[i].used = false;
	}
}

void fake_clear_from(struct inode *inode, uint64_t at)
{
	if (at >= inode->top)
		return;
	memset(inode->bytes + at, 0, inode->top - at);
	for (uint64_t page = at / PAGE; page <= (inode->top - 1) / PAGE; page++)
		inode->dirty[page] = true;
}

int fake_new_inode(bool directory)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < INODES; i++) {
			struct inode *inode = &fake_state->inodes[i];

			if (inode->used)
				continue;
			memset(inode->bytes, 0, inode->top);
			memset(inode->synced, 0, inode->top);
			memset(inode->dirty, 0, sizeof(inode->dirty));
			memset(inode->lost, 0, sizeof(inode->lost));
			inode->top = 0;
			inode->used = true;
			inode->directory = directory;
			inode->opened = 0;
			inode->size = inode->synced_size = 0;
			return i;
		}
		fake_free_unused();
	}
	fake_misuse("too many files");
}

/* Counts the operation, stops the process at it, or has it fail: -1 with errno. */
static int enter(enum fake_operation operation)
{
	fake_state->counts[operation]++;
	if (operation != FAKE_READ && ++fake_state->operations == fake_state->stop_at && operation != FAKE_WRITE)
		_exit(99);
	if (fake_state->fail_number[operation] && fake_state->fail_skip[operation]-- == 0) {
		errno = fake_state->fail_number[operation];
		fake_state->fail_number[operation] = 0;
		return -1;
	}
	return 0;
}

static void before(enum fake_operation operation)
{
	if (fake_hook)
		fake_hook(operation);
}

static bool interrupted(void)
{
	if (!fake_state->disturb || !fake_chance(4))
		return false;
	errno = EINTR;
	return true;
}

static struct inode *inode_of(int fd)
{
	if (fd < FD_BASE || fd >= FD_BASE + FDS || fake_state->fds[fd - FD_BASE] == -1)
		fake_misuse("not an open file");
	return &fake_state->inodes[fake_state->fds[fd - FD_BASE]];
}

static int new_fd(int inode)
{
	for (int i = 0; i < FDS; i++) {
		if (fake_state->fds[i] != -1)
			continue;
		fake_state->fds[i] = inode;
		fake_state->inodes[inode].opened++;
		return FD_BASE + i;
	}
	fake_misuse("too many open files");
}

static uint64_t space_used(void)
{
	uint64_t used = 0;

	for (int i = 0; i < INODES; i++)
		if (fake_state->inodes[i].used && !fake_state->inodes[i].directory)
			used += (fake_state->inodes[i].size + PAGE - 1) / PAGE * PAGE;
	return used;
}

static int grow(struct inode *inode, uint64_t size)
{
	uint64_t before = (inode->size + PAGE - 1) / PAGE * PAGE;
	uint64_t after = (size + PAGE - 1) / PAGE * PAGE;

	if (size > FILE_MAX)
		fake_misuse("file too large");
	if (after > before && space_used() + after - before > fake_state->space)
		fake_free_unused();
	if (after > before && space_used() + after - before > fake_state->space) {
		errno = ENOSPC;
		return -1;
	}
	if (size > inode->size)
		inode->size = size;
	return 0;
}

static int make(const char *path, bool directory)
{
	char parent[PATH_MAX_BYTES];
	int inode;

	fake_set_path(parent, path);
	*strrchr(parent, '/') = '\0';
	if (parent[0] && !fake_find_name(fake_state->names, parent)) {
		errno = ENOENT;
		return -1;
	}
	if (enter(FAKE_CREATE) == -1)
		return -1;
	inode = fake_new_inode(directory);
	note_change("", path, inode);
	return inode;
}

static int open_locked(const char *path, int flags)
{
	const struct name *name = fake_find_name(fake_state->names, path);
	int inode = name ? name->inode : -1;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		if (fake_state->no_tmpfile) {
			errno = EOPNOTSUPP;
			return -1;
		}
		return enter(FAKE_CREATE) == -1 ? -1 : new_fd(fake_new_inode(false));
	}
	if (inode != -1 && (flags & O_CREAT) && (flags & O_EXCL)) {
		errno = EEXIST;
		return -1;
	}
	if (inode == -1 && !(flags & O_CREAT)) {
		errno = ENOENT;
		return -1;
	}
	if (inode == -1)
		inode = make(path, false);
	if (inode == -1)
		return -1;
	if (flags & O_TRUNC) {
		fake_clear_from(&fake_state->inodes[inode], 0);
		fake_state->inodes[inode].size = 0;
	}
	return new_fd(inode);
}

static int fake_open(void *self, const char *path, int flags, mode_t mode)
{
	int fd;

	(void)self;
	(void)mode;
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		before(FAKE_CREATE);
	pthread_mutex_lock(&fake_mutex);
	fd = interrupted() ? -1 : open_locked(path, flags);
	pthread_mutex_unlock(&fake_mutex);
	return fd;
}

static int fake_close(void *self, int fd)
{
	(void)self;
	pthread_mutex_lock(&fake_mutex);
	inode_of(fd)->opened--;
	fake_state->fds[fd - FD_BASE] = -1;
	pthread_mutex_unlock(&fake_mutex);
	return 0;
}

static ssize_t read_locked(int fd, void *data, size_t length, off_t offset)
{
	const struct inode *inode = inode_of(fd);
	uint64_t at = (uint64_t)offset;

	if (interrupted() || enter(FAKE_READ) == -1)
		return -1;
	if (at >= inode->size)
		return 0;
	if (length > inode->size - at)
		length = inode->size - at;
	if (fake_state->disturb && length > 1 && fake_chance(3))
		length = 1 + (size_t)(next_random() % (length - 1));
	memcpy(data, inode->bytes + at, length);
	return (ssize_t)length;
}

static ssize_t fake_pread(void *self, int fd, void *data, size_t length, off_t offset)
{
	ssize_t got;

	(void)self;
	before(FAKE_READ);
	pthread_mutex_lock(&fake_mutex);
	got = read_locked(fd, data, length, offset);
	pthread_mutex_unlock(&fake_mutex);
	return got;
}

static ssize_t write_locked(int fd, const struct iovec *parts, int count, off_t offset)
{
	struct inode *inode = inode_of(fd);
	uint64_t at = (uint64_t)offset;
	ssize_t wrote = 0;

	if (interrupted() || enter(FAKE_WRITE) == -1)
		return -1;
	for (int i = 0; i < count; i++) {
		size_t length = parts[i].iov_len;
		bool cut = fake_state->disturb && length > 1 && fake_chance(3);

		if (cut)
			length = 1 + (size_t)(next_random() % (length - 1));
		if (at + length > inode->size && grow(inode, at + length) == -1)
			return wrote ? wrote : -1;
		memcpy(inode->bytes + at, parts[i].iov_base, length);
		for (uint64_t page = at / PAGE; length && page <= (at + length - 1) / PAGE; page++) {
			inode->dirty[page] = true;
			inode->lost[page] = false;
		}
		if (at + length > inode->top)
			inode->top = at + length;
		at += length;
		wrote += (ssize_t)length;
		if (cut)
			break;
	}
	if (fake_state->operations == fake_state->stop_at)
		_exit(99);
	return wrote;
}

static ssize_t fake_pwritev(void *self, int fd, const struct iovec *parts, int count, off_t offset)
{
	ssize_t wrote;

	(void)self;
	before(FAKE_WRITE);
	pthread_mutex_lock(&fake_mutex);
	wrote = write_locked(fd, parts, count, offset);
	pthread_mutex_unlock(&fake_mutex);
	return wrote;
}

static void sync_file(struct inode *inode)
{
	for (size_t page = 0; page < PAGES; page++) {
		if (!inode->dirty[page] || inode->lost[page])
			continue;
		memcpy(inode->synced + page * PAGE, inode->bytes + page * PAGE, PAGE);
		inode->dirty[page] = false;
	}
	inode->synced_size = inode->size;
}

static void sync_directory(const struct inode *inode)
{
	const char *path = NULL;
	int kept = 0;

	for (int i = 0; i < NAMES; i++)
		if (fake_state->names[i].inode == (int)(inode - fake_state->inodes))
			path = fake_state->names[i].path;
	for (int i = 0; path && i < fake_state->change_count; i++) {
		const struct change *change = &fake_state->changes[i];

		if (fake_in_directory(change->to[0] ? change->to : change->from, path))
			fake_apply(fake_state->synced, change);
		else
			fake_state->changes[kept++] = *change;
	}
	if (path)
		fake_state->change_count = kept;
}

static int sync_locked(int fd, enum fake_operation operation)
{
	struct inode *inode = inode_of(fd);

	if (enter(operation) == -1) {
		for (size_t page = 0; page < PAGES; page++)
			if (inode->dirty[page])
				inode->lost[page] = true;
		return -1;
	}
	if (inode->directory)
		sync_directory(inode);
	else
		sync_file(inode);
	return 0;
}

static int fake_fdatasync(void *self, int fd)
{
	int result;

	(void)self;
	before(FAKE_SYNC_DATA);
	pthread_mutex_lock(&fake_mutex);
	result = sync_locked(fd, FAKE_SYNC_DATA);
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_fsync(void *self, int fd)
{
	int result;

	(void)self;
	before(FAKE_SYNC);
	pthread_mutex_lock(&fake_mutex);
	result = sync_locked(fd, FAKE_SYNC);
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_fallocate(void *self, int fd, off_t offset, off_t length)
{
	int result;

	(void)self;
	before(FAKE_ALLOCATE);
	pthread_mutex_lock(&fake_mutex);
	result = interrupted() || enter(FAKE_ALLOCATE) == -1 ? -1 : grow(inode_of(fd), (uint64_t)(offset + length));
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_ftruncate(void *self, int fd, off_t length)
{
	struct inode *inode;
	int result = -1;

	(void)self;
	before(FAKE_TRUNCATE);
	pthread_mutex_lock(&fake_mutex);
	inode = inode_of(fd);
	if (enter(FAKE_TRUNCATE) == 0) {
		result = 0;
		fake_clear_from(inode, (uint64_t)length);
		inode->size = (uint64_t)length;
	}
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int change_locked(enum fake_operation operation, const char *from, const char *to)
{
	const struct name *name = fake_find_name(fake_state->names, from);

	if (enter(operation) == -1)
		return -1;
	if (!name) {
		errno = ENOENT;
		return -1;
	}
	note_change(from, to, name->inode);
	return 0;
}

static int fake_rename(void *self, const char *from, const char *to)
{
	int result;

	(void)self;
	before(FAKE_RENAME);
	pthread_mutex_lock(&fake_mutex);
	result = change_locked(FAKE_RENAME, from, to);
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_unlink(void *self, const char *path)
{
	int result;

	(void)self;
	before(FAKE_UNLINK);
	pthread_mutex_lock(&fake_mutex);
	result = change_locked(FAKE_UNLINK, path, "");
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_linkat_fd(void *self, int fd, const char *path)
{
	int result = -1;

	(void)self;
	before(FAKE_LINK);
	pthread_mutex_lock(&fake_mutex);
	inode_of(fd);
	if (fake_find_name(fake_state->names, path)) {
		errno = EEXIST;
	} else if (enter(FAKE_LINK) == 0) {
		note_change("", path, fake_state->fds[fd - FD_BASE]);
		result = 0;
	}
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_mkdir(void *self, const char *path, mode_t mode)
{
	int result = -1;

	(void)self;
	(void)mode;
	before(FAKE_CREATE);
	pthread_mutex_lock(&fake_mutex);
	if (fake_find_name(fake_state->names, path))
		errno = EEXIST;
	else
		result = make(path, true) == -1 ? -1 : 0;
	pthread_mutex_unlock(&fake_mutex);
	return result;
}

static int fake_list(void *self, const char *path, int (*each)(void *argument, const char *name), void *argument)
{
	char names[NAMES][PATH_MAX_BYTES];
	int count = 0;
	int result = 0;

	(void)self;
	pthread_mutex_lock(&fake_mutex);
	for (int i = 0; i < NAMES; i++)
		if (fake_state->names[i].inode != -1 && fake_in_directory(fake_state->names[i].path, path))
			fake_set_path(names[count++], strrchr(fake_state->names[i].path, '/') + 1);
	pthread_mutex_unlock(&fake_mutex);
	for (int i = 0; i < count && result == 0; i++)
		result = each(argument, names[i]);
	return result;
}

static int64_t fake_size(void *self, int fd)
{
	int64_t size;

	(void)self;
	pthread_mutex_lock(&fake_mutex);
	size = (int64_t)inode_of(fd)->size;
	pthread_mutex_unlock(&fake_mutex);
	return size;
}

static int fake_lock(void *self, int fd)
{
	(void)self;
	(void)fd;
	return 0;
}

static int64_t fake_free_bytes(void *self, const char *path)
{
	uint64_t used;

	(void)self;
	(void)path;
	pthread_mutex_lock(&fake_mutex);
	fake_free_unused();
	used = space_used();
	pthread_mutex_unlock(&fake_mutex);
	return used < fake_state->space ? (int64_t)(fake_state->space - used) : 0;
}

const struct disk_ops fake_ops = {.open = fake_open,
	.close = fake_close,
	.pread = fake_pread,
	.pwritev = fake_pwritev,
	.fdatasync = fake_fdatasync,
	.fsync = fake_fsync,
	.fallocate = fake_fallocate,
	.ftruncate = fake_ftruncate,
	.rename = fake_rename,
	.unlink = fake_unlink,
	.linkat_fd = fake_linkat_fd,
	.mkdir = fake_mkdir,
	.list = fake_list,
	.size = fake_size,
	.lock = fake_lock,
	.free_bytes = fake_free_bytes};
