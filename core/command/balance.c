/*
 * balance.c: `entrepot balance`: every message that was accepted has one outcome or waits, and every record that came of
 * them has one end at each destination or waits. Computed from the log alone: frames, and checkpoints against them.
 *
 * Reads a prefix of the log that is consistent by itself, so a running gateway may go on. Where the log's beginning is no
 * longer kept, what is counted begins where it does.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "base/text.h"
#include "command/balance.h"
#include "command/checkpoint.h"
#include "command/command.h"
#include "command/offline.h"
#include "journal/trail.h"
#include "journal/wire.h"
#include "pipeline/pipeline.h"

#define OUTPUT_MAX ((size_t)64 * 1024 * 1024)
#define DESTINATIONS_MAX 1024
#define TRIES 3 /* while a running gateway lets go of segments under our eyes */

static const char usage[] =
	"Usage: entrepot balance [--config FILE] [--since T] [--source S] [--json]\n"
	"\n"
	"Reads the journal and prints, exactly:\n"
	"  for each source       received = normalized + duplicate + quarantined + discarded + pending\n"
	"  for each destination  records = delivered + filtered + superseded + dead + discarded + pending\n"
	"with sums of amounts for each currency. Every step that a destination has written is compared with the "
	"records that\n"
	"it speaks of, and every checkpoint with what led to it. Works with the gateway running or stopped.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: entrepot.conf); its secrets are not needed\n"
	"      --since T      only messages received since: 2026-11-23T10:00:00Z, or as long ago as 12h, 7d\n"
	"      --source S     only messages of this source\n"
	"  -j, --json         for programs\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 everything holds, 1 something doesn't (it is named), 64 usage, 66 no journal there, 70 it "
	"can't be\n"
	"read, 78 configuration.\n";

/* Beside the trail's counts: what the messages' records come to. */
struct source_sums {
	struct ep_slice name; /* owned */
	uint64_t records;
	struct sums sums;
};

struct balance {
	const struct conf *conf;
	struct balance_filter filter;
	struct survey *survey;
	struct trail trail;
	struct source_sums *sources; /* owned */
	size_t source_count;
	struct balance_destination *destinations; /* owned */
	size_t destination_count;
	struct balance_records records;   /* of the frame at hand */
	struct balance_destination whole; /* takes the violations that are no destination's */
	uint64_t end;
	int64_t holes;
};

static const char *const source_columns[] = {"amount"};

/* Sources. */

static struct source_sums *sums_of(struct balance *balance, struct ep_slice name)
{
	struct source_sums *grown;
	char *copy;

	for (size_t i = 0; i < balance->source_count; i++)
		if (ep_slice_equal(balance->sources[i].name, name))
			return &balance->sources[i];
	grown = reallocarray(balance->sources, balance->source_count + 1, sizeof(*grown));
	copy = malloc(name.length + 1);
	if (grown)
		balance->sources = grown;
	if (!grown || !copy) {
		free(copy);
		return NULL;
	}
	memcpy(copy, name.data, name.length);
	grown[balance->source_count] = (struct source_sums){.name = ep_slice_make(copy, name.length)};
	return &grown[balance->source_count++];
}

static enum ep_status add_records(
	struct balance *balance, const struct outcome *outcome, uint64_t position, struct error *error)
{
	struct source_sums *source = sums_of(balance, outcome->source);
	struct outcome_record record;
	struct delivery_place at;
	enum ep_status status;

	if (!source)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a source");
	while ((status = balance_records_next(
			&balance->records, (struct delivery_place){position + 1, 0}, &at, &record, error)) == EP_OK) {
		struct ep_money amount;

		if (outcome->received_at_ns < balance->filter.since_ns)
			continue;
		source->records++;
		if (sums_amount(record.encoded, &amount))
			sums_add(&source->sums, 0, &amount);
	}
	return status == EP_END ? EP_OK : status;
}

static enum ep_status on_outcome(struct balance *balance, const struct journal_frame *frame, struct error *error)
{
	struct outcome outcome;
	enum ep_status status;

	if (outcome_read(frame, &outcome) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"the outcome at position %llu can't be read", (unsigned long long)frame->position);
	status = trail_end(&balance->trail, &outcome);
	if (status == EP_NOT_FOUND)
		balance_violation(&balance->whole,
			"the outcome at position %llu is of a message that isn't there, or that has one already",
			(unsigned long long)frame->position);
	else if (status != EP_OK)
		return error_set(error, status, EP_ERR_INTERNAL, "no memory for a source");
	return outcome.record_count ? add_records(balance, &outcome, frame->position, error) : EP_OK;
}

static enum ep_status on_message(struct balance *balance, const struct journal_frame *frame, struct error *error)
{
	struct message message;
	enum ep_status status;

	if (message_read(frame, &message) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED,
			"the message at position %llu can't be read", (unsigned long long)frame->position);
	status = trail_add(&balance->trail, frame, &message);
	return status == EP_OK ? EP_OK : error_set(error, status, EP_ERR_INTERNAL, "too many messages wait");
}

/* What the gateway counted itself. With --since the counts are not comparable. */
static void compare_sources(struct balance *balance, struct ep_slice part, uint64_t position)
{
	struct pipeline_saved saved;
	struct pipeline_saved_source said;

	if (balance->filter.since_ns != INT64_MIN || pipeline_saved_read(part, &saved) != EP_OK)
		return;
	while (pipeline_saved_next(&saved, &said)) {
		const struct trail_source *source = trail_source(&balance->trail, said.name);
		uint64_t found = source ? trail_pending(&balance->trail, source, saved.head) : 0;

		if (found != said.pending)
			balance_violation(&balance->whole,
				"the checkpoint at position %llu says that %llu messages of %.*s wait, and there are "
				"%llu",
				(unsigned long long)position, (unsigned long long)said.pending, (int)said.name.length,
				said.name.data, (unsigned long long)found);
	}
}

/* Destinations. */

static const struct conf_destination *conf_of(const struct balance *balance, struct ep_slice name)
{
	for (size_t i = 0; i < balance->conf->destination_count; i++)
		if (ep_slice_equal(ep_slice_of(balance->conf->destinations[i].name), name))
			return &balance->conf->destinations[i];
	return NULL;
}

static enum ep_status get_destination(
	struct balance *balance, struct ep_slice name, struct balance_destination **destination, struct error *error)
{
	for (size_t i = 0; i < balance->destination_count; i++) {
		*destination = &balance->destinations[i];
		if (ep_slice_equal(ep_slice_of((*destination)->name), name))
			return EP_OK;
	}
	if (balance->destination_count == DESTINATIONS_MAX)
		return error_set(error, EP_LIMIT, EP_ERR_LIMIT, "over %d destinations", DESTINATIONS_MAX);
	*destination = &balance->destinations[balance->destination_count++];
	balance_destination_init(*destination, name, conf_of(balance, name), &balance->filter);
	return balance_destination_open(*destination, balance->conf->data_dir, error);
}

static enum ep_status on_delivery(struct balance *balance, const struct journal_frame *frame, struct error *error)
{
	struct balance_destination *destination;
	struct delivery delivery;
	enum ep_status status;

	if (delivery_read(frame->payload, &delivery) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "the step at position %llu can't be read",
			(unsigned long long)frame->position);
	status = get_destination(balance, delivery.destination, &destination, error);
	return status == EP_OK ? balance_destination_step(destination, frame->position, &delivery, error) : status;
}

static struct ep_slice payload_of(const struct journal_frame *frame)
{
	return ep_slice_sub(frame->payload, sizeof(uint64_t), frame->payload.length);
}

static enum ep_status on_checkpoint(struct balance *balance, const struct journal_frame *frame, struct error *error)
{
	struct ep_slice rest = payload_of(frame);
	struct checkpoint_part part;

	while (checkpoint_next(&rest, &part)) {
		struct balance_destination *destination;
		enum ep_status status;

		if (part.kind == CHECKPOINT_PIPELINE)
			compare_sources(balance, part.bytes, frame->position);
		if (part.kind != CHECKPOINT_COURIER)
			continue;
		status = get_destination(balance, part.name, &destination, error);
		if (status != EP_OK)
			return status;
		balance_destination_compare(destination, part.bytes, frame->position);
	}
	return EP_OK;
}

/* The log's beginning isn't kept: each destination begins with the first checkpoint whose records all are. */
static enum ep_status find_bases(struct balance *balance, struct error *error)
{
	uint64_t first = survey_first(balance->survey);
	struct journal_frame frame;
	enum ep_status status;

	while ((status = survey_frame(balance->survey, JOURNAL_KINDS(JOURNAL_CHECKPOINT), &frame, error)) == EP_OK) {
		struct ep_slice rest = payload_of(&frame);
		struct checkpoint_part part;

		while (checkpoint_next(&rest, &part)) {
			struct balance_destination *destination;
			struct delivery_state state;

			if (part.kind != CHECKPOINT_COURIER)
				continue;
			status = get_destination(balance, part.name, &destination, error);
			if (status != EP_OK)
				return status;
			delivery_state_init(&state, SIZE_MAX);
			if (!destination->has_base && delivery_state_read(&state, part.bytes) == EP_OK &&
				state.cursor.frame >= first &&
				(state.open_count == 0 || state.open[0].at.frame >= first))
				status = balance_destination_begin(destination, part.bytes, frame.position, error);
			delivery_state_free(&state);
			if (status != EP_OK)
				return status;
		}
	}
	survey_seek(balance->survey, 0);
	return status == EP_END ? EP_OK : status;
}

/* All of it. */

static enum ep_status on_frame(struct balance *balance, const struct journal_frame *frame, struct error *error)
{
	switch (frame->kind) {
	case JOURNAL_MESSAGE:
		return on_message(balance, frame, error);
	case JOURNAL_OUTCOME:
		return on_outcome(balance, frame, error);
	case JOURNAL_DELIVERY:
		return on_delivery(balance, frame, error);
	case JOURNAL_CHECKPOINT:
		return on_checkpoint(balance, frame, error);
	case JOURNAL_HOLE:
		balance->holes++;
		break;
	case JOURNAL_ACTION:
		break;
	}
	return EP_OK;
}

static void say_damage(struct balance *balance)
{
	if (survey_damages(balance->survey))
		balance_violation(&balance->whole,
			"the log is damaged in %llu places: entrepot journal verify names them",
			(unsigned long long)survey_damages(balance->survey));
	if (balance->holes)
		balance_violation(&balance->whole, "a repair has left %lld places of which nothing is known",
			(long long)balance->holes);
}

static void check_sources(struct balance *balance)
{
	for (size_t i = 0; i < balance->trail.source_count; i++) {
		const struct trail_source *source = &balance->trail.sources[i];

		if (source->skipped)
			balance_violation(&balance->whole,
				"%llu messages of %.*s have no outcome, although later ones do",
				(unsigned long long)source->skipped, (int)source->name.length, source->name.data);
	}
}

static enum ep_status compute(struct balance *balance, struct error *error)
{
	struct balance_destination *configured;
	struct journal_frame frame;
	enum ep_status status = survey_open(&balance->survey, balance->conf->data_dir, error);

	if (status == EP_OK)
		status = balance_records_open(&balance->records, balance->conf->data_dir, error);
	for (size_t i = 0; status == EP_OK && i < balance->conf->destination_count; i++)
		status = get_destination(balance, ep_slice_of(balance->conf->destinations[i].name), &configured, error);
	if (status != EP_OK)
		return status;
	trail_init(&balance->trail, survey_first(balance->survey));
	balance->trail.since_ns = balance->filter.since_ns;
	if (survey_first(balance->survey) != LOG_START)
		status = find_bases(balance, error);
	while (status == EP_OK && (status = survey_frame(balance->survey, ~0u, &frame, error)) == EP_OK) {
		balance->end = frame.next;
		status = on_frame(balance, &frame, error);
	}
	if (status != EP_END)
		return status;
	say_damage(balance);
	check_sources(balance);
	status = EP_OK;
	for (size_t i = 0; status == EP_OK && i < balance->destination_count; i++)
		status = balance_destination_end(&balance->destinations[i], balance->end, error);
	return status;
}

static uint64_t violations(const struct balance *balance)
{
	uint64_t count = balance->whole.violation_count;

	for (size_t i = 0; i < balance->destination_count; i++)
		count += balance->destinations[i].violation_count;
	return count;
}

static void reset(struct balance *balance)
{
	for (size_t i = 0; i < balance->destination_count; i++)
		balance_destination_free(&balance->destinations[i]);
	for (size_t i = 0; i < balance->source_count; i++) {
		free((char *)(uintptr_t)balance->sources[i].name.data);
		sums_free(&balance->sources[i].sums);
	}
	free(balance->sources);
	trail_free(&balance->trail);
	balance_records_close(&balance->records);
	survey_close(balance->survey);
	balance->survey = NULL;
	balance->sources = NULL;
	balance->source_count = balance->destination_count = 0;
	balance->holes = 0;
	balance->whole.violation_count = 0;
}

/* Whether a running gateway has let go of what was being read. */
static bool has_moved(const struct balance *balance)
{
	struct survey *now;
	struct error error;
	bool moved;

	if (!balance->survey || survey_open(&now, balance->conf->data_dir, &error) != EP_OK)
		return false;
	moved = survey_first(now) != survey_first(balance->survey);
	survey_close(now);
	return moved;
}

/* Output. */

static bool is_shown(const struct balance *balance, struct ep_slice source)
{
	return !balance->filter.source.data || ep_slice_equal(balance->filter.source, source);
}

static const struct source_sums no_sums;

static const struct source_sums *find_sums(const struct balance *balance, struct ep_slice name)
{
	for (size_t i = 0; i < balance->source_count; i++)
		if (ep_slice_equal(balance->sources[i].name, name))
			return &balance->sources[i];
	return &no_sums;
}

static uint64_t pending_of(const struct balance *balance, const struct trail_source *source)
{
	return trail_pending(&balance->trail, source, UINT64_MAX);
}

static bool source_holds(const struct balance *balance, const struct trail_source *source)
{
	uint64_t sum = pending_of(balance, source);

	for (size_t i = OUTCOME_NORMALIZED; i <= OUTCOME_DISCARDED; i++)
		sum += source->outcomes[i];
	return sum == source->received && source->skipped == 0 && source->strange == 0;
}

static void write_source(const struct balance *balance, const struct trail_source *source, struct json *json)
{
	const struct source_sums *sums = find_sums(balance, source->name);

	json_object_begin(json);
	json_member_text(json, "source", source->name);
	json_member_integer(json, "received", (int64_t)source->received);
	for (int i = OUTCOME_NORMALIZED; i <= OUTCOME_DISCARDED; i++)
		json_member_integer(json, outcome_kind_name((enum outcome_kind)i), (int64_t)source->outcomes[i]);
	json_member_integer(json, "pending", (int64_t)pending_of(balance, source));
	json_member_bool(json, "holds", source_holds(balance, source));
	json_member_integer(json, "records", (int64_t)sums->records);
	json_name(json, "amounts");
	sums_write_json(&sums->sums, json, source_columns, 1);
	json_object_end(json);
}

static void write_destination(const struct balance_destination *destination, struct json *json)
{
	json_object_begin(json);
	json_member_string(json, "destination", destination->name);
	json_member_bool(json, "configured", destination->conf != NULL);
	for (size_t i = 0; i < BALANCE_ENDS; i++) {
		if (i == BALANCE_PENDING)
			json_member_integer(json, "discarded", 0);
		json_member_integer(json, balance_end_names[i], (int64_t)destination->counts[i]);
	}
	json_member_bool(json, "holds", destination->violation_count == 0);
	json_name(json, "amounts");
	sums_write_json(&destination->sums, json, balance_end_names, BALANCE_ENDS);
	json_object_end(json);
}

static void write_violations(const struct balance_destination *of, struct json *json)
{
	for (uint64_t i = 0; i < of->violation_count && i < BALANCE_VIOLATIONS_MAX; i++) {
		json_object_begin(json);
		if (of->name[0])
			json_member_string(json, "destination", of->name);
		json_member_string(json, "text", of->violations[i]);
		json_object_end(json);
	}
}

static void write_json(const struct balance *balance, struct buffer *out)
{
	struct json json = json_begin(out);

	json_object_begin(&json);
	json_member_integer(&json, "first", (int64_t)balance->trail.first);
	json_member_integer(&json, "end", (int64_t)balance->end);
	json_name(&json, "sources");
	json_array_begin(&json);
	for (size_t i = 0; i < balance->trail.source_count; i++)
		if (is_shown(balance, balance->trail.sources[i].name))
			write_source(balance, &balance->trail.sources[i], &json);
	json_array_end(&json);
	json_name(&json, "destinations");
	json_array_begin(&json);
	for (size_t i = 0; i < balance->destination_count; i++)
		write_destination(&balance->destinations[i], &json);
	json_array_end(&json);
	json_name(&json, "violations");
	json_array_begin(&json);
	write_violations(&balance->whole, &json);
	for (size_t i = 0; i < balance->destination_count; i++)
		write_violations(&balance->destinations[i], &json);
	json_array_end(&json);
	json_member_bool(&json, "holds", violations(balance) == 0);
	json_object_end(&json);
	(void)buffer_append_byte(out, '\n');
}

static void print_violations(const struct balance_destination *of, struct buffer *out)
{
	for (uint64_t i = 0; i < of->violation_count && i < BALANCE_VIOLATIONS_MAX; i++)
		(void)buffer_append_format(out, "    DOES NOT HOLD: %s\n", of->violations[i]);
	if (of->violation_count > BALANCE_VIOLATIONS_MAX)
		(void)buffer_append_format(
			out, "    and %" PRIu64 " more\n", of->violation_count - BALANCE_VIOLATIONS_MAX);
}

static void print_source(const struct balance *balance, const struct trail_source *source, struct buffer *out)
{
	const struct source_sums *sums = find_sums(balance, source->name);

	(void)buffer_append_format(out,
		"source %.*s: received %" PRIu64 " = normalized %" PRIu64 " + duplicate %" PRIu64
		" + quarantined %" PRIu64 " + discarded %" PRIu64 " + pending %" PRIu64 "%s\n",
		(int)source->name.length, source->name.data, source->received, source->outcomes[OUTCOME_NORMALIZED],
		source->outcomes[OUTCOME_DUPLICATE], source->outcomes[OUTCOME_QUARANTINED],
		source->outcomes[OUTCOME_DISCARDED], pending_of(balance, source),
		source_holds(balance, source) ? "" : "  DOES NOT HOLD");
	(void)buffer_append_format(out, "    records %" PRIu64 "\n", sums->records);
	sums_print(&sums->sums, out, source_columns, 1);
}

static void print_destination(const struct balance_destination *destination, struct buffer *out)
{
	const uint64_t *counts = destination->counts;

	(void)buffer_append_format(out,
		"destination %s: records %" PRIu64 " = delivered %" PRIu64 " + filtered %" PRIu64
		" + superseded %" PRIu64 " + dead %" PRIu64 " + discarded 0 + pending %" PRIu64 "%s\n",
		destination->name, counts[BALANCE_RECORDS], counts[BALANCE_DELIVERED], counts[BALANCE_FILTERED],
		counts[BALANCE_SUPERSEDED], counts[BALANCE_DEAD], counts[BALANCE_PENDING],
		destination->conf ? "" : "  (not configured any more)");
	sums_print(&destination->sums, out, balance_end_names, BALANCE_ENDS);
	print_violations(destination, out);
}

static void print_text(const struct balance *balance, struct buffer *out)
{
	if (balance->trail.first != LOG_START)
		(void)buffer_append_format(out, "the log is kept from position %" PRIu64 " on: counts begin there\n",
			balance->trail.first);
	for (size_t i = 0; i < balance->trail.source_count; i++)
		if (is_shown(balance, balance->trail.sources[i].name))
			print_source(balance, &balance->trail.sources[i], out);
	for (size_t i = 0; i < balance->destination_count; i++)
		print_destination(&balance->destinations[i], out);
	print_violations(&balance->whole, out);
	buffer_append_string(out, violations(balance) ? "DOES NOT BALANCE\n" : "balanced\n");
}

static int run(const struct conf *conf, const struct balance_filter *filter, bool as_json)
{
	struct balance balance = {.conf = conf, .filter = *filter};
	struct error error = {0};
	struct buffer out;
	enum ep_status status = EP_OK;
	int result;

	balance.destinations = calloc(DESTINATIONS_MAX, sizeof(*balance.destinations));
	if (!balance.destinations)
		return COMMAND_INTERNAL;
	for (int i = 0; i < TRIES; i++) {
		reset(&balance);
		status = compute(&balance, &error);
		if ((status == EP_OK && violations(&balance) == 0) || !has_moved(&balance))
			break;
	}
	if (status != EP_OK) {
		result = offline_fail("balance", status, &error);
	} else {
		buffer_init(&out, OUTPUT_MAX);
		if (as_json)
			write_json(&balance, &out);
		else
			print_text(&balance, &out);
		result = violations(&balance) ? COMMAND_FAILED : COMMAND_OK;
		if (!offline_print("balance", &out))
			result = COMMAND_INTERNAL;
		buffer_free(&out);
	}
	reset(&balance);
	free(balance.destinations);
	return result;
}

/* A time, or how long ago. */
static bool read_since(const char *text, int64_t *ns)
{
	struct ep_time time;

	if (duration_read(ep_slice_of(text), ns) == EP_OK) {
		*ns = clock_realtime_ns() - *ns;
		return true;
	}
	if (ep_time_read(&time, NULL, ep_slice_of(text)) != EP_OK || time.seconds > INT64_MAX / NS_PER_S ||
		time.seconds < 0)
		return false;
	*ns = time.seconds * NS_PER_S + time.nanosecond;
	return true;
}

int command_balance(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"since", required_argument, NULL, 's'}, {"source", required_argument, NULL, 'o'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct balance_filter filter = {.since_ns = INT64_MIN};
	const char *file = "entrepot.conf";
	struct conf *conf;
	bool as_json = false;
	int option, result;

	while ((option = getopt_long(argc, argv, "c:jh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return COMMAND_OK;
		}
		if (option == '?' || (option == 's' && !read_since(optarg, &filter.since_ns))) {
			if (option == 's')
				fprintf(stderr, "entrepot balance: '%s' is neither a time nor a duration\n", optarg);
			fputs(usage, stderr);
			return COMMAND_USAGE;
		}
		if (option == 'c')
			file = optarg;
		if (option == 'o')
			filter.source = ep_slice_of(optarg);
		as_json = as_json || option == 'j';
	}
	if (optind != argc) {
		fprintf(stderr, "entrepot balance: '%s' isn't expected\n%s", argv[optind], usage);
		return COMMAND_USAGE;
	}
	log_setup(LOG_TEXT, EP_LOG_WARN);
	conf = offline_conf(file);
	if (!conf)
		return COMMAND_BAD_CONFIG;
	result = run(conf, &filter, as_json);
	conf_free(conf);
	return result;
}
