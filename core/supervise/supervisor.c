/*
 * supervisor.c: the table of workers. See supervise.h for what is promised and state.h for who keeps it.
 */
#include "supervise/state.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/protocol.h"

#define START_AT_ONCE 4
#define OPTIONS_BYTES_MAX ((size_t)1024 * 1024)
#define OUT_BYTES_MAX (4 * WORKER_FRAME_MAX)
#define IN_BYTES_MAX (WORKER_FRAME_HEAD + WORKER_REPLY_MAX + (size_t)128 * 1024)

/* entrepot-worker beside the program that runs. */
static enum ep_status find_worker(char *path, size_t size, struct error *error)
{
	static const char name[] = "entrepot-worker";
	ssize_t length = readlink("/proc/self/exe", path, size - sizeof(name));
	char *slash;

	if (length == -1)
		return error_set_errno(error, EP_ERR_WORKER_DIED, "where entrepot-worker is");
	path[length] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash + 1, name, sizeof(name));
	if (access(path, X_OK) == 0)
		return EP_OK;
	/* A test lies one folder deeper than the programs. */
	*slash = '\0';
	slash = strrchr(path, '/');
	if (slash)
		memcpy(slash + 1, name, sizeof(name));
	if (!slash || access(path, X_OK) == -1)
		return error_set_errno(error, EP_ERR_WORKER_DIED, "%s", path);
	return EP_OK;
}

static const char *keep(struct arena *memory, const char *text)
{
	return arena_copy(memory, ep_slice_of(text)).data;
}

enum ep_status supervisor_create(struct supervisor **out, const struct supervisor_options *options, struct error *error)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	char path[PATH_MAX];
	enum ep_status status = EP_OK;

	*out = NULL;
	if (!supervisor)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the supervisor");
	supervisor->loop = options->loop;
	supervisor->ops = options->channels ? options->channels : &channel_process_ops;
	arena_init(&supervisor->memory, OPTIONS_BYTES_MAX);
	if (options->worker_program || options->channels)
		snprintf(path, sizeof(path), "%s", options->worker_program ? options->worker_program : "");
	else
		status = find_worker(path, sizeof(path), error);
	supervisor->worker_program = strdup(path);
	supervisor->require = calloc(options->require_count + 1, sizeof(*supervisor->require));
	if (status == EP_OK && (!supervisor->worker_program || !supervisor->require))
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the supervisor");
	for (size_t i = 0; status == EP_OK && i < options->require_count; i++)
		supervisor->require[supervisor->require_count++] = keep(&supervisor->memory, options->require[i]);
	if (status != EP_OK) {
		supervisor_destroy(supervisor);
		return status;
	}
	*out = supervisor;
	return EP_OK;
}

void supervisor_destroy(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	while (supervisor->workers)
		worker_destroy(supervisor->workers);
	arena_free(&supervisor->memory);
	free(supervisor->require);
	free(supervisor->worker_program);
	free(supervisor);
}

static bool copy_options(struct worker *worker, const struct worker_options *options)
{
	struct worker_setting *settings;

	worker->options = *options;
	worker->options.source = keep(&worker->memory, options->source);
	worker->options.plugin_path = keep(&worker->memory, options->plugin_path);
	settings = arena_alloc(&worker->memory, (options->setting_count + 1) * sizeof(*settings));
	worker->options.settings = settings;
	if (!settings || !worker->options.source || !worker->options.plugin_path)
		return false;
	for (size_t i = 0; i < options->setting_count; i++) {
		settings[i].name = keep(&worker->memory, options->settings[i].name);
		settings[i].value = keep(&worker->memory, options->settings[i].value);
		if (!settings[i].name || !settings[i].value)
			return false;
	}
	return true;
}

static struct worker **end_of(struct supervisor *supervisor)
{
	struct worker **end = &supervisor->workers;

	while (*end)
		end = &(*end)->next;
	return end;
}

enum ep_status worker_create(
	struct supervisor *supervisor, const struct worker_options *options, struct worker **out, struct error *error)
{
	struct worker *worker;
	size_t bytes = strlen(options->source) + strlen(options->plugin_path);

	*out = NULL;
	for (size_t i = 0; i < options->setting_count; i++)
		bytes += strlen(options->settings[i].name) + strlen(options->settings[i].value) + 2 * sizeof(uint32_t);
	if (options->setting_count > WORKER_SETTINGS_MAX || bytes > WORKER_HEAD_MAX / 2 ||
		strlen(options->plugin_path) >= WORKER_TEXT_MAX)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_PLUGIN_OPTION,
			"source %s: over %d options, or %zu bytes of them", options->source, WORKER_SETTINGS_MAX,
			WORKER_HEAD_MAX / 2);
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker");
	arena_init(&worker->memory, OPTIONS_BYTES_MAX);
	if (!copy_options(worker, options)) {
		arena_free(&worker->memory);
		free(worker);
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker's options");
	}
	worker->supervisor = supervisor;
	worker->identity.name = worker->plugin_name;
	worker->identity.version = worker->plugin_version;
	worker->identity.layers = worker->layers;
	worker->identity.trouble = worker->trouble;
	worker->last = &worker->first;
	buffer_init(&worker->out, OUT_BYTES_MAX);
	buffer_init(&worker->in, IN_BYTES_MAX);
	loop_timer_init(&worker->timer, supervisor->loop, fault_timer, worker);
	worker->send_task = (struct loop_task){.run = submit_task, .argument = worker};
	worker->room_task = (struct loop_task){.run = submit_room_task, .argument = worker};
	*end_of(supervisor) = worker;
	*out = worker;
	return EP_OK;
}

enum ep_status worker_start(struct worker *worker, struct error *error)
{
	if (worker->state == WORKER_THROTTLED) {
		loop_timer_cancel(&worker->timer);
		worker->state = WORKER_STOPPED;
	}
	worker->asked = true;
	if (worker->state == WORKER_STOPPED)
		submit_start(worker);
	while (worker_is_starting(worker->state)) /* bounded by the handshake's timer */
		loop_run_once(worker->supervisor->loop, 100 * NS_PER_MS);
	worker->asked = false;
	if (worker->state == WORKER_SERVING)
		return EP_OK;
	if (error)
		*error = worker->start_error;
	return worker->start_status;
}

void worker_begin(struct worker *worker)
{
	if (worker->state == WORKER_STOPPED)
		submit_start(worker);
}

void worker_watch(struct worker *worker, const struct worker_watch *watch)
{
	worker->watch = watch ? *watch : (struct worker_watch){.argument = NULL};
}

static size_t count_starting(const struct supervisor *supervisor)
{
	size_t count = 0;

	for (const struct worker *worker = supervisor->workers; worker; worker = worker->next)
		count += worker_is_starting(worker->state);
	return count;
}

size_t supervisor_start_all(struct supervisor *supervisor, int64_t wait_ns,
	void (*refused)(void *argument, const char *source, const struct error *error), void *argument)
{
	const int64_t until_ns = clock_monotonic_ns() + wait_ns;
	struct worker *next = supervisor->workers;
	size_t count = 0, starting;

	supervisor->starting_all = true;
	while (((starting = count_starting(supervisor)) || next) && clock_monotonic_ns() < until_ns) {
		if (next && starting < START_AT_ONCE) {
			if (next->state == WORKER_STOPPED)
				submit_start(next);
			next = next->next;
		} else {
			loop_run_once(supervisor->loop, 10 * NS_PER_MS);
		}
	}
	supervisor->starting_all = false;
	for (struct worker *worker = supervisor->workers; worker; worker = worker->next)
		if (worker->refused && !worker->channel) {
			refused(argument, worker->options.source, &worker->start_error);
			count++;
		}
	return count;
}

void worker_destroy(struct worker *worker)
{
	struct worker **at = &worker->supervisor->workers;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	if (worker->channel)
		worker->supervisor->ops->close(worker->channel);
	submit_reset(worker);
	loop_timer_end(&worker->timer);
	loop_task_cancel(worker->supervisor->loop, &worker->send_task);
	loop_task_cancel(worker->supervisor->loop, &worker->room_task);
	buffer_free(&worker->in);
	arena_free(&worker->memory);
	free(worker);
}

const struct worker_identity *worker_identity(const struct worker *worker)
{
	return &worker->identity;
}
