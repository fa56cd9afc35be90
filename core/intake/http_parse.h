/*
 * http_parse.h: HTTP/1.1 requests (RFC 9112): the head, and the framing of the body.
 *
 * The head is read by a library (Debian's http-parser; llhttp where a distribution has it) behind http_head_read(). What
 * that library lets through, and what two programs in a row could understand in two ways, is refused before it sees the
 * head: obs-fold, a bare LF or CR, blanks before a colon, Content-Length together with Transfer-Encoding, a repeated
 * Content-Length or one that isn't digits, Transfer-Encoding in HTTP/1.0 or other than "chunked", NUL and other control
 * characters, no Host or several. Chunks are read here, since Debian builds the library without its strict checks.
 *
 * Nothing here does I/O or keeps more than its struct says.
 */
#ifndef INTAKE_HTTP_PARSE_H
#define INTAKE_HTTP_PARSE_H

#include "base/error.h"

#define HTTP_HEADERS_MAX 100
#define HTTP_HEAD_MAX ((size_t)64 * 1024) /* bytes; the configured header_max may be less */

enum http_verb { HTTP_VERB_OTHER, HTTP_VERB_GET, HTTP_VERB_HEAD, HTTP_VERB_POST };

/* Why a request is refused: after one of these its connection can't be used any more. `text` is a constant. */
struct http_fault {
	int status;
	enum ep_error code;
	const char *text;
};

/* Made once and used for many requests. All slices point into `text`. */
struct http_head {
	enum http_verb verb;
	bool http_1_0;
	bool keep_alive; /* the client wants the connection to stay */
	bool chunked;
	bool has_length;
	bool expects_continue;
	bool expects_other; /* an Expect that isn't 100-continue */
	uint64_t content_length;
	struct ep_slice target; /* as sent */
	struct ep_slice path;   /* without scheme, host and query; not decoded */
	struct ep_slice host;
	uint32_t header_count;
	struct ep_header headers[HTTP_HEADERS_MAX]; /* in the order sent; names in lower case, values trimmed */
	char *text;                                 /* owned; the head as sent, but for the names' case */
	size_t capacity;
};

/* `head_max`: bytes, at most HTTP_HEAD_MAX. */
EP_MUST_CHECK enum ep_status http_head_create(struct http_head **head, size_t head_max);
void http_head_destroy(struct http_head *head);

/*
 * Looks for the end of a head at the start of data. *scanned is what earlier calls have looked at; 0 at first.
 * EP_OK: *length bytes, the empty line included. EP_AGAIN: more bytes are needed. EP_BAD_INPUT: *fault.
 * Empty lines before the head are not part of it: http_skip_empty_lines().
 */
EP_MUST_CHECK enum ep_status http_head_find(
	struct ep_slice data, size_t *scanned, size_t *length, struct http_fault *fault);
/* How many bytes of whole CR LF pairs there are at the start (RFC 9112 section 2.2). */
size_t http_skip_empty_lines(struct ep_slice data);
/* Reads a whole head, which is copied. EP_OK or EP_BAD_INPUT. */
EP_MUST_CHECK enum ep_status http_head_read(struct http_head *head, struct ep_slice data, struct http_fault *fault);
/* The first header of that name (lower case), or a slice with data NULL. *count, if asked for: how many there are. */
struct ep_slice http_header(const struct http_head *head, struct ep_slice name, uint32_t *count);

enum http_body_state {
	HTTP_BODY_PLAIN,
	HTTP_BODY_SIZE,      /* in a chunk's size */
	HTTP_BODY_EXTENSION, /* behind it */
	HTTP_BODY_SIZE_LF,
	HTTP_BODY_DATA,
	HTTP_BODY_DATA_CR,
	HTTP_BODY_DATA_LF,
	HTTP_BODY_TRAILER_START, /* at the start of a line behind the last chunk */
	HTTP_BODY_TRAILER,
	HTTP_BODY_TRAILER_LF,
	HTTP_BODY_END_LF,
	HTTP_BODY_DONE
};

struct http_body {
	enum http_body_state state;
	uint64_t left;     /* bytes of the body or the chunk */
	uint32_t digits;   /* of the chunk's size */
	uint32_t overhead; /* bytes of extensions and trailers so far */
};

void http_body_begin(struct http_body *body, const struct http_head *head);
/*
 * Takes from *rest, which moves on. EP_OK: *piece are the next bytes of the body. EP_END: the body ends here, what is
 * left belongs to the next request. EP_AGAIN: *rest is used up. EP_BAD_INPUT: *fault.
 */
EP_MUST_CHECK enum ep_status http_body_next(
	struct http_body *body, struct ep_slice *rest, struct ep_slice *piece, struct http_fault *fault);

#endif
