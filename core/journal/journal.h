/*
 * journal.h: the durable log. Inbox, outbox and courier frames in one physical log, committed in groups.
 *
 * A frame is appended to the group that is being filled, which gives it its sequence and its position; it is durable
 * once journal_durable() has passed its position. Groups are written and synced one after the other: what is appended
 * while one is being synced goes into the next, so commits grow with the load and nothing waits for a timer. Frames
 * that nobody waits for (JOURNAL_LAZY) ride with the next commit, or commit by themselves after 1 ms or 128 KiB.
 *
 * A failed write or sync ends the process (exit code 70): it is never tried again. A full disk is met only where a
 * segment, extent or spool file is allocated, and is returned as EP_LIMIT with EP_ERR_DISK_FULL: nothing was accepted
 * then, and the same call succeeds once there is room.
 *
 * All calls on the loop's thread. Positions are byte offsets in the endless log; 0 is before everything. A position
 * that was durable keeps its meaning for good; one that was not may be given again after a crash.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/disk_thread.h"
#include "base/error.h"
#include "base/loop.h"

struct journal;

enum journal_kind {
	JOURNAL_MESSAGE = 1,    /* inbox: a message as accepted (message.h) */
	JOURNAL_ACTION = 2,     /* inbox: an operator's replay or discard */
	JOURNAL_OUTCOME = 3,    /* outbox: what became of one inbox frame, with its records (outcome.h) */
	JOURNAL_DELIVERY = 4,   /* a courier's progress */
	JOURNAL_CHECKPOINT = 5, /* where recovery starts */
	JOURNAL_HOLE = 6,       /* put by a repair where frames were damaged, and nothing is known of them (repair.h) */
};
#define JOURNAL_KIND_LAST JOURNAL_HOLE

#define JOURNAL_KINDS(kind) (1u << (kind))
#define JOURNAL_INBOX (JOURNAL_KINDS(JOURNAL_MESSAGE) | JOURNAL_KINDS(JOURNAL_ACTION))

#define JOURNAL_FRAME_MAX ((size_t)(1024 * 1024 + 64 * 1024)) /* payload in the log; more goes to an extent */
#define JOURNAL_INLINE_MAX ((size_t)1024 * 1024)              /* a body over this goes to an extent */

struct journal_frame {
	enum journal_kind kind;
	uint64_t position;        /* of this frame */
	uint64_t next;            /* position behind it */
	uint64_t sequence;        /* in its stream (inbox, outbox, other), from 1 */
	uint64_t source_sequence; /* given by the appender; 0 if it has none */
	uint64_t schema;          /* fingerprint of the unified format; 0 if it has none */
	uint64_t build;           /* plugin build id; 0 if it has none */
	struct ep_slice payload;
	uint64_t extent;        /* number of the extent that continues the payload; 0: none */
	uint64_t extent_length; /* bytes */
	uint64_t extent_digest; /* XXH3 of the extent's bytes */
};

struct journal_options {
	const char *directory;
	struct loop *loop;
	int64_t segment_bytes; /* 0: 64 MiB */
	int64_t reserve_bytes; /* free space below which new messages are refused; 0: 256 MiB */
	int64_t spool_bytes;   /* quota of all spool files together; 0: 4 GiB */
};

/*
 * Locks the directory (EP_CONFLICT), checks its format (EP_BAD_CONFIG), finds the end, cuts a torn tail, copies what is
 * not confirmed to a fresh segment: all that can be read afterwards is on disk. Damage of the last segment is
 * EP_BAD_INPUT with its place, damage further back is met by who reads it. A missing directory is made (mode 0700).
 */
EP_MUST_CHECK enum ep_status journal_open(
	struct journal **journal, const struct journal_options *options, struct error *error);
/* Commits what was appended, waits for it, unlocks. Listeners aren't called any more; readers are closed before. */
void journal_close(struct journal *journal);

/* The payload of the checkpoint that was the newest durable one when the journal was opened, and the position from which
 * everything must be read again; empty and 0: none, so from the beginning. */
struct ep_slice journal_checkpoint(const struct journal *journal, uint64_t *from);
/* A random number of 16 bytes that this data directory got when it was made. */
const uint8_t *journal_identity(const struct journal *journal);

/* Appending. `urgent` frames start a commit at the end of the loop's pass. */
enum journal_urgency { JOURNAL_LAZY, JOURNAL_URGENT };

struct journal_append {
	enum journal_kind kind;
	enum journal_urgency urgency;
	uint64_t source_sequence;
	uint64_t schema;
	uint64_t build;
	const struct iovec *parts; /* the payload, copied before the call returns */
	int part_count;
	int spool_fd; /* -1, or a spool file that becomes the extent; taken over on EP_OK */
	uint64_t spool_length;
};

/*
 * EP_OK with *frame's position, next, sequence and extent set; its payload points into the group and is gone with the
 * next commit. Otherwise nothing was appended: EP_LIMIT with EP_ERR_DISK_FULL; EP_LIMIT with EP_ERR_LIMIT: the payload is
 * larger than JOURNAL_FRAME_MAX; EP_AGAIN: 4 MiB wait already while as much is being written: a commit is under way, so
 * listeners of journal_on_durable() will run, and then there is room; EP_IO.
 */
EP_MUST_CHECK enum ep_status journal_append(
	struct journal *journal, const struct journal_append *what, struct journal_frame *frame, struct error *error);
/* A checkpoint, lazily: recovery will read from `from` on and start from `payload`. As journal_append(). */
EP_MUST_CHECK enum ep_status journal_append_checkpoint(
	struct journal *journal, uint64_t from, struct ep_slice payload, struct error *error);

uint64_t journal_durable(const struct journal *journal); /* every frame before this position is on disk */
uint64_t journal_end(const struct journal *journal);     /* position of the next frame, durable or not */
/* `run` is called on the loop after the durable position has moved. At most 8 listeners, in the order added. */
void journal_on_durable(struct journal *journal, void (*run)(void *argument), void *argument);

/* Since the start. */
#define JOURNAL_SYNC_BOUNDS 10
struct journal_stats {
	uint64_t commits, frames, bytes; /* written and synced; bytes with padding, without extents */
	int64_t commit_ns;               /* for all commits, with what they waited for: extents, the write, the sync */
	uint64_t within
		[JOURNAL_SYNC_BOUNDS]; /* commits that took at most journal_sync_bounds_ns[i], the faster included */
	uint64_t kept;                 /* bytes of log that are kept */
};
extern const int64_t journal_sync_bounds_ns[JOURNAL_SYNC_BOUNDS];
struct journal_stats journal_stats(const struct journal *journal);

/* Reading: only what is durable. A reader holds one window of the log (256 KiB; as much as a larger frame needs) in
 * memory, and goes on where it was when the log has grown. Position 0: from the first frame that is kept. */
struct journal_reader;

enum ep_status journal_reader_open(
	struct journal *journal, uint64_t position, struct journal_reader **reader, struct error *error);
void journal_reader_close(struct journal_reader *reader);
/* The next frame whose kind is in `kinds`. EP_OK: valid until the next call. EP_END: nothing durable is left.
 * EP_BAD_INPUT: the log is damaged here; EP_NOT_FOUND: the position was released; EP_IO: it can't be read. After an
 * error the reader stays where it was. */
EP_MUST_CHECK enum ep_status journal_read(
	struct journal_reader *reader, uint32_t kinds, struct journal_frame *frame, struct error *error);
/* Everything of those kinds before this position has been returned: behind the frame returned last, or further. */
uint64_t journal_reader_position(const struct journal_reader *reader);
/* Jumps to the position of a frame, to where a frame's `next` or journal_reader_position() said, or to 0. */
void journal_reader_seek(struct journal_reader *reader, uint64_t position);

/* Spool files: unlinked, under the quota; at most 1,024 at a time. EP_LIMIT with EP_ERR_DISK_FULL. */
EP_MUST_CHECK enum ep_status journal_spool_open(struct journal *journal, int *fd, struct error *error);
/* Appends (`offset`: what was written so far); keeps count against the quota. EP_LIMIT as above, or EP_IO. */
EP_MUST_CHECK enum ep_status journal_spool_write(
	struct journal *journal, int fd, uint64_t offset, struct ep_slice data, struct error *error);
/* Gives the file up (it was not appended). `length`: bytes written to it. */
void journal_spool_drop(struct journal *journal, int fd, uint64_t length);
/* Opens an extent for reading. The caller closes it. EP_NOT_FOUND: it is missing. */
EP_MUST_CHECK enum ep_status journal_extent_open(
	struct journal *journal, uint64_t extent, int *fd, struct error *error);

/* Reads all of the opened extent and compares it with what its frame says: EP_BAD_INPUT if it is damaged. */
EP_MUST_CHECK enum ep_status journal_extent_check(
	struct journal *journal, const struct journal_frame *frame, int fd, struct error *error);

/* Whether new messages may be accepted: EP_OK, or EP_LIMIT while free space is below the reserve. Looked up at most once a second. */
enum ep_status journal_accepts(struct journal *journal);
/* Position from which the log is kept. */
uint64_t journal_first(const struct journal *journal);
/* Where the segment ends that holds the position, which is where the next one begins; 0: it is the last. */
uint64_t journal_segment_after(const struct journal *journal, uint64_t position);
/*
 * Nothing before `position` is needed any more by anyone: segments that lie before it, and the extents that their frames
 * name, are recycled in the background. What recovery needs stays: the newest durable checkpoint and everything from its
 * `from` on; without a checkpoint, everything.
 */
void journal_release(struct journal *journal, uint64_t position);

#endif
