/* source.c: see source.h. */
#include "intake/source.h"

#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "base/disk.h"
#include "intake/json_find.h"

#define ID_WINDOW ((size_t)256 * 1024) /* of a body in a spool file: an event's id stands near its start */

/* Headers that carry credentials, whatever a plugin declares. */
static bool is_secret(struct ep_slice name)
{
	static const char *const secret[] = {"authorization", "proxy-authorization", "cookie"};

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		if (ep_slice_equal(name, ep_slice_of(secret[i])))
			return true;
	return false;
}

static void read_declared_headers(struct source *source)
{
	const char *headers = source->conf->note.headers;
	struct ep_slice rest = ep_slice_make(headers, strnlen(headers, sizeof(source->conf->note.headers)));
	struct ep_slice name;

	while (source->keep_count < MESSAGE_HEADERS_MAX && ep_slice_split(&rest, ' ', &name))
		if (name.length && !is_secret(name))
			source->keep[source->keep_count++] = name;
}

static bool is_kept(const struct source *source, struct ep_slice name)
{
	for (uint32_t i = 0; i < source->keep_count; i++)
		if (ep_slice_equal(source->keep[i], name))
			return true;
	return false;
}

static int compare(struct ep_slice a, struct ep_slice b)
{
	int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);

	return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_sources(const void *a, const void *b)
{
	return compare(((const struct source *)a)->name, ((const struct source *)b)->name);
}

enum ep_status sources_create(struct sources *sources, const struct conf *conf, struct error *error)
{
	enum ep_status status;

	memset(sources, 0, sizeof(*sources));
	buffer_init(&sources->id_window, ID_WINDOW);
	status = verifier_create(&sources->nobody, NULL, NULL, error);
	if (status != EP_OK)
		return status;
	sources->list = calloc(conf->source_count + 1, sizeof(*sources->list));
	if (!sources->list) {
		sources_destroy(sources);
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for sources");
	}
	for (size_t i = 0; i < conf->source_count; i++) {
		struct source *source = &sources->list[i];

		source->conf = &conf->sources[i];
		source->name = ep_slice_of(source->conf->name);
		read_declared_headers(source);
		status = verifier_create(&source->verifier, &source->conf->verify, &source->conf->status_token, error);
		if (status != EP_OK) {
			sources_destroy(sources);
			return status;
		}
		sources->count++;
	}
	qsort(sources->list, sources->count, sizeof(*sources->list), compare_sources);
	return EP_OK;
}

void sources_destroy(struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++) {
		verifier_destroy(sources->list[i].verifier);
		for (uint32_t k = 0; k < sources->list[i].keep_count; k++)
			free(sources->list[i].added[k]);
	}
	free(sources->list);
	verifier_destroy(sources->nobody);
	buffer_free(&sources->id_window);
	memset(sources, 0, sizeof(*sources));
}

const struct source *sources_find(const struct sources *sources, struct ep_slice name)
{
	size_t low = 0, high = sources->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name.length ? compare(name, sources->list[middle].name) : -1;

		if (order == 0)
			return &sources->list[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

enum ep_status sources_keep(struct sources *sources, struct ep_slice name, struct ep_slice headers)
{
	struct source *source = (struct source *)(uintptr_t)sources_find(sources, name);
	struct ep_slice header;

	if (!source)
		return EP_OK;
	while (source->keep_count < MESSAGE_HEADERS_MAX && ep_slice_split(&headers, ' ', &header)) {
		char *copy;

		if (header.length == 0 || is_secret(header) || is_kept(source, header))
			continue;
		copy = strndup(header.data, header.length);
		if (!copy)
			return EP_NO_MEMORY;
		source->added[source->keep_count] = copy;
		source->keep[source->keep_count++] = ep_slice_make(copy, header.length);
	}
	return EP_OK;
}

/* A body in a spool file is looked at as far as ID_WINDOW. */
static struct ep_slice find_id_in_body(struct sources *sources, const struct body *body, struct ep_slice path)
{
	struct ep_slice text = body_bytes(body);
	char *window;
	ssize_t got;

	if (body->spool_fd != -1) {
		buffer_clear(&sources->id_window);
		window = buffer_reserve(&sources->id_window, ID_WINDOW);
		got = window ? disk_read_at(body->spool_fd, window, ID_WINDOW, 0) : -1;
		text = ep_slice_make(window, got == -1 ? 0 : (uint64_t)got);
	}
	return json_find(text, path);
}

static void fill_event_id(struct sources *sources, const struct source *source, const struct http_head *head,
	const struct body *body, struct message *message)
{
	const struct conf_verify *verify = &source->conf->verify;

	if (source->conf->dedupe != CONF_DEDUPE_EVENT_ID)
		return;
	if (verify->event_id_header && head)
		message->dedupe = http_header(head, ep_slice_of(verify->event_id_header), NULL);
	if (message->dedupe.length == 0 && verify->event_id_path)
		message->dedupe = find_id_in_body(sources, body, ep_slice_of(verify->event_id_path));
}

void source_fill_message(struct sources *sources, const struct source *source, const struct http_head *head,
	const struct body *body, struct message *message)
{
	message->source = source->name;
	message->content_type = http_header(head, EP_SAY("content-type"), NULL);
	message->content_encoding = http_header(head, EP_SAY("content-encoding"), NULL);
	message->idempotency = http_header(head, EP_SAY("idempotency-key"), NULL);
	fill_event_id(sources, source, head, body, message);
	for (uint32_t i = 0; i < head->header_count; i++)
		for (uint32_t k = 0; k < source->keep_count && message->header_count < MESSAGE_HEADERS_MAX; k++)
			if (ep_slice_equal(head->headers[i].name, source->keep[k])) {
				message->headers[message->header_count++] = head->headers[i];
				break;
			}
}

void source_fill_file(
	struct sources *sources, const struct source *source, const struct body *body, struct message *message)
{
	message->source = source->name;
	fill_event_id(sources, source, NULL, body, message);
}
