/* status.c: /status: what an operator wants to see at a glance, as JSON. Names and numbers only: no bodies, no secrets. */
#include <stdio.h>
#include <unistd.h>

#include "admin/parts.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

static void write_seconds(struct json *json, const char *name, int64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld.%03lld", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S / NS_PER_MS));
	json_name(json, name);
	json_raw(json, ep_slice_of(text));
}

static void write_hex(struct json *json, const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)number);
	json_member_string(json, name, text);
}

/* Null if nothing waits. */
static void write_oldest(struct json *json, int64_t oldest_ns)
{
	if (oldest_ns) {
		write_seconds(json, "oldest_pending_s", view_age_ns(oldest_ns));
		return;
	}
	json_name(json, "oldest_pending_s");
	json_null(json);
}

static void write_words(struct json *json, const char *name, struct ep_slice words)
{
	struct ep_slice word;

	json_name(json, name);
	json_array_begin(json);
	while (ep_slice_split(&words, ' ', &word))
		if (word.length)
			json_text(json, word);
	json_array_end(json);
}

static void write_worker(struct json *json, const struct pipeline_source *source)
{
	const struct worker_identity *worker = source->worker;

	if (!worker)
		return;
	json_name(json, "plugin");
	json_object_begin(json);
	json_member_string(json, "name", worker->name);
	json_member_string(json, "version", worker->version);
	write_hex(json, "build", worker->build);
	if (source->plugin_path)
		json_member_string(json, "file", source->plugin_path);
	if (source->swap[0])
		json_member_string(json, "swap", source->swap);
	if (source->swap_trouble[0])
		json_member_string(json, "swap_refused", source->swap_trouble);
	json_object_end(json);
	json_name(json, "worker");
	json_object_begin(json);
	json_member_integer(json, "pid", worker->pid);
	json_member_integer(json, "restarts", (int64_t)worker->restarts);
	json_member_integer(json, "crashes", (int64_t)worker->crashes);
	json_member_bool(json, "throttled", worker->throttled);
	if (worker->trouble && worker->trouble[0])
		json_member_string(json, "trouble", worker->trouble);
	write_words(json, "layers", ep_slice_of(worker->layers));
	json_object_end(json);
}

static void write_source(struct json *json, const struct pipeline_source *source)
{
	json_object_begin(json);
	json_member_text(json, "name", source->name);
	if (source->conf && source->conf->title)
		json_member_string(json, "title", source->conf->title);
	json_member_string(json, "state", view_source_state(source));
	json_member_integer(json, "received", (int64_t)source->received);
	json_member_integer(json, "bytes", (int64_t)source->bytes);
	for (int kind = OUTCOME_NORMALIZED; kind <= OUTCOME_DISCARDED; kind++)
		json_member_integer(json, outcome_kind_name((enum outcome_kind)kind), (int64_t)source->outcomes[kind]);
	json_member_integer(json, "pending", (int64_t)source->pending);
	write_oldest(json, source->oldest_ns);
	json_member_integer(json, "records", (int64_t)source->records);
	json_member_integer(json, "suppressed", (int64_t)source->suppressed);
	json_member_integer(json, "rejected", (int64_t)source->rejected);
	write_worker(json, source);
	json_object_end(json);
}

static void write_destination(struct json *json, const struct destination_view *view)
{
	const struct courier_counts *counts = &view->counts;

	json_object_begin(json);
	json_member_string(json, "name", view->conf->name);
	json_member_string(json, "transport", view->conf->transport == CONF_HTTP ? "http" : "file");
	json_member_string(json, "state", view_destination_state(counts));
	json_member_integer(json, "delivered", (int64_t)counts->delivered);
	json_member_integer(json, "filtered", (int64_t)counts->filtered);
	json_member_integer(json, "superseded", (int64_t)counts->superseded);
	json_member_integer(json, "dead", (int64_t)counts->dead);
	json_member_integer(json, "pending", (int64_t)view->pending);
	write_oldest(json, view->oldest_ns);
	json_member_integer(json, "parked", (int64_t)counts->parked);
	json_member_integer(json, "requests", (int64_t)counts->requests);
	json_member_integer(json, "retried", (int64_t)counts->retried);
	json_member_integer(json, "failures", counts->failures);
	json_member_integer(json, "bytes", (int64_t)counts->bytes);
	json_object_end(json);
}

static void write_journal(struct json *json, struct journal *journal)
{
	const struct journal_stats stats = journal_stats(journal);

	json_name(json, "journal");
	json_object_begin(json);
	json_member_integer(json, "syncs", (int64_t)stats.commits);
	write_seconds(json, "sync_s", stats.commit_ns);
	json_member_integer(json, "frames", (int64_t)stats.frames);
	json_member_integer(json, "bytes", (int64_t)stats.bytes);
	json_member_integer(json, "kept_bytes", (int64_t)stats.kept);
	json_member_integer(json, "durable", (int64_t)journal_durable(journal));
	json_member_integer(json, "end", (int64_t)journal_end(journal));
	json_object_end(json);
}

static void write_head(struct json *json, const struct admin *admin)
{
	char text[32];
	const char *state = "running";

	if (journal_accepts(admin->options.journal) != EP_OK)
		state = "refusing: disk full";
	if (admin->stopping)
		state = "stopping";
	json_member_string(json, "version", admin->options.version);
	write_hex(json, "build", admin->options.build);
	json_member_integer(json, "pid", getpid());
	json_member_string(json, "state", state);
	timestamp_write(admin->started_ns, text);
	json_member_string(json, "started_at", text);
	write_seconds(json, "uptime_s", view_age_ns(admin->started_ns));
}

enum ep_status status_write(struct admin *admin, struct buffer *out)
{
	struct json json = json_begin(out);
	struct pipeline_source source;
	struct destination_view view;

	json_object_begin(&json);
	write_head(&json, admin);
	write_journal(&json, admin->options.journal);
	json_name(&json, "sources");
	json_array_begin(&json);
	for (size_t i = 0; pipeline_source(admin->options.pipeline, i, &source); i++)
		write_source(&json, &source);
	json_array_end(&json);
	json_name(&json, "destinations");
	json_array_begin(&json);
	for (size_t i = 0; i < admin->options.courier_count; i++) {
		view_destination(admin, i, &view);
		write_destination(&json, &view);
	}
	json_array_end(&json);
	json_object_end(&json);
	return buffer_append_byte(out, '\n');
}
