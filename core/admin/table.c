/*
 * table.c: /status for people: tables that fit 100 columns, whatever the names and numbers are. A name that is too long
 * stands on a line of its own; a number that is too long is given in thousands, millions and so on.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/parts.h"
#include "base/clock.h"
#include "base/text.h"

#define TABLE_WIDTH 100
#define NAME_WIDTH 20
#define LAYER_SETS_MAX 8

static void put_name(struct buffer *out, struct ep_slice name)
{
	uint64_t width = utf8_count(name);

	(void)buffer_append_slice(out, name);
	if (width > NAME_WIDTH) {
		(void)buffer_append_byte(out, '\n');
		width = 0;
	}
	(void)buffer_append_format(out, "%*s", (int)(NAME_WIDTH - width), "");
}

static void put_number(struct buffer *out, uint64_t number, int width)
{
	static const char units[] = "kMGTPE";
	char text[32];
	int unit = -1, length = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

	while (length > width && units[unit + 1]) {
		number /= 1000;
		unit++;
		length = snprintf(text, sizeof(text), "%llu%c", (unsigned long long)number, units[unit]);
	}
	(void)buffer_append_format(out, " %*s", width, text);
}

/* Two digits of precision are enough: "350ms", "12s", "4m", "3h", "12d"; "-" for none. */
static void put_age(struct buffer *out, int64_t since_ns, int width)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{86400 * NS_PER_S, "d"}, {3600 * NS_PER_S, "h"}, {60 * NS_PER_S, "m"}, {NS_PER_S, "s"},
		{NS_PER_MS, "ms"}};
	const int64_t age_ns = view_age_ns(since_ns);
	char text[32];
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && age_ns < 2 * units[i].ns)
		i++;
	snprintf(text, sizeof(text), "%lld%s", (long long)(age_ns / units[i].ns), units[i].name);
	(void)buffer_append_format(out, " %*s", width, since_ns ? text : "-");
}

static void put_head(struct buffer *out, const struct admin *admin)
{
	const struct journal_stats stats = journal_stats(admin->options.journal);
	const char *state = admin->stopping ? "stopping" : "running";
	char started[32];

	if (!admin->stopping && journal_accepts(admin->options.journal) != EP_OK)
		state = "refusing messages: free space is below disk_reserve";
	timestamp_write(admin->started_ns, started);
	(void)buffer_append_format(
		out, "entrepot %s, pid %d, %s since %.19sZ\n", admin->options.version, getpid(), state, started);
	(void)buffer_append_format(out, "journal: %llu syncs, %lld us each; %llu MiB kept\n\n",
		(unsigned long long)stats.commits,
		(long long)(stats.commits ? stats.commit_ns / NS_PER_US / (int64_t)stats.commits : 0),
		(unsigned long long)(stats.kept >> 20));
}

static void put_sources(struct buffer *out, const struct pipeline *pipeline)
{
	struct pipeline_source source;

	(void)buffer_append_format(out, "%-20s %-9s %9s %10s %9s %11s %9s %7s %6s\n", "SOURCE", "STATE", "RECEIVED",
		"NORMALIZED", "DUPLICATE", "QUARANTINED", "DISCARDED", "PENDING", "OLDEST");
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
		put_name(out, source.name);
		(void)buffer_append_format(out, " %-9s", source.conf ? view_source_state(&source) : "removed");
		put_number(out, source.received, 9);
		put_number(out, source.outcomes[OUTCOME_NORMALIZED], 10);
		put_number(out, source.outcomes[OUTCOME_DUPLICATE], 9);
		put_number(out, source.outcomes[OUTCOME_QUARANTINED], 11);
		put_number(out, source.outcomes[OUTCOME_DISCARDED], 9);
		put_number(out, source.pending, 7);
		put_age(out, source.oldest_ns, 6);
		(void)buffer_append_byte(out, '\n');
	}
}

static void put_destinations(struct buffer *out, struct admin *admin)
{
	struct destination_view view;

	(void)buffer_append_format(out, "\n%-20s %-7s %9s %9s %7s %6s %7s %8s %10s %7s\n", "DESTINATION", "STATE",
		"DELIVERED", "PENDING", "PARKED", "OLDEST", "DEAD", "FILTERED", "SUPERSEDED", "RETRIED");
	for (size_t i = 0; i < admin->options.courier_count; i++) {
		view_destination(admin, i, &view);
		put_name(out, ep_slice_of(view.conf->name));
		(void)buffer_append_format(out, " %-7s", view_destination_state(&view.counts));
		put_number(out, view.counts.delivered, 9);
		put_number(out, view.pending, 9);
		put_number(out, view.counts.parked, 7);
		put_age(out, view.oldest_ns, 6);
		put_number(out, view.counts.dead, 7);
		put_number(out, view.counts.filtered, 8);
		put_number(out, view.counts.superseded, 10);
		put_number(out, view.counts.retried, 7);
		(void)buffer_append_byte(out, '\n');
	}
}

/* How many workers run with which layers. */
struct layer_sets {
	const char *layers[LAYER_SETS_MAX];
	unsigned workers[LAYER_SETS_MAX];
	size_t count;
};

static void add_layers(struct layer_sets *sets, const char *layers)
{
	size_t i = 0;

	while (i < sets->count && strcmp(sets->layers[i], layers) != 0)
		i++;
	if (i == LAYER_SETS_MAX)
		return;
	if (i == sets->count)
		sets->count++;
	sets->layers[i] = layers;
	sets->workers[i]++;
}

/* A line under the worker's own, cut where the table ends. */
static void put_note(struct buffer *out, const char *what, const char *text)
{
	const size_t room = TABLE_WIDTH - NAME_WIDTH - 3 - strlen(what);
	struct ep_slice shown = ep_slice_sub(ep_slice_of(text), 0, room);

	shown.length = utf8_valid_until(shown);
	if (text[0])
		(void)buffer_append_format(out, "%*s %s: %.*s\n", NAME_WIDTH, "", what, (int)shown.length, shown.data);
}

static void put_worker(struct buffer *out, const struct pipeline_source *source)
{
	const struct worker_identity *worker = source->worker;
	char plugin[80];

	snprintf(plugin, sizeof(plugin), "%s %s", worker->name, worker->version);
	put_name(out, source->name);
	(void)buffer_append_format(out, " %-30.30s %016llx", worker->name[0] ? plugin : "not started yet",
		(unsigned long long)worker->build);
	put_number(out, (uint64_t)worker->pid, 8);
	put_number(out, worker->restarts, 8);
	put_number(out, worker->crashes, 8);
	(void)buffer_append_byte(out, '\n');
	put_note(out, "plugin", source->swap);
	put_note(out, "not swapped", source->swap_trouble);
	put_note(out, "trouble", worker->trouble ? worker->trouble : "");
}

static void put_workers(struct buffer *out, const struct pipeline *pipeline)
{
	struct layer_sets sets = {.count = 0};
	struct pipeline_source source;

	(void)buffer_append_format(
		out, "\n%-20s %-30s %-16s %8s %8s %8s\n", "WORKER", "PLUGIN", "BUILD", "PID", "RESTARTS", "CRASHES");
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
		if (!source.worker)
			continue;
		put_worker(out, &source);
		if (source.worker->layers && source.worker->layers[0])
			add_layers(&sets, source.worker->layers);
	}
	for (size_t i = 0; i < sets.count; i++)
		(void)buffer_append_format(out, "%ssandbox of %u worker%s:\n  %s\n", i ? "" : "\n", sets.workers[i],
			sets.workers[i] == 1 ? "" : "s", sets.layers[i]);
}

enum ep_status table_write(struct admin *admin, struct buffer *out)
{
	put_head(out, admin);
	put_sources(out, admin->options.pipeline);
	put_destinations(out, admin);
	put_workers(out, admin->options.pipeline);
	return out->failed;
}
