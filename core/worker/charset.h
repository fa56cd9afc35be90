/*
 * charset.h: character sets, read strictly into UTF-8. A byte that means nothing is an error at its offset, never a
 * replacement character. No file is read after charsets_create(), so all of it works in the closed sandbox.
 */
#ifndef WORKER_CHARSET_H
#define WORKER_CHARSET_H

#include "base/error.h"

#define CHARSET_HIGH_BYTES 128

enum charset_kind {
	CHARSET_IS_UTF8 = 1,
	CHARSET_IS_ONE_BYTE = 2, /* ASCII, and a table for the bytes from 0x80 on */
	CHARSET_IS_GB18030 = 3,
	CHARSET_IS_UTF16_LE = 4,
	CHARSET_IS_UTF16_BE = 5
};

struct charset {
	enum charset_kind kind;
	int number;           /* enum ep_charset, or -1: known in XML declarations only */
	const uint16_t *high; /* of one byte: code points of 0x80 to 0xff; 0: none */
	const char *names;    /* all of them, lower case, separated by blanks; the first is the usual one */
};

/* What conversion needs at hand; one for a worker. */
struct charsets;

struct charsets *charsets_create(void); /* NULL without memory */
void charsets_destroy(struct charsets *charsets);

/* By a name in any case; NULL: unknown. */
const struct charset *charset_named(struct ep_slice name);
const struct charset *charset_numbered(uint32_t number); /* enum ep_charset */
const struct charset *charset_utf16(bool big_endian);
/* False where the system has no converter for it. */
bool charset_usable(const struct charsets *charsets, const struct charset *charset);
/* The value of the parameter `charset` of a media type; empty if it has none. */
struct ep_slice charset_parameter(struct ep_slice content_type);

/*
 * Reads characters from the front of *from into the room of `room` bytes at `out`, whole characters only, and moves
 * *from on behind what was read; *written bytes were put. EP_OK: all of *from was read. EP_LIMIT: there is no room for
 * the next character. EP_END: *from ends within a character. EP_BAD_INPUT: *from begins with a byte that means nothing.
 */
EP_MUST_CHECK enum ep_status charset_decode(struct charsets *charsets, const struct charset *charset,
	struct ep_slice *from, char *out, size_t room, size_t *written);

/*
 * How many bytes of `from` make the first *length bytes of its UTF-8; *length is set to what they make in fact: less where
 * that would cut a character, or pass CHARSET_LOCATE_MAX.
 */
#define CHARSET_LOCATE_MAX 2048
uint64_t charset_locate(
	struct charsets *charsets, const struct charset *charset, struct ep_slice from, uint64_t *length);

extern const uint16_t charset_iso_8859_1[], charset_iso_8859_2[], charset_iso_8859_3[], charset_iso_8859_4[],
	charset_iso_8859_5[], charset_iso_8859_6[], charset_iso_8859_7[], charset_iso_8859_8[], charset_iso_8859_9[],
	charset_iso_8859_10[], charset_iso_8859_13[], charset_iso_8859_14[], charset_iso_8859_15[],
	charset_iso_8859_16[], charset_windows_1250[], charset_windows_1251[], charset_windows_1252[],
	charset_windows_1253[], charset_windows_1254[], charset_windows_1255[], charset_windows_1256[],
	charset_windows_1257[], charset_windows_1258[], charset_cp850[], charset_cp852[];

#endif
