/* fake_disk.c: see fake_disk.h. */
#include "support/fake_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
	bool lost[PAGES]; /* a sync failed: counts as written, isn't */
	uint8_t *bytes;   /* FILE_MAX each, in the shared memory */
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

struct fake_image {
	struct state state;
	uint8_t *bytes; /* of the used inodes, two a piece */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct state *state;
static uint8_t *memory;

#define MEMORY_BYTES ((size_t)INODES * 2 * FILE_MAX)

static uint64_t next_random(void)
{
	uint64_t x = state->random; /* xorshift64* */

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	state->random = x;
	return x * UINT64_C(2685821657736338717);
}

static bool chance(uint64_t one_in)
{
	return (next_random() >> 33) % one_in == 0;
}

static void __attribute__((noreturn)) misuse(const char *what)
{
	fprintf(stderr, "fake disk: %s\n", what);
	abort();
}

static void set_path(char out[PATH_MAX_BYTES], const char *path)
{
	if (strlen(path) >= PATH_MAX_BYTES)
		misuse("path too long");
	memset(out, 0, PATH_MAX_BYTES);
	memcpy(out, path, strlen(path));
}

static struct name *find_name(struct name *names, const char *path)
{
	for (int i = 0; i < NAMES; i++)
		if (names[i].inode != -1 && strcmp(names[i].path, path) == 0)
			return &names[i];
	return NULL;
}

static void put_name(struct name *names, const char *path, int inode)
{
	struct name *name = find_name(names, path);

	for (int i = 0; !name && i < NAMES; i++)
		if (names[i].inode == -1)
			name = &names[i];
	if (!name)
		misuse("too many names");
	set_path(name->path, path);
	name->inode = inode;
}

static bool in_directory(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/' && !strchr(path + length + 1, '/');
}

static void apply(struct name *names, const struct change *change)
{
	struct name *from = change->from[0] ? find_name(names, change->from) : NULL;

	if (from)
		from->inode = -1;
	if (change->to[0])
		put_name(names, change->to, change->inode);
}

static void note_change(const char *from, const char *to, int inode)
{
	struct change *change = &state->changes[state->change_count];

	if (state->change_count == CHANGES)
		misuse("too many unsynced changes of directories");
	state->change_count++;
	set_path(change->from, from);
	set_path(change->to, to);
	change->inode = inode;
	apply(state->names, change);
}

static void free_unused(void)
{
	for (int i = 0; i < INODES; i++) {
		bool named = state->inodes[i].opened > 0;

		for (int k = 0; k < NAMES && !named; k++)
			named = state->names[k].inode == i || state->synced[k].inode == i;
		for (int k = 0; k < state->change_count && !named; k++)
			named = state->changes[k].inode == i;
		if (!named)
			state->inodes[i].used = false;
	}
}

static int new_inode(bool directory)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < INODES; i++) {
			struct inode *inode = &state->inodes[i];

			if (inode->used)
				continue;
			memset(inode->bytes, 0, FILE_MAX);
			memset(inode->synced, 0, FILE_MAX);
			memset(inode->lost, 0, sizeof(inode->lost));
			inode->used = true;
			inode->directory = directory;
			inode->opened = 0;
			inode->size = inode->synced_size = 0;
			return i;
		}
		free_unused();
	}
	misuse("too many files");
}

/* Counts the operation, stops the process at it, or has it fail: -1 with errno. */
static int enter(enum fake_operation operation)
{
	state->counts[operation]++;
	if (operation != FAKE_READ && ++state->operations == state->stop_at && operation != FAKE_WRITE)
		_exit(99);
	if (state->fail_number[operation] && state->fail_skip[operation]-- == 0) {
		errno = state->fail_number[operation];
		state->fail_number[operation] = 0;
		return -1;
	}
	return 0;
}

static bool interrupted(void)
{
	if (!state->disturb || !chance(4))
		return false;
	errno = EINTR;
	return true;
}

static struct inode *inode_of(int fd)
{
	if (fd < FD_BASE || fd >= FD_BASE + FDS || state->fds[fd - FD_BASE] == -1)
		misuse("not an open file");
	return &state->inodes[state->fds[fd - FD_BASE]];
}

static int new_fd(int inode)
{
	for (int i = 0; i < FDS; i++) {
		if (state->fds[i] != -1)
			continue;
		state->fds[i] = inode;
		state->inodes[inode].opened++;
		return FD_BASE + i;
	}
	misuse("too many open files");
}

static uint64_t space_used(void)
{
	uint64_t used = 0;

	for (int i = 0; i < INODES; i++)
		if (state->inodes[i].used && !state->inodes[i].directory)
			used += (state->inodes[i].size + PAGE - 1) / PAGE * PAGE;
	return used;
}

static int grow(struct inode *inode, uint64_t size)
{
	uint64_t before = (inode->size + PAGE - 1) / PAGE * PAGE;
	uint64_t after = (size + PAGE - 1) / PAGE * PAGE;

	if (size > FILE_MAX)
		misuse("file too large");
	free_unused();
	if (after > before && space_used() + after - before > state->space) {
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

	set_path(parent, path);
	*strrchr(parent, '/') = '\0';
	if (parent[0] && !find_name(state->names, parent)) {
		errno = ENOENT;
		return -1;
	}
	if (enter(FAKE_CREATE) == -1)
		return -1;
	inode = new_inode(directory);
	note_change("", path, inode);
	return inode;
}

static int open_locked(const char *path, int flags)
{
	const struct name *name = find_name(state->names, path);
	int inode = name ? name->inode : -1;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		if (state->no_tmpfile) {
			errno = EOPNOTSUPP;
			return -1;
		}
		return enter(FAKE_CREATE) == -1 ? -1 : new_fd(new_inode(false));
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
	if (flags & O_TRUNC)
		state->inodes[inode].size = 0;
	return new_fd(inode);
}

static int fake_open(void *self, const char *path, int flags, mode_t mode)
{
	int fd;

	(void)self;
	(void)mode;
	pthread_mutex_lock(&lock);
	fd = interrupted() ? -1 : open_locked(path, flags);
	pthread_mutex_unlock(&lock);
	return fd;
}

static int fake_close(void *self, int fd)
{
	(void)self;
	pthread_mutex_lock(&lock);
	inode_of(fd)->opened--;
	state->fds[fd - FD_BASE] = -1;
	pthread_mutex_unlock(&lock);
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
	if (state->disturb && length > 1 && chance(3))
		length = 1 + (size_t)(next_random() % (length - 1));
	memcpy(data, inode->bytes + at, length);
	return (ssize_t)length;
}

static ssize_t fake_pread(void *self, int fd, void *data, size_t length, off_t offset)
{
	ssize_t got;

	(void)self;
	pthread_mutex_lock(&lock);
	got = read_locked(fd, data, length, offset);
	pthread_mutex_unlock(&lock);
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
		bool cut = state->disturb && length > 1 && chance(3);

		if (cut)
			length = 1 + (size_t)(next_random() % (length - 1));
		if (at + length > inode->size && grow(inode, at + length) == -1)
			return wrote ? wrote : -1;
		memcpy(inode->bytes + at, parts[i].iov_base, length);
		for (uint64_t page = at / PAGE; length && page <= (at + length - 1) / PAGE; page++)
			inode->lost[page] = false;
		at += length;
		wrote += (ssize_t)length;
		if (cut)
			break;
	}
	if (state->operations == state->stop_at)
		_exit(99);
	return wrote;
}

static ssize_t fake_pwritev(void *self, int fd, const struct iovec *parts, int count, off_t offset)
{
	ssize_t wrote;

	(void)self;
	pthread_mutex_lock(&lock);
	wrote = write_locked(fd, parts, count, offset);
	pthread_mutex_unlock(&lock);
	return wrote;
}

static void sync_file(struct inode *inode)
{
	for (size_t page = 0; page < PAGES; page++)
		if (!inode->lost[page] && page * PAGE < inode->size)
			memcpy(inode->synced + page * PAGE, inode->bytes + page * PAGE, PAGE);
	inode->synced_size = inode->size;
}

static void sync_directory(const struct inode *inode)
{
	const char *path = NULL;
	int kept = 0;

	for (int i = 0; i < NAMES; i++)
		if (state->names[i].inode == (int)(inode - state->inodes))
			path = state->names[i].path;
	for (int i = 0; path && i < state->change_count; i++) {
		const struct change *change = &state->changes[i];

		if (in_directory(change->to[0] ? change->to : change->from, path))
			apply(state->synced, change);
		else
			state->changes[kept++] = *change;
	}
	if (path)
		state->change_count = kept;
}

static int sync_locked(int fd, enum fake_operation operation)
{
	struct inode *inode = inode_of(fd);

	if (enter(operation) == -1) {
		for (size_t page = 0; page < PAGES; page++)
			if (memcmp(inode->synced + page * PAGE, inode->bytes + page * PAGE, PAGE) != 0)
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
	pthread_mutex_lock(&lock);
	result = sync_locked(fd, FAKE_SYNC_DATA);
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_fsync(void *self, int fd)
{
	int result;

	(void)self;
	pthread_mutex_lock(&lock);
	result = sync_locked(fd, FAKE_SYNC);
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_fallocate(void *self, int fd, off_t offset, off_t length)
{
	int result;

	(void)self;
	pthread_mutex_lock(&lock);
	result = interrupted() || enter(FAKE_ALLOCATE) == -1 ? -1 : grow(inode_of(fd), (uint64_t)(offset + length));
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_ftruncate(void *self, int fd, off_t length)
{
	struct inode *inode;
	int result = -1;

	(void)self;
	pthread_mutex_lock(&lock);
	inode = inode_of(fd);
	if (enter(FAKE_TRUNCATE) == 0) {
		result = 0;
		if ((uint64_t)length < inode->size)
			memset(inode->bytes + length, 0, inode->size - (uint64_t)length);
		inode->size = (uint64_t)length;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

static int change_locked(enum fake_operation operation, const char *from, const char *to)
{
	const struct name *name = find_name(state->names, from);

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
	pthread_mutex_lock(&lock);
	result = change_locked(FAKE_RENAME, from, to);
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_unlink(void *self, const char *path)
{
	int result;

	(void)self;
	pthread_mutex_lock(&lock);
	result = change_locked(FAKE_UNLINK, path, "");
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_linkat_fd(void *self, int fd, const char *path)
{
	int result = -1;

	(void)self;
	pthread_mutex_lock(&lock);
	inode_of(fd);
	if (find_name(state->names, path)) {
		errno = EEXIST;
	} else if (enter(FAKE_LINK) == 0) {
		note_change("", path, state->fds[fd - FD_BASE]);
		result = 0;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_mkdir(void *self, const char *path, mode_t mode)
{
	int result = -1;

	(void)self;
	(void)mode;
	pthread_mutex_lock(&lock);
	if (find_name(state->names, path))
		errno = EEXIST;
	else
		result = make(path, true) == -1 ? -1 : 0;
	pthread_mutex_unlock(&lock);
	return result;
}

static int fake_list(void *self, const char *path, int (*each)(void *argument, const char *name), void *argument)
{
	char names[NAMES][PATH_MAX_BYTES];
	int count = 0;
	int result = 0;

	(void)self;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < NAMES; i++)
		if (state->names[i].inode != -1 && in_directory(state->names[i].path, path))
			set_path(names[count++], strrchr(state->names[i].path, '/') + 1);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < count && result == 0; i++)
		result = each(argument, names[i]);
	return result;
}

static int64_t fake_size(void *self, int fd)
{
	int64_t size;

	(void)self;
	pthread_mutex_lock(&lock);
	size = (int64_t)inode_of(fd)->size;
	pthread_mutex_unlock(&lock);
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
	pthread_mutex_lock(&lock);
	free_unused();
	used = space_used();
	pthread_mutex_unlock(&lock);
	return used < state->space ? (int64_t)(state->space - used) : 0;
}

static const struct disk_ops fake_ops = {.open = fake_open,
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

static void *share(size_t bytes)
{
	void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (shared == MAP_FAILED)
		misuse("no memory");
	return shared;
}

void fake_disk_begin(uint64_t seed)
{
	state = share(sizeof(*state));
	memory = share(MEMORY_BYTES);
	for (int i = 0; i < INODES; i++) {
		state->inodes[i].bytes = memory + (size_t)i * 2 * FILE_MAX;
		state->inodes[i].synced = state->inodes[i].bytes + FILE_MAX;
	}
	for (int i = 0; i < NAMES; i++)
		state->names[i].inode = state->synced[i].inode = -1;
	for (int i = 0; i < FDS; i++)
		state->fds[i] = -1;
	state->random = seed * 2 + 1;
	state->space = UINT64_MAX / 2;
	put_name(state->names, "/fake", new_inode(true));
	put_name(state->synced, "/fake", state->names[0].inode);
	disk_install(&fake_ops);
}

void fake_disk_end(void)
{
	disk_install(NULL);
	munmap(state, sizeof(*state));
	munmap(memory, MEMORY_BYTES);
	state = NULL;
}

void fake_disk_stop_at(uint64_t operation)
{
	state->stop_at = operation;
	state->operations = 0;
}

uint64_t fake_disk_operations(void)
{
	return state->operations;
}

uint64_t fake_disk_count(enum fake_operation operation)
{
	return state->counts[operation];
}

void fake_disk_reset_counts(void)
{
	memset(state->counts, 0, sizeof(state->counts));
}

void fake_disk_fail(enum fake_operation operation, uint64_t skip, int error_number)
{
	state->fail_skip[operation] = skip;
	state->fail_number[operation] = error_number;
}

void fake_disk_space(uint64_t bytes)
{
	state->space = bytes;
}

void fake_disk_disturb(bool on)
{
	state->disturb = on;
}

void fake_disk_no_tmpfile(bool on)
{
	state->no_tmpfile = on;
}

static void cut_page(struct inode *inode, size_t page, enum fake_loss loss)
{
	uint8_t *current = inode->bytes + page * PAGE;
	uint8_t *synced = inode->synced + page * PAGE;

	if (memcmp(current, synced, PAGE) == 0)
		return;
	if (loss == FAKE_DROP || inode->lost[page] || chance(2)) {
		memcpy(current, synced, PAGE);
		return;
	}
	for (size_t at = 0; at < PAGE && chance(8); at += SECTOR) /* torn: a few sectors at the front are old */
		memcpy(current + at, synced + at, SECTOR);
}

static void cut_file(struct inode *inode, enum fake_loss loss)
{
	if (loss != FAKE_KEEP) {
		for (size_t page = 0; page < PAGES; page++)
			cut_page(inode, page, loss);
		if (loss == FAKE_DROP || chance(2))
			inode->size = inode->synced_size;
		if (inode->size < FILE_MAX)
			memset(inode->bytes + inode->size, 0, FILE_MAX - inode->size);
	}
	inode->opened = 0;
}

void fake_disk_crash(enum fake_loss loss)
{
	pthread_mutex_init(&lock, NULL);
	state->stop_at = 0;
	memset(state->fail_number, 0, sizeof(state->fail_number));
	for (int i = 0; i < FDS; i++)
		state->fds[i] = -1;
	if (loss != FAKE_KEEP) {
		for (int i = 0; i < state->change_count; i++)
			if (loss == FAKE_SOME && chance(2))
				apply(state->synced, &state->changes[i]);
		memcpy(state->names, state->synced, sizeof(state->names));
		state->change_count = 0;
	}
	for (int i = 0; i < INODES; i++)
		if (state->inodes[i].used)
			cut_file(&state->inodes[i], loss);
	if (loss != FAKE_KEEP)
		fake_disk_settle();
	free_unused();
}

void fake_disk_settle(void)
{
	for (int i = 0; i < INODES; i++) {
		struct inode *inode = &state->inodes[i];

		if (!inode->used)
			continue;
		memcpy(inode->synced, inode->bytes, FILE_MAX);
		memset(inode->lost, 0, sizeof(inode->lost));
		inode->synced_size = inode->size;
	}
	memcpy(state->synced, state->names, sizeof(state->synced));
	state->change_count = 0;
}

struct fake_image *fake_disk_save(void)
{
	struct fake_image *image = malloc(sizeof(*image));
	size_t count = 0;

	if (!image)
		misuse("no memory");
	image->state = *state;
	for (int i = 0; i < INODES; i++)
		count += state->inodes[i].used;
	image->bytes = malloc(count * 2 * FILE_MAX);
	count = 0;
	for (int i = 0; i < INODES; i++)
		if (state->inodes[i].used)
			memcpy(image->bytes + count++ * 2 * FILE_MAX, state->inodes[i].bytes, 2 * FILE_MAX);
	return image;
}

void fake_disk_restore(const struct fake_image *image)
{
	uint64_t random = state->random;
	size_t count = 0;

	*state = image->state;
	state->random = random; /* chance goes on */
	for (int i = 0; i < INODES; i++)
		if (state->inodes[i].used)
			memcpy(state->inodes[i].bytes, image->bytes + count++ * 2 * FILE_MAX, 2 * FILE_MAX);
}

void fake_disk_free_image(struct fake_image *image)
{
	free(image->bytes);
	free(image);
}

uint8_t *fake_disk_bytes(const char *path, uint64_t *size)
{
	const struct name *name = find_name(state->names, path);

	if (!name)
		return NULL;
	*size = state->inodes[name->inode].size;
	return state->inodes[name->inode].bytes;
}

void fake_disk_set_size(const char *path, uint64_t size)
{
	struct inode *inode = &state->inodes[find_name(state->names, path)->inode];

	if (size < inode->size)
		memset(inode->bytes + size, 0, inode->size - size);
	inode->size = inode->synced_size = size;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool fake_disk_name(const char *directory, int n, char name[PATH_MAX_BYTES])
{
	static char names[NAMES][PATH_MAX_BYTES];
	int count = 0;

	for (int i = 0; i < NAMES; i++)
		if (state->names[i].inode != -1 && in_directory(state->names[i].path, directory))
			set_path(names[count++], strrchr(state->names[i].path, '/') + 1);
	qsort(names, (size_t)count, PATH_MAX_BYTES, compare_names);
	if (n >= count)
		return false;
	memcpy(name, names[n], PATH_MAX_BYTES);
	return true;
}

struct fake_notes *fake_disk_notes(void)
{
	return &state->notes;
}
