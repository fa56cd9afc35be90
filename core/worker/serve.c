/*
 * serve.c: see serve.h.
 *
 * Output is queued and written when no further call is at hand, when OUT_FLUSH bytes are queued, or when the oldest is
 * FLUSH_NS old: so a burst shares its writes, and a lone message goes at once. Which call is under way stands in the
 * progress page, so queued output never makes an innocent call look guilty.
 * What the gateway sends is trusted as far as it must be; a frame that can't be read ends the process.
 */
#include "worker/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/body.h"

#define IN_CHUNK ((size_t)256 * 1024)
#define OUT_FLUSH ((size_t)64 * 1024)
#define FLUSH_NS (5 * NS_PER_MS)
#define LOG_TEXT_MAX 1024

void serve_init(struct server *server)
{
	memset(server, 0, sizeof(*server));
	buffer_init(&server->in, WORKER_FRAME_HEAD + WORKER_FRAME_MAX + IN_CHUNK);
	buffer_init(&server->out, OUT_FLUSH + 2 * WORKER_REPLY_MAX);
}

void serve_flush(struct server *server)
{
	size_t done = 0;

	if (server->out.failed != EP_OK)
		_exit(WORKER_EXIT_SOCKET);
	while (done < server->out.length) {
		ssize_t wrote = write(WORKER_SOCKET_FD, server->out.data + done, server->out.length - done);

		if (wrote == -1 && errno == EINTR)
			continue;
		if (wrote == -1)
			_exit(errno == EPIPE ? WORKER_EXIT_DONE : WORKER_EXIT_SOCKET);
		done += (size_t)wrote;
	}
	buffer_clear(&server->out);
	server->sent_ns = clock_monotonic_ns();
}

static void flush_if_due(struct server *server)
{
	if (server->out.length >= OUT_FLUSH || server->out.failed != EP_OK ||
		(server->out.length > 0 && clock_monotonic_ns() - server->sent_ns > FLUSH_NS))
		serve_flush(server);
}

static bool keep_descriptors(struct server *server, struct msghdr *message)
{
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= head->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			if (server->descriptor_count == SERVE_DESCRIPTORS_MAX)
				return false;
			memcpy(&server->descriptors[server->descriptor_count++], CMSG_DATA(head) + at, sizeof(int));
		}
	}
	return !(message->msg_flags & MSG_CTRUNC);
}

int serve_take_descriptor(struct server *server)
{
	int fd;

	if (server->descriptor_count == 0)
		return -1;
	fd = server->descriptors[0];
	server->descriptor_count--;
	memmove(server->descriptors, server->descriptors + 1, server->descriptor_count * sizeof(int));
	return fd;
}

static enum ep_status receive(struct server *server)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(SERVE_DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct iovec part = {.iov_len = IN_CHUNK};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got;

	buffer_consume(&server->in, server->in_used);
	server->in_used = 0;
	part.iov_base = buffer_reserve(&server->in, IN_CHUNK);
	if (!part.iov_base)
		return EP_NO_MEMORY;
	do
		got = recvmsg(WORKER_SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
	while (got == -1 && errno == EINTR);
	if (got == 0 || (got == -1 && errno == ECONNRESET))
		return EP_END;
	if (got == -1 || !keep_descriptors(server, &message))
		return EP_MISUSE;
	server->in.length += (size_t)got;
	return EP_OK;
}

enum ep_status serve_next(struct server *server, struct worker_frame *frame)
{
	for (;;) {
		enum ep_status status = frame_read(server->in.data + server->in_used,
			server->in.length - server->in_used, WORKER_FRAME_MAX, frame);

		if (status == EP_OK) {
			server->in_used += WORKER_FRAME_HEAD + frame->length;
			return EP_OK;
		}
		if (status != EP_AGAIN)
			return EP_MISUSE;
		if (server->out.length > 0)
			serve_flush(server);
		status = receive(server);
		if (status != EP_OK)
			return status;
	}
}

void serve_record(void *self, struct ep_slice encoded, const struct record_origin *origins, uint32_t origin_count)
{
	struct server *server = self;
	size_t at;

	if (origin_count > WORKER_ORIGINS_MAX)
		origin_count = 0; /* more than anybody will look at */
	at = frame_begin(&server->out, WORKER_RECORD);
	frame_put_u64(&server->out, server->number);
	frame_put_u32(&server->out, origin_count);
	frame_put_u32(&server->out, (uint32_t)encoded.length);
	buffer_append(&server->out, origins, origin_count * sizeof(*origins));
	buffer_append_slice(&server->out, encoded);
	frame_end(&server->out, at);
	flush_if_due(server);
}

static void put_verdict(struct server *server, enum worker_kind kind, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	const size_t at = frame_begin(&server->out, kind);
	struct ep_place shown = *place;

	if (shown.path.length > WORKER_TEXT_MAX)
		shown.path.length = WORKER_TEXT_MAX;
	if (text.length > WORKER_TEXT_MAX)
		text.length = WORKER_TEXT_MAX;
	frame_put_u64(&server->out, server->number);
	frame_put_u32(&server->out, (uint32_t)code);
	frame_put_u32(&server->out, 0);
	frame_put_place(&server->out, &shown);
	frame_put_bytes(&server->out, text);
	frame_end(&server->out, at);
	flush_if_due(server);
}

void serve_reject(void *self, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	put_verdict(self, WORKER_REJECT, code, place, text);
}

/* One line: 0x1e, the level, the text. What a plugin itself writes to standard error has no such head. */
void serve_log(void *self, enum ep_log_level level, struct ep_slice text)
{
	char line[LOG_TEXT_MAX + 3];
	size_t length = text.length < LOG_TEXT_MAX ? (size_t)text.length : LOG_TEXT_MAX;

	(void)self;
	line[0] = '\036';
	line[1] = (char)('0' + level);
	for (size_t i = 0; i < length; i++)
		line[2 + i] = text.data[i] == '\n' ? ' ' : text.data[i];
	line[2 + length] = '\n';
	if (write(WORKER_LOG_FD, line, length + 3) == -1)
		return; /* nobody listens */
}

/* Whether parse() reads this header: the note names them, lower case, separated by blanks. */
static bool is_declared(const struct server *server, struct ep_slice name)
{
	struct ep_slice rest = ep_slice_of(server->file.note.headers), piece;

	while (ep_slice_split(&rest, ' ', &piece)) {
		if (piece.length > 0 && ep_slice_equal(piece, name))
			return true;
	}
	return false;
}

struct request {
	uint64_t number, body_length;
	bool by_descriptor;
	struct ep_slice type, encoding, name;
	struct ep_header headers[WORKER_HEADERS_MAX];
	uint32_t header_count;
	struct ep_slice body; /* inline */
};

static bool read_request(const struct server *server, const struct worker_frame *frame, struct request *request)
{
	struct frame_reader reader = frame_reader_of(frame);
	uint32_t count;

	request->number = frame_get_u64(&reader);
	request->body_length = frame_get_u64(&reader);
	request->by_descriptor = frame_get_u32(&reader) == 1;
	count = frame_get_u32(&reader);
	request->type = frame_get_bytes(&reader);
	request->encoding = frame_get_bytes(&reader);
	request->name = frame_get_bytes(&reader);
	request->header_count = 0;
	for (uint32_t i = 0; i < count && !reader.bad; i++) {
		struct ep_header header;

		header.name = frame_get_bytes(&reader);
		header.value = frame_get_bytes(&reader);
		if (is_declared(server, header.name) && request->header_count < WORKER_HEADERS_MAX)
			request->headers[request->header_count++] = header;
	}
	if (!request->by_descriptor) {
		request->body = ep_slice_make(reader.at, request->body_length);
		if (request->body_length > WORKER_INLINE_MAX ||
			!frame_take(&reader, (size_t)request->body_length + WORKER_BODY_PADDING))
			return false;
	}
	return !reader.bad;
}

/* "Text/XML; charset=utf-8" without parameters, in lower case. */
static struct ep_slice media_type(struct ep_slice sent, char *text, size_t size)
{
	struct ep_slice type = ep_slice_trim(ep_slice_sub(sent, 0, ep_slice_find(sent, ';')));

	if (type.length > size)
		return ep_slice_make(NULL, 0);
	for (uint64_t i = 0; i < type.length; i++) {
		const char byte = type.data[i];

		text[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
	}
	return ep_slice_make(text, type.length);
}

/* A body that is still packed would only look like a broken message to the plugin: said at once, and clearly. */
static bool refuse_encoding(struct server *server, const struct request *request)
{
	const struct ep_slice encoding = ep_slice_trim(request->encoding);
	const struct ep_place nowhere = ep_place_none();
	char text[128];
	int length;

	if (encoding.length == 0 || ep_slice_equal_nocase(encoding, EP_SAY("identity")))
		return false;
	length = snprintf(text, sizeof(text), "content encoding '%.*s' isn't unpacked; send the body without it",
		(int)(encoding.length < 40 ? encoding.length : 40), encoding.data);
	put_verdict(server, WORKER_FAIL, EP_ERR_TYPE_UNKNOWN, &nowhere, ep_slice_make(text, (uint64_t)length));
	return true;
}

static void run(struct server *server, const struct request *request, struct ep_slice body)
{
	char type[128];
	struct ep_part part = {.bytes = body,
		.name = request->name,
		.type = media_type(request->type, type, sizeof(type)),
		.charset = call_charset(server->call, request->type)};
	struct ep_input input = {.size = sizeof(input),
		.part_count = 1,
		.parts = &part,
		.headers = request->headers,
		.header_count = request->header_count,
		.source = server->source};
	struct call_failure failure;
	enum ep_status status;

	if (refuse_encoding(server, request))
		return;
	memset(&failure, 0, sizeof(failure));
	status = call_parse(server->call, &server->file.plugin, server->state, &input, &failure);
	if (status == EP_OK) {
		const size_t at = frame_begin(&server->out, WORKER_DONE);

		frame_put_u64(&server->out, request->number);
		frame_end(&server->out, at);
		flush_if_due(server);
		return;
	}
	put_verdict(server, WORKER_FAIL, failure.code, &failure.place, failure.text);
}

static enum ep_status answer(struct server *server, const struct request *request)
{
	struct body body;
	struct error error;
	enum ep_status status;
	int fd;

	if (!request->by_descriptor) {
		run(server, request, request->body);
		return EP_OK;
	}
	fd = serve_take_descriptor(server);
	if (fd == -1)
		return EP_MISUSE;
	status = body_map(&body, fd, request->body_length, &error);
	close(fd);
	if (status == EP_OK) {
		run(server, request, body.bytes);
		body_unmap(&body);
	} else {
		struct ep_place nowhere = ep_place_none();

		put_verdict(server, WORKER_FAIL, error.code, &nowhere, ep_slice_of(error.text));
	}
	return EP_OK;
}

void serve_calls(struct server *server)
{
	static struct request request; /* too large for a stack that a plugin may use up */
	struct worker_frame frame;
	enum ep_status status;

	for (;;) {
		status = serve_next(server, &frame);
		if (status != EP_OK || frame.kind != WORKER_CALL || !read_request(server, &frame, &request))
			break;
		server->number = request.number;
		atomic_store_explicit(&server->progress->number, request.number, memory_order_release);
		if (answer(server, &request) != EP_OK)
			break;
		atomic_store_explicit(&server->progress->number, 0, memory_order_release);
	}
	_exit(status == EP_END ? WORKER_EXIT_DONE : WORKER_EXIT_SOCKET);
}
