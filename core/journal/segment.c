/* segment.c: names of the log's files, the table of segments, and how a file becomes one. */
#include "journal/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const prefixes[FILES] = {"segment-", "spare-", "extent-", "spool-"};

void journal_path(const struct journal *journal, enum journal_file file, uint64_t number, char path[PATH_BYTES])
{
	const char *directory =
		file == FILE_SEGMENT || file == FILE_SPARE ? journal->log_directory : journal->extent_directory;

	snprintf(path, PATH_BYTES, "%s/%s%016" PRIx64, directory, prefixes[file], number);
}

bool journal_file_number(const char *name, enum journal_file file, uint64_t *number)
{
	size_t length = strlen(prefixes[file]);

	if (strncmp(name, prefixes[file], length) != 0 || strlen(name + length) != 16 ||
		strspn(name + length, "0123456789abcdef") != 16)
		return false;
	*number = strtoull(name + length, NULL, 16);
	return true;
}

enum ep_status segment_reserve(struct journal *journal, struct error *error)
{
	if (journal->segment_count == journal->segment_capacity) {
		size_t capacity = journal->segment_capacity ? journal->segment_capacity * 2 : 64;
		struct segment_head *grown;

		if (capacity > SEGMENTS_MAX)
			return error_set(error, EP_LIMIT, EP_ERR_LIMIT,
				"the journal has %d segments: larger ones are needed", SEGMENTS_MAX);
		grown = realloc(journal->segments, capacity * sizeof(*grown));
		if (!grown)
			return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal's segments");
		journal->segments = grown;
		journal->segment_capacity = capacity;
	}
	return EP_OK;
}

void segment_add(struct journal *journal, const struct segment_head *head)
{
	ASSERT(journal->segment_count < journal->segment_capacity);
	journal->segments[journal->segment_count++] = *head;
}

const struct segment_head *segment_at(const struct journal *journal, uint64_t position)
{
	size_t low = 0;
	size_t high = journal->segment_count;

	while (low < high) { /* the first that starts behind the position */
		size_t middle = low + (high - low) / 2;

		if (journal->segments[middle].start <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &journal->segments[low - 1] : NULL;
}

uint64_t segment_end(const struct journal *journal, const struct segment_head *segment)
{
	return segment + 1 < journal->segments + journal->segment_count ? segment[1].start : UINT64_MAX;
}

/*
 * The content is on the disk before the file gets its name, so a file named segment-* always has a sound head, and a
 * crash in between leaves a spare file.
 */
int segment_install(int fd, struct iovec *parts, int part_count, const char *from, const char *to,
	const char *directory, const char **what)
{
	*what = "write to";
	if (disk_write_at(fd, parts, part_count, 0) == -1)
		return errno;
	*what = "sync";
	if (disk_sync_data(fd) == -1)
		return errno;
	*what = "rename";
	if (disk_rename(from, to) == -1)
		return errno;
	*what = "sync the directory of";
	if (disk_sync_directory(directory) == -1)
		return errno;
	return 0;
}
