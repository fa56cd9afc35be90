/*
 * check_host_xml.c: the XML service: what is read of sound documents in every encoding, with the place of each text; what
 * is refused; that a document counts only as a whole; that no document makes it slow or large.
 */
#include "call_test.h"

#include <malloc.h>
#include <time.h>

#include "base/buffer.h"

static struct call_test test;
static struct buffer seen; /* what a walk saw */

static void setup(void)
{
	call_test_start(&test);
	buffer_init(&seen, (size_t)64 << 20);
}

static void teardown(void)
{
	call_test_stop(&test);
	buffer_free(&seen);
}

enum { NAME_A = 1, NAME_B, NAME_C, NAME_X, NAME_LEAF, NAME_SKIP };
static const char *const names[] = {"a", "b", "c", "x", "leaf", "skip"};
#define NAME_COUNT 6

static void see(const char *text)
{
	buffer_append_string(&seen, text);
}

static const struct ep_part *part_at_hand;

/* The origin of a text holds it: exactly, where the document is UTF-8 and nothing was undone. */
static void see_text(struct ep_text text)
{
	ck_assert_uint_le(text.offset + text.length, part_at_hand->bytes.length);
	buffer_append_slice(&seen, text.value);
}

/* leaf: read as text; skip: passed over; anything else: walked. */
static void walk(const struct ep_host *host, struct ep_xml *xml)
{
	uint32_t name;

	while ((name = host->xml->child(xml)) != 0) {
		struct ep_text value = host->xml->attribute(xml, NAME_X);

		see("<");
		buffer_append_slice(&seen, host->xml->name(xml));
		if (value.value.data) {
			see(" x=");
			see_text(value);
		}
		see(">");
		if (name == NAME_LEAF) {
			see_text(host->xml->text(xml));
			ck_assert(host->xml->status(xml) == EP_BAD_INPUT || ep_slice_is(host->xml->name(xml), "leaf"));
		} else if (name == NAME_SKIP) {
			host->xml->skip(xml);
		} else {
			walk(host, xml);
		}
		see("/");
	}
}

static enum ep_status parse_walk(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_xml *xml;

	(void)state;
	part_at_hand = &input->parts[0];
	if (host->xml->open(call, &input->parts[0], names, NAME_COUNT, &xml) != EP_OK)
		return EP_BAD_INPUT;
	walk(host, xml);
	if (host->xml->status(xml) == EP_BAD_INPUT)
		return EP_BAD_INPUT;
	ck_assert_int_eq(host->xml->status(xml), EP_END);
	ck_assert_uint_eq(host->xml->child(xml), 0);
	return EP_OK;
}

static enum ep_status run_bytes(const char *bytes, size_t length)
{
	buffer_clear(&seen);
	return call_test_run(&test, parse_walk, NULL, bytes, length);
}

static enum ep_status run(const char *text)
{
	return run_bytes(text, strlen(text));
}

static void expect(const char *text, const char *walked)
{
	ck_assert_msg(run(text) == EP_OK, "%s: %s", text, test.text);
	ck_assert_msg(ep_slice_equal(buffer_slice(&seen), ep_slice_of(walked)), "%s: %.*s", text, (int)seen.length,
		seen.data);
}

START_TEST(sound_documents)
{
	expect("<a/>", "<a>/");
	expect("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a><b/><c></c></a>\n", "<a><b>/<c>//");
	expect("<a><leaf>text</leaf></a>", "<a><leaf>text//");
	expect("<a><leaf>one &amp; two &lt;&gt;&quot;&apos; &#65;&#x42;&#x4e2d;</leaf></a>",
		"<a><leaf>one & two <>\"' AB\xe4\xb8\xad//");
	expect("<a><leaf><![CDATA[<x>&amp;]]></leaf></a>", "<a><leaf><x>&amp;//");
	expect("<a><leaf>a<b>b<c/>c</b>d<!-- no -->e<?pi?>f<![CDATA[g]]></leaf></a>", "<a><leaf>abcdefg//");
	expect("<a><leaf>line\r\nend\rs</leaf></a>", "<a><leaf>line\nend\ns//");
	expect("<a x='1'><b x=\"a&amp;b\" y='2'/><c y='3'/></a>", "<a x=1><b x=a&b>/<c>//");
	expect("<a x=''><leaf/><leaf></leaf></a>", "<a x=><leaf>/<leaf>//");
	expect("<n:a xmlns:n='urn:n' xmlns='urn:d'><b n:x='5'/></n:a>", "<a><b x=5>//");
	expect("<a><skip><b><leaf>no</leaf></b>x</skip><other><deep><leaf>yes</leaf></deep></other></a>",
		"<a><skip>/<other><deep><leaf>yes////");
	expect("<!-- c --><?pi x?><a/><!-- d --><?pj?>", "<a>/");
	expect("\xef\xbb\xbf<a/>", "<a>/");
	expect("\n\n <?xml version=\"1.0\"?><a/>", "<a>/"); /* white space before the declaration: many do it */
	expect("<?xml version='1.0' encoding='utf-16'?><a><leaf>x</leaf></a>", "<a><leaf>x//"); /* declared wrongly */
	expect("<a><p:b>unbound prefix</p:b></a>", "<a><b>//");
}
END_TEST

static void expect_refused(const char *text, enum ep_error code)
{
	ck_assert_msg(run(text) == EP_BAD_INPUT, "accepted: %s", text);
	ck_assert_msg(test.failure.code == code, "%s: code %d: %s", text, (int)test.failure.code, test.text);
	ck_assert_uint_gt(test.failure.text.length, 0);
	ck_assert_uint_le(test.failure.place.offset, strlen(text));
}

START_TEST(unsound_documents)
{
	expect_refused("", EP_ERR_EMPTY);
	expect_refused(" \n ", EP_ERR_EMPTY);
	expect_refused("plain", EP_ERR_SYNTAX);
	expect_refused("<a></b>", EP_ERR_SYNTAX);
	expect_refused("<a><b></a></b>", EP_ERR_SYNTAX);
	expect_refused("<a>&nbsp;</a>", EP_ERR_SYNTAX);
	expect_refused("<a x=1/>", EP_ERR_SYNTAX);
	expect_refused("<a x='1' x='2'/>", EP_ERR_SYNTAX);
	expect_refused("<a x='<'/>", EP_ERR_SYNTAX);
	expect_refused("<a/><a/>", EP_ERR_SYNTAX);
	expect_refused("<a/>x", EP_ERR_SYNTAX);
	expect_refused("<a/>trailing text", EP_ERR_SYNTAX);
	expect_refused("<a>]]></a>", EP_ERR_SYNTAX);
	expect_refused("<a>\x01</a>", EP_ERR_SYNTAX);
	expect_refused("<a>&#0;</a>", EP_ERR_SYNTAX);
	expect_refused("<a>&#xd800;</a>", EP_ERR_SYNTAX);
	expect_refused("<a><!-- -- --></a>", EP_ERR_SYNTAX);
	expect_refused("<a><?xml version='1.0'?></a>", EP_ERR_SYNTAX);
	expect_refused("<a>\xff</a>", EP_ERR_CHARSET);
	expect_refused("<a>\xed\xa0\x80</a>", EP_ERR_CHARSET);
	expect_refused("<a>\xc0\xbc</a>", EP_ERR_CHARSET);
	expect_refused("<a>\xe4\xb8", EP_ERR_CHARSET);
	expect_refused("<?xml version='1.0' encoding='Shift_JIS'?><a/>", EP_ERR_CHARSET);
	expect_refused("<?xml version='1.0' encoding='ebcdic'?><a/>", EP_ERR_CHARSET);
	expect_refused("<a>", EP_ERR_TRUNCATED);
	expect_refused("<a><b", EP_ERR_TRUNCATED);
	expect_refused("<a><leaf>text", EP_ERR_TRUNCATED);
	expect_refused("<a><leaf>text&am", EP_ERR_TRUNCATED);
	expect_refused("<a><skip>", EP_ERR_TRUNCATED);
	expect_refused("<!-- only -->", EP_ERR_TRUNCATED);
	ck_assert_int_eq(run_bytes("<a>\0</a>", 8), EP_BAD_INPUT);
	ck_assert_int_eq(run_bytes("\0\0\0<\0\0\0a", 8), EP_BAD_INPUT);
	ck_assert_int_eq(run_bytes("\x4c\x6f\xa7\x94", 4), EP_BAD_INPUT); /* <?xm in EBCDIC */
}
END_TEST

START_TEST(document_types_are_refused)
{
	expect_refused("<!DOCTYPE a><a/>", EP_ERR_FORBIDDEN_XML);
	expect_refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", EP_ERR_FORBIDDEN_XML);
	expect_refused("<!DOCTYPE a PUBLIC '-//X' 'http://127.0.0.1:1/x.dtd'><a/>", EP_ERR_FORBIDDEN_XML);
	expect_refused("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", EP_ERR_FORBIDDEN_XML);
	expect_refused("<?xml version='1.0'?>\n<!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 "
		       "'&lol;&lol;&lol;&lol;&lol;&lol;'>"
		       "<!ENTITY lol3 '&lol2;&lol2;&lol2;&lol2;&lol2;'>]><lolz>&lol3;</lolz>",
		EP_ERR_FORBIDDEN_XML);
	expect_refused("<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'> %p;]><a/>", EP_ERR_FORBIDDEN_XML);
	expect_refused("<a><!DOCTYPE a></a>", EP_ERR_SYNTAX);
	expect_refused("<a><!ENTITY x 'y'></a>", EP_ERR_SYNTAX);
}
END_TEST

static void expect_place(const char *text, uint64_t row, const char *path)
{
	ck_assert_int_eq(run(text), EP_BAD_INPUT);
	ck_assert_msg(test.failure.place.row == row, "%s: row %llu", text, (unsigned long long)test.failure.place.row);
	ck_assert_str_eq(test.path, path);
}

START_TEST(errors_say_where)
{
	expect_place("<a>\n<b/>\n<b><c>\n&x;</c></b></a>", 4, "a/b[2]/c");
	expect_place("<a><b/><c/><b/><other/><b>\n\xff</b></a>", 2, "a/b[3]");
	ck_assert_uint_eq(test.failure.place.offset, 27);
	ck_assert_uint_eq(test.failure.place.column, 1);
	expect_place("<a><skip><b>\n", 2, "a/skip");
}
END_TEST

static const char small[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x=\"1&amp;2\"><leaf>caf\xc3\xa9 &#65; <![CDATA[<&]]>"
	"</leaf><b><skip><c/></skip></b><!-- note --><n:c xmlns:n='urn:n'>\xe4\xb8\xad</n:c></a>";

START_TEST(every_truncation_is_refused)
{
	for (size_t length = 0; length < sizeof(small) - 1; length++)
		ck_assert_msg(run_bytes(small, length) == EP_BAD_INPUT, "length %zu", length);
	ck_assert_int_eq(run(small), EP_OK);
}
END_TEST

static enum ep_status parse_nothing(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_xml *xml;
	enum ep_status status = host->xml->open(call, &input->parts[0], names, NAME_COUNT, &xml);

	if (status == EP_OK && *(const uint32_t *)state)
		host->xml->child(xml);
	return status;
}

/* A plugin that stops reading doesn't make a message of half a document. */
START_TEST(what_is_left_unread_is_checked)
{
	for (uint32_t children = 0; children < 2; children++) {
		for (size_t length = 0; length < sizeof(small) - 1; length++)
			ck_assert_int_ne(call_test_run(&test, parse_nothing, &children, small, length), EP_OK);
		ck_assert_int_eq(call_test_run(&test, parse_nothing, &children, small, sizeof(small) - 1), EP_OK);
		ck_assert_int_ne(call_test_run(&test, parse_nothing, &children, "<a><b></a>", 10), EP_OK);
	}
}
END_TEST

START_TEST(any_flipped_byte_is_survived)
{
	static const char others[] =
		"01234567\\\"{}[]:,<>&;-.eE u0\xc3\x80\xff\n"; /* the first 8 stand for a flipped bit */
	char bytes[sizeof(small)];

	for (size_t i = 0; i < sizeof(small) - 1; i++)
		for (size_t j = 0; j < sizeof(others); j++) {
			enum ep_status status;

			memcpy(bytes, small, sizeof(small));
			bytes[i] = (char)(j < 8 ? bytes[i] ^ (1 << j) : others[j]);
			status = run_bytes(bytes, sizeof(small) - 1);
			ck_assert(status == EP_OK || status == EP_BAD_INPUT);
		}
}
END_TEST

/* Encodings ------------------------------------------------------------------------------------------------------- */

struct sample {
	const char *head; /* the declaration */
	const char *text; /* in that encoding */
	const char *utf8;
};

START_TEST(encodings_by_declaration)
{
	static const struct sample samples[] = {{"ISO-8859-1", "caf\xe9", "caf\xc3\xa9"},
		{"iso-8859-15", "10 \xa4", "10 \xe2\x82\xac"},
		{"windows-1252", "10 \x80 \x93x\x94", "10 \xe2\x82\xac \xe2\x80\x9cx\xe2\x80\x9d"},
		{"ISO-8859-2", "\xb1\xe6\xea", "\xc4\x85\xc4\x87\xc4\x99"},
		{"windows-1250", "\xb9\xe6", "\xc4\x85\xc4\x87"}, {"windows-1251", "\xcf\xf0", "\xd0\x9f\xd1\x80"},
		{"GB2312", "\xd6\xd0\xce\xc4", "\xe4\xb8\xad\xe6\x96\x87"}, {"GBK", "\xd6\xd0", "\xe4\xb8\xad"},
		{"gb18030", "\xd6\xd0\x84\x31\xa4\x37", "\xe4\xb8\xad\xef\xbf\xbd"}, {"us-ascii", "plain", "plain"}};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char text[200], walked[200];

		snprintf(text, sizeof(text), "<?xml version=\"1.0\" encoding=\"%s\"?><a x='%s'><leaf>%s</leaf></a>",
			samples[i].head, samples[i].text, samples[i].text);
		snprintf(walked, sizeof(walked), "<a x=%s><leaf>%s//", samples[i].utf8, samples[i].utf8);
		expect(text, walked);
	}
	expect_refused("<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x81</a>", EP_ERR_CHARSET);
	expect_refused("<?xml version=\"1.0\" encoding=\"GBK\"?><a>\xff\xff</a>", EP_ERR_CHARSET);
}
END_TEST

START_TEST(two_byte_encodings)
{
	static const char text[] = "<a x='1'><leaf>caf\xe9</leaf><b/></a>"; /* Latin-1, to be widened */
	char wide[2 * sizeof(text) + 2];

	for (int big = 0; big < 2; big++)
		for (int mark = 0; mark < 2; mark++) {
			size_t length = 0;

			if (mark) {
				wide[length++] = big ? '\xfe' : '\xff';
				wide[length++] = big ? '\xff' : '\xfe';
			}
			for (size_t i = 0; i < sizeof(text) - 1; i++) {
				wide[length + (size_t)big] = text[i];
				wide[length + (size_t)!big] = '\0';
				length += 2;
			}
			ck_assert_msg(run_bytes(wide, length) == EP_OK, "%s", test.text);
			ck_assert(ep_slice_is(buffer_slice(&seen), "<a x=1><leaf>caf\xc3\xa9/<b>//"));
			for (size_t cut = 2; cut < length; cut++)
				ck_assert_int_eq(run_bytes(wide, cut), EP_BAD_INPUT);
		}
}
END_TEST

/* Origins --------------------------------------------------------------------------------------------------------- */

struct expected_origin {
	const char *raw;
	uint64_t raw_length;
};

static enum ep_status parse_origins(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct expected_origin *expected = state;
	const struct ep_part *part = &input->parts[0];
	struct ep_xml *xml;

	ck_assert_int_eq(host->xml->open(call, part, names, NAME_COUNT, &xml), EP_OK);
	ck_assert_uint_eq(host->xml->child(xml), NAME_A);
	while (host->xml->child(xml)) {
		struct ep_text text = host->xml->text(xml);

		ck_assert_msg(text.length == expected->raw_length &&
				      memcmp(part->bytes.data + text.offset, expected->raw, expected->raw_length) == 0,
			"origin of %s: %llu bytes at %llu: %.*s", expected->raw, (unsigned long long)text.length,
			(unsigned long long)text.offset, (int)text.length, part->bytes.data + text.offset);
		expected++;
	}
	return EP_OK;
}

START_TEST(origins_are_the_senders_bytes)
{
	static const char *const raws[] = {"plain", "a &amp; b", "&lt;", "&#x4e2d;&#65;", "one<b>two</b>",
		"caf\xc3\xa9", "line\r\nend", "<![CDATA[x<y]]>", "\xe4\xb8\xad\xe6\x96\x87"};
	struct expected_origin expected[9];
	char text[1000] = "<?xml version='1.0'?><a>";

	for (size_t i = 0; i < 9; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "\n<leaf>%s</leaf>", raws[i]);
		expected[i] = (struct expected_origin){raws[i], strlen(raws[i])};
	}
	expected[4].raw_length = strlen("one<b>two"); /* to the end of the last piece of text */
	expected[7] = (struct expected_origin){"x<y", 3};
	strncat(text, "</a>", sizeof(text) - strlen(text) - 1);
	ck_assert_msg(call_test_run(&test, parse_origins, expected, text, strlen(text)) == EP_OK, "%s", test.text);
}
END_TEST

static enum ep_status parse_mapped(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_part *part = &input->parts[0];
	uint64_t count = 0;
	struct ep_xml *xml;
	char expected[32];

	(void)state;
	ck_assert_int_eq(host->xml->open(call, part, names, NAME_COUNT, &xml), EP_OK);
	ck_assert_uint_eq(host->xml->child(xml), NAME_A);
	while (host->xml->child(xml)) {
		struct ep_text text = host->xml->text(xml);
		struct ep_place place = host->xml->place(xml);

		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)count);
		ck_assert_uint_ge(text.length, strlen(expected));
		ck_assert_mem_eq(part->bytes.data + text.offset, expected, strlen(expected));
		ck_assert_int_eq(part->bytes.data[text.offset + text.length], '<');
		ck_assert_mem_eq(part->bytes.data + place.offset, "<leaf", 5);
		ck_assert_uint_eq(place.row, count + 2);
		count++;
	}
	ck_assert_uint_eq(count, 20000);
	return EP_OK;
}

/* Across the pieces in which a document is fed, in UTF-8 and where it is converted. */
START_TEST(origins_of_large_documents)
{
	static const char *const heads[] = {"utf-8", "iso-8859-1", "gb18030"};
	static const char *const tails[] = {"\xc3\xa9 \xe4\xb8\xad", "\xe9\xfc", "\xd6\xd0 \x84\x31\xa4\x37"};

	for (size_t i = 0; i < 3; i++) {
		struct buffer text;

		buffer_init(&text, (size_t)8 << 20);
		buffer_append_format(&text, "<?xml version='1.0' encoding='%s'?><a>", heads[i]);
		for (unsigned j = 0; j < 20000; j++)
			buffer_append_format(&text, "\n<leaf>%u %s&amp;%.*s</leaf>", j, tails[i], (int)(j % 50),
				"more text, and more, and more, and more text, more");
		buffer_append_string(&text, "</a>");
		ck_assert_msg(
			call_test_run(&test, parse_mapped, NULL, text.data, text.length) == EP_OK, "%s", test.text);
		buffer_free(&text);
	}
}
END_TEST

/* Bounds ---------------------------------------------------------------------------------------------------------- */

static void repeat(struct buffer *text, const char *piece, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buffer_append_string(text, piece);
}

START_TEST(depth_is_bounded)
{
	struct buffer text;

	buffer_init(&text, (size_t)8 << 20);
	repeat(&text, "<a>", 256);
	repeat(&text, "</a>", 256);
	ck_assert_int_eq(run_bytes(text.data, text.length), EP_OK);
	buffer_clear(&text);
	repeat(&text, "<a>", 257);
	repeat(&text, "</a>", 257);
	ck_assert_int_eq(run_bytes(text.data, text.length), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
	buffer_clear(&text);
	repeat(&text, "<a>", 100000);
	ck_assert_int_eq(run_bytes(text.data, text.length), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
	buffer_free(&text);
}
END_TEST

START_TEST(long_texts)
{
	struct buffer text;

	buffer_init(&text, (size_t)64 << 20);
	buffer_append_string(&text, "<a><leaf>");
	repeat(&text, "0123456789abcdef", (size_t)1 << 20);
	buffer_append_string(&text, "</leaf></a>");
	ck_assert_msg(run_bytes(text.data, text.length) == EP_OK, "%s", test.text);
	ck_assert_uint_eq(seen.length, ((size_t)16 << 20) + 11);
	buffer_clear(&text);
	buffer_append_string(&text, "<a><leaf>");
	repeat(&text, "0123456789abcdef", (size_t)1 << 20);
	buffer_append_string(&text, "x</leaf></a>");
	ck_assert_int_eq(run_bytes(text.data, text.length), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
	memcpy(text.data, "<a><skip>", 9); /* what isn't wanted may be as long as it likes */
	memcpy(text.data + text.length - 11, "</skip></a>", 11);
	ck_assert_msg(run_bytes(text.data, text.length) == EP_OK, "%s", test.text);
	buffer_free(&text);
}
END_TEST

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Twice the document may not take much more than twice the time: what was quadratic would take four times. */
static void expect_linear(const char *head, const char *piece, const char *tail, size_t times, bool sound)
{
	double took[2] = {1e9, 1e9};

	for (size_t size = 0; size < 2; size++) {
		struct buffer text;

		buffer_init(&text, (size_t)256 << 20);
		buffer_append_string(&text, head);
		repeat(&text, piece, times << size);
		buffer_append_string(&text, tail);
		for (int i = 0; i < 3; i++) {
			double begin = seconds();
			enum ep_status status = run_bytes(text.data, text.length);

			ck_assert_msg(sound == (status == EP_OK), "%s%s: %s", head, piece, test.text);
			begin = seconds() - begin;
			took[size] = begin < took[size] ? begin : took[size];
		}
		buffer_free(&text);
	}
	ck_assert_msg(took[1] < 3 * took[0] + 0.02, "%s%s: %f s, then %f s", head, piece, took[0], took[1]);
}

START_TEST(time_is_linear)
{
	expect_linear("<a>", "<b/>", "</a>", 80000, true);
	expect_linear("<a>", "text ", "</a>", 160000, true);
	expect_linear("<a><leaf>", "&amp;", "</leaf></a>", 80000, true);
	expect_linear("<a><leaf>", "]]", "</leaf></a>", 160000, true);
	expect_linear("<a><!--", "- ", "--></a>", 80000, true);
	expect_linear("<a><![CDATA[", "]] ", "]]></a>", 160000, true);
	expect_linear("<a><!--", "- ", "", 1600000, false);
	expect_linear("<a ", "y='1' ", "/>", 160000, false);
	expect_linear("<a x='", "v", "'/>", 800000, false);
	expect_linear("<a>", "<", "</a>", 160000, false);
	expect_linear("<a><?pi ", "? ", "?></a>", 80000, true);
	expect_linear("<a ", "\n", "/>", 800000, false);
	expect_linear("", "<!---->", "<a/>", 160000, true);
	expect_linear("<?xml version='1.0' encoding='gbk'?><a>", "<b>\xd6\xd0</b>", "</a>", 40000, true);
}
END_TEST

static enum ep_status parse_counting(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	uint64_t *bytes = (uint64_t *)(uintptr_t)state;
	struct ep_xml *xml;

	ck_assert_int_eq(host->xml->open(call, &input->parts[0], names, NAME_COUNT, &xml), EP_OK);
	ck_assert_uint_eq(host->xml->child(xml), NAME_A);
	while (host->xml->child(xml))
		*bytes += host->xml->text(xml).value.length;
	return EP_OK;
}

/* 64 MiB are read within a memory_max of 64 KiB: texts that stand in the part as they are cost nothing. */
START_TEST(memory_is_constant)
{
	struct call_options options = call_test_options(&test);
	struct error error;
	struct buffer text;
	uint64_t bytes = 0;
	struct mallinfo2 before, after;

	options.memory_max = 65536;
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_OK);
	buffer_init(&text, (size_t)80 << 20);
	buffer_append_string(&text, "<a>");
	while (text.length < (size_t)32 << 20)
		buffer_append_string(
			&text, "<leaf>some text that stands in the document as it is, \xe4\xb8\xad</leaf>\n");
	buffer_append_string(&text, "</a>");
	before = mallinfo2();
	ck_assert_msg(call_test_run(&test, parse_counting, &bytes, text.data, text.length) == EP_OK, "%s", test.text);
	after = mallinfo2();
	ck_assert_uint_gt(bytes, 1000000);
	ck_assert_uint_lt(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 4000000);
	buffer_free(&text);
}
END_TEST

/* Rules of the service -------------------------------------------------------------------------------------------- */

static enum ep_status parse_rules(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_xml_service *x = host->xml;
	struct ep_xml *xml, *again;
	struct ep_place place;

	(void)state;
	ck_assert_int_eq(x->open(call, &input->parts[0], names, NAME_COUNT, &xml), EP_OK);
	ck_assert_uint_eq(x->child(xml), NAME_A);
	ck_assert(ep_slice_is(x->space(xml), "urn:d"));
	ck_assert(ep_slice_is(x->attribute(xml, NAME_X).value, "5"));
	ck_assert_ptr_null(x->attribute(xml, NAME_B).value.data);
	ck_assert_uint_eq(x->child(xml), NAME_LEAF);
	ck_assert_ptr_null(x->attribute(xml, NAME_X).value.data);
	ck_assert(ep_slice_is(x->text(xml).value, "1"));
	ck_assert_uint_eq(x->child(xml), NAME_LEAF);
	ck_assert(ep_slice_is(x->attribute(xml, NAME_X).value, "two"));
	ck_assert(ep_slice_is(x->text(xml).value, "2"));
	ck_assert(ep_slice_is(x->attribute(xml, NAME_X).value, "two")); /* still the one entered last */
	place = x->place(xml);
	ck_assert(ep_slice_is(place.path, "a/leaf[2]"));
	ck_assert_mem_eq(input->parts[0].bytes.data + place.offset, "<leaf x='two'", 13);
	ck_assert_uint_eq(x->child(xml), EP_XML_OTHER);
	ck_assert(ep_slice_is(x->name(xml), "other"));
	ck_assert(ep_slice_is(x->place(xml).path, "a/other"));
	ck_assert_uint_eq(x->child(xml), NAME_B);
	x->skip(xml);
	ck_assert_uint_eq(x->child(xml), 0); /* other is left */
	ck_assert(ep_slice_is(x->place(xml).path, "a"));
	ck_assert_int_eq(x->status(xml), EP_OK);
	ck_assert_int_eq(x->open(call, &input->parts[0], names, NAME_COUNT, &again), EP_OK); /* a second reader */
	ck_assert_uint_eq(x->child(again), NAME_A);
	ck_assert_uint_eq(x->child(xml), 0);
	ck_assert_int_eq(x->status(xml), EP_END);
	ck_assert_uint_eq(x->child(again), NAME_LEAF);
	return EP_OK;
}

START_TEST(reading_follows_the_elements)
{
	static const char text[] =
		"<a xmlns='urn:d' x='5'>\n <leaf>1</leaf> <leaf x='two'>2</leaf> <other> <b>no</b> </other> </a>";

	ck_assert_msg(call_test_run(&test, parse_rules, NULL, text, sizeof(text) - 1) == EP_OK, "%s", test.text);
}
END_TEST

static enum ep_status parse_text_outside(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_xml *xml;

	(void)state;
	ck_assert_int_eq(host->xml->open(call, &input->parts[0], names, NAME_COUNT, &xml), EP_OK);
	host->xml->text(xml);
	return EP_OK;
}

START_TEST(text_outside_of_an_element_is_misuse)
{
	ck_assert_int_eq(call_test_run(&test, parse_text_outside, NULL, "<a/>", 4), EP_MISUSE);
	ck_assert_int_eq(test.failure.code, EP_ERR_PLUGIN_FAULT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host_xml");
	TCase *cases = tcase_create("xml"), *own = tcase_create("own options");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, sound_documents);
	tcase_add_test(cases, unsound_documents);
	tcase_add_test(cases, document_types_are_refused);
	tcase_add_test(cases, errors_say_where);
	tcase_add_test(cases, every_truncation_is_refused);
	tcase_add_test(cases, what_is_left_unread_is_checked);
	tcase_add_test(cases, any_flipped_byte_is_survived);
	tcase_add_test(cases, encodings_by_declaration);
	tcase_add_test(cases, two_byte_encodings);
	tcase_add_test(cases, origins_are_the_senders_bytes);
	tcase_add_test(cases, origins_of_large_documents);
	tcase_add_test(cases, depth_is_bounded);
	tcase_add_test(cases, long_texts);
	tcase_add_test(cases, time_is_linear);
	tcase_add_test(cases, reading_follows_the_elements);
	tcase_add_test(cases, text_outside_of_an_element_is_misuse);
	tcase_add_checked_fixture(own, NULL, teardown);
	tcase_set_timeout(own, 60);
	tcase_add_test(own, memory_is_constant);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, own);
	return call_test_main(suite);
}
