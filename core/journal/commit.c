/*
 * commit.c: closes the group that is being filled, has it written and synced, says so.
 *
 * Two groups: one is being filled while the other is being written. A group is closed at the end of the loop's pass if
 * somebody waits for it and no commit is under way, else as soon as the commit under way has ended.
 *
 * A failed write or sync ends the process on the spot, on the thread that met it: what the cache then holds is not
 * known, and a second sync may well report success (a lesson of PostgreSQL's, 2018).
 */
#include "journal/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#define EXIT_DISK_FAILED 70

void journal_fatal(const char *what, const char *path, int error_number)
{
	log_error("disk failure: ending now, so that nothing is acknowledged that may be lost",
		log_text("could_not", what), log_text("path", path), log_text("error", strerrordesc_np(error_number)));
	_exit(EXIT_DISK_FAILED);
}

void commit_begin_group(struct journal *journal, struct group *group, uint64_t start)
{
	group->start = start;
	group->used = GROUP_HEAD_BYTES;
	group->frames = 0;
	group->urgent = false;
	group->due = false;
	group->checkpoint = 0;
	group->extent_count = 0;
	group->spare = NULL;
	group->old_fd = -1;
	for (size_t i = 0; i < STREAMS; i++)
		group->sequence[i] = journal->sequence[i];
}

/* The writer's thread. */

static void sync_extents(struct group *group)
{
	for (size_t i = 0; i < group->extent_count; i++) {
		if (disk_sync(group->extents[i]) == -1)
			journal_fatal("sync an extent in", group->journal->extent_directory, errno);
		disk_close(group->extents[i]);
	}
	if (group->extent_count && disk_sync_directory(group->journal->extent_directory) == -1)
		journal_fatal("sync", group->journal->extent_directory, errno);
}

static void write_group(struct group *group, struct iovec *part)
{
	const char *what;
	char path[PATH_BYTES];
	int failed;

	if (!group->spare) {
		if (disk_write_at(group->fd, part, 1, group->offset) == -1)
			journal_fatal("write to", group->segment_path, errno);
		if (disk_sync_data(group->fd) == -1)
			journal_fatal("sync", group->segment_path, errno);
		return;
	}
	spare_take(group->spare);
	journal_path(group->journal, FILE_SPARE, group->spare->number, path);
	failed = segment_install(group->fd, part, 1, path, group->segment_path, group->journal->log_directory, &what);
	if (failed)
		journal_fatal(what, group->segment_path, failed);
	disk_close(group->old_fd);
}

static int perform(struct disk_job *job)
{
	struct group *group = job->owner;
	struct iovec part = {group->data, format_blocks(group->used)};
	int64_t began_ns = clock_monotonic_ns();

	if (group->spare) {
		part.iov_base = group->memory;
		part.iov_len += SEGMENT_HEAD_BYTES;
	}
	sync_extents(group);
	write_group(group, &part);
	group->took_ns = clock_monotonic_ns() - began_ns;
	return 0;
}

/* The loop's thread. */

static void close_if_wanted(struct journal *journal)
{
	const struct group *group = journal->filling;

	if (!journal->writing && group->frames && (group->urgent || group->due))
		commit_close_group(journal);
}

static void set_idle_timer(struct journal *journal)
{
	journal->idle_timer_set = true;
	loop_timer_set(&journal->idle_timer, IDLE_NS);
}

const int64_t journal_sync_bounds_ns[JOURNAL_SYNC_BOUNDS] = {100 * NS_PER_US, 250 * NS_PER_US, 500 * NS_PER_US,
	NS_PER_MS, 2500 * NS_PER_US, 5 * NS_PER_MS, 10 * NS_PER_MS, 50 * NS_PER_MS, 250 * NS_PER_MS, NS_PER_S};

static void count(struct journal_stats *stats, const struct group *group)
{
	stats->commits++;
	stats->frames += group->frames;
	stats->bytes += format_blocks(group->used);
	stats->commit_ns += group->took_ns;
	for (size_t i = 0; i < JOURNAL_SYNC_BOUNDS; i++)
		stats->within[i] += group->took_ns <= journal_sync_bounds_ns[i];
}

struct journal_stats journal_stats(const struct journal *journal)
{
	struct journal_stats stats = journal->stats;

	stats.kept = journal_end(journal) - journal->segments[0].start;
	return stats;
}

static void done(struct disk_job *job, int error_number)
{
	struct group *group = job->owner;
	struct journal *journal = group->journal;

	(void)error_number; /* perform() doesn't return from one */
	journal->durable = group->start + format_blocks(group->used);
	journal->sealed = group->frames == 0;
	count(&journal->stats, group);
	if (group->checkpoint) {
		journal->checkpoint = group->checkpoint;
		journal->release_max =
			group->checkpoint_from < group->checkpoint ? group->checkpoint_from : group->checkpoint;
	}
	if (group->spare)
		spare_used(group->spare);
	journal->writing = NULL;
	if (journal->closing)
		return;
	close_if_wanted(journal); /* first the disk, then those who waited */
	spare_prepare(journal);
	journal->committed_ns = clock_monotonic_ns();
	if (!journal->sealed && !journal->idle_timer_set)
		set_idle_timer(journal);
	for (size_t i = 0; i < journal->listener_count; i++)
		journal->listeners[i].run(journal->listeners[i].argument);
}

/* The group begins a segment: its head goes before it, into the same write. */
static void begin_segment(struct journal *journal, struct group *group)
{
	const struct segment_head *active = &journal->segments[journal->segment_count - 1];
	struct segment_head head = {.number = ++journal->number_last,
		.previous = active->number,
		.start = group->start,
		.bytes = (uint64_t)group->spare->bytes,
		.checkpoint = journal->checkpoint};

	while (head.epoch == 0)
		random_bytes(&head.epoch, sizeof(head.epoch));
	for (size_t i = 0; i < STREAMS; i++)
		head.sequence[i] = group->sequence[i];
	memcpy(head.identity, journal->identity, sizeof(head.identity));
	format_write_segment(&head, group->memory);
	segment_add(journal, &head);
	group->old_fd = journal->active_fd;
	journal->active_fd = group->spare->fd;
}

static void seal(const struct journal *journal, struct group *group, uint64_t epoch)
{
	struct group_head head = {.epoch = epoch,
		.position = group->start,
		.bytes = (uint32_t)group->used,
		.frames = group->frames,
		.durable_before = journal->durable,
		.checkpoint = journal->checkpoint};
	uint64_t at = GROUP_HEAD_BYTES;

	for (size_t i = 0; i < STREAMS; i++)
		head.sequence[i] = group->sequence[i];
	format_write_group(&head, group->data);
	for (uint32_t i = 0; i < group->frames; i++) {
		format_seal_frame(group->data + at, epoch, group->start + at);
		at += format_frame_claims(group->data + at);
	}
	ASSERT(at == group->used);
	memset(group->data + group->used, 0, format_blocks(group->used) - group->used);
}

void commit_close_group(struct journal *journal)
{
	struct group *group = journal->filling;
	const struct segment_head *active;

	ASSERT(!journal->writing);
	if (group->spare)
		begin_segment(journal, group);
	active = &journal->segments[journal->segment_count - 1];
	seal(journal, group, active->epoch);
	group->fd = journal->active_fd;
	group->offset = segment_offset(active, group->start);
	journal_path(journal, FILE_SEGMENT, active->number, group->segment_path);
	group->job = (struct disk_job){.perform = perform, .done = done, .owner = group};
	if (journal->lazy_timer_set)
		loop_timer_cancel(&journal->lazy_timer);
	journal->lazy_timer_set = false;
	journal->writing = group;
	journal->filling = group == &journal->groups[0] ? &journal->groups[1] : &journal->groups[0];
	commit_begin_group(journal, journal->filling, group->start + format_blocks(group->used));
	disk_thread_submit(journal->writer, &group->job);
}

void commit_wanted(struct journal *journal, enum journal_urgency urgency)
{
	struct group *group = journal->filling;

	if (urgency == JOURNAL_URGENT)
		group->urgent = true;
	else if (group->used >= LAZY_BYTES)
		group->due = true;
	if (group->urgent || group->due) {
		if (!journal->writing)
			loop_task_queue(journal->loop, &journal->commit_task);
	} else if (!journal->lazy_timer_set) {
		journal->lazy_timer_set = true;
		loop_timer_set(&journal->lazy_timer, LAZY_NS);
	}
}

static void on_pass_end(void *argument)
{
	close_if_wanted(argument);
}

static void on_lazy_timer(void *argument)
{
	struct journal *journal = argument;

	journal->lazy_timer_set = false;
	journal->filling->due = true;
	close_if_wanted(journal);
}

/* Room for an empty group in the active segment: it isn't worth a new one. */
static bool can_seal(const struct journal *journal)
{
	const struct segment_head *active = &journal->segments[journal->segment_count - 1];
	uint64_t used = journal->filling->start - active->start;

	return !journal->sealed && !journal->filling->spare && used &&
	       used + BLOCK_BYTES + SEGMENT_HEAD_BYTES <= active->bytes;
}

/*
 * An empty group says that all before it is on disk: from then on a bad group there is known to be damage, where it
 * might else be taken for a torn write. Written when nothing has come for a while, and at the end.
 */
static void on_idle_timer(void *argument)
{
	struct journal *journal = argument;

	journal->idle_timer_set = false;
	if (journal->writing || journal->filling->frames)
		return; /* the commit to come sets it again */
	if (clock_monotonic_ns() - journal->committed_ns < IDLE_NS)
		set_idle_timer(journal);
	else if (can_seal(journal))
		commit_close_group(journal);
}

enum ep_status commit_init(struct journal *journal, struct error *error)
{
	for (size_t i = 0; i < 2; i++) {
		struct group *group = &journal->groups[i];

		group->journal = journal;
		group->memory = aligned_alloc(BLOCK_BYTES, SEGMENT_HEAD_BYTES + GROUP_MAX);
		if (!group->memory)
			return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the journal's groups");
		group->data = group->memory + SEGMENT_HEAD_BYTES;
	}
	journal->commit_task = (struct loop_task){.run = on_pass_end, .argument = journal};
	loop_timer_init(&journal->lazy_timer, journal->loop, on_lazy_timer, journal);
	loop_timer_init(&journal->idle_timer, journal->loop, on_idle_timer, journal);
	return EP_OK;
}

/* What was appended, then the seal. */
void commit_end(struct journal *journal)
{
	journal->closing = true;
	while (journal->filling->frames || journal->writing) {
		if (!journal->writing)
			commit_close_group(journal);
		disk_thread_wait(journal->writer);
	}
	if (can_seal(journal)) {
		commit_close_group(journal);
		disk_thread_wait(journal->writer);
	}
}

void commit_destroy(struct journal *journal)
{
	loop_task_cancel(journal->loop, &journal->commit_task);
	if (journal->lazy_timer.event)
		loop_timer_end(&journal->lazy_timer);
	if (journal->idle_timer.event)
		loop_timer_end(&journal->idle_timer);
	for (size_t i = 0; i < 2; i++)
		free(journal->groups[i].memory);
}
