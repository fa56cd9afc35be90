/* check_http_parse.c: heads that must be refused, heads that must not, bodies and chunks in every split. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "base/buffer.h"
#include "intake/http_parse.h"

static struct http_head *head;
static struct http_fault fault;

static void setup(void)
{
	ck_assert_int_eq(http_head_create(&head, HTTP_HEAD_MAX), EP_OK);
}

static void teardown(void)
{
	http_head_destroy(head);
}

/* Finds and reads the head at the start of `data`, as a connection does. */
static enum ep_status read_head(struct ep_slice data)
{
	size_t scanned = 0, length = 0;
	enum ep_status status;

	memset(&fault, 0, sizeof(fault));
	status = http_head_find(data, &scanned, &length, &fault);
	if (status != EP_OK)
		return status;
	return http_head_read(head, ep_slice_sub(data, 0, length), &fault);
}

#define HOST "Host: a\r\n"
#define READ(text) read_head(EP_SAY(text))

static void expect_fault(struct ep_slice data, int status, enum ep_error code)
{
	enum ep_status got = read_head(data);

	ck_assert_msg(got == EP_BAD_INPUT, "accepted (%d): %.*s", (int)got, (int)data.length, data.data);
	ck_assert_msg(fault.status == status && fault.code == code, "%d %d %s: %.*s", fault.status, (int)fault.code,
		fault.text, (int)data.length, data.data);
}

#define REFUSED(text) expect_fault(EP_SAY(text), 400, EP_ERR_BAD_REQUEST)

START_TEST(good_head)
{
	uint32_t count;

	ck_assert_int_eq(
		READ("POST /in/shop?x=1 HTTP/1.1\r\nHost: gw:80\r\nContent-Length: 5\r\nX-A:  b c \t\r\nx-a:d\r\n"
		     "Empty:\r\nExpect: 100-Continue\r\n\r\nhello"),
		EP_OK);
	ck_assert_int_eq(head->verb, HTTP_VERB_POST);
	ck_assert(ep_slice_is(head->target, "/in/shop?x=1"));
	ck_assert(ep_slice_is(head->path, "/in/shop"));
	ck_assert(ep_slice_is(head->host, "gw:80"));
	ck_assert(head->has_length && head->content_length == 5 && !head->chunked);
	ck_assert(head->keep_alive && head->expects_continue && !head->expects_other && !head->http_1_0);
	ck_assert_uint_eq(head->header_count, 6);
	ck_assert(ep_slice_is(http_header(head, EP_SAY("x-a"), &count), "b c"));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(http_header(head, EP_SAY("empty"), &count).length, 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_ptr_null(http_header(head, EP_SAY("none"), NULL).data);
}
END_TEST

START_TEST(connection_header)
{
	ck_assert_int_eq(READ("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), EP_OK);
	ck_assert(!head->keep_alive);
	ck_assert_int_eq(READ("GET / HTTP/1.0\r\n\r\n"), EP_OK);
	ck_assert(!head->keep_alive && head->http_1_0);
	ck_assert_int_eq(READ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), EP_OK);
	ck_assert(head->keep_alive);
	ck_assert_int_eq(READ("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), EP_OK);
	ck_assert(head->keep_alive);
}
END_TEST

START_TEST(targets)
{
	ck_assert_int_eq(READ("GET http://gw:80/in/a?b HTTP/1.1\r\n" HOST "\r\n"), EP_OK);
	ck_assert(ep_slice_is(head->path, "/in/a"));
	ck_assert_int_eq(READ("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), EP_OK);
	ck_assert_uint_eq(head->path.length, 0);
	ck_assert_int_eq(head->verb, HTTP_VERB_OTHER);
	REFUSED("GET /a b HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET  /a HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /a  HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /a HTTP/1.1 \r\n" HOST "\r\n");
	REFUSED("GET /\x80 HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /\tb HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /a#b HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /a\r\n" HOST "\r\n");
	REFUSED("G@T /a HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /a http/1.1\r\n" HOST "\r\n");
	expect_fault(EP_SAY("PRI * HTTP/2.0\r\n\r\n"), 505, EP_ERR_BAD_REQUEST);
	expect_fault(EP_SAY("BREW /in/a HTTP/1.1\r\n" HOST "\r\n"), 405, EP_ERR_METHOD);
}
END_TEST

START_TEST(obs_fold)
{
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: b\r\n\tc\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n Host: a\r\n\r\n");
}
END_TEST

START_TEST(bare_lf_and_cr)
{
	REFUSED("GET / HTTP/1.1\n" HOST "\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a\n\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "\n");
	REFUSED("\nGET / HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\r\n" HOST "\r\n");
}
END_TEST

START_TEST(header_names)
{
	REFUSED("GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A\t: b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A b: c\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A\x80: c\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A(: c\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "nocolon\r\n\r\n");
}
END_TEST

START_TEST(control_characters)
{
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A\0: b\r\n\r\n");
	REFUSED("GET /\0 HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: b\x0b\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: b\x7f\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST "A: \x1b[31m\r\n\r\n");
	ck_assert_int_eq(READ("GET / HTTP/1.1\r\n" HOST "A: b\tc \xc3\xa9\r\n\r\n"), EP_OK);
}
END_TEST

START_TEST(lengths)
{
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 5.0\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Content-Length: 1000000000000000000\r\n\r\n");
	ck_assert_int_eq(READ("POST / HTTP/1.1\r\n" HOST "Content-Length: 0005\r\n\r\n"), EP_OK);
	ck_assert_uint_eq(head->content_length, 5);
}
END_TEST

START_TEST(transfer_encodings)
{
	REFUSED("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSED("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
		"chunked\r\n\r\n");
	ck_assert_int_eq(READ("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"), EP_OK);
	ck_assert(head->chunked);
}
END_TEST

START_TEST(hosts)
{
	REFUSED("GET / HTTP/1.1\r\n\r\n");
	REFUSED("GET / HTTP/1.1\r\n" HOST HOST "\r\n");
}
END_TEST

START_TEST(sizes)
{
	struct buffer text;

	buffer_init(&text, HTTP_HEAD_MAX * 2);
	buffer_append_string(&text, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
		buffer_append_string(&text, "a: b\r\n");
	buffer_append_string(&text, "\r\n");
	ck_assert_int_eq(read_head(buffer_slice(&text)), EP_OK);
	ck_assert_uint_eq(head->header_count, HTTP_HEADERS_MAX);
	text.length -= 2;
	buffer_append_string(&text, "a: b\r\n\r\n");
	expect_fault(buffer_slice(&text), 431, EP_ERR_HEADER_TOO_LARGE);
	buffer_clear(&text);
	buffer_append_string(&text, "GET / HTTP/1.1\r\n" HOST "a: ");
	while (text.length < HTTP_HEAD_MAX)
		buffer_append_byte(&text, 'x');
	buffer_append_string(&text, "\r\n\r\n");
	expect_fault(buffer_slice(&text), 431, EP_ERR_HEADER_TOO_LARGE);
	buffer_free(&text);
}
END_TEST

START_TEST(head_found_byte_by_byte)
{
	struct ep_slice text = EP_SAY("GET / HTTP/1.1\r\nHost: a\r\n\r\nnext");
	size_t scanned = 0, length = 0;

	for (uint64_t i = 0; i < text.length - 4; i++)
		ck_assert_int_eq(http_head_find(ep_slice_sub(text, 0, i), &scanned, &length, &fault), EP_AGAIN);
	ck_assert_int_eq(http_head_find(ep_slice_sub(text, 0, text.length - 4), &scanned, &length, &fault), EP_OK);
	ck_assert_uint_eq(length, text.length - 4);
	ck_assert_uint_eq(http_skip_empty_lines(EP_SAY("\r\n\r\nGET")), 4);
	ck_assert_uint_eq(http_skip_empty_lines(EP_SAY("\r")), 0);
}
END_TEST

/* Feeds the framing in pieces of `step` bytes. Returns how it ended; *used: bytes taken. */
static enum ep_status decode(
	struct ep_slice data, bool chunked, uint64_t length, uint64_t step, struct buffer *out, uint64_t *used)
{
	struct http_head framing = {.chunked = chunked, .has_length = !chunked, .content_length = length};
	struct http_body body;
	enum ep_status status = EP_AGAIN;

	buffer_clear(out);
	*used = 0;
	http_body_begin(&body, &framing);
	while (*used < data.length || status == EP_OK) {
		struct ep_slice rest = ep_slice_sub(data, *used, step), piece;
		uint64_t before = rest.length;

		status = http_body_next(&body, &rest, &piece, &fault);
		*used += before - rest.length;
		if (status == EP_OK)
			buffer_append_slice(out, piece);
		else if (status != EP_AGAIN)
			return status;
		else if (*used == data.length)
			return status;
	}
	return status;
}

START_TEST(body_of_known_length)
{
	struct buffer out;
	uint64_t used;

	buffer_init(&out, 1000);
	for (uint64_t step = 1; step < 12; step++) {
		ck_assert_int_eq(decode(EP_SAY("helloNEXT"), false, 5, step, &out, &used), EP_END);
		ck_assert(ep_slice_is(buffer_slice(&out), "hello"));
		ck_assert_uint_eq(used, 5);
	}
	ck_assert_int_eq(decode(EP_SAY("hel"), false, 5, 2, &out, &used), EP_AGAIN);
	ck_assert_int_eq(decode(EP_SAY("x"), false, 0, 1, &out, &used), EP_END);
	ck_assert_uint_eq(used, 0);
	buffer_free(&out);
}
END_TEST

START_TEST(body_in_chunks)
{
	struct ep_slice text =
		EP_SAY("5;a=b\r\nhello\r\n00001 ;x\r\n,\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\nB: y\r\n\r\nNEXT");
	struct buffer out;
	uint64_t used;

	buffer_init(&out, 1000);
	for (uint64_t step = 1; step <= text.length; step++) {
		ck_assert_int_eq(decode(text, true, 0, step, &out, &used), EP_END);
		ck_assert(ep_slice_is(buffer_slice(&out), "hello,0123456789"));
		ck_assert_uint_eq(used, text.length - 4);
	}
	ck_assert_int_eq(decode(EP_SAY("0\r\n\r\nNEXT"), true, 0, 3, &out, &used), EP_END);
	ck_assert_uint_eq(used, 5);
	ck_assert_int_eq(decode(EP_SAY("0\r\n"), true, 0, 3, &out, &used), EP_AGAIN);
	buffer_free(&out);
}
END_TEST

START_TEST(bad_chunks)
{
	static const char *const texts[] = {"\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x5\r\n", " 5\r\nhello\r\n0\r\n\r\n",
		"5\nhello", "5\rXhello", "5\r\nhelloXX0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\rX",
		"1000000000000000\r\n", "fffffffffffffffff\r\n", "5;a\nb\r\nhello", "5;\x01\r\nhello", "0\r\n\n",
		"0\r\nA: b\n\r\n", "0\r\n\rX", "0\r\nA: \x7f\r\n\r\n", "5,\r\nhello"};
	struct buffer out;
	uint64_t used;

	buffer_init(&out, 1000);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (uint64_t step = 1; step < 4; step++)
			ck_assert_msg(decode(ep_slice_of(texts[i]), true, 0, step, &out, &used) == EP_BAD_INPUT, "%s",
				texts[i]);
	ck_assert_int_eq(decode(EP_SAY("5;\0\r\nhello"), true, 0, 9, &out, &used), EP_BAD_INPUT);
	buffer_free(&out);
}
END_TEST

START_TEST(chunk_overhead_is_bounded)
{
	struct buffer text, out;
	uint64_t used;

	buffer_init(&text, 100000);
	buffer_init(&out, 100000);
	for (int i = 0; i < 2000; i++)
		buffer_append_string(&text, "1;extension=1\r\nx\r\n");
	ck_assert_int_eq(decode(buffer_slice(&text), true, 0, 4096, &out, &used), EP_BAD_INPUT);
	buffer_clear(&text);
	buffer_append_string(&text, "0\r\n");
	while (text.length < 60000)
		buffer_append_string(&text, "A: b\r\n");
	ck_assert_int_eq(decode(buffer_slice(&text), true, 0, 4096, &out, &used), EP_BAD_INPUT);
	buffer_free(&text);
	buffer_free(&out);
}
END_TEST

/* Damaged and random heads: whatever comes out, nothing is read outside of the input (run with AddressSanitizer). */
START_TEST(garbage)
{
	static const char good[] = "POST /in/shop?x=1 HTTP/1.1\r\nHost: gw:80\r\nContent-Length: 5\r\nX-A: b\r\n\r\n";
	uint32_t seed = 1;

	for (int round = 0; round < 50000; round++) {
		size_t length = sizeof(good) - 1;
		char *text = malloc(length);

		memcpy(text, good, length);
		for (int change = 0; change < 1 + round % 4; change++) {
			seed = seed * 1664525 + 1013904223;
			text[(seed >> 8) % length] = (char)(seed >> 24);
		}
		if (round % 5 == 0)
			length = (seed >> 8) % length;
		if (read_head(ep_slice_make(text, length)) == EP_OK)
			for (uint32_t i = 0; i < head->header_count; i++)
				ck_assert(head->headers[i].name.data >= head->text &&
					  head->headers[i].value.data + head->headers[i].value.length <=
						  head->text + length);
		free(text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_parse");
	TCase *heads = tcase_create("heads"), *bodies = tcase_create("bodies");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(heads, setup, teardown);
	tcase_add_test(heads, good_head);
	tcase_add_test(heads, connection_header);
	tcase_add_test(heads, targets);
	tcase_add_test(heads, obs_fold);
	tcase_add_test(heads, bare_lf_and_cr);
	tcase_add_test(heads, header_names);
	tcase_add_test(heads, control_characters);
	tcase_add_test(heads, lengths);
	tcase_add_test(heads, transfer_encodings);
	tcase_add_test(heads, hosts);
	tcase_add_test(heads, sizes);
	tcase_add_test(heads, head_found_byte_by_byte);
	tcase_add_test(heads, garbage);
	tcase_add_test(bodies, body_of_known_length);
	tcase_add_test(bodies, body_in_chunks);
	tcase_add_test(bodies, bad_chunks);
	tcase_add_test(bodies, chunk_overhead_is_bounded);
	suite_add_tcase(suite, heads);
	suite_add_tcase(suite, bodies);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
