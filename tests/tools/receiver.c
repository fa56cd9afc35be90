/*
 * receiver.c: a destination for tests: takes CloudEvents by POST on 127.0.0.1, counts them, and misbehaves as told.
 *
 *   receiver [--port N] [--store FILE] [--events FILE] [--delay MS] [--fail PERCENT]
 *            [--status CODE] [--hang PERCENT] [--die-after EVENTS]
 *
 * Port 0 (the default) takes a free one; "listening PORT" is printed once it can be reached. GET /stats answers with the
 * counts as JSON; POST /control?delay=..&fail=..&status=..&hang=..&die-after=.. changes its manners. Ends on SIGTERM.
 *
 * An id that came before is a repeat. Of ids that are new, the revision must grow within (source, subject); one that
 * doesn't is out of order. With --store each id is appended to FILE and synced before the answer, and read again at the
 * start, so that a receiver that died after storing and before answering (--die-after) knows what it has. With --events
 * a line "ID SUBJECT" is written for each event, repeats included.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

#define BODY_MAX ((ev_ssize_t)64 * 1024 * 1024)
#define TYPES_MAX 32
#define TABLE_MAX ((size_t)1 << 26)

/* Open addressing; a key of zero is an empty place. */
struct table {
	struct {
		uint64_t key, value;
	} * places;
	size_t size, used; /* size: a power of two */
};

struct manners {
	long delay_ms, fail_percent, status, hang_percent, die_after;
};

struct receiver {
	struct event_base *base;
	struct manners manners;
	struct table ids, revisions;
	uint64_t requests, events, repeated, disordered, malformed, failed, hung;
	struct {
		char name[64];
		uint64_t count;
	} types[TYPES_MAX];
	int store; /* -1: none */
	FILE *log; /* of --events; NULL: none */
};

/* The members of an event that are looked at. */
struct seen {
	struct ep_slice id, source, subject, type, revision;
};

static uint64_t *table_find(struct table *table, uint64_t key, bool *is_new)
{
	size_t at;

	if (table->used * 2 >= table->size) {
		struct table larger = {.size = table->size ? table->size * 2 : 4096};

		if (larger.size > TABLE_MAX)
			PANIC("over %zu keys", TABLE_MAX / 2);
		larger.places = calloc(larger.size, sizeof(*larger.places));
		if (!larger.places)
			PANIC("no memory for %zu keys", larger.size);
		for (size_t i = 0; i < table->size; i++)
			if (table->places[i].key) {
				bool ignored;

				*table_find(&larger, table->places[i].key, &ignored) = table->places[i].value;
			}
		free(table->places);
		*table = larger;
	}
	key = key ? key : 1;
	for (at = key & (table->size - 1); table->places[at].key && table->places[at].key != key;)
		at = (at + 1) & (table->size - 1);
	*is_new = table->places[at].key == 0;
	if (*is_new) {
		table->places[at].key = key;
		table->used++;
	}
	return &table->places[at].value;
}

/* The end of the JSON value that begins at `at`, or NULL. Knows strings and nesting; that is enough to find members. */
static const char *skip_value(const char *at, const char *end)
{
	int depth = 0;

	for (; at < end; at++) {
		if (*at == '"') {
			for (at++; at < end && *at != '"'; at++)
				at += *at == '\\';
			if (at >= end)
				return NULL;
		} else if (*at == '{' || *at == '[') {
			depth++;
			continue;
		} else if (*at == '}' || *at == ']') {
			if (depth == 0)
				return at;
			depth--;
		} else if ((*at == ',' || *at == ':') && depth == 0) {
			return at;
		} else {
			continue;
		}
		if (depth == 0 && (at + 1 == end || at[1] == ',' || at[1] == ':' || at[1] == '}' || at[1] == ']'))
			return at + 1;
	}
	return depth == 0 ? end : NULL;
}

static struct ep_slice unquote(struct ep_slice value)
{
	return value.length >= 2 && value.data[0] == '"' ? ep_slice_make(value.data + 1, value.length - 2) : value;
}

static void see_member(struct seen *seen, struct ep_slice name, struct ep_slice value)
{
	if (ep_slice_is(name, "id"))
		seen->id = value;
	else if (ep_slice_is(name, "source"))
		seen->source = value;
	else if (ep_slice_is(name, "subject"))
		seen->subject = value;
	else if (ep_slice_is(name, "type"))
		seen->type = value;
	else if (ep_slice_is(name, "revision"))
		seen->revision = value;
}

/* One event, written without blanks as the gateway does; the place behind it, or NULL. */
static const char *read_event(const char *at, const char *end, struct seen *seen)
{
	*seen = (struct seen){.id = {NULL, 0}};
	if (at == end || *at++ != '{')
		return NULL;
	while (at < end && *at != '}') {
		const char *name = at, *colon = skip_value(at, end), *close;

		if (!colon || colon == end || *colon != ':')
			return NULL;
		close = skip_value(colon + 1, end);
		if (!close || close == end)
			return NULL;
		see_member(seen, unquote(ep_slice_make(name, (uint64_t)(colon - name))),
			unquote(ep_slice_make(colon + 1, (uint64_t)(close - colon - 1))));
		at = close + (*close == ',');
	}
	return at < end && seen->id.length == 32 && seen->source.length ? at + 1 : NULL;
}

static void count_type(struct receiver *receiver, struct ep_slice type)
{
	for (size_t i = 0; i < TYPES_MAX; i++) {
		char *name = receiver->types[i].name;

		if (name[0] == '\0')
			snprintf(name, sizeof(receiver->types[i].name), "%.*s", (int)type.length, type.data);
		if (strlen(name) == type.length && memcmp(name, type.data, type.length) == 0) {
			receiver->types[i].count++;
			return;
		}
	}
}

static uint64_t id_key(const uint8_t id[16])
{
	return xxh3(id, 16, 0);
}

static void take_event(struct receiver *receiver, const struct seen *seen, struct buffer *stored)
{
	uint64_t key = xxh3(seen->subject.data, seen->subject.length, xxh3(seen->source.data, seen->source.length, 0));
	int64_t revision = 0;
	uint64_t *last;
	uint8_t id[16];
	bool is_new;

	receiver->events++;
	if (receiver->log)
		fprintf(receiver->log, "%.*s %.*s\n", (int)seen->id.length, seen->id.data, (int)seen->subject.length,
			seen->subject.data);
	if (hex_read(seen->id, id, sizeof(id)) != EP_OK || !ep_slice_integer(seen->revision, &revision)) {
		receiver->malformed++;
		return;
	}
	table_find(&receiver->ids, id_key(id), &is_new);
	if (!is_new) {
		receiver->repeated++;
		return;
	}
	count_type(receiver, seen->type);
	(void)buffer_append(stored, id, sizeof(id));
	last = table_find(&receiver->revisions, key, &is_new);
	if (!is_new && (uint64_t)revision < *last)
		receiver->disordered++;
	else
		*last = (uint64_t)revision;
}

static bool take_body(struct receiver *receiver, const char *at, const char *end, struct buffer *stored)
{
	bool array = at < end && *at == '[';
	struct seen seen;

	at += array;
	do {
		at = read_event(at, end, &seen);
		if (!at)
			return false;
		take_event(receiver, &seen, stored);
	} while (array && at < end && *at == ',' && at++);
	return at + array == end && (!array || *at == ']');
}

static bool happens(long percent)
{
	return percent > 0 && random() % 100 < percent;
}

struct answer {
	struct evhttp_request *request;
	struct event *timer;
	int status;
};

static void on_answer(evutil_socket_t fd, short what, void *argument)
{
	struct answer *answer = argument;

	(void)fd;
	(void)what;
	evhttp_send_reply(answer->request, answer->status, NULL, NULL);
	event_free(answer->timer);
	free(answer);
}

static void answer_later(struct receiver *receiver, struct evhttp_request *request, int status)
{
	struct timeval delay = {
		.tv_sec = receiver->manners.delay_ms / 1000, .tv_usec = receiver->manners.delay_ms % 1000 * 1000};
	struct answer *answer;

	if (receiver->manners.delay_ms == 0) {
		evhttp_send_reply(request, status, NULL, NULL);
		return;
	}
	answer = calloc(1, sizeof(*answer));
	if (!answer)
		PANIC("no memory for an answer");
	answer->request = request;
	answer->status = status;
	answer->timer = evtimer_new(receiver->base, on_answer, answer);
	if (!answer->timer || evtimer_add(answer->timer, &delay) == -1)
		PANIC("no memory for a timer");
}

static void store(struct receiver *receiver, const struct buffer *stored)
{
	if (receiver->store == -1 || stored->length == 0)
		return;
	if (write(receiver->store, stored->data, stored->length) != (ssize_t)stored->length ||
		fdatasync(receiver->store) == -1)
		PANIC("ids can't be stored");
}

static void on_post(struct evhttp_request *request, void *argument)
{
	struct receiver *receiver = argument;
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t length = evbuffer_get_length(body);
	struct buffer stored;
	const char *bytes;
	bool sound;

	if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
		evhttp_send_reply(request, 405, NULL, NULL);
		return;
	}
	receiver->requests++;
	if (happens(receiver->manners.hang_percent)) {
		receiver->hung++;
		return; /* never answered */
	}
	if (happens(receiver->manners.fail_percent)) {
		receiver->failed++;
		answer_later(receiver, request, (int)receiver->manners.status);
		return;
	}
	buffer_init(&stored, (size_t)BODY_MAX);
	bytes = (const char *)evbuffer_pullup(body, -1);
	sound = length && take_body(receiver, bytes, bytes + length, &stored);
	receiver->malformed += !sound;
	store(receiver, &stored);
	if (receiver->log)
		fflush(receiver->log);
	buffer_free(&stored);
	if (receiver->manners.die_after && receiver->events >= (uint64_t)receiver->manners.die_after)
		_exit(0); /* stored, never answered */
	answer_later(receiver, request, sound ? 202 : 400);
}

static void write_stats(const struct receiver *receiver, struct buffer *out)
{
	struct json json = json_begin(out);

	json_object_begin(&json);
	json_member_integer(&json, "requests", (int64_t)receiver->requests);
	json_member_integer(&json, "events", (int64_t)receiver->events);
	json_member_integer(&json, "unique", (int64_t)receiver->ids.used);
	json_member_integer(&json, "repeated", (int64_t)receiver->repeated);
	json_member_integer(&json, "disordered", (int64_t)receiver->disordered);
	json_member_integer(&json, "malformed", (int64_t)receiver->malformed);
	json_member_integer(&json, "failed", (int64_t)receiver->failed);
	json_member_integer(&json, "hung", (int64_t)receiver->hung);
	json_name(&json, "types");
	json_object_begin(&json);
	for (size_t i = 0; i < TYPES_MAX && receiver->types[i].name[0]; i++)
		json_member_integer(&json, receiver->types[i].name, (int64_t)receiver->types[i].count);
	json_object_end(&json);
	json_object_end(&json);
	(void)buffer_append_byte(out, '\n');
}

static void on_stats(struct evhttp_request *request, void *argument)
{
	struct evbuffer *body = evbuffer_new();
	struct buffer out;

	buffer_init(&out, 65536);
	write_stats(argument, &out);
	evbuffer_add(body, out.data, out.length);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
	evhttp_send_reply(request, 200, NULL, body);
	evbuffer_free(body);
	buffer_free(&out);
}

static bool set_manner(struct manners *manners, const char *name, const char *text)
{
	int64_t value;

	if (!ep_slice_integer(ep_slice_of(text), &value))
		return false;
	if (strcmp(name, "delay") == 0)
		manners->delay_ms = value;
	else if (strcmp(name, "fail") == 0)
		manners->fail_percent = value;
	else if (strcmp(name, "status") == 0)
		manners->status = value;
	else if (strcmp(name, "hang") == 0)
		manners->hang_percent = value;
	else if (strcmp(name, "die-after") == 0)
		manners->die_after = value;
	else
		return false;
	return true;
}

static void on_control(struct evhttp_request *request, void *argument)
{
	struct receiver *receiver = argument;
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq settings;
	struct evkeyval *setting;
	int status = 200;

	if (!query || evhttp_parse_query_str(query, &settings) == -1) {
		evhttp_send_reply(request, 400, NULL, NULL);
		return;
	}
	for (setting = TAILQ_FIRST(&settings); setting; setting = TAILQ_NEXT(setting, next)) {
		if (!set_manner(&receiver->manners, setting->key, setting->value))
			status = 400;
	}
	evhttp_clear_headers(&settings);
	evhttp_send_reply(request, status, NULL, NULL);
}

static void open_store(struct receiver *receiver, const char *path)
{
	uint8_t id[16];
	bool is_new;

	receiver->store = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (receiver->store == -1) {
		fprintf(stderr, "receiver: %s can't be opened\n", path);
		exit(2);
	}
	while (read(receiver->store, id, sizeof(id)) == sizeof(id))
		table_find(&receiver->ids, id_key(id), &is_new);
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
	(void)number;
	(void)what;
	event_base_loopbreak(argument);
}

static int serve(struct receiver *receiver, uint16_t port)
{
	struct evhttp *http = evhttp_new(receiver->base);
	struct evhttp_bound_socket *bound = http ? evhttp_bind_socket_with_handle(http, "127.0.0.1", port) : NULL;
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	struct event *term, *interrupt;

	if (!bound || getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length) == -1) {
		fprintf(stderr, "receiver: port %u can't be bound\n", port);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	term = evsignal_new(receiver->base, SIGTERM, on_signal, receiver->base);
	interrupt = evsignal_new(receiver->base, SIGINT, on_signal, receiver->base);
	event_add(term, NULL);
	event_add(interrupt, NULL);
	evhttp_set_max_body_size(http, BODY_MAX);
	evhttp_set_timeout(http, 3600);
	evhttp_set_cb(http, "/stats", on_stats, receiver);
	evhttp_set_cb(http, "/control", on_control, receiver);
	evhttp_set_gencb(http, on_post, receiver);
	printf("listening %u\n", ntohs(address.sin_port));
	fflush(stdout);
	event_base_dispatch(receiver->base);
	event_free(term);
	event_free(interrupt);
	evhttp_free(http);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
		{"store", required_argument, NULL, 's'}, {"events", required_argument, NULL, 'e'},
		{"delay", required_argument, NULL, 0}, {"fail", required_argument, NULL, 0},
		{"status", required_argument, NULL, 0}, {"hang", required_argument, NULL, 0},
		{"die-after", required_argument, NULL, 0}, {NULL, 0, NULL, 0}};
	struct receiver receiver = {.manners = {.status = 503}, .store = -1};
	int64_t port = 0;
	int option, index, result;

	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		bool known = option != '?';

		if (option == 'p')
			known = ep_slice_integer(ep_slice_of(optarg), &port) && port < 65536;
		else if (option == 's')
			open_store(&receiver, optarg);
		else if (option == 'e')
			known = (receiver.log = fopen(optarg, "a")) != NULL;
		else if (option == 0)
			known = set_manner(&receiver.manners, options[index].name, optarg);
		if (!known) {
			fprintf(stderr, "Usage: receiver [--port N] [--store FILE] [--events FILE] [--delay MS] "
					"[--fail PERCENT] "
					"[--status CODE] "
					"[--hang PERCENT] [--die-after EVENTS]\n");
			return 64;
		}
	}
	receiver.base = event_base_new();
	if (!receiver.base)
		return 2;
	result = serve(&receiver, (uint16_t)port);
	event_base_free(receiver.base);
	free(receiver.ids.places);
	free(receiver.revisions.places);
	return result;
}
