/*
 * survey_files.c: which segments there are, and what their heads say; where a head is damaged, what its groups prove.
 *
 * A group's head names epoch and position under a checksum that both seed, so the first sound group of a file says which
 * epoch the file has and where it starts. Its number is its name.
 */
#include "journal/survey_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/wire.h"

#define LOOK_BLOCKS 4096 /* in how many blocks a sound group is looked for behind a damaged head */

struct names {
	uint64_t *numbers;
	size_t count, capacity;
	bool failed;
};

static int note_name(void *argument, const char *name)
{
	struct names *names = argument;
	uint64_t number;

	if (!journal_file_number(name, FILE_SEGMENT, &number))
		return 0;
	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 64;
		uint64_t *grown = capacity > SEGMENTS_MAX
					  ? NULL
					  : reallocarray(names->numbers, capacity, sizeof(*names->numbers));

		if (!grown) {
			names->failed = true;
			return 1;
		}
		names->numbers = grown;
		names->capacity = capacity;
	}
	names->numbers[names->count++] = number;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* What the first sound group says; false: there is none. */
static bool derive(int fd, int64_t size, struct segment_head *head)
{
	uint8_t block[GROUP_HEAD_BYTES];
	struct group_head group;

	for (off_t at = (off_t)BLOCK_BYTES; at < size && at < (off_t)(LOOK_BLOCKS * BLOCK_BYTES);
		at += (off_t)BLOCK_BYTES) {
		uint64_t epoch, position;

		if (disk_read_at(fd, block, sizeof(block), at) != (ssize_t)sizeof(block))
			continue;
		epoch = wire_get64(block + 16);
		position = wire_get64(block + 24);
		if (epoch == 0 || position < (uint64_t)at || position % BLOCK_BYTES ||
			format_read_group(block, epoch, position, &group) != FORMAT_SOUND)
			continue;
		head->epoch = epoch;
		head->start = position - ((uint64_t)at - BLOCK_BYTES);
		head->bytes = (uint64_t)size;
		memcpy(head->sequence, group.sequence, sizeof(head->sequence));
		return at == (off_t)BLOCK_BYTES || head->start >= LOG_START;
	}
	return false;
}

/* EP_NOT_FOUND: gone meanwhile, or nothing in it is sound. */
static enum ep_status look(struct survey *survey, uint64_t number, struct survey_segment *segment, struct error *error)
{
	uint8_t block[SEGMENT_HEAD_BYTES];
	enum format_verdict verdict = FORMAT_BAD;
	char path[PATH_BYTES];
	ssize_t got;
	int fd;

	*segment = (struct survey_segment){.size = 0};
	journal_path(&survey->paths, FILE_SEGMENT, number, path);
	fd = disk_open(path, O_RDONLY, 0);
	if (fd == -1)
		return errno == ENOENT ? EP_NOT_FOUND : error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
	segment->size = disk_size(fd);
	got = disk_read_at(fd, block, sizeof(block), 0);
	if (got == (ssize_t)sizeof(block))
		verdict = format_read_segment(block, &segment->head);
	if (verdict == FORMAT_BAD || (verdict == FORMAT_SOUND && segment->head.number != number)) {
		segment->head = (struct segment_head){.number = number};
		segment->derived = true;
		verdict = derive(fd, segment->size, &segment->head) ? FORMAT_SOUND : FORMAT_BAD;
	}
	disk_close(fd);
	if (verdict == FORMAT_UNKNOWN)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT, "%s: written by a later version", path);
	return verdict == FORMAT_SOUND ? EP_OK : EP_NOT_FOUND;
}

/* One that starts where the one before it started replaces it, as at a start of the gateway. */
static enum ep_status add(struct survey *survey, const struct survey_segment *segment, struct error *error)
{
	struct survey_segment *last = survey->segment_count ? &survey->segments[survey->segment_count - 1] : NULL;

	if (last && last->head.start == segment->head.start) {
		*last = *segment;
		return EP_OK;
	}
	if (last && segment->head.start < last->head.start)
		return EP_OK; /* of another log: what it holds can't be placed */
	if (survey->segment_count == survey->segment_capacity) {
		size_t capacity = survey->segment_capacity ? survey->segment_capacity * 2 : 64;
		struct survey_segment *grown = reallocarray(survey->segments, capacity, sizeof(*grown));

		if (!grown)
			return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal's segments");
		survey->segments = grown;
		survey->segment_capacity = capacity;
	}
	survey->segments[survey->segment_count++] = *segment;
	return EP_OK;
}

enum ep_status survey_list(struct survey *survey, struct error *error)
{
	struct names names = {0};
	enum ep_status status = EP_OK;

	if (disk_list(survey->paths.log_directory, note_name, &names) == -1)
		status = error_set_errno(error, EP_ERR_IO, "%s can't be listed", survey->paths.log_directory);
	else if (names.failed)
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal's segments");
	if (names.count)
		qsort(names.numbers, names.count, sizeof(*names.numbers), compare_numbers);
	for (size_t i = 0; status == EP_OK && i < names.count; i++) {
		struct survey_segment segment;

		status = look(survey, names.numbers[i], &segment, error);
		if (status == EP_OK)
			status = add(survey, &segment, error);
		else if (status == EP_NOT_FOUND)
			status = EP_OK; /* a hole in the log shows that it was there */
	}
	free(names.numbers);
	return status;
}

bool survey_still_there(const struct survey *survey, const struct survey_segment *segment)
{
	uint8_t block[SEGMENT_HEAD_BYTES];
	struct segment_head head;
	char path[PATH_BYTES];
	ssize_t got;
	int fd;

	journal_path(&survey->paths, FILE_SEGMENT, segment->head.number, path);
	fd = disk_open(path, O_RDONLY, 0);
	if (fd == -1)
		return errno != ENOENT;
	got = disk_read_at(fd, block, sizeof(block), 0);
	disk_close(fd);
	return got != (ssize_t)sizeof(block) || format_read_segment(block, &head) != FORMAT_SOUND ||
	       head.epoch == segment->head.epoch;
}

static enum ep_status check_format(const struct survey *survey, struct error *error)
{
	char path[PATH_BYTES], content[16] = "";
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/format", survey->paths.directory);
	fd = disk_open(path, O_RDONLY, 0);
	if (fd == -1 && errno == ENOENT)
		return error_set(error, EP_NOT_FOUND, EP_ERR_NOT_FOUND,
			"%s is no data directory: no gateway ever ran on it", survey->paths.directory);
	if (fd != -1)
		got = disk_read_at(fd, content, sizeof(content) - 1, 0);
	if (got == -1)
		error_set_errno(error, EP_ERR_IO, "%s can't be read", path);
	if (fd != -1)
		disk_close(fd);
	if (got == -1)
		return EP_IO;
	return strcmp(content, "1\n") == 0
		       ? EP_OK
		       : error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT,
				 "%s has a format that this version doesn't read", survey->paths.directory);
}

enum ep_status survey_open(struct survey **out, const char *directory, struct error *error)
{
	struct survey *survey = calloc(1, sizeof(*survey));
	enum ep_status status = EP_OK;

	*out = NULL;
	if (!survey || asprintf(&survey->paths.directory, "%s", directory) == -1 ||
		asprintf(&survey->paths.log_directory, "%s/journal", directory) == -1 ||
		asprintf(&survey->paths.extent_directory, "%s/journal/extents", directory) == -1 ||
		!(survey->memory = aligned_alloc(BLOCK_BYTES, GROUP_MAX)))
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to survey the journal");
	if (survey)
		survey->fd = -1;
	if (status == EP_OK && strlen(directory) > PATH_BYTES - 64)
		status = error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "the data directory's path is too long");
	if (status == EP_OK)
		status = check_format(survey, error);
	if (status == EP_OK)
		status = survey_list(survey, error);
	if (status != EP_OK) {
		survey_close(survey);
		return status;
	}
	*out = survey;
	return EP_OK;
}

void survey_close(struct survey *survey)
{
	if (!survey)
		return;
	if (survey->fd != -1)
		disk_close(survey->fd);
	free(survey->memory);
	free(survey->segments);
	free(survey->paths.directory);
	free(survey->paths.log_directory);
	free(survey->paths.extent_directory);
	free(survey);
}

const struct survey_segment *survey_segments(const struct survey *survey, size_t *count)
{
	*count = survey->segment_count;
	return survey->segments;
}

uint64_t survey_first(const struct survey *survey)
{
	return survey->segment_count ? survey->segments[0].head.start : 0;
}

void survey_path(const struct survey *survey, uint64_t segment, char *path, size_t size)
{
	char whole[PATH_BYTES];

	journal_path(&survey->paths, FILE_SEGMENT, segment, whole);
	snprintf(path, size, "%s", whole);
}

enum ep_status survey_extent_open(struct survey *survey, uint64_t extent, int *fd, struct error *error)
{
	return journal_extent_open(&survey->paths, extent, fd, error);
}

enum ep_status survey_extent_check(struct survey *survey, const struct journal_frame *frame, struct error *error)
{
	enum ep_status status;
	int fd;

	status = journal_extent_open(&survey->paths, frame->extent, &fd, error);
	if (status == EP_NOT_FOUND && survey->at < survey->segment_count &&
		!survey_still_there(survey, &survey->segments[survey->at]))
		return EP_OK; /* a running gateway has let go of both */
	if (status != EP_OK)
		return status;
	status = journal_extent_check(&survey->paths, frame, fd, error);
	disk_close(fd);
	return status;
}
