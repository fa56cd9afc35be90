/*
 * internal.h: the journal's own state, shared by its files and by nobody else.
 *
 * One thread (the loop's) owns everything here. Two more do what would block it: the writer syncs extents, writes
 * groups and makes spare files into segments; the background thread zeroes spare files and recycles released segments.
 * A job carries all that they need.
 */
#ifndef JOURNAL_INTERNAL_H
#define JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "journal/format.h"

#define GROUP_MAX (UINT64_C(4) * 1024 * 1024) /* bytes of one group, padding included */
#define GROUP_EXTENTS_MAX 64
#define LAZY_BYTES ((uint64_t)128 * 1024) /* lazy frames waiting, from which they are committed without the timer */
#define LAZY_NS (1 * INT64_C(1000000))
#define IDLE_NS (1000 * INT64_C(1000000)) /* without a commit, after which the log is sealed */
#define SPARES_MAX 2
#define SPOOLS_MAX 1024
#define LISTENERS_MAX 8
#define SEGMENTS_MAX 1000000
#define SEGMENT_BYTES_MIN ((int64_t)64 * 1024)
#define PATH_BYTES 4096

/* A file that becomes a segment: its space is allocated, so that writing to it can't fail for want of room. */
struct spare {
	struct journal *journal;
	uint64_t number;      /* of its name */
	int64_t bytes;        /* of the file */
	int fd;               /* owned until the file is a segment */
	bool zeroing;         /* the job is under way; only the loop's thread looks */
	bool used;            /* became a segment: goes when zeroing has ended */
	atomic_bool taken;    /* the writer wants it now: zeroing stops */
	pthread_mutex_t lock; /* held while a piece is being zeroed */
	struct disk_job job;
};

struct group {
	struct journal *journal;
	uint8_t *memory; /* room for a segment's head, then for the group */
	uint8_t *data;   /* the group */
	uint64_t start;  /* position */
	uint64_t used;   /* bytes, head included */
	uint32_t frames;
	bool urgent;         /* somebody waits for it */
	bool due;            /* lazy frames have waited long enough */
	uint64_t checkpoint; /* position of the last checkpoint in it; 0: none */
	uint64_t checkpoint_from;
	uint64_t sequence[STREAMS];     /* given last before it */
	int extents[GROUP_EXTENTS_MAX]; /* to be synced before it is written */
	size_t extent_count;
	struct spare *spare; /* the file that it begins, if it doesn't fit into the active segment */
	/* for the writer */
	struct disk_job job;
	int fd;
	off_t offset;
	int old_fd; /* of the segment that it leaves; -1 */
	int64_t took_ns;
	char segment_path[PATH_BYTES];
};

struct spool {
	int fd; /* -1: free */
	uint64_t length;
	uint64_t number; /* of its name; 0: it has none */
	void *digest;    /* running XXH3 */
};

struct listener {
	void (*run)(void *argument);
	void *argument;
};

struct journal {
	struct loop *loop;
	struct disk_thread *writer;
	struct disk_thread *background;
	char *directory;        /* the data directory */
	char *log_directory;    /* segments and spares */
	char *extent_directory; /* extents, and spool files on their way to become some */
	int64_t segment_bytes;
	int64_t reserve_bytes;
	uint64_t spool_max;
	uint64_t group_max;
	int lock_fd;
	uint8_t identity[16];

	struct segment_head *segments; /* in the order of the log; the last one is being written to */
	size_t segment_count;
	size_t segment_capacity;
	int active_fd;
	uint64_t number_last; /* given to a segment or a spare */

	struct group groups[2];
	struct group *filling;
	struct group *writing;      /* NULL: no commit is under way */
	uint64_t sequence[STREAMS]; /* given last */
	uint64_t durable;
	uint64_t checkpoint; /* position of the newest durable one; 0: none */
	uint64_t checkpoint_from;
	char *checkpoint_bytes; /* as found by journal_open(), with `from` before it; owned */
	uint64_t checkpoint_length;
	struct loop_task commit_task;
	struct loop_timer lazy_timer;
	bool lazy_timer_set;
	struct loop_timer idle_timer;
	bool idle_timer_set;
	int64_t committed_ns; /* monotonic, the last time */
	struct journal_stats stats;
	bool closing;
	bool sealed; /* the group written last is an empty one that says that all before it is on disk */
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;

	struct spare *spares[SPARES_MAX]; /* oldest first */
	size_t spare_count;
	bool spare_failed;       /* no room for one when it was tried last */
	int64_t spare_tried_ns;  /* monotonic */
	atomic_bool ending;      /* stops zeroing */
	struct release *release; /* under way; NULL: none */
	uint64_t released;       /* asked for so far */
	uint64_t release_max;    /* recovery needs what follows */

	struct spool spools[SPOOLS_MAX];
	size_t spool_top; /* entries from here on were never used */
	uint64_t spool_bytes;
	bool spool_named; /* no unnamed temporary files here */
	int64_t accepts_looked_ns;
	enum ep_status accepts;
};

/* segment.c */
enum journal_file { FILE_SEGMENT, FILE_SPARE, FILE_EXTENT, FILE_SPOOL, FILES };
/* The path of a file of the log by its number. */
void journal_path(const struct journal *journal, enum journal_file file, uint64_t number, char path[PATH_BYTES]);
/* The number in a name such as "segment-000000000000002a"; false if it isn't such a name. */
bool journal_file_number(const char *name, enum journal_file file, uint64_t *number);
/* Room for one more. */
enum ep_status segment_reserve(struct journal *journal, struct error *error);
void segment_add(struct journal *journal, const struct segment_head *head);
/* The segment that holds the position; NULL: before the first. */
const struct segment_head *segment_at(const struct journal *journal, uint64_t position);
/* Where the segment ends: the start of the next one, or UINT64_MAX. */
uint64_t segment_end(const struct journal *journal, const struct segment_head *segment);
static inline off_t segment_offset(const struct segment_head *segment, uint64_t position)
{
	return (off_t)(position - segment->start + SEGMENT_HEAD_BYTES);
}
/* Makes the spare's file, named, written (head, groups), a segment. 0 or errno of what failed, with *what. */
int segment_install(int fd, struct iovec *parts, int part_count, const char *from, const char *to,
	const char *directory, const char **what);

/* spare.c */
enum ep_status spare_create(struct journal *journal, int64_t bytes, struct error *error);
/* Takes over a file that an earlier run left. */
enum ep_status spare_adopt(struct journal *journal, uint64_t number, int fd, struct error *error);
/* In the background; or at once. */
void spare_zero(struct spare *spare);
enum ep_status spare_write_zeros(struct spare *spare, struct error *error);
/* On the writer's thread: no piece of it is being zeroed from now on. */
void spare_take(struct spare *spare);
/* Removes it from the list: it became a segment. */
void spare_used(struct spare *spare);
void spare_destroy(struct spare *spare);
/* One is made ahead of time, once a quarter of the active segment is used. */
void spare_prepare(struct journal *journal);

/* commit.c */
enum ep_status commit_init(struct journal *journal, struct error *error);
void commit_begin_group(struct journal *journal, struct group *group, uint64_t start);
/* Hands the group that is being filled to the writer. No commit may be under way. */
void commit_close_group(struct journal *journal);
void commit_wanted(struct journal *journal, enum journal_urgency urgency);
void commit_end(struct journal *journal);
void commit_destroy(struct journal *journal);
/* The disk failed where it must not: says so and ends the process with exit code 70. Never returns. */
__attribute__((noreturn)) void journal_fatal(const char *what, const char *path, int error_number);

/* scan.c */
/* What scanning the last segment came to. */
struct scan {
	const struct segment_head *segment;
	int fd;
	uint64_t limit; /* position behind the file's last block */
	uint64_t end;   /* behind the last sound group */
	uint64_t durable_before;
	uint64_t checkpoint;
	uint64_t sequence[STREAMS];
};

/* `segment` and `fd` are set. Uses the memory of the first group. */
enum ep_status scan_segment(struct journal *journal, struct scan *scan, struct error *error);
/* The sound group at `position` into `data`, whole (its frames unchecked). EP_END: there is none. */
enum ep_status scan_load_group(const struct journal *journal, const struct scan *scan, uint64_t position, uint8_t *data,
	struct group_head *head, struct error *error);
enum ep_status scan_say_damage(
	const struct journal *journal, const struct scan *scan, uint64_t position, struct error *error);

/* recover.c */
enum ep_status recover_log(struct journal *journal, bool is_new, struct error *error);

/* extent.c */
void extent_init(struct journal *journal);
/* Gives the spool file its name as an extent. */
enum ep_status extent_name(struct journal *journal, const struct spool *spool, uint64_t number, struct error *error);
struct spool *spool_find(struct journal *journal, int fd);
void spool_forget(struct journal *journal, struct spool *spool);
uint64_t spool_digest(const struct spool *spool);
void spool_close_all(struct journal *journal);
/* Removes extents that nothing in the log names: before `first`, and from `end` on; and named spool files. */
enum ep_status extent_collect(struct journal *journal, uint64_t first, uint64_t end, bool spools, struct error *error);

#endif
