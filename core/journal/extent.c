/*
 * extent.c: bodies too large for the log, each in a file of its own.
 *
 * A spool file has no name and counts against a quota. When a frame that names it is appended, it gets the name
 * extent-<position of the frame>; the writer syncs it and the directory before it writes the frame. A crash in between
 * leaves an extent that no frame names: it lies at or behind the end of the log, and is removed at the next start,
 * before its position can be given again.
 */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHECK_BYTES ((size_t)256 * 1024)

struct collect {
	struct journal *journal;
	uint64_t first;
	uint64_t end;
	bool spools; /* at the start: spool files with a name, too, and the directory is synced */
};

static bool is_full(int error_number)
{
	return error_number == ENOSPC || error_number == EDQUOT;
}

static enum ep_status refuse(int error_number, const char *path, struct error *error)
{
	errno = error_number;
	error_set_errno(error, is_full(error_number) ? EP_ERR_DISK_FULL : EP_ERR_IO, "no room for a body in %s", path);
	return is_full(error_number) ? EP_LIMIT : EP_IO;
}

/* Spool files. */

void extent_init(struct journal *journal)
{
	for (size_t i = 0; i < SPOOLS_MAX; i++)
		journal->spools[i].fd = -1;
}

struct spool *spool_find(struct journal *journal, int fd)
{
	for (size_t i = 0; i < journal->spool_top; i++)
		if (journal->spools[i].fd == fd && fd != -1)
			return &journal->spools[i];
	return NULL;
}

static struct spool *find_free(struct journal *journal)
{
	for (size_t i = 0; i < journal->spool_top; i++)
		if (journal->spools[i].fd == -1)
			return &journal->spools[i];
	return journal->spool_top < SPOOLS_MAX ? &journal->spools[journal->spool_top++] : NULL;
}

uint64_t spool_digest(const struct spool *spool)
{
	return XXH3_64bits_digest(spool->digest);
}

void spool_forget(struct journal *journal, struct spool *spool)
{
	journal->spool_bytes -= spool->length;
	XXH3_freeState(spool->digest);
	*spool = (struct spool){.fd = -1};
}

/* A file system without unnamed files (overlays, network): a name that the next start removes. */
static int open_file(struct journal *journal, uint64_t *number)
{
	char path[PATH_BYTES];
	int fd;

	*number = 0;
	if (!journal->spool_named) {
		fd = disk_open(journal->extent_directory, O_TMPFILE | O_RDWR, 0600);
		if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
			return fd;
		journal->spool_named = true;
	}
	*number = ++journal->number_last;
	journal_path(journal, FILE_SPOOL, *number, path);
	return disk_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
}

enum ep_status journal_spool_open(struct journal *journal, int *fd, struct error *error)
{
	struct spool *spool = find_free(journal);
	uint64_t number;

	*fd = -1;
	if (!spool || journal->spool_bytes >= journal->spool_max)
		return error_set(error, EP_LIMIT, EP_ERR_DISK_FULL, "too many large bodies are on their way");
	*fd = open_file(journal, &number);
	if (*fd == -1)
		return refuse(errno, journal->extent_directory, error);
	*spool = (struct spool){.fd = *fd, .number = number, .digest = XXH3_createState()};
	if (!spool->digest) {
		journal_spool_drop(journal, *fd, 0);
		*fd = -1;
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a large body");
	}
	XXH3_64bits_reset(spool->digest);
	return EP_OK;
}

enum ep_status journal_spool_write(
	struct journal *journal, int fd, uint64_t offset, struct ep_slice data, struct error *error)
{
	struct iovec part = {(void *)(uintptr_t)data.data, data.length};
	struct spool *spool = spool_find(journal, fd);

	if (!spool || offset != spool->length)
		return error_set(error, EP_MISUSE, EP_ERR_INTERNAL, "a spool file is written from front to back");
	if (data.length == 0)
		return EP_OK;
	if (data.length > journal->spool_max - journal->spool_bytes)
		return error_set(error, EP_LIMIT, EP_ERR_DISK_FULL,
			"large bodies on their way exceed %" PRIu64 " bytes", journal->spool_max);
	if (disk_write_at(fd, &part, 1, (off_t)offset) == -1)
		return refuse(errno, journal->extent_directory, error);
	XXH3_64bits_update(spool->digest, data.data, data.length);
	spool->length += data.length;
	journal->spool_bytes += data.length;
	return EP_OK;
}

void journal_spool_drop(struct journal *journal, int fd, uint64_t length)
{
	struct spool *spool = spool_find(journal, fd);
	char path[PATH_BYTES];

	(void)length; /* kept here as well */
	ASSERT(spool);
	if (spool->number) {
		journal_path(journal, FILE_SPOOL, spool->number, path);
		disk_unlink(path);
	}
	spool_forget(journal, spool);
	disk_close(fd);
}

void spool_close_all(struct journal *journal)
{
	for (size_t i = 0; i < journal->spool_top; i++)
		if (journal->spools[i].fd != -1)
			journal_spool_drop(journal, journal->spools[i].fd, journal->spools[i].length);
}

/* Extents. */

enum ep_status extent_name(struct journal *journal, const struct spool *spool, uint64_t number, struct error *error)
{
	char path[PATH_BYTES];
	char from[PATH_BYTES];
	int result;

	journal_path(journal, FILE_EXTENT, number, path);
	if (spool->number) {
		journal_path(journal, FILE_SPOOL, spool->number, from);
		result = disk_rename(from, path);
	} else {
		result = disk_name_file(spool->fd, path);
	}
	return result == 0 ? EP_OK : refuse(errno, path, error);
}

enum ep_status journal_extent_open(struct journal *journal, uint64_t extent, int *fd, struct error *error)
{
	char path[PATH_BYTES];

	journal_path(journal, FILE_EXTENT, extent, path);
	*fd = disk_open(path, O_RDONLY, 0);
	if (*fd != -1)
		return EP_OK;
	if (errno == ENOENT)
		return error_set(error, EP_NOT_FOUND, EP_ERR_JOURNAL_DAMAGED, "%s is missing", path);
	return error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
}

enum ep_status journal_extent_check(
	struct journal *journal, const struct journal_frame *frame, int fd, struct error *error)
{
	XXH3_state_t *digest = XXH3_createState();
	uint8_t *bytes = malloc(CHECK_BYTES);
	enum ep_status status = EP_OK;
	uint64_t at = 0;
	ssize_t got = 1;
	char path[PATH_BYTES];

	if (!digest || !bytes) {
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read an extent");
		goto out;
	}
	journal_path(journal, FILE_EXTENT, frame->extent, path);
	XXH3_64bits_reset(digest);
	while (got > 0 && at <= frame->extent_length) { /* one read beyond the length: it must find nothing */
		got = disk_read_at(fd, bytes, CHECK_BYTES, (off_t)at);
		if (got == -1) {
			status = error_set_errno(error, EP_ERR_IO, "%s can't be read at offset %" PRIu64, path, at);
			goto out;
		}
		XXH3_64bits_update(digest, bytes, (size_t)got);
		at += (uint64_t)got;
	}
	if (at != frame->extent_length)
		status = error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"%s has not the length of %" PRIu64 " bytes that "
			"position %" PRIu64 " says",
			path, frame->extent_length, frame->position);
	else if (XXH3_64bits_digest(digest) != frame->extent_digest)
		status = error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"%s is damaged: it isn't what position %" PRIu64 " says", path, frame->position);
out:
	free(bytes);
	XXH3_freeState(digest);
	return status;
}

static int collect_one(void *argument, const char *name)
{
	struct collect *collect = argument;
	char path[PATH_BYTES];
	uint64_t number;

	if (collect->spools && journal_file_number(name, FILE_SPOOL, &number))
		journal_path(collect->journal, FILE_SPOOL, number, path);
	else if (journal_file_number(name, FILE_EXTENT, &number) && (number < collect->first || number >= collect->end))
		journal_path(collect->journal, FILE_EXTENT, number, path);
	else
		return 0;
	return disk_unlink(path) == -1 && errno != ENOENT ? -1 : 0;
}

enum ep_status extent_collect(struct journal *journal, uint64_t first, uint64_t end, bool spools, struct error *error)
{
	struct collect collect = {journal, first, end, spools};

	if (disk_list(journal->extent_directory, collect_one, &collect) == -1 ||
		(spools && disk_sync_directory(journal->extent_directory) == -1))
		return error_set_errno(error, EP_ERR_IO, "%s can't be cleared", journal->extent_directory);
	return EP_OK;
}
