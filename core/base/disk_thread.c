/* disk_thread.c: see disk_thread.h. */
#include "base/disk_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct disk_thread {
	struct loop *loop;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	pthread_cond_t idle;
	struct disk_job *first, **last;     /* to do */
	struct disk_job *done, **done_last; /* to be told to the loop */
	bool busy;                          /* a job is being performed */
	bool ending;
	bool posted; /* the loop's queue holds a call of tell() */
};

static void run_done(struct disk_thread *thread)
{
	struct disk_job *job;

	pthread_mutex_lock(&thread->lock);
	job = thread->done;
	thread->done = NULL;
	thread->done_last = &thread->done;
	pthread_mutex_unlock(&thread->lock);
	while (job) {
		struct disk_job *next = job->next; /* `done` may reuse the job */

		job->done(job, job->error_number);
		job = next;
	}
}

static void tell(void *argument)
{
	struct disk_thread *thread = argument;

	pthread_mutex_lock(&thread->lock);
	thread->posted = false;
	pthread_mutex_unlock(&thread->lock);
	run_done(thread);
}

static int perform(struct disk_job *job)
{
	if (job->perform)
		return job->perform(job);
	if (job->part_count && disk_write_at(job->fd, job->parts, job->part_count, job->offset) == -1)
		return errno;
	if (job->sync && disk_sync_data(job->fd) == -1)
		return errno;
	return 0;
}

static void *run(void *argument)
{
	struct disk_thread *thread = argument;
	sigset_t all;

	sigfillset(&all); /* signals belong to the main loop */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&thread->lock);
	for (;;) {
		struct disk_job *job;

		while (!thread->first && !thread->ending)
			pthread_cond_wait(&thread->changed, &thread->lock);
		job = thread->first;
		if (!job)
			break;
		thread->first = job->next;
		if (!thread->first)
			thread->last = &thread->first;
		thread->busy = true;
		pthread_mutex_unlock(&thread->lock);
		job->error_number = perform(job);
		pthread_mutex_lock(&thread->lock);
		thread->busy = false;
		job->next = NULL;
		*thread->done_last = job;
		thread->done_last = &job->next;
		if (!thread->posted) {
			thread->posted = true;
			loop_post(thread->loop, tell, thread);
		}
		if (!thread->first)
			pthread_cond_signal(&thread->idle);
	}
	pthread_mutex_unlock(&thread->lock);
	return NULL;
}

enum ep_status disk_thread_create(struct disk_thread **out, struct loop *loop, struct error *error)
{
	struct disk_thread *thread = calloc(1, sizeof(*thread));

	*out = NULL;
	if (!thread)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the disk thread");
	thread->loop = loop;
	thread->last = &thread->first;
	thread->done_last = &thread->done;
	pthread_mutex_init(&thread->lock, NULL);
	pthread_cond_init(&thread->changed, NULL);
	pthread_cond_init(&thread->idle, NULL);
	errno = pthread_create(&thread->thread, NULL, run, thread);
	if (errno != 0) {
		error_set_errno(error, EP_ERR_INTERNAL, "the disk thread can't be started");
		free(thread);
		return EP_IO;
	}
	*out = thread;
	return EP_OK;
}

void disk_thread_submit(struct disk_thread *thread, struct disk_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&thread->lock);
	*thread->last = job;
	thread->last = &job->next;
	pthread_cond_signal(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
}

void disk_thread_wait(struct disk_thread *thread)
{
	pthread_mutex_lock(&thread->lock);
	while (thread->first || thread->busy)
		pthread_cond_wait(&thread->idle, &thread->lock);
	pthread_mutex_unlock(&thread->lock);
	run_done(thread);
}

void disk_thread_destroy(struct disk_thread *thread)
{
	if (!thread)
		return;
	pthread_mutex_lock(&thread->lock);
	thread->ending = true;
	pthread_cond_signal(&thread->changed);
	pthread_mutex_unlock(&thread->lock);
	pthread_join(thread->thread, NULL);
	run_done(thread);
	while (thread->posted) /* the call in the loop's queue names this thread */
		loop_run_once(thread->loop, 1000000);
	pthread_cond_destroy(&thread->idle);
	pthread_cond_destroy(&thread->changed);
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}
