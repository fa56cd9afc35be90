/*
 * writer.c: see writer.h. The thread lists the sealed table's entries, sorts them and commits them; the loop reads the
 * table and the store meanwhile, and changes neither.
 */
#include "index/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define NS_PER_DAY (86400 * NS_PER_S)

enum writer_state { WRITER_IDLE, WRITER_BUSY, WRITER_DONE };

struct writer {
	struct loop *loop;
	struct index_store *store;
	struct store_put *puts; /* owned; room for a full table */
	void (*done)(void *argument);
	void *argument;
	struct loop_task task; /* of a store without a thread */
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	const struct table *table;
	uint64_t position;
	enum writer_state state;
	bool told; /* a post to the loop has not run yet */
	bool ending;
};

void index_die(const char *what, const struct error *error)
{
	log_error(what, log_text("error", error->text));
	_exit(70);
}

int store_put_compare(const void *left, const void *right)
{
	const struct store_put *a = left, *b = right;
	uint64_t shorter = a->key.length < b->key.length ? a->key.length : b->key.length;
	int order;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	order = shorter ? memcmp(a->key.data, b->key.data, shorter) : 0;
	if (order != 0 || a->key.length == b->key.length)
		return order;
	return a->key.length < b->key.length ? -1 : 1;
}

/* Message entries begin with their time of arrival (entries.h). */
static int32_t day_of(struct ep_slice value)
{
	int64_t ns = 0;

	ASSERT(value.length >= sizeof(ns));
	memcpy(&ns, value.data, sizeof(ns));
	return ns > 0 ? (int32_t)(ns / NS_PER_DAY) : 0;
}

static void commit(struct writer *writer)
{
	const struct table *table = writer->table;
	struct error error = {0};

	table_list(table, writer->puts);
	for (uint32_t i = 0; i < table->count; i++)
		if (writer->puts[i].table == INDEX_MESSAGES)
			writer->puts[i].day = day_of(writer->puts[i].value);
	qsort(writer->puts, table->count, sizeof(*writer->puts), store_put_compare);
	if (writer->store->ops->commit(writer->store, writer->puts, table->count, writer->position, &error) != EP_OK)
		index_die("the index can't be written", &error);
}

/* On the loop: once for each commit, whether the post or writer_wait() comes first. */
static void finish(struct writer *writer)
{
	bool finished;

	pthread_mutex_lock(&writer->lock);
	finished = writer->state == WRITER_DONE;
	if (finished)
		writer->state = WRITER_IDLE;
	pthread_mutex_unlock(&writer->lock);
	if (finished)
		writer->done(writer->argument);
}

static void on_told(void *argument)
{
	struct writer *writer = argument;

	pthread_mutex_lock(&writer->lock);
	writer->told = false;
	pthread_mutex_unlock(&writer->lock);
	finish(writer);
}

static void *run(void *argument)
{
	struct writer *writer = argument;
	sigset_t all;

	sigfillset(&all); /* signals belong to the main loop */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (writer->state != WRITER_BUSY && !writer->ending)
			pthread_cond_wait(&writer->changed, &writer->lock);
		if (writer->state != WRITER_BUSY)
			break;
		pthread_mutex_unlock(&writer->lock);
		commit(writer);
		pthread_mutex_lock(&writer->lock);
		writer->state = WRITER_DONE;
		pthread_cond_broadcast(&writer->changed);
		if (!writer->told) {
			writer->told = true;
			loop_post(writer->loop, on_told, writer);
		}
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* Without a thread the commit is work of the loop's. */
static void on_task(void *argument)
{
	struct writer *writer = argument;

	if (writer->state != WRITER_BUSY)
		return; /* writer_wait() was faster */
	commit(writer);
	writer->state = WRITER_DONE;
	finish(writer);
}

enum ep_status writer_create(struct writer **out, struct loop *loop, struct index_store *store, uint32_t count_max,
	void (*done)(void *argument), void *argument, struct error *error)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	*out = NULL;
	if (!writer)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index's writer");
	writer->puts = calloc(count_max, sizeof(*writer->puts));
	if (!writer->puts) {
		free(writer);
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index's writer");
	}
	writer->loop = loop;
	writer->store = store;
	writer->done = done;
	writer->argument = argument;
	writer->task = (struct loop_task){.run = on_task, .argument = writer};
	writer->threaded = store->ops->threaded;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->changed, NULL);
	if (writer->threaded) {
		errno = pthread_create(&writer->thread, NULL, run, writer);
		if (errno != 0) {
			writer->threaded = false;
			writer_destroy(writer);
			return error_set_errno(error, EP_ERR_INTERNAL, "the index's thread can't be started");
		}
	}
	*out = writer;
	return EP_OK;
}

void writer_start(struct writer *writer, const struct table *table, uint64_t position)
{
	pthread_mutex_lock(&writer->lock);
	ASSERT(writer->state == WRITER_IDLE);
	writer->table = table;
	writer->position = position;
	writer->state = WRITER_BUSY;
	pthread_cond_signal(&writer->changed);
	pthread_mutex_unlock(&writer->lock);
	if (!writer->threaded)
		loop_task_queue(writer->loop, &writer->task);
}

bool writer_busy(const struct writer *writer)
{
	struct writer *locked = (struct writer *)writer;
	bool busy;

	pthread_mutex_lock(&locked->lock);
	busy = writer->state != WRITER_IDLE;
	pthread_mutex_unlock(&locked->lock);
	return busy;
}

void writer_wait(struct writer *writer)
{
	if (!writer->threaded) {
		on_task(writer);
		return;
	}
	pthread_mutex_lock(&writer->lock);
	while (writer->state == WRITER_BUSY)
		pthread_cond_wait(&writer->changed, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
	finish(writer);
}

void writer_destroy(struct writer *writer)
{
	if (!writer)
		return;
	if (writer->threaded) {
		pthread_mutex_lock(&writer->lock);
		writer->ending = true;
		pthread_cond_broadcast(&writer->changed);
		pthread_mutex_unlock(&writer->lock);
		pthread_join(writer->thread, NULL);
	}
	loop_task_cancel(writer->loop, &writer->task);
	while (writer->told) /* still in the loop's queue, and names this writer */
		loop_run_once(writer->loop, NS_PER_MS);
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->lock);
	free(writer->puts);
	free(writer);
}
