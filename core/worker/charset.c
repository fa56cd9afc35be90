/*
 * charset.c: see charset.h. Sets of one byte a character are tables; GB18030 is libc's, whose converter is loaded from a
 * file and therefore opened here, once, and kept.
 */
#include "worker/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct charsets {
	iconv_t gb18030; /* (iconv_t)-1: the system has none */
};

static const struct charset list[] = {
	{CHARSET_IS_UTF8, EP_UTF8, NULL, "utf-8 utf8 us-ascii ascii unicode-1-1-utf-8"},
	{CHARSET_IS_GB18030, EP_GB18030, NULL, "gb18030 gbk gb2312 cp936 windows-936 ms936 x-gbk euc-cn gb_2312-80"},
	{CHARSET_IS_ONE_BYTE, EP_LATIN1, charset_iso_8859_1, "iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1"},
	{CHARSET_IS_ONE_BYTE, EP_WINDOWS_1252, charset_windows_1252, "windows-1252 cp1252 x-cp1252 ansi"},
	{CHARSET_IS_ONE_BYTE, EP_CP850, charset_cp850, "cp850 ibm850 850"},
	{CHARSET_IS_ONE_BYTE, EP_CP852, charset_cp852, "cp852 ibm852 852"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_2, "iso-8859-2 iso8859-2 iso_8859-2 latin2"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_3, "iso-8859-3 iso8859-3 iso_8859-3 latin3"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_4, "iso-8859-4 iso8859-4 iso_8859-4 latin4"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_5, "iso-8859-5 iso8859-5 iso_8859-5 cyrillic"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_6, "iso-8859-6 iso8859-6 iso_8859-6 arabic"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_7, "iso-8859-7 iso8859-7 iso_8859-7 greek"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_8, "iso-8859-8 iso8859-8 iso_8859-8 hebrew"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_9, "iso-8859-9 iso8859-9 iso_8859-9 latin5"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_10, "iso-8859-10 iso8859-10 iso_8859-10 latin6"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_13, "iso-8859-13 iso8859-13 iso_8859-13 latin7"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_14, "iso-8859-14 iso8859-14 iso_8859-14 latin8"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_15, "iso-8859-15 iso8859-15 iso_8859-15 latin9 latin-9"},
	{CHARSET_IS_ONE_BYTE, -1, charset_iso_8859_16, "iso-8859-16 iso8859-16 iso_8859-16 latin10"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1250, "windows-1250 cp1250 x-cp1250"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1251, "windows-1251 cp1251 x-cp1251"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1253, "windows-1253 cp1253 x-cp1253"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1254, "windows-1254 cp1254 x-cp1254"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1255, "windows-1255 cp1255 x-cp1255"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1256, "windows-1256 cp1256 x-cp1256"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1257, "windows-1257 cp1257 x-cp1257"},
	{CHARSET_IS_ONE_BYTE, -1, charset_windows_1258, "windows-1258 cp1258 x-cp1258"},
	{CHARSET_IS_UTF16_LE, -1, NULL, "utf-16le utf-16 utf16"},
	{CHARSET_IS_UTF16_BE, -1, NULL, "utf-16be"},
};

#define LIST_COUNT (sizeof(list) / sizeof(list[0]))

struct charsets *charsets_create(void)
{
	struct charsets *charsets = malloc(sizeof(*charsets));

	if (charsets)
		charsets->gb18030 = iconv_open("UTF-8", "GB18030");
	return charsets;
}

void charsets_destroy(struct charsets *charsets)
{
	if (!charsets)
		return;
	if (charsets->gb18030 != (iconv_t)-1)
		iconv_close(charsets->gb18030);
	free(charsets);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool equal_nocase(struct ep_slice a, const char *lower_case, size_t length)
{
	if (a.length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (lower(a.data[i]) != lower_case[i])
			return false;
	return true;
}

const struct charset *charset_named(struct ep_slice name)
{
	if (name.length == 0)
		return NULL; /* most messages name none */
	for (size_t i = 0; i < LIST_COUNT; i++)
		for (const char *at = list[i].names; *at;) {
			size_t length = strcspn(at, " ");

			if (equal_nocase(name, at, length))
				return &list[i];
			at += length;
			at += *at == ' ';
		}
	return NULL;
}

const struct charset *charset_numbered(uint32_t number)
{
	for (size_t i = 0; i < LIST_COUNT; i++)
		if (list[i].number >= 0 && (uint32_t)list[i].number == number)
			return &list[i];
	return NULL;
}

const struct charset *charset_utf16(bool big_endian)
{
	return &list[LIST_COUNT - (big_endian ? 1 : 2)];
}

bool charset_usable(const struct charsets *charsets, const struct charset *charset)
{
	return charset->kind != CHARSET_IS_GB18030 || charsets->gb18030 != (iconv_t)-1;
}

struct ep_slice charset_parameter(struct ep_slice content_type)
{
	static const char name[] = "charset=";
	const size_t name_length = sizeof(name) - 1;

	for (uint64_t i = 0; i + name_length <= content_type.length; i++) {
		struct ep_slice rest = {content_type.data + i, name_length};
		uint64_t end = 0;
		char quote = 0;

		if (i == 0 || !strchr("; \t", content_type.data[i - 1]) || !equal_nocase(rest, name, name_length))
			continue;
		rest = ep_slice_make(content_type.data + i + name_length, content_type.length - i - name_length);
		if (rest.length && (rest.data[0] == '"' || rest.data[0] == '\''))
			quote = rest.data[0];
		if (quote)
			rest = ep_slice_make(rest.data + 1, rest.length - 1);
		while (end < rest.length && (quote ? rest.data[end] != quote : !strchr("; \t", rest.data[end])))
			end++;
		return ep_slice_make(rest.data, end);
	}
	return ep_slice_make(NULL, 0);
}

/* Writes a code point of the basic plane or beyond; 0 if the room doesn't suffice. */
static size_t put_code_point(uint32_t code, char *out, size_t room)
{
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (length > room)
		return 0;
	for (size_t i = length - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(first[length] | code);
	return length;
}

static enum ep_status decode_utf8(struct ep_slice *from, char *out, size_t room, size_t *written)
{
	uint64_t take = from->length < room ? from->length : room;
	uint64_t valid = utf8_valid_until(ep_slice_make(from->data, take));
	struct ep_slice rest = {from->data + valid, from->length - valid};
	unsigned char next;

	memcpy(out, from->data, valid);
	*written = valid;
	*from = rest;
	if (rest.length == 0)
		return EP_OK;
	if (utf8_valid_until(ep_slice_make(rest.data, rest.length < 4 ? rest.length : 4)) > 0)
		return EP_LIMIT;
	/* Cut off, or wrong? It is cut off if some continuation could make it right. */
	next = (unsigned char)rest.data[0];
	if (next >= 0xc2 && next <= 0xf4 && rest.length < (next < 0xe0 ? 2u : next < 0xf0 ? 3u : 4u)) {
		char whole[4] = {rest.data[0]};
		size_t length = next < 0xe0 ? 2 : next < 0xf0 ? 3 : 4;

		for (size_t i = 1; i < length; i++)
			whole[i] = i < rest.length          ? rest.data[i]
				   : next == 0xe0 && i == 1 ? (char)0xa0
				   : next == 0xf0 && i == 1 ? (char)0x90
							    : (char)0x80;
		if (utf8_valid_until(ep_slice_make(whole, length)) == length)
			return EP_END;
	}
	return EP_BAD_INPUT;
}

static enum ep_status decode_one_byte(
	const uint16_t *high, struct ep_slice *from, char *out, size_t room, size_t *written)
{
	const unsigned char *at = (const unsigned char *)from->data, *end = at + from->length;
	enum ep_status status = EP_OK;
	size_t put = 0;

	while (at < end && status == EP_OK) {
		uint64_t eight;

		while (end - at >= 8 && room - put >= 8) {
			memcpy(&eight, at, 8);
			if (eight & UINT64_C(0x8080808080808080))
				break;
			memcpy(out + put, &eight, 8);
			at += 8;
			put += 8;
		}
		if (at == end)
			break;
		if (*at >= 0x80 && high[*at - 0x80] == 0) {
			status = EP_BAD_INPUT;
		} else {
			size_t length = put_code_point(*at < 0x80 ? *at : high[*at - 0x80], out + put, room - put);

			put += length;
			at += length > 0;
			status = length ? EP_OK : EP_LIMIT;
		}
	}
	*from = ep_slice_make((const char *)at, (uint64_t)(end - at));
	*written = put;
	return status;
}

static uint32_t unit16(const char *at, bool big_endian)
{
	unsigned char first = (unsigned char)at[0], second = (unsigned char)at[1];

	return big_endian ? (uint32_t)first << 8 | second : (uint32_t)second << 8 | first;
}

static enum ep_status decode_utf16(bool big_endian, struct ep_slice *from, char *out, size_t room, size_t *written)
{
	enum ep_status status = EP_OK;

	*written = 0;
	while (from->length && status == EP_OK) {
		uint32_t code = from->length >= 2 ? unit16(from->data, big_endian) : 0;
		uint64_t taken = 2;
		size_t length;

		if (from->length < 2)
			return EP_END;
		if (code >= 0xd800 && code <= 0xdbff) {
			uint32_t second = from->length >= 4 ? unit16(from->data + 2, big_endian) : 0;

			if (from->length < 4)
				return EP_END;
			if (second < 0xdc00 || second > 0xdfff)
				return EP_BAD_INPUT;
			code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
			taken = 4;
		} else if (code >= 0xdc00 && code <= 0xdfff) {
			return EP_BAD_INPUT;
		}
		length = put_code_point(code, out + *written, room - *written);
		if (length == 0)
			return EP_LIMIT;
		*written += length;
		*from = ep_slice_make(from->data + taken, from->length - taken);
	}
	return status;
}

/* Bytes of the character of two or four bytes at the front, whole or not; 0 if none begins with these. */
static uint64_t gb18030_length(struct ep_slice from)
{
	unsigned char first = (unsigned char)from.data[0];

	if (first < 0x81 || first == 0xff)
		return 0;
	return from.length >= 2 && from.data[1] >= '0' && from.data[1] <= '9' ? 4 : 2;
}

/* Characters of several bytes in a row: the part of `from` that libc is asked to convert. */
static struct ep_slice gb18030_run(struct ep_slice from, size_t room)
{
	uint64_t end = 0, length;

	/* A character never takes more room than twice its bytes, nor less than half: no more is looked at than can fit. */
	while (end < from.length && end / 2 < room && (unsigned char)from.data[end] >= 0x80) {
		length = gb18030_length(ep_slice_make(from.data + end, from.length - end));
		if (length == 0 || length > from.length - end)
			length = from.length - end; /* libc says what is wrong with it */
		end += length;
	}
	return ep_slice_make(from.data, end);
}

/* How many ASCII bytes stand at the front. */
static uint64_t ascii_length(struct ep_slice text)
{
	uint64_t at = 0, eight;

	while (text.length - at >= 8) {
		memcpy(&eight, text.data + at, 8);
		if (eight & UINT64_C(0x8080808080808080))
			break;
		at += 8;
	}
	while (at < text.length && (unsigned char)text.data[at] < 0x80)
		at++;
	return at;
}

static enum ep_status decode_gb18030(iconv_t converter, struct ep_slice *from, char *out, size_t room, size_t *written)
{
	if (converter == (iconv_t)-1)
		return EP_BAD_INPUT;
	*written = 0;
	while (from->length) {
		struct ep_slice run;
		uint64_t ascii = ascii_length(*from);
		size_t in_left, out_left, done;
		char *in, *at;

		if (ascii > room - *written)
			ascii = room - *written;
		memcpy(out + *written, from->data, ascii);
		*written += ascii;
		*from = ep_slice_make(from->data + ascii, from->length - ascii);
		if (from->length == 0)
			break;
		if (*written == room)
			return EP_LIMIT;
		run = gb18030_run(*from, room - *written);
		in = (char *)(uintptr_t)run.data; /* iconv's prototype lacks the const; it doesn't write there */
		in_left = run.length;
		at = out + *written;
		out_left = room - *written;
		iconv(converter, NULL, NULL, NULL, NULL);
		done = iconv(converter, &in, &in_left, &at, &out_left);
		*from = ep_slice_make(in, from->length - (run.length - in_left));
		*written = room - out_left;
		if (done == (size_t)-1)
			return errno == E2BIG ? EP_LIMIT : errno == EINVAL ? EP_END : EP_BAD_INPUT;
	}
	return EP_OK;
}

enum ep_status charset_decode(struct charsets *charsets, const struct charset *charset, struct ep_slice *from,
	char *out, size_t room, size_t *written)
{
	*written = 0;
	if (from->length == 0)
		return EP_OK;
	switch (charset->kind) {
	case CHARSET_IS_UTF8:
		return decode_utf8(from, out, room, written);
	case CHARSET_IS_ONE_BYTE:
		return decode_one_byte(charset->high, from, out, room, written);
	case CHARSET_IS_GB18030:
		return decode_gb18030(charsets->gb18030, from, out, room, written);
	case CHARSET_IS_UTF16_LE:
	case CHARSET_IS_UTF16_BE:
		return decode_utf16(charset->kind == CHARSET_IS_UTF16_BE, from, out, room, written);
	}
	return EP_BAD_INPUT;
}

uint64_t charset_locate(
	struct charsets *charsets, const struct charset *charset, struct ep_slice from, uint64_t *length)
{
	char scratch[CHARSET_LOCATE_MAX];
	size_t room = *length < sizeof(scratch) ? *length : sizeof(scratch), written = 0;
	struct ep_slice rest = from;
	enum ep_status status = charset_decode(charsets, charset, &rest, scratch, room, &written);

	(void)status; /* where decoding stops is all that counts here */
	*length = written;
	return from.length - rest.length;
}
