/*
 * http_parse.c: see http_parse.h. First the strict check of a head, line by line, then the library on what passed.
 */
#include "intake/http_parse.h"

#include <stdlib.h>
#include <string.h>

#include <http_parser.h>

#include <entrepot/helpers.h>

static enum ep_status refuse(struct http_fault *fault, int status, enum ep_error code, const char *text)
{
	*fault = (struct http_fault){status, code, text};
	return EP_BAD_INPUT;
}

static enum ep_status bad(struct http_fault *fault, const char *text)
{
	return refuse(fault, 400, EP_ERR_BAD_REQUEST, text);
}

enum ep_status http_head_create(struct http_head **out, size_t head_max)
{
	struct http_head *head = calloc(1, sizeof(*head));

	*out = NULL;
	if (!head)
		return EP_NO_MEMORY;
	head->capacity = head_max < HTTP_HEAD_MAX ? head_max : HTTP_HEAD_MAX;
	head->text = malloc(head->capacity);
	if (!head->text) {
		free(head);
		return EP_NO_MEMORY;
	}
	*out = head;
	return EP_OK;
}

void http_head_destroy(struct http_head *head)
{
	if (!head)
		return;
	free(head->text);
	free(head);
}

size_t http_skip_empty_lines(struct ep_slice data)
{
	size_t skipped = 0;

	while (skipped + 2 <= data.length && data.data[skipped] == '\r' && data.data[skipped + 1] == '\n')
		skipped += 2;
	return skipped;
}

enum ep_status http_head_find(struct ep_slice data, size_t *scanned, size_t *length, struct http_fault *fault)
{
	while (*scanned < data.length) {
		const char *end = memchr(data.data + *scanned, '\n', data.length - *scanned);
		size_t at;

		if (!end) {
			*scanned = data.length;
			break;
		}
		at = (size_t)(end - data.data);
		if (at == 0 || end[-1] != '\r')
			return bad(fault, "a line ends in LF without CR");
		*scanned = at + 1;
		if (at == 1 || end[-2] == '\n') {
			*length = at + 1;
			return EP_OK;
		}
	}
	return EP_AGAIN;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(unsigned char byte)
{
	static const bool token[256] = {['!'] = true,
		['#'] = true,
		['$'] = true,
		['%'] = true,
		['&'] = true,
		['\''] = true,
		['*'] = true,
		['+'] = true,
		['-'] = true,
		['.'] = true,
		['^'] = true,
		['_'] = true,
		['`'] = true,
		['|'] = true,
		['~'] = true,
		['0' ... '9'] = true,
		['A' ... 'Z'] = true,
		['a' ... 'z'] = true};

	return token[byte];
}

static bool is_all_token(struct ep_slice text)
{
	for (uint64_t i = 0; i < text.length; i++)
		if (!is_token((unsigned char)text.data[i]))
			return false;
	return text.length > 0;
}

/* method SP target SP HTTP-version, with exactly these blanks */
static enum ep_status check_request_line(struct http_head *head, struct ep_slice line, struct http_fault *fault)
{
	uint64_t first = ep_slice_find(line, ' ');
	struct ep_slice method, rest, target, version;
	uint64_t second;

	if (first == line.length)
		return bad(fault, "the request line is not method, target, version");
	method = ep_slice_sub(line, 0, first);
	rest = ep_slice_sub(line, first + 1, line.length - first - 1);
	second = ep_slice_find(rest, ' ');
	if (second == rest.length)
		return bad(fault, "the request line is not method, target, version");
	target = ep_slice_sub(rest, 0, second);
	version = ep_slice_sub(rest, second + 1, rest.length - second - 1);
	if (!is_all_token(method) || target.length == 0)
		return bad(fault, "the request line is not method, target, version");
	for (uint64_t i = 0; i < target.length; i++)
		if ((unsigned char)target.data[i] <= ' ' || (unsigned char)target.data[i] >= 0x7f ||
			target.data[i] == '#')
			return bad(fault, "a character in the target that may not stand there");
	if (version.length != 8 || !ep_slice_starts(version, EP_SAY("HTTP/")) || version.data[6] != '.' ||
		version.data[5] < '0' || version.data[5] > '9' || version.data[7] < '0' || version.data[7] > '9')
		return bad(fault, "the request line is not method, target, version");
	if (!ep_slice_is(version, "HTTP/1.1") && !ep_slice_is(version, "HTTP/1.0"))
		return refuse(fault, 505, EP_ERR_BAD_REQUEST, "this is an HTTP/1.1 server");
	head->http_1_0 = ep_slice_is(version, "HTTP/1.0");
	head->target = target;
	return EP_OK;
}

static enum ep_status check_header_line(struct ep_slice line, struct http_fault *fault)
{
	uint64_t colon;

	if (line.data[0] == ' ' || line.data[0] == '\t')
		return bad(fault, "a header continued on the next line (obs-fold)");
	colon = ep_slice_find(line, ':');
	if (colon == line.length)
		return bad(fault, "a header line without a colon");
	if (colon > 0 && (line.data[colon - 1] == ' ' || line.data[colon - 1] == '\t'))
		return bad(fault, "a blank before a header's colon");
	if (!is_all_token(ep_slice_sub(line, 0, colon)))
		return bad(fault, "a header name with characters that may not stand there");
	return EP_OK;
}

/* Control characters but HTAB, in any line. Checked for the whole head at once; CR LF pairs are known to be pairs. */
static enum ep_status check_bytes(struct ep_slice data, struct http_fault *fault)
{
	for (uint64_t i = 0; i < data.length; i++) {
		unsigned char byte = (unsigned char)data.data[i];

		if (byte >= ' ' && byte != 0x7f)
			continue;
		if (byte == '\r' && i + 1 < data.length && data.data[i + 1] == '\n')
			continue;
		if (byte == '\n' && i > 0 && data.data[i - 1] == '\r')
			continue;
		if (byte != '\t')
			return bad(fault, byte == 0      ? "a NUL in the head"
					  : byte == '\r' ? "a CR without LF"
					  : byte == '\n' ? "a line ends in LF without CR"
							 : "a control character in the head");
	}
	return EP_OK;
}

static enum ep_status check_lines(struct http_head *head, struct ep_slice data, struct http_fault *fault)
{
	struct ep_slice rest = data, line;
	uint32_t number = 0;

	while (ep_slice_split(&rest, '\n', &line)) {
		enum ep_status status;

		if (line.length <= 1)
			break; /* the empty line at the end */
		line.length--; /* CR */
		if (number > HTTP_HEADERS_MAX)
			return refuse(fault, 431, EP_ERR_HEADER_TOO_LARGE, "too many header lines");
		status = number == 0 ? check_request_line(head, line, fault) : check_header_line(line, fault);
		if (status != EP_OK)
			return status;
		number++;
	}
	return number ? EP_OK : bad(fault, "an empty request");
}

static int on_field(http_parser *parser, const char *at, size_t length)
{
	struct http_head *head = parser->data;
	char *name = head->text + (at - head->text); /* ours, so it may be changed */

	if (head->header_count == HTTP_HEADERS_MAX)
		return 1;
	for (size_t i = 0; i < length; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] | 0x20);
	head->headers[head->header_count++] = (struct ep_header){ep_slice_make(name, length), {"", 0}};
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t length)
{
	struct http_head *head = parser->data;

	if (head->header_count == 0)
		return 1;
	head->headers[head->header_count - 1].value = ep_slice_trim(ep_slice_make(at, length));
	return 0;
}

static int on_head_complete(http_parser *parser)
{
	struct http_head *head = parser->data;

	head->keep_alive = http_should_keep_alive(parser) != 0;
	switch (parser->method) {
	case HTTP_GET:
		head->verb = HTTP_VERB_GET;
		break;
	case HTTP_HEAD:
		head->verb = HTTP_VERB_HEAD;
		break;
	case HTTP_POST:
		head->verb = HTTP_VERB_POST;
		break;
	default:
		head->verb = HTTP_VERB_OTHER;
	}
	http_parser_pause(parser, 1); /* the body is not the library's */
	return 0;
}

static enum ep_status run_library(struct http_head *head, size_t length, struct http_fault *fault)
{
	static const http_parser_settings settings = {
		.on_header_field = on_field, .on_header_value = on_value, .on_headers_complete = on_head_complete};
	http_parser parser;

	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = head;
	http_parser_execute(&parser, &settings, head->text, length);
	switch (HTTP_PARSER_ERRNO(&parser)) {
	case HPE_PAUSED:
		return EP_OK;
	case HPE_INVALID_METHOD:
		return refuse(fault, 405, EP_ERR_METHOD, "a method that is not known");
	default:
		return bad(fault, http_errno_description(HTTP_PARSER_ERRNO(&parser)));
	}
}

/* Lists such as "5, 5" are not digits, and so refused. */
static enum ep_status read_length(struct http_head *head, struct ep_slice value, struct http_fault *fault)
{
	uint64_t length = 0;

	if (head->has_length)
		return bad(fault, "several Content-Length");
	if (value.length == 0 || value.length > 18)
		return bad(fault, "a Content-Length that is no number of at most 18 digits");
	for (uint64_t i = 0; i < value.length; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return bad(fault, "a Content-Length that is no number of at most 18 digits");
		length = length * 10 + (uint64_t)(value.data[i] - '0');
	}
	head->has_length = true;
	head->content_length = length;
	return EP_OK;
}

static enum ep_status read_framing(struct http_head *head, struct http_fault *fault)
{
	uint32_t hosts = 0, encodings = 0;

	for (uint32_t i = 0; i < head->header_count; i++) {
		struct ep_slice name = head->headers[i].name, value = head->headers[i].value;

		if (ep_slice_is(name, "content-length")) {
			enum ep_status status = read_length(head, value, fault);

			if (status != EP_OK)
				return status;
		} else if (ep_slice_is(name, "transfer-encoding")) {
			encodings++;
			head->chunked = ep_slice_equal_nocase(value, EP_SAY("chunked"));
		} else if (ep_slice_is(name, "host")) {
			hosts++;
			head->host = value;
		} else if (ep_slice_is(name, "expect")) {
			head->expects_continue = ep_slice_equal_nocase(value, EP_SAY("100-continue"));
			head->expects_other = head->expects_other || !head->expects_continue;
		}
	}
	if (encodings && head->has_length)
		return bad(fault, "Content-Length together with Transfer-Encoding");
	if (encodings && head->http_1_0)
		return bad(fault, "Transfer-Encoding in HTTP/1.0");
	if (encodings > 1 || (encodings && !head->chunked))
		return bad(fault, "a Transfer-Encoding other than chunked");
	if (hosts > 1 || (hosts == 0 && !head->http_1_0))
		return bad(fault, "exactly one Host is needed");
	if (head->http_1_0)
		head->expects_continue = false; /* RFC 9110 section 10.1.1: must be ignored */
	return EP_OK;
}

/* Origin form, or absolute form, which a server must accept (RFC 9112 section 3.2.2). Anything else has an empty path. */
static void read_path(struct http_head *head)
{
	struct ep_slice path = head->target;

	if (ep_slice_starts(path, EP_SAY("http://")) || ep_slice_starts(path, EP_SAY("https://"))) {
		uint64_t authority = ep_slice_find(path, ':') + 3;
		uint64_t length;

		path = ep_slice_sub(path, authority, path.length - authority);
		length = ep_slice_find(path, '/');
		path = ep_slice_sub(path, length, path.length - length);
	}
	head->path = ep_slice_sub(path, 0, ep_slice_find(path, '?'));
	if (head->path.length && head->path.data[0] != '/')
		head->path.length = 0;
}

enum ep_status http_head_read(struct http_head *head, struct ep_slice data, struct http_fault *fault)
{
	char *text = head->text;
	size_t capacity = head->capacity;
	enum ep_status status;

	/* Not the table of headers: header_count says what of it is valid */
	memset(head, 0, offsetof(struct http_head, headers));
	head->text = text;
	head->capacity = capacity;
	if (data.length > capacity)
		return refuse(fault, 431, EP_ERR_HEADER_TOO_LARGE, "the head is too large");
	memcpy(text, data.data, data.length);
	data.data = text;
	status = check_bytes(data, fault);
	if (status == EP_OK)
		status = check_lines(head, data, fault);
	if (status == EP_OK)
		status = run_library(head, data.length, fault);
	if (status == EP_OK)
		status = read_framing(head, fault);
	if (status == EP_OK)
		read_path(head);
	return status;
}

struct ep_slice http_header(const struct http_head *head, struct ep_slice name, uint32_t *count)
{
	struct ep_slice found = {NULL, 0};
	uint32_t times = 0;

	for (uint32_t i = 0; i < head->header_count; i++) {
		if (!ep_slice_equal(head->headers[i].name, name))
			continue;
		if (times++ == 0)
			found = head->headers[i].value;
	}
	if (count)
		*count = times;
	return found;
}
