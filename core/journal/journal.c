/*
 * journal.c: opening and closing, appending, and what the others ask. See journal.h; commit.c writes, recover.c finds
 * the end again, reader.c reads, extent.c keeps large bodies, release.c recycles.
 */
#include "journal/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "journal/wire.h"

#define SEGMENT_BYTES_DEFAULT (INT64_C(64) * 1024 * 1024)
#define RESERVE_BYTES_DEFAULT (INT64_C(256) * 1024 * 1024)
#define SPOOL_BYTES_DEFAULT (INT64_C(4) * 1024 * 1024 * 1024)
#define LOOK_NS (1 * NS_PER_S) /* how often free space is asked for */

/* Opening. */

/* On the disk when it returns: a name that an earlier run made, and that only the cache holds, counts for nothing. */
static enum ep_status make_directory(const char *path, struct error *error)
{
	char parent[PATH_BYTES];
	char *slash;

	if (disk_make_directory(path, 0700) == -1 && errno != EEXIST)
		return error_set_errno(error, EP_ERR_IO, "the directory %s can't be made", path);
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	if (disk_sync_directory(slash ? parent : ".") == -1 && errno != EACCES) /* not ours, and there before us */
		return error_set_errno(error, EP_ERR_IO, "the directory of %s can't be synced", path);
	return EP_OK;
}

static enum ep_status lock(struct journal *journal, struct error *error)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/lock", journal->directory);
	journal->lock_fd = disk_open(path, O_RDWR | O_CREAT, 0600);
	if (journal->lock_fd == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be opened", path);
	if (disk_lock(journal->lock_fd) == 0)
		return EP_OK;
	if (errno != EWOULDBLOCK)
		return error_set_errno(error, EP_ERR_IO, "%s can't be locked", path);
	return error_set(error, EP_CONFLICT, EP_ERR_JOURNAL_LOCKED, "another gateway uses the data directory %s",
		journal->directory);
}

/* A small file that appears whole or not at all. */
static enum ep_status write_file(
	const struct journal *journal, const char *name, struct ep_slice content, struct error *error)
{
	struct iovec part = {(void *)(uintptr_t)content.data, content.length};
	char path[PATH_BYTES];
	char temporary[PATH_BYTES];
	enum ep_status status = EP_OK;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", journal->directory, name);
	snprintf(temporary, sizeof(temporary), "%s/%s.new", journal->directory, name);
	fd = disk_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be made", temporary);
	if (disk_write_at(fd, &part, 1, 0) == -1 || disk_sync(fd) == -1 || disk_rename(temporary, path) == -1 ||
		disk_sync_directory(journal->directory) == -1)
		status = error_set_errno(error, EP_ERR_IO, "%s can't be written", path);
	disk_close(fd);
	return status;
}

/* EP_NOT_FOUND if there is no such file. */
static enum ep_status read_file(const struct journal *journal, const char *name, char *content, size_t size,
	size_t *length, struct error *error)
{
	char path[PATH_BYTES];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", journal->directory, name);
	fd = disk_open(path, O_RDONLY, 0);
	if (fd == -1 && errno == ENOENT)
		return EP_NOT_FOUND;
	got = fd == -1 ? -1 : disk_read_at(fd, content, size, 0);
	if (got == -1)
		error_set_errno(error, EP_ERR_IO, "%s can't be read", path);
	if (fd != -1)
		disk_close(fd);
	*length = got == -1 ? 0 : (size_t)got;
	return got == -1 ? EP_IO : EP_OK;
}

static enum ep_status check_format(struct journal *journal, bool *is_new, struct error *error)
{
	char content[32];
	size_t length;
	enum ep_status status = read_file(journal, "format", content, sizeof(content) - 1, &length, error);

	*is_new = status == EP_NOT_FOUND;
	if (status != EP_OK)
		return *is_new ? EP_OK : status;
	content[length] = '\0';
	if (strcmp(content, "1\n") == 0)
		return EP_OK;
	content[strcspn(content, "\n")] = '\0';
	for (char *at = content; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return error_set(error, EP_BAD_CONFIG, EP_ERR_JOURNAL_FORMAT,
		"the data directory %s has format \"%s\", and this version reads format %d only", journal->directory,
		content, FORMAT_NUMBER);
}

static enum ep_status load_identity(struct journal *journal, bool is_new, struct error *error)
{
	char content[sizeof(journal->identity) + 1];
	size_t length;
	enum ep_status status = read_file(journal, "identity", content, sizeof(content), &length, error);

	if (status == EP_NOT_FOUND && is_new) {
		random_bytes(journal->identity, sizeof(journal->identity));
		return write_file(journal, "identity",
			ep_slice_make((const char *)journal->identity, sizeof(journal->identity)), error);
	}
	if (status == EP_IO)
		return status;
	if (status != EP_OK || length != sizeof(journal->identity))
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "%s/identity is %s", journal->directory,
			status == EP_OK ? "not 16 bytes long" : "missing");
	memcpy(journal->identity, content, sizeof(journal->identity));
	return EP_OK;
}

/* Directories are synced from the outside in, the data directory's own names (format, identity) with "journal".
 * The format file comes last: a directory without one was never finished, and holds nothing yet. */
static enum ep_status open_directory(struct journal *journal, struct error *error)
{
	enum ep_status status = make_directory(journal->directory, error);
	bool is_new = false;

	if (status == EP_OK)
		status = lock(journal, error);
	if (status == EP_OK)
		status = check_format(journal, &is_new, error);
	if (status == EP_OK)
		status = load_identity(journal, is_new, error);
	if (status == EP_OK)
		status = make_directory(journal->log_directory, error);
	if (status == EP_OK)
		status = make_directory(journal->extent_directory, error);
	if (status == EP_OK)
		status = recover_log(journal, is_new, error);
	if (status == EP_OK && is_new)
		status = write_file(journal, "format", EP_SAY("1\n"), error);
	return status;
}

static enum ep_status set_options(struct journal *journal, const struct journal_options *options, struct error *error)
{
	journal->lock_fd = journal->active_fd = -1;
	journal->loop = options->loop;
	journal->segment_bytes = options->segment_bytes ? options->segment_bytes : SEGMENT_BYTES_DEFAULT;
	journal->reserve_bytes = options->reserve_bytes ? options->reserve_bytes : RESERVE_BYTES_DEFAULT;
	journal->spool_max = (uint64_t)(options->spool_bytes ? options->spool_bytes : SPOOL_BYTES_DEFAULT);
	journal->segment_bytes &= ~((int64_t)BLOCK_BYTES - 1);
	if (journal->segment_bytes < SEGMENT_BYTES_MIN || strlen(options->directory) > PATH_BYTES - 64)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE,
			"segments of at least %" PRId64 " bytes, and a data directory with a shorter path, are needed",
			SEGMENT_BYTES_MIN);
	journal->group_max = (uint64_t)journal->segment_bytes - SEGMENT_HEAD_BYTES;
	if (journal->group_max > GROUP_MAX)
		journal->group_max = GROUP_MAX;
	if (asprintf(&journal->directory, "%s", options->directory) == -1 ||
		asprintf(&journal->log_directory, "%s/journal", options->directory) == -1 ||
		asprintf(&journal->extent_directory, "%s/journal/extents", options->directory) == -1)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal");
	extent_init(journal);
	return commit_init(journal, error);
}

static void destroy(struct journal *journal)
{
	atomic_store(&journal->ending, true);
	disk_thread_destroy(journal->writer);
	disk_thread_destroy(journal->background);
	for (size_t i = 0; i < journal->spare_count; i++)
		spare_destroy(journal->spares[i]);
	if (journal->filling)
		spare_destroy(journal->filling->spare);
	spool_close_all(journal);
	commit_destroy(journal);
	if (journal->active_fd != -1)
		disk_close(journal->active_fd);
	if (journal->lock_fd != -1)
		disk_close(journal->lock_fd);
	free(journal->checkpoint_bytes);
	free(journal->segments);
	free(journal->extent_directory);
	free(journal->log_directory);
	free(journal->directory);
	free(journal);
}

enum ep_status journal_open(struct journal **out, const struct journal_options *options, struct error *error)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	enum ep_status status;

	*out = NULL;
	if (!journal)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal");
	status = set_options(journal, options, error);
	if (status == EP_OK)
		status = open_directory(journal, error);
	if (status == EP_OK)
		status = disk_thread_create(&journal->writer, journal->loop, error);
	if (status == EP_OK)
		status = disk_thread_create(&journal->background, journal->loop, error);
	if (status != EP_OK) {
		destroy(journal);
		return status;
	}
	*out = journal;
	return EP_OK;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	commit_end(journal);
	destroy(journal);
}

/* Appending. */

/* Whether the group can be written to the active segment (or the one that it begins) with this many bytes. */
static bool fits_segment(const struct journal *journal, const struct group *group, uint64_t bytes)
{
	const struct segment_head *active = &journal->segments[journal->segment_count - 1];

	return group->spare ||
	       group->start - active->start + format_blocks(bytes) + SEGMENT_HEAD_BYTES <= active->bytes;
}

/* The group will begin a segment: the file for it must be there before anything is accepted into the group. */
static enum ep_status claim_spare(struct journal *journal, struct group *group, struct error *error)
{
	enum ep_status status = segment_reserve(journal, error);

	if (status == EP_OK && !journal->spare_count) {
		journal->spare_tried_ns = clock_monotonic_ns();
		status = spare_create(journal, journal->segment_bytes, error);
		journal->spare_failed = status != EP_OK;
	}
	if (status != EP_OK)
		return status;
	group->spare = journal->spares[0];
	journal->spare_count--;
	memmove(journal->spares, journal->spares + 1, journal->spare_count * sizeof(struct spare *));
	return EP_OK;
}

/* Makes room for a frame in the group that is being filled, or begins the next one. */
static enum ep_status make_room(struct journal *journal, uint64_t bytes, bool has_extent, struct error *error)
{
	struct group *group = journal->filling;

	if (group->used + bytes > journal->group_max || (has_extent && group->extent_count == GROUP_EXTENTS_MAX)) {
		if (GROUP_HEAD_BYTES + bytes > journal->group_max)
			return error_set(
				error, EP_LIMIT, EP_ERR_LIMIT, "a frame of %" PRIu64 " bytes is too large", bytes);
		if (journal->writing)
			return error_set(error, EP_AGAIN, EP_ERR_BUSY, "too much waits to be written to the journal");
		commit_close_group(journal);
		group = journal->filling;
	}
	return fits_segment(journal, group, group->used + bytes) ? EP_OK : claim_spare(journal, group, error);
}

static enum ep_status check_append(
	struct journal *journal, const struct journal_append *what, struct spool **spool, struct error *error)
{
	*spool = NULL;
	if (journal->closing || what->kind < JOURNAL_MESSAGE || what->kind > JOURNAL_CHECKPOINT)
		return error_set(error, EP_MISUSE, EP_ERR_INTERNAL, "a frame of kind %d can't be appended", what->kind);
	if (what->spool_fd == -1)
		return EP_OK;
	*spool = spool_find(journal, what->spool_fd);
	if (!*spool || (*spool)->length != what->spool_length)
		return error_set(error, EP_MISUSE, EP_ERR_INTERNAL, "not a spool file of that length");
	return EP_OK;
}

static uint64_t parts_length(const struct journal_append *what)
{
	uint64_t length = 0;

	for (int i = 0; i < what->part_count; i++)
		length += what->parts[i].iov_len;
	return length;
}

static void copy_frame(uint8_t *at, const struct journal_frame *frame, const struct journal_append *what)
{
	size_t used = format_write_frame(frame, at);

	for (int i = 0; i < what->part_count; i++) {
		if (what->parts[i].iov_len)
			memcpy(at + used, what->parts[i].iov_base, what->parts[i].iov_len);
		used += what->parts[i].iov_len;
	}
	format_digest_frame(at, used);
}

enum ep_status journal_append(
	struct journal *journal, const struct journal_append *what, struct journal_frame *frame, struct error *error)
{
	struct spool *spool;
	struct group *group;
	uint64_t bytes;
	enum ep_status status = check_append(journal, what, &spool, error);

	if (status != EP_OK)
		return status;
	*frame = (struct journal_frame){.kind = what->kind,
		.sequence = journal->sequence[format_stream(what->kind)] + 1,
		.source_sequence = what->source_sequence,
		.schema = what->schema,
		.build = what->build,
		.extent = spool ? 1 : 0,
		.extent_length = spool ? spool->length : 0,
		.extent_digest = spool ? spool_digest(spool) : 0};
	frame->payload.length = parts_length(what);
	if (frame->payload.length > JOURNAL_FRAME_MAX)
		return error_set(error, EP_LIMIT, EP_ERR_LIMIT, "a frame of %" PRIu64 " bytes is too large",
			frame->payload.length);
	bytes = format_frame_bytes(frame);
	status = make_room(journal, bytes, spool != NULL, error);
	if (status != EP_OK)
		return status;
	group = journal->filling;
	frame->position = group->start + group->used;
	frame->next = frame->position + bytes;
	if (spool) {
		frame->extent = frame->position; /* no other frame will ever have this number */
		status = extent_name(journal, spool, frame->extent, error);
		if (status != EP_OK)
			return status;
		group->extents[group->extent_count++] = spool->fd;
		spool_forget(journal, spool);
	}
	copy_frame(group->data + group->used, frame, what);
	frame->payload.data = (const char *)group->data + group->used + (bytes - frame->payload.length);
	group->used += bytes;
	group->frames++;
	journal->sequence[format_stream(what->kind)]++;
	commit_wanted(journal, what->urgency);
	return EP_OK;
}

enum ep_status journal_append_checkpoint(
	struct journal *journal, uint64_t from, struct ep_slice payload, struct error *error)
{
	struct iovec parts[2] = {{&from, sizeof(from)}, {(void *)(uintptr_t)payload.data, payload.length}};
	struct journal_append what = {
		.kind = JOURNAL_CHECKPOINT, .urgency = JOURNAL_LAZY, .parts = parts, .part_count = 2, .spool_fd = -1};
	struct journal_frame frame;
	enum ep_status status = journal_append(journal, &what, &frame, error);

	if (status == EP_OK) {
		journal->filling->checkpoint = frame.position;
		journal->filling->checkpoint_from = from;
	}
	return status;
}

/* Asked by others. */

struct ep_slice journal_checkpoint(const struct journal *journal, uint64_t *from)
{
	*from = journal->checkpoint_from;
	return ep_slice_make(journal->checkpoint_bytes, journal->checkpoint_length);
}

const uint8_t *journal_identity(const struct journal *journal)
{
	return journal->identity;
}

uint64_t journal_durable(const struct journal *journal)
{
	return journal->durable;
}

uint64_t journal_end(const struct journal *journal)
{
	return journal->filling->start + journal->filling->used;
}

uint64_t journal_first(const struct journal *journal)
{
	return journal->segments[0].start;
}

uint64_t journal_segment_after(const struct journal *journal, uint64_t position)
{
	const struct segment_head *segment = segment_at(journal, position);
	uint64_t end = segment ? segment_end(journal, segment) : journal->segments[0].start;

	return end == UINT64_MAX ? 0 : end;
}

void journal_on_durable(struct journal *journal, void (*run)(void *argument), void *argument)
{
	ASSERT(journal->listener_count < LISTENERS_MAX);
	journal->listeners[journal->listener_count++] = (struct listener){run, argument};
}

/* The second half of the last segment that there is room for is kept for outcomes: what was accepted can be finished. */
static bool is_last_room(struct journal *journal)
{
	const struct segment_head *active = &journal->segments[journal->segment_count - 1];
	const struct group *group = journal->filling;

	if (group->spare || group->start + group->used - active->start < active->bytes / 2)
		return false;
	spare_prepare(journal);
	return journal->spare_count == 0;
}

enum ep_status journal_accepts(struct journal *journal)
{
	int64_t now = clock_monotonic_ns();
	int64_t free_bytes;

	if (is_last_room(journal))
		return EP_LIMIT;

	if (journal->accepts_looked_ns && now - journal->accepts_looked_ns < LOOK_NS)
		return journal->accepts;
	journal->accepts_looked_ns = now;
	spare_prepare(journal);
	free_bytes = disk_free_bytes(journal->log_directory);
	journal->accepts =
		journal->spare_failed || (free_bytes != -1 && free_bytes < journal->reserve_bytes) ? EP_LIMIT : EP_OK;
	return journal->accepts;
}
