/*
 * disk_thread.h: a thread that writes and syncs for an event loop, one job after the other, in order.
 *
 * Several jobs that have queued up are not merged: who makes the jobs (the journal) decides what is committed together.
 * In simulation a job runs on the loop itself, at the time that the simulated disk takes.
 */
#ifndef BASE_DISK_THREAD_H
#define BASE_DISK_THREAD_H

#include "base/disk.h"
#include "base/loop.h"

struct disk_thread;

/*
 * Owned by the caller until `done` has been called on the loop's thread. Either `perform` is given, or the job is one
 * write and maybe a sync. `perform` runs on the disk thread, must not touch what the loop's thread writes, and returns
 * 0 or the errno of what failed. It never waits for another job.
 */
struct disk_job {
	int (*perform)(struct disk_job *job); /* NULL: write `parts`, then sync */
	int fd;
	struct iovec *parts; /* used up */
	int part_count;
	off_t offset;
	bool sync;                                            /* fdatasync after the write */
	void (*done)(struct disk_job *job, int error_number); /* 0, or errno of what failed */
	void *owner;
	int error_number;
	struct disk_job *next;
};

enum ep_status disk_thread_create(struct disk_thread **thread, struct loop *loop, struct error *error);
void disk_thread_submit(struct disk_thread *thread, struct disk_job *job);
/* Waits until everything submitted is performed and runs its `done` before it returns. */
void disk_thread_wait(struct disk_thread *thread);
/* Waits like disk_thread_wait(), ends the thread. */
void disk_thread_destroy(struct disk_thread *thread);

#endif
