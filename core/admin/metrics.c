/*
 * metrics.c: /metrics: Prometheus' text format 0.0.4. Names and units by its conventions: base units (seconds, bytes),
 * counters end in _total, one HELP and TYPE a family, and all samples of a family together.
 */
#include <stdio.h>

#include "admin/parts.h"
#include "base/clock.h"

/* A label's value: backslash, quote and line feed are escaped. */
static void write_label(struct buffer *out, const char *name, struct ep_slice value, const char *before)
{
	(void)buffer_append_format(out, "%s%s=\"", before, name);
	for (uint64_t i = 0; i < value.length; i++) {
		if (value.data[i] == '\n') {
			(void)buffer_append_string(out, "\\n");
			continue;
		}
		if (value.data[i] == '\\' || value.data[i] == '"')
			(void)buffer_append_byte(out, '\\');
		(void)buffer_append_byte(out, value.data[i]);
	}
	(void)buffer_append_byte(out, '"');
}

static void write_family(struct buffer *out, const char *name, const char *type, const char *help)
{
	(void)buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_value(struct buffer *out, uint64_t value)
{
	(void)buffer_append_format(out, " %llu\n", (unsigned long long)value);
}

static void write_seconds(struct buffer *out, int64_t ns)
{
	(void)buffer_append_format(out, " %lld.%09lld\n", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S));
}

static void write_plain(struct buffer *out, const char *name, const char *type, const char *help, uint64_t value)
{
	write_family(out, name, type, help);
	(void)buffer_append_string(out, name);
	write_value(out, value);
}

/* Sources -------------------------------------------------------------------------------------------------------- */

enum source_number {
	SOURCE_RECEIVED,
	SOURCE_BYTES,
	SOURCE_PENDING,
	SOURCE_RECORDS,
	SOURCE_SUPPRESSED,
	SOURCE_REJECTED
};

static uint64_t source_number(const struct pipeline_source *source, enum source_number which)
{
	switch (which) {
	case SOURCE_RECEIVED:
		return source->received;
	case SOURCE_BYTES:
		return source->bytes;
	case SOURCE_PENDING:
		return source->pending;
	case SOURCE_RECORDS:
		return source->records;
	case SOURCE_SUPPRESSED:
		return source->suppressed;
	case SOURCE_REJECTED:
		return source->rejected;
	}
	return 0;
}

static const struct {
	enum source_number which;
	const char *name, *type, *help;
} source_families[] = {
	{SOURCE_RECEIVED, "entrepot_messages_received_total", "counter",
		"Messages accepted and durable, duplicates included."},
	{SOURCE_BYTES, "entrepot_received_bytes_total", "counter", "Bytes of their bodies, as sent."},
	{SOURCE_PENDING, "entrepot_messages_pending", "gauge", "Messages without an outcome."},
	{SOURCE_RECORDS, "entrepot_records_total", "counter", "Records kept: new, changed or superseded."},
	{SOURCE_SUPPRESSED, "entrepot_records_suppressed_total", "counter",
		"Records whose content was the current one."},
	{SOURCE_REJECTED, "entrepot_records_rejected_total", "counter", "Records that were rejected."},
};

static void write_source_numbers(struct buffer *out, const struct pipeline *pipeline)
{
	struct pipeline_source source;

	for (size_t f = 0; f < sizeof(source_families) / sizeof(source_families[0]); f++) {
		write_family(out, source_families[f].name, source_families[f].type, source_families[f].help);
		for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
			(void)buffer_append_string(out, source_families[f].name);
			write_label(out, "source", source.name, "{");
			(void)buffer_append_byte(out, '}');
			write_value(out, source_number(&source, source_families[f].which));
		}
	}
}

static void write_outcomes(struct buffer *out, const struct pipeline *pipeline)
{
	struct pipeline_source source;

	/* A replay takes a message from one outcome to another, so these may fall. */
	write_family(out, "entrepot_messages", "gauge", "Messages by the outcome that counts now.");
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++)
		for (int kind = OUTCOME_NORMALIZED; kind <= OUTCOME_DISCARDED; kind++) {
			(void)buffer_append_string(out, "entrepot_messages");
			write_label(out, "source", source.name, "{");
			write_label(out, "outcome", ep_slice_of(outcome_kind_name((enum outcome_kind)kind)), ",");
			(void)buffer_append_byte(out, '}');
			write_value(out, source.outcomes[kind]);
		}
	write_family(out, "entrepot_oldest_pending_message_seconds", "gauge",
		"Age of the oldest message without an outcome; 0 if there is none.");
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
		(void)buffer_append_string(out, "entrepot_oldest_pending_message_seconds");
		write_label(out, "source", source.name, "{");
		(void)buffer_append_byte(out, '}');
		write_seconds(out, view_age_ns(source.oldest_ns));
	}
}

static void write_worker_family(struct buffer *out, const struct pipeline *pipeline, const char *name, const char *type,
	const char *help, uint64_t (*number)(const struct worker_identity *worker))
{
	struct pipeline_source source;

	write_family(out, name, type, help);
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
		if (!source.worker)
			continue;
		(void)buffer_append_string(out, name);
		write_label(out, "source", source.name, "{");
		(void)buffer_append_byte(out, '}');
		write_value(out, number(source.worker));
	}
}

static uint64_t restarts(const struct worker_identity *worker)
{
	return worker->restarts;
}

static uint64_t crashes(const struct worker_identity *worker)
{
	return worker->crashes;
}

static uint64_t is_up(const struct worker_identity *worker)
{
	return worker->pid != 0;
}

static uint64_t is_throttled(const struct worker_identity *worker)
{
	return worker->throttled;
}

static void write_layers(struct buffer *out, const struct pipeline *pipeline)
{
	struct pipeline_source source;

	write_family(out, "entrepot_worker_sandbox_layer", "gauge",
		"1 for each layer of the worker's sandbox that is active, as probed by the worker.");
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
		struct ep_slice layers, layer;

		if (!source.worker || !source.worker->layers)
			continue;
		layers = ep_slice_of(source.worker->layers);
		while (ep_slice_split(&layers, ' ', &layer)) {
			if (layer.length == 0)
				continue;
			(void)buffer_append_string(out, "entrepot_worker_sandbox_layer");
			write_label(out, "source", source.name, "{");
			write_label(out, "layer", layer, ",");
			(void)buffer_append_string(out, "} 1\n");
		}
	}
	write_family(out, "entrepot_plugin_info", "gauge", "1: the plugin of a source, its version and build.");
	for (size_t i = 0; pipeline_source(pipeline, i, &source); i++) {
		char build[32];

		if (!source.worker || !source.worker->name[0])
			continue;
		snprintf(build, sizeof(build), "%016llx", (unsigned long long)source.worker->build);
		(void)buffer_append_string(out, "entrepot_plugin_info");
		write_label(out, "source", source.name, "{");
		write_label(out, "plugin", ep_slice_of(source.worker->name), ",");
		write_label(out, "version", ep_slice_of(source.worker->version), ",");
		write_label(out, "build", ep_slice_of(build), ",");
		(void)buffer_append_string(out, "} 1\n");
	}
}

static void write_workers(struct buffer *out, const struct pipeline *pipeline)
{
	write_worker_family(out, pipeline, "entrepot_worker_up", "gauge", "1 if the source's worker runs.", is_up);
	write_worker_family(out, pipeline, "entrepot_worker_throttled", "gauge",
		"1 if the worker waits before it is started again.", is_throttled);
	write_worker_family(out, pipeline, "entrepot_worker_restarts_total", "counter",
		"Starts of the worker after its first one.", restarts);
	write_worker_family(out, pipeline, "entrepot_worker_crashes_total", "counter",
		"Ends of the worker by crash, deadline, memory or broken rules.", crashes);
	write_layers(out, pipeline);
}

/* Destinations --------------------------------------------------------------------------------------------------- */

enum destination_number {
	DESTINATION_DELIVERED,
	DESTINATION_FILTERED,
	DESTINATION_SUPERSEDED,
	DESTINATION_DEAD,
	DESTINATION_PENDING,
	DESTINATION_PARKED,
	DESTINATION_REQUESTS,
	DESTINATION_RETRIED,
	DESTINATION_BYTES,
	DESTINATION_UP
};

static uint64_t destination_number(const struct destination_view *view, enum destination_number which)
{
	const struct courier_counts *counts = &view->counts;

	switch (which) {
	case DESTINATION_DELIVERED:
		return counts->delivered;
	case DESTINATION_FILTERED:
		return counts->filtered;
	case DESTINATION_SUPERSEDED:
		return counts->superseded;
	case DESTINATION_DEAD:
		return counts->dead;
	case DESTINATION_PENDING:
		return view->pending;
	case DESTINATION_PARKED:
		return counts->parked;
	case DESTINATION_REQUESTS:
		return counts->requests;
	case DESTINATION_RETRIED:
		return counts->retried;
	case DESTINATION_BYTES:
		return counts->bytes;
	case DESTINATION_UP:
		return !counts->failures && !counts->refused && !counts->halted;
	}
	return 0;
}

static const struct {
	enum destination_number which;
	const char *name, *type, *help;
} destination_families[] = {
	{DESTINATION_DELIVERED, "entrepot_records_delivered_total", "counter", "Records that the destination took."},
	{DESTINATION_FILTERED, "entrepot_records_filtered_total", "counter",
		"Records that the destination is not configured for."},
	{DESTINATION_SUPERSEDED, "entrepot_records_superseded_total", "counter",
		"Records older than what was known: not forwarded."},
	{DESTINATION_DEAD, "entrepot_records_dead_total", "counter", "Records that the destination refused for good."},
	{DESTINATION_PENDING, "entrepot_records_pending", "gauge", "Records that have no end yet."},
	{DESTINATION_PARKED, "entrepot_records_parked", "gauge",
		"Of these, records that wait for another try, or behind one that does."},
	{DESTINATION_REQUESTS, "entrepot_deliveries_total", "counter", "Requests or writes that the destination took."},
	{DESTINATION_RETRIED, "entrepot_deliveries_retried_total", "counter", "Those that had to be repeated."},
	{DESTINATION_BYTES, "entrepot_delivered_bytes_total", "counter", "Bytes of the bodies that it took."},
	{DESTINATION_UP, "entrepot_destination_up", "gauge", "1 if the last delivery didn't fail."},
};

static void write_destinations(struct buffer *out, struct admin *admin)
{
	struct destination_view view;

	for (size_t f = 0; f < sizeof(destination_families) / sizeof(destination_families[0]); f++) {
		write_family(
			out, destination_families[f].name, destination_families[f].type, destination_families[f].help);
		for (size_t i = 0; i < admin->options.courier_count; i++) {
			view_destination(admin, i, &view);
			(void)buffer_append_string(out, destination_families[f].name);
			write_label(out, "destination", ep_slice_of(view.conf->name), "{");
			(void)buffer_append_byte(out, '}');
			write_value(out, destination_number(&view, destination_families[f].which));
		}
	}
	write_family(out, "entrepot_oldest_pending_record_seconds", "gauge",
		"Time since the oldest record without an end was received; 0 if there is none.");
	for (size_t i = 0; i < admin->options.courier_count; i++) {
		view_destination(admin, i, &view);
		(void)buffer_append_string(out, "entrepot_oldest_pending_record_seconds");
		write_label(out, "destination", ep_slice_of(view.conf->name), "{");
		(void)buffer_append_byte(out, '}');
		write_seconds(out, view_age_ns(view.oldest_ns));
	}
}

/* The journal and the process ------------------------------------------------------------------------------------ */

static void write_journal(struct buffer *out, const struct journal *journal)
{
	static const char name[] = "entrepot_journal_sync_duration_seconds";
	const struct journal_stats stats = journal_stats(journal);

	write_family(out, name, "histogram", "Time of a commit: extents, the write, fdatasync.");
	for (size_t i = 0; i < JOURNAL_SYNC_BOUNDS; i++)
		(void)buffer_append_format(out, "%s_bucket{le=\"%lld.%06lld\"} %llu\n", name,
			(long long)(journal_sync_bounds_ns[i] / NS_PER_S),
			(long long)(journal_sync_bounds_ns[i] % NS_PER_S / NS_PER_US),
			(unsigned long long)stats.within[i]);
	(void)buffer_append_format(
		out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum", name, (unsigned long long)stats.commits, name);
	write_seconds(out, stats.commit_ns);
	(void)buffer_append_format(out, "%s_count %llu\n", name, (unsigned long long)stats.commits);
	write_plain(out, "entrepot_journal_frames_total", "counter", "Frames written and synced.", stats.frames);
	write_plain(out, "entrepot_journal_written_bytes_total", "counter",
		"Bytes written to the log, without large bodies.", stats.bytes);
	write_plain(out, "entrepot_journal_kept_bytes", "gauge", "Bytes of log that are kept.", stats.kept);
}

static void write_process(struct buffer *out, const struct admin *admin)
{
	const struct acceptor_counts counts = acceptor_counts(admin->options.acceptor);

	write_family(out, "entrepot_build_info", "gauge", "1: the version and build that run.");
	(void)buffer_append_string(out, "entrepot_build_info");
	write_label(out, "version", ep_slice_of(admin->options.version), "{");
	(void)buffer_append_format(out, ",build=\"%016llx\"} 1\n", (unsigned long long)admin->options.build);
	write_family(out, "entrepot_start_time_seconds", "gauge", "When the gateway was started, since 1970.");
	(void)buffer_append_string(out, "entrepot_start_time_seconds");
	write_seconds(out, admin->started_ns);
	write_plain(out, "entrepot_ready", "gauge", "1 if messages are accepted.",
		!admin->stopping && journal_accepts(admin->options.journal) == EP_OK);
	write_plain(out, "entrepot_message_conflicts_total", "counter",
		"Messages accepted with the provider's id of an earlier one and another body.", counts.conflicts);
	write_plain(out, "entrepot_messages_refused_total", "counter",
		"Verified messages refused: no room, too much at once, or a key used for another body.",
		counts.refused);
}

enum ep_status metrics_write(struct admin *admin, struct buffer *out)
{
	write_process(out, admin);
	write_journal(out, admin->options.journal);
	write_source_numbers(out, admin->options.pipeline);
	write_outcomes(out, admin->options.pipeline);
	write_workers(out, admin->options.pipeline);
	write_destinations(out, admin);
	return out->failed;
}
