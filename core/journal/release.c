/*
 * release.c: gives up what nobody needs any more, in the background: whole segments from the front of the log, first
 * renamed to spare files (or removed, if there are enough of those), then the extents that they named.
 *
 * In the order of the log, each step synced, so that a crash never leaves a gap. What recovery needs stays: the newest
 * checkpoint, and everything from where it says. A segment that a crash brings back is only kept longer.
 */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/log.h"

#define RELEASE_MAX 64 /* segments at a time */

struct release {
	struct journal *journal;
	struct disk_job job;
	uint64_t numbers[RELEASE_MAX];
	size_t count;
	uint64_t spare_numbers[SPARES_MAX]; /* names for the first of them */
	int spare_fds[SPARES_MAX];          /* -1: it could not be used */
	size_t spare_count;
	uint64_t first; /* position of what is kept */
};

/* The background thread. */

/* A full-size segment gets a spare file's name; false: it must be removed instead. */
static bool recycle(const struct release *release, const char *path, size_t i, int *fd)
{
	char spare_path[PATH_BYTES];

	*fd = disk_open(path, O_RDWR, 0);
	if (*fd == -1)
		return false;
	journal_path(release->journal, FILE_SPARE, release->spare_numbers[i], spare_path);
	if (disk_size(*fd) == release->journal->segment_bytes && disk_rename(path, spare_path) == 0)
		return true;
	disk_close(*fd);
	*fd = -1;
	return false;
}

static int perform(struct disk_job *job)
{
	struct release *release = job->owner;
	struct error error;

	for (size_t i = 0; i < release->count; i++) {
		int fd = -1;
		char path[PATH_BYTES];

		journal_path(release->journal, FILE_SEGMENT, release->numbers[i], path);
		if (!(i < release->spare_count && recycle(release, path, i, &fd)) && disk_unlink(path) == -1)
			return errno;
		if (i < release->spare_count)
			release->spare_fds[i] = fd;
		if (disk_sync_directory(release->journal->log_directory) == -1)
			journal_fatal("sync", release->journal->log_directory, errno);
	}
	return extent_collect(release->journal, release->first, UINT64_MAX, false, &error) == EP_OK ? 0 : EIO;
}

/* The loop's thread. */

static void start(struct journal *journal);

static void keep_spare(struct journal *journal, uint64_t number, int fd)
{
	struct error error;

	if (fd == -1)
		return;
	if (journal->spare_count < SPARES_MAX && spare_adopt(journal, number, fd, &error) == EP_OK)
		return;
	disk_close(fd); /* the next start finds the file again */
}

static void done(struct disk_job *job, int error_number)
{
	struct release *release = job->owner;
	struct journal *journal = release->journal;

	if (error_number)
		log_warn("journal: what is no longer needed could not be removed",
			log_text("error", strerrordesc_np(error_number)));
	for (size_t i = 0; i < release->spare_count; i++)
		keep_spare(journal, release->spare_numbers[i], release->spare_fds[i]);
	journal->release = NULL;
	free(release);
	if (!journal->closing && !error_number)
		start(journal);
}

static size_t count_free(const struct journal *journal)
{
	uint64_t limit = journal->released < journal->release_max ? journal->released : journal->release_max;
	size_t count = 0;

	while (count < RELEASE_MAX && count + 1 < journal->segment_count && journal->segments[count + 1].start <= limit)
		count++;
	return count;
}

static void start(struct journal *journal)
{
	size_t count = journal->release ? 0 : count_free(journal);
	struct release *release = count ? calloc(1, sizeof(*release)) : NULL;

	if (!release)
		return; /* without memory: another time */
	release->journal = journal;
	release->count = count;
	release->first = journal->segments[count].start;
	for (size_t i = 0; i < count; i++)
		release->numbers[i] = journal->segments[i].number;
	while (release->spare_count < count && journal->spare_count + release->spare_count < SPARES_MAX) {
		release->spare_fds[release->spare_count] = -1;
		release->spare_numbers[release->spare_count++] = ++journal->number_last;
	}
	journal->segment_count -= count;
	memmove(journal->segments, journal->segments + count, journal->segment_count * sizeof(*journal->segments));
	journal->release = release;
	release->job = (struct disk_job){.perform = perform, .done = done, .owner = release};
	disk_thread_submit(journal->background, &release->job);
}

void journal_release(struct journal *journal, uint64_t position)
{
	if (position > journal->released)
		journal->released = position;
	start(journal);
}
