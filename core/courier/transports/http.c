/*
 * http.c: events as CloudEvents by POST (CloudEvents 1.0, HTTP protocol binding, structured and batched mode): libcurl's
 * multi interface on the event loop, connections kept alive.
 *
 * Nothing of the environment counts: no proxy, no .netrc; redirects are not followed. Of an answer the status counts, the
 * Retry-After, and the first bytes for people; a body that doesn't end is cut off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/clock.h"
#include "courier/transport.h"

#define ANSWER_BYTES_MAX (1024 * 1024) /* read of one answer */
#define CONNECT_MAX_NS (10 * NS_PER_S)

struct request {
	struct http_transport *http;
	CURL *easy;
	struct curl_slist *headers;
	struct transport_batch *batch; /* NULL: free */
	size_t received;               /* bytes of the answer's body */
	char text[200];                /* its beginning */
	size_t text_length;
	char message[CURL_ERROR_SIZE];
};

struct http_transport {
	struct transport transport;
	const struct conf_destination *destination;
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct request *requests; /* owned; `connections` of them */
	struct loop_task failed;  /* answers requests that libcurl didn't take */
};

/* Answers ------------------------------------------------------------------------------------------------------ */

static enum transport_answer classify(long status)
{
	if (status >= 200 && status < 300)
		return TRANSPORT_DONE;
	switch (status) {
	case 400:
	case 404:
	case 409:
	case 410:
	case 413:
	case 415:
	case 422:
		return TRANSPORT_PERMANENT;
	case 401:
	case 403:
		return TRANSPORT_REFUSED;
	default:
		return TRANSPORT_AGAIN;
	}
}

static void finish(struct request *request, const struct transport_result *result)
{
	struct transport_batch *batch = request->batch;

	request->batch = NULL;
	curl_slist_free_all(request->headers);
	request->headers = NULL;
	batch->done(batch, result);
}

static void on_answer(struct request *request, CURLcode code)
{
	struct transport_result result = {.answer = TRANSPORT_AGAIN, .retry_after_ns = -1};
	curl_off_t retry_after = 0;
	long status = 0;

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	/* a body cut off by us is an answer all the same: its status was there before */
	if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && request->received > ANSWER_BYTES_MAX))
		status = 0;
	if (status) {
		result.answered = true;
		result.answer = classify(status);
		result.code = (int)status;
		if (curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK && retry_after > 0)
			result.retry_after_ns = retry_after < 86400 ? retry_after * NS_PER_S : 86400 * NS_PER_S;
		snprintf(result.text, sizeof(result.text), "HTTP %ld%s%.*s", status, request->text_length ? ": " : "",
			(int)request->text_length, request->text);
	} else {
		snprintf(result.text, sizeof(result.text), "%.250s",
			request->message[0] ? request->message : curl_easy_strerror(code));
	}
	finish(request, &result);
}

static void collect(struct http_transport *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct request *request = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
		curl_multi_remove_handle(http->multi, message->easy_handle); /* `message` is gone with it */
		on_answer(request, code);
	}
}

static size_t on_body(char *bytes, size_t size, size_t count, void *argument)
{
	struct request *request = argument;
	size_t length = size * count, room = sizeof(request->text) - request->text_length;

	request->received += length;
	if (room > length)
		room = length;
	memcpy(request->text + request->text_length, bytes, room);
	request->text_length += room;
	return request->received > ANSWER_BYTES_MAX ? 0 : length;
}

/* The loop ------------------------------------------------------------------------------------------------------ */

static void on_socket_event(evutil_socket_t fd, short what, void *argument)
{
	struct http_transport *http = argument;
	int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0), running;

	curl_multi_socket_action(http->multi, fd, action, &running);
	collect(http);
}

static void on_timer(void *argument)
{
	struct http_transport *http = argument;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(http);
}

static int on_curl_timer(CURLM *multi, long wait_ms, void *argument)
{
	struct http_transport *http = argument;

	(void)multi;
	if (wait_ms < 0)
		loop_timer_cancel(&http->timer);
	else
		loop_timer_set(&http->timer, wait_ms * NS_PER_MS);
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *socket_argument)
{
	struct http_transport *http = argument;
	struct event *event = socket_argument;
	short wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));

	(void)easy;
	if (event) { /* a watched socket changes what it is watched for by a new event */
		event_free(event);
		event = NULL;
	}
	if (what != CURL_POLL_REMOVE) {
		event = event_new(loop_base(http->loop), fd, (short)(wanted | EV_PERSIST), on_socket_event, http);
		if (!event || event_priority_set(event, 0) == -1 || event_add(event, NULL) == -1)
			PANIC("no memory to watch a socket");
	}
	curl_multi_assign(http->multi, fd, event);
	return 0;
}

/* Requests ------------------------------------------------------------------------------------------------------ */

static bool add_header(struct request *request, const char *line)
{
	struct curl_slist *headers = curl_slist_append(request->headers, line);

	if (headers)
		request->headers = headers;
	return headers != NULL;
}

static bool set_headers(struct request *request, const struct transport_batch *batch)
{
	char key[64];

	snprintf(key, sizeof(key), "Idempotency-Key: %s", batch->key);
	return add_header(request, request->http->destination->batch_records > 1
					   ? "Content-Type: application/cloudevents-batch+json; charset=utf-8"
					   : "Content-Type: application/cloudevents+json; charset=utf-8") &&
	       add_header(request, key) && add_header(request, "Expect:") && add_header(request, "Accept:");
}

static void answer_failed(void *argument)
{
	struct http_transport *http = argument;
	const struct transport_result result = {
		.answer = TRANSPORT_AGAIN, .retry_after_ns = -1, .text = "the request could not be made"};

	for (int64_t i = 0; i < http->destination->connections; i++)
		if (http->requests[i].batch && http->requests[i].batch->transport_state == http)
			finish(&http->requests[i], &result);
}

static void start(struct transport *transport, struct transport_batch *batch)
{
	struct http_transport *http = (struct http_transport *)transport;
	struct request *request = http->requests;

	while (request->batch) /* the courier sends no more at once than there are */
		request++;
	ASSERT(request < http->requests + http->destination->connections);
	request->batch = batch;
	request->received = request->text_length = 0;
	request->message[0] = '\0';
	batch->transport_state = NULL;
	if (set_headers(request, batch) &&
		curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK &&
		curl_easy_setopt(request->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)batch->body.length) ==
			CURLE_OK &&
		curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS, batch->body.data) == CURLE_OK &&
		curl_multi_add_handle(http->multi, request->easy) == CURLM_OK)
		return;
	batch->transport_state = http; /* marks it as not taken */
	loop_task_queue(http->loop, &http->failed);
}

static long milliseconds(int64_t ns)
{
	return (long)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

static CURL *make_easy(const struct http_transport *http, struct request *request)
{
	const struct conf_destination *destination = http->destination;
	int64_t connect = destination->timeout_ns < CONNECT_MAX_NS ? destination->timeout_ns : CONNECT_MAX_NS;
	CURL *easy = curl_easy_init();
	bool sound = easy != NULL;

	sound = sound && curl_easy_setopt(easy, CURLOPT_URL, destination->url) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_USERAGENT, "entrepot") == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(destination->timeout_ns)) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(connect)) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_WRITEDATA, request) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->message) == CURLE_OK;
	sound = sound && curl_easy_setopt(easy, CURLOPT_PRIVATE, request) == CURLE_OK;
	if (!sound)
		curl_easy_cleanup(easy);
	return sound ? easy : NULL;
}

static void destroy(struct transport *transport)
{
	struct http_transport *http = (struct http_transport *)transport;

	for (int64_t i = 0; http->requests && i < http->destination->connections; i++) {
		struct request *request = &http->requests[i];

		if (!request->easy)
			continue;
		if (request->batch)
			curl_multi_remove_handle(http->multi, request->easy);
		curl_easy_cleanup(request->easy);
		curl_slist_free_all(request->headers);
	}
	if (http->multi)
		curl_multi_cleanup(http->multi); /* frees the sockets' events through on_curl_socket */
	if (http->timer.loop)
		loop_timer_end(&http->timer);
	loop_task_cancel(http->loop, &http->failed);
	curl_global_cleanup();
	free(http->requests);
	free(http);
}

static bool make_requests(struct http_transport *http)
{
	http->requests = calloc((size_t)http->destination->connections, sizeof(struct request));
	if (!http->requests)
		return false;
	for (int64_t i = 0; i < http->destination->connections; i++) {
		http->requests[i].http = http;
		http->requests[i].easy = make_easy(http, &http->requests[i]);
		if (!http->requests[i].easy)
			return false;
	}
	return true;
}

static enum ep_status create(const struct conf_destination *destination, struct loop *loop,
	struct transport **transport, struct error *error)
{
	struct http_transport *http = calloc(1, sizeof(*http));

	*transport = NULL;
	if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(http);
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "libcurl can't be started");
	}
	http->transport.ops = &transport_http;
	http->destination = destination;
	http->loop = loop;
	http->failed = (struct loop_task){.run = answer_failed, .argument = http};
	loop_timer_init(&http->timer, loop, on_timer, http);
	http->multi = curl_multi_init();
	if (!http->multi || !make_requests(http) ||
		curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) != CURLM_OK ||
		curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
		curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) != CURLM_OK ||
		curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) != CURLM_OK ||
		curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)destination->connections) != CURLM_OK) {
		destroy(&http->transport);
		return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "%s: libcurl doesn't take this address",
			destination->url);
	}
	*transport = &http->transport;
	return EP_OK;
}

const struct transport_ops transport_http = {.name = "http", .create = create, .send = start, .destroy = destroy};
