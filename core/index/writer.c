/*
 * writer.c: see writer.h. The disk thread lists the sealed table's entries, sorts them and commits them; the loop reads
 * the table and the store meanwhile, and changes neither.
 */
#include "index/writer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/disk_thread.h"
#include "base/log.h"

#define NS_PER_DAY (86400 * NS_PER_S)

struct writer {
	struct loop *loop;
	struct index_store *store;
	struct store_put *puts; /* owned; room for a full table */
	void (*done)(void *argument, enum ep_status status);
	void *argument;
	struct disk_thread *thread; /* NULL: the store takes no time, so its commit is work of the loop's */
	struct disk_job job;
	struct loop_task task;
	const struct table *table;
	uint64_t position;
	bool busy;
	enum ep_status status; /* of the last commit */
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
	writer->status =
		writer->store->ops->commit(writer->store, writer->puts, table->count, writer->position, &error);
	if (writer->status != EP_OK && writer->status != EP_LIMIT)
		index_die("the index can't be written", &error);
}

static int perform(struct disk_job *job)
{
	commit(job->owner);
	return 0;
}

static void finish(struct writer *writer)
{
	writer->busy = false;
	writer->done(writer->argument, writer->status);
}

static void on_done(struct disk_job *job, int error_number)
{
	(void)error_number; /* writer->status says more */
	finish(job->owner);
}

static void on_task(void *argument)
{
	struct writer *writer = argument;

	if (!writer->busy)
		return; /* writer_wait() was faster */
	commit(writer);
	finish(writer);
}

enum ep_status writer_create(struct writer **out, struct loop *loop, struct index_store *store, uint32_t count_max,
	void (*done)(void *argument, enum ep_status status), void *argument, struct error *error)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	enum ep_status status = EP_OK;

	*out = NULL;
	if (!writer)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index's writer");
	writer->loop = loop;
	writer->store = store;
	writer->done = done;
	writer->argument = argument;
	writer->task = (struct loop_task){.run = on_task, .argument = writer};
	writer->job = (struct disk_job){.perform = perform, .done = on_done, .owner = writer};
	writer->puts = calloc(count_max, sizeof(*writer->puts));
	if (!writer->puts)
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the index's writer");
	else if (store->ops->threaded)
		status = disk_thread_create(&writer->thread, loop, error);
	if (status != EP_OK) {
		writer_destroy(writer);
		return status;
	}
	*out = writer;
	return EP_OK;
}

void writer_start(struct writer *writer, const struct table *table, uint64_t position)
{
	ASSERT(!writer->busy);
	writer->table = table;
	writer->position = position;
	writer->busy = true;
	if (writer->thread)
		disk_thread_submit(writer->thread, &writer->job);
	else
		loop_task_queue(writer->loop, &writer->task);
}

bool writer_busy(const struct writer *writer)
{
	return writer->busy;
}

void writer_wait(struct writer *writer)
{
	if (writer->thread)
		disk_thread_wait(writer->thread);
	else
		on_task(writer);
}

void writer_destroy(struct writer *writer)
{
	if (!writer)
		return;
	disk_thread_destroy(writer->thread);
	loop_task_cancel(writer->loop, &writer->task);
	free(writer->puts);
	free(writer);
}
