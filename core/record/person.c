/*
 * person.c: see content.h. A person's number leaves this file as a keyed hash, by which the same person is recognized,
 * and as a mask, by which a human recognizes it. Copies of the number in clear are wiped.
 */
#include "record/content.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"
#include "base/text.h"
#include "record/bytes.h"

/* What a full-width character (U+FF01 to U+FF5E, as in forms filled in Chinese) is in ASCII; 0 for any other. */
static char from_full_width(const char *at, uint64_t left)
{
	if (left < 3 || (uint8_t)at[0] != 0xef || ((uint8_t)at[1] != 0xbc && (uint8_t)at[1] != 0xbd))
		return 0;
	if ((uint8_t)at[1] == 0xbd && (uint8_t)at[2] > 0x9e)
		return 0;
	return (char)(((uint8_t)at[1] == 0xbc ? 0x20 : 0x60) + ((uint8_t)at[2] & 0x3f));
}

/* Letters in upper case and digits; other ASCII (blanks, hyphens) is dropped, everything else kept. */
static void normalize(struct ep_slice number, struct buffer *out)
{
	for (uint64_t i = 0; i < number.length; i++) {
		char byte = number.data[i], narrow = from_full_width(number.data + i, number.length - i);

		if (narrow) {
			byte = narrow;
			i += 2;
		}
		if (byte >= 'a' && byte <= 'z')
			byte = (char)(byte - 'a' + 'A');
		if ((byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || (uint8_t)byte >= 0x80)
			buffer_append_byte(out, byte);
	}
}

/* Offset of the code point that has `count` code points before it. */
static uint64_t skip(struct ep_slice text, uint64_t count)
{
	uint64_t at = 0;

	while (count-- && at < text.length)
		for (at++; at < text.length && ((uint8_t)text.data[at] & 0xc0) == 0x80; at++)
			;
	return at;
}

/* "110*************2X": the first three and the last two of a long number, less of a shorter one, none of a short one. */
static void append_mask(struct ep_slice number, struct buffer *out)
{
	uint64_t count = utf8_count(number), head = count >= 12 ? 3 : 0, tail = count >= 6 ? 2 : 0;

	buffer_append(out, number.data, skip(number, head));
	for (uint64_t i = 0; i < count - head - tail && i < 32; i++)
		buffer_append_byte(out, '*');
	head = skip(number, count - tail);
	buffer_append(out, number.data + head, number.length - head);
}

bool person_seal(struct ep_slice key, struct ep_slice person, struct buffer *out)
{
	uint64_t kind_length = (uint8_t)person.data[0];
	struct ep_slice kind = ep_slice_make(person.data + 1, kind_length), number;
	unsigned char hash[SEALED_HASH_BYTES] = {0};
	struct buffer clear;
	bool sealed = false;

	/* Kind, NUL and number are what is hashed; the number is what stands behind the first two. */
	buffer_init(&clear, RECORD_BYTES_MAX);
	if (!buffer_reserve(&clear, person.length + 1)) {
		out->failed = EP_NO_MEMORY;
		goto out;
	}
	buffer_append_slice(&clear, kind);
	buffer_append_byte(&clear, '\0');
	normalize(ep_slice_make(kind.data + kind_length, person.length - 1 - kind_length), &clear);
	number = ep_slice_make(clear.data + kind_length + 1, clear.length - kind_length - 1);
	if (number.length == 0)
		goto out;
	if (key.length && !HMAC(EVP_sha256(), key.data, (int)key.length, (const unsigned char *)clear.data,
				  clear.length, hash, NULL))
		PANIC("HMAC-SHA-256 is not available");
	buffer_append(out, person.data, 1 + kind_length);
	buffer_append(out, hash, sizeof(hash));
	append_mask(number, out);
	sealed = true;
out:
	if (clear.data)
		OPENSSL_cleanse(clear.data, clear.capacity);
	buffer_free(&clear);
	return sealed;
}
