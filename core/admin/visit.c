/*
 * visit.c: one connection of the admin API: reads one request, has it answered, writes the answer, closes.
 *
 * The head is read as strictly as intake's; a body needs Content-Length. Whoever is slow, in either direction, is dropped.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <openssl/crypto.h>

#include "admin/parts.h"
#include "base/json.h"
#include "base/log.h"

#define HEAD_MAX ((size_t)16 * 1024)
#define PATIENCE_S 10

void visit_wait(struct visit *visit, void (*gone)(void *argument), void *argument)
{
	const struct timeval patience = {PATIENCE_S, 0};

	visit->gone = gone;
	visit->gone_argument = argument;
	bufferevent_set_timeouts(visit->event, gone ? NULL : &patience, &patience);
}

void visit_close(struct visit *visit)
{
	if (visit->gone)
		visit->gone(visit->gone_argument);
	LIST_REMOVE(visit, listed);
	visit->admin->visit_count--;
	bufferevent_free(visit->event);
	http_head_destroy(visit->head);
	buffer_free(&visit->body);
	free(visit);
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {{200, "OK"}, {202, "Accepted"}, {400, "Bad Request"}, {401, "Unauthorized"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {409, "Conflict"}, {411, "Length Required"}, {413, "Content Too Large"},
		{422, "Unprocessable Content"}, {431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"}, {503, "Service Unavailable"}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Error";
}

void visit_answer(struct visit *visit, int status, const char *type, struct ep_slice content)
{
	struct evbuffer *out = bufferevent_get_output(visit->event);

	if (visit->answered)
		PANIC("a request of the admin API is answered twice");
	visit->answered = true;
	bufferevent_disable(visit->event, EV_READ);
	if (evbuffer_add_printf(out,
		    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %llu\r\nCache-Control: no-store\r\n%s"
		    "Connection: close\r\n\r\n",
		    status, reason(status), type, (unsigned long long)content.length,
		    status == 401 ? "WWW-Authenticate: Bearer\r\n" : "") == -1 ||
		(visit->head->verb != HTTP_VERB_HEAD && evbuffer_add(out, content.data, content.length) == -1))
		evbuffer_drain(out, evbuffer_get_length(out)); /* no memory: the connection closes without an answer */
	bufferevent_enable(visit->event, EV_WRITE);
	bufferevent_trigger(visit->event, EV_WRITE, BEV_OPT_DEFER_CALLBACKS);
}

void visit_refuse(struct visit *visit, int status, enum ep_error code, const char *text)
{
	const struct schema_error *error = schema_error_find((uint32_t)code);
	struct buffer out;
	struct json json;

	buffer_init(&out, 65536);
	json = json_begin(&out);
	json_object_begin(&json);
	json_member_string(&json, "title", error->english);
	json_member_integer(&json, "status", status);
	json_member_string(&json, "code", error->code);
	json_member_string(&json, "detail", text);
	json_member_string(&json, "remedy", error->remedy);
	json_object_end(&json);
	(void)buffer_append_byte(&out, '\n');
	visit_answer(visit, status, "application/problem+json", buffer_slice(&out));
	buffer_free(&out);
}

static void refuse(struct visit *visit, const struct http_fault *fault)
{
	visit_refuse(visit, fault->status, fault->code, fault->text);
}

/* What comes before the answer must not depend on how much of the token is right. */
static bool token_is_right(const struct visit *visit)
{
	const struct conf_secret *token = &visit->admin->options.conf->admin_token;
	struct ep_slice given = http_header(visit->head, EP_SAY("authorization"), NULL);

	if (!visit->by_token)
		return true;
	if (token->length == 0 || !ep_slice_starts(given, EP_SAY("Bearer ")))
		return false;
	given = ep_slice_trim(ep_slice_sub(given, 7, given.length));
	return given.length == token->length && CRYPTO_memcmp(given.data, token->data, token->length) == 0;
}

static void take_head(struct visit *visit, struct evbuffer *in)
{
	size_t have = evbuffer_get_length(in), length = 0;
	struct http_fault fault = {0};
	const char *data = (const char *)evbuffer_pullup(in, -1);
	enum ep_status status = http_head_find(ep_slice_make(data, have), &visit->scanned, &length, &fault);

	if (status == EP_OK && length > HEAD_MAX)
		status = EP_AGAIN;
	if (status == EP_AGAIN && have > HEAD_MAX) {
		fault = (struct http_fault){431, EP_ERR_HEADER_TOO_LARGE, "a head over 16 KiB"};
		status = EP_BAD_INPUT;
	}
	if (status == EP_OK)
		status = http_head_read(visit->head, ep_slice_make(data, length), &fault);
	if (status == EP_AGAIN)
		return;
	if (status != EP_OK) {
		refuse(visit, &fault);
		return;
	}
	evbuffer_drain(in, length);
	visit->has_head = true;
	if (!token_is_right(visit))
		visit_refuse(visit, 401, EP_ERR_UNAUTHORIZED, "the admin token is needed");
	else if (visit->head->chunked)
		visit_refuse(visit, 411, EP_ERR_LENGTH_REQUIRED, "a body needs Content-Length here");
	else if (visit->head->content_length > ADMIN_BODY_MAX)
		visit_refuse(visit, 413, EP_ERR_BODY_TOO_LARGE, "a body over 1 MiB");
}

static void take_body(struct visit *visit, struct evbuffer *in)
{
	size_t wanted = (size_t)visit->head->content_length - visit->body.length;
	size_t have = evbuffer_get_length(in), length = have < wanted ? have : wanted;
	char *room = buffer_reserve(&visit->body, length);

	if (!room && length) {
		visit_refuse(visit, 503, EP_ERR_BUSY, "no memory");
		return;
	}
	if (length)
		visit->body.length += (size_t)evbuffer_remove(in, room, length);
	if (visit->body.length == visit->head->content_length) {
		visit->routed = true;
		route_request(visit);
	}
}

static void on_read(struct bufferevent *event, void *argument)
{
	struct visit *visit = argument;
	struct evbuffer *in = bufferevent_get_input(event);

	if (!visit->has_head && !visit->answered)
		take_head(visit, in);
	if (visit->routed) /* one request a connection: what follows is nobody's */
		evbuffer_drain(in, evbuffer_get_length(in));
	else if (visit->has_head && !visit->answered)
		take_body(visit, in);
}

/* Everything was handed to the kernel. */
static void on_written(struct bufferevent *event, void *argument)
{
	struct visit *visit = argument;

	if (visit->answered && evbuffer_get_length(bufferevent_get_output(event)) == 0)
		visit_close(visit);
}

static void on_event(struct bufferevent *event, short what, void *argument)
{
	(void)event;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		visit_close(argument);
}

void visit_open(struct admin *admin, evutil_socket_t fd, bool by_token, const char *actor)
{
	const struct timeval patience = {PATIENCE_S, 0};
	struct visit *visit = calloc(1, sizeof(*visit));

	if (visit && http_head_create(&visit->head, HEAD_MAX) == EP_OK)
		visit->event = bufferevent_socket_new(
			loop_base(admin->options.loop), fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!visit || !visit->event) {
		if (visit)
			http_head_destroy(visit->head);
		free(visit);
		evutil_closesocket(fd);
		return;
	}
	visit->admin = admin;
	visit->by_token = by_token;
	buffer_init(&visit->body, ADMIN_BODY_MAX);
	snprintf(visit->actor, sizeof(visit->actor), "%s", actor);
	LIST_INSERT_HEAD(&admin->visits, visit, listed);
	admin->visit_count++;
	bufferevent_setcb(visit->event, on_read, on_written, on_event, visit);
	bufferevent_set_timeouts(visit->event, &patience, &patience);
	bufferevent_setwatermark(visit->event, EV_READ, 0, HEAD_MAX + ADMIN_BODY_MAX);
	bufferevent_enable(visit->event, EV_READ | EV_WRITE);
}
