/*
 * http_body.c: the framing of a request's body: a known length, or chunks (RFC 9112 section 7.1). See http_parse.h.
 *
 * Strict where leniency lets two programs in a row disagree on where a request ends: CR LF behind each size and each
 * chunk, digits only in sizes. Extensions and trailers are dropped, and bounded together.
 */
#include "intake/http_parse.h"

#include <entrepot/helpers.h>

#define SIZE_DIGITS_MAX 15             /* of a chunk: far above any body_max, and no overflow in 64 bits */
#define OVERHEAD_MAX ((uint32_t)16384) /* bytes of all extensions and trailers of one body */

static enum ep_status bad(struct http_fault *fault, const char *text)
{
	*fault = (struct http_fault){400, EP_ERR_BAD_REQUEST, text};
	return EP_BAD_INPUT;
}

void http_body_begin(struct http_body *body, const struct http_head *head)
{
	*body = (struct http_body){.state = HTTP_BODY_PLAIN, .left = head->content_length};
	if (head->chunked)
		body->state = HTTP_BODY_SIZE;
	else if (!head->has_length)
		body->left = 0;
}

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

static enum ep_status take_size(struct http_body *body, char byte, struct http_fault *fault)
{
	int digit = hex_digit(byte);

	if (digit >= 0) {
		if (body->digits == SIZE_DIGITS_MAX)
			return bad(fault, "a chunk size with too many digits");
		body->left = body->left << 4 | (uint64_t)digit;
		body->digits++;
		return EP_OK;
	}
	if (body->digits == 0)
		return bad(fault, "a chunk size without digits");
	if (byte == '\r')
		body->state = HTTP_BODY_SIZE_LF;
	else if (byte == ';' || byte == ' ' || byte == '\t')
		body->state = HTTP_BODY_EXTENSION;
	else
		return bad(fault, "a chunk size with other characters than hexadecimal digits");
	return EP_OK;
}

/* A byte of an extension or a trailer, which is dropped. */
static enum ep_status drop(struct http_body *body, char byte, enum http_body_state at_cr, struct http_fault *fault)
{
	if (++body->overhead > OVERHEAD_MAX)
		return bad(fault, "chunk extensions and trailers are too long");
	if (byte == '\r')
		body->state = at_cr;
	else if (((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f)
		return bad(fault, "a control character in a chunk extension or trailer");
	return EP_OK;
}

static enum ep_status take_line_end(
	struct http_body *body, char byte, char wanted, enum http_body_state next, struct http_fault *fault)
{
	if (byte != wanted)
		return bad(fault, "a chunk, its size or a trailer doesn't end in CR LF");
	body->state = next;
	return EP_OK;
}

/* One byte of the framing. */
static enum ep_status take_framing(struct http_body *body, char byte, struct http_fault *fault)
{
	enum ep_status status;

	switch (body->state) {
	case HTTP_BODY_SIZE:
		return take_size(body, byte, fault);
	case HTTP_BODY_EXTENSION:
		return drop(body, byte, HTTP_BODY_SIZE_LF, fault);
	case HTTP_BODY_SIZE_LF:
		return take_line_end(body, byte, '\n', body->left ? HTTP_BODY_DATA : HTTP_BODY_TRAILER_START, fault);
	case HTTP_BODY_DATA_CR:
		return take_line_end(body, byte, '\r', HTTP_BODY_DATA_LF, fault);
	case HTTP_BODY_DATA_LF:
		body->digits = 0;
		return take_line_end(body, byte, '\n', HTTP_BODY_SIZE, fault);
	case HTTP_BODY_TRAILER_START:
		body->state = HTTP_BODY_TRAILER;
		return drop(body, byte, HTTP_BODY_END_LF, fault);
	case HTTP_BODY_TRAILER:
		return drop(body, byte, HTTP_BODY_TRAILER_LF, fault);
	case HTTP_BODY_TRAILER_LF:
		return take_line_end(body, byte, '\n', HTTP_BODY_TRAILER_START, fault);
	case HTTP_BODY_END_LF:
		status = take_line_end(body, byte, '\n', HTTP_BODY_DONE, fault);
		return status;
	default:
		PANIC("state %d has no framing", (int)body->state);
	}
}

static enum ep_status take_data(struct http_body *body, struct ep_slice *rest, struct ep_slice *piece)
{
	if (rest->length == 0)
		return EP_AGAIN;
	*piece = ep_slice_sub(*rest, 0, rest->length < body->left ? rest->length : body->left);
	*rest = ep_slice_sub(*rest, piece->length, rest->length - piece->length);
	body->left -= piece->length;
	return EP_OK;
}

enum ep_status http_body_next(
	struct http_body *body, struct ep_slice *rest, struct ep_slice *piece, struct http_fault *fault)
{
	for (;;) {
		if (body->state == HTTP_BODY_DONE || (body->state == HTTP_BODY_PLAIN && body->left == 0))
			return EP_END;
		if (body->state == HTTP_BODY_PLAIN)
			return take_data(body, rest, piece);
		if (body->state == HTTP_BODY_DATA) {
			enum ep_status status = take_data(body, rest, piece);

			if (body->left == 0)
				body->state = HTTP_BODY_DATA_CR;
			return status;
		}
		if (rest->length == 0)
			return EP_AGAIN;
		if (take_framing(body, rest->data[0], fault) != EP_OK)
			return EP_BAD_INPUT;
		*rest = ep_slice_sub(*rest, 1, rest->length - 1);
	}
}
