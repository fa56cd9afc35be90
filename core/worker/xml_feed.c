/* xml_feed.c: see xml_feed.h. XML 1.0, appendix F: autodetection of character encodings. */
#include "worker/xml_feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DECLARATION_MAX 512 /* bytes in which the declaration must end */

void xml_feed_free(struct xml_feed *feed)
{
	free(feed->converted);
	feed->converted = NULL;
}

static enum ep_status wrong(struct xml_feed *feed, uint64_t at, enum ep_error code, const char *text)
{
	feed->wrong_at = at;
	feed->code = code;
	feed->wrong = text;
	return EP_BAD_INPUT;
}

static bool starts(struct ep_slice bytes, const char *with, uint64_t length)
{
	return bytes.length >= length && memcmp(bytes.data, with, length) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* By what stands at the very front: a byte order mark, or "<" in two bytes. NULL: nothing that tells. */
static const struct charset *detect(struct ep_slice part, uint64_t *mark)
{
	*mark = 0;
	if (starts(part, "\xef\xbb\xbf", 3)) {
		*mark = 3;
		return charset_numbered(EP_UTF8);
	}
	if (starts(part, "\xff\xfe", 2) || starts(part, "\xfe\xff", 2)) {
		*mark = 2;
		return charset_utf16(part.data[0] == '\xfe');
	}
	if (starts(part, "<\0", 2) || starts(part, "\0<", 2))
		return charset_utf16(part.data[0] == '\0');
	return NULL;
}

/* The value of `encoding` in the XML declaration; empty if it has none. */
static struct ep_slice declared(struct ep_slice document)
{
	static const struct ep_slice none = {NULL, 0};
	struct ep_slice head = ep_slice_sub(document, 0, DECLARATION_MAX);
	const char *end, *found, *last;
	char quote;

	if (!starts(head, "<?xml", 5))
		return none;
	end = memmem(head.data, head.length, "?>", 2);
	if (!end)
		return none;
	found = memmem(head.data, (size_t)(end - head.data), "encoding", 8);
	if (!found)
		return none;
	found += 8;
	while (found < end && (is_space(*found) || *found == '='))
		found++;
	quote = *found;
	if (quote != '"' && quote != '\'')
		return none;
	found++;
	last = memchr(found, quote, (size_t)(end - found));
	return last ? ep_slice_make(found, (uint64_t)(last - found)) : none;
}

static enum ep_status choose(struct xml_feed *feed, const struct charset *option, uint32_t part_charset)
{
	const struct charset *detected = detect(feed->part, &feed->begin);
	bool two_bytes = detected && detected->kind != CHARSET_IS_UTF8;
	struct ep_slice name;

	feed->charset = detected ? detected : option;
	/* White space before the declaration is an error of many senders. */
	while (!two_bytes && feed->begin < feed->part.length && is_space(feed->part.data[feed->begin]))
		feed->begin++;
	if (feed->begin == feed->part.length)
		return wrong(feed, 0, EP_ERR_EMPTY, "there is no document");
	if (feed->charset)
		return EP_OK;
	name = declared(ep_slice_sub(feed->part, feed->begin, feed->part.length));
	feed->charset = name.length ? charset_named(name) : charset_numbered(part_charset);
	if (!feed->charset)
		return wrong(feed, (uint64_t)(name.data ? name.data - feed->part.data : 0), EP_ERR_CHARSET,
			"an encoding that isn't known");
	if (feed->charset->kind == CHARSET_IS_UTF16_LE || feed->charset->kind == CHARSET_IS_UTF16_BE)
		feed->charset = charset_numbered(EP_UTF8); /* two bytes would have been detected */
	return EP_OK;
}

enum ep_status xml_feed_open(struct xml_feed *feed, struct charsets *charsets, struct ep_slice part,
	const struct charset *option, uint32_t part_charset)
{
	*feed = (struct xml_feed){.charsets = charsets, .part = part, .converted = feed->converted};
	if (choose(feed, option, part_charset) != EP_OK)
		return EP_BAD_INPUT;
	if (!charset_usable(charsets, feed->charset))
		return wrong(feed, 0, EP_ERR_CHARSET, "this system lacks the converter of the encoding");
	if (!xml_feed_is_direct(feed) && !feed->converted) {
		feed->converted = malloc(XML_FEED_BYTES);
		if (!feed->converted)
			return wrong(feed, 0, EP_ERR_PLUGIN_MEMORY, "no memory to convert the document");
	}
	feed->at = feed->located = feed->begin;
	return EP_OK;
}

/* A NUL is no character of XML, and would pass for the end of what was fed. */
static enum ep_status refuse_nul(struct xml_feed *feed, struct ep_slice *piece, uint64_t fed_before)
{
	const char *nul = memchr(piece->data, '\0', piece->length);

	if (!nul)
		return EP_OK;
	return wrong(
		feed, xml_feed_origin(feed, fed_before + (uint64_t)(nul - piece->data)), EP_ERR_SYNTAX, "a NUL byte");
}

static enum ep_status next_direct(struct xml_feed *feed, struct ep_slice *piece)
{
	uint64_t length = feed->part.length - feed->at, valid;

	if (length > XML_FEED_BYTES)
		length = XML_FEED_BYTES;
	*piece = ep_slice_sub(feed->part, feed->at, length);
	valid = utf8_valid_until(*piece);
	if (valid == 0 || (valid < length && valid + 4 <= length)) { /* the last character may be cut, no other */
		piece->length = valid;
		feed->at += valid;
		return valid ? EP_OK : wrong(feed, feed->at, EP_ERR_CHARSET, "a byte that isn't UTF-8");
	}
	piece->length = valid;
	feed->at += valid;
	return refuse_nul(feed, piece, feed->at - feed->begin - valid);
}

static enum ep_status next_converted(struct xml_feed *feed, struct ep_slice *piece)
{
	struct ep_slice rest = ep_slice_sub(feed->part, feed->at, feed->part.length);
	enum ep_status status;
	const char *nul;
	size_t written;

	status = charset_decode(feed->charsets, feed->charset, &rest, feed->converted, XML_FEED_BYTES, &written);
	feed->at = feed->part.length - rest.length;
	*piece = ep_slice_make(feed->converted, written);
	nul = memchr(feed->converted, '\0', written);
	if (nul)
		return wrong(feed, feed->at, EP_ERR_SYNTAX, "a NUL character");
	if (written)
		return EP_OK; /* what is wrong behind it is met by the next call */
	return wrong(feed, feed->at, status == EP_END ? EP_ERR_TRUNCATED : EP_ERR_CHARSET,
		"a byte that the document's encoding doesn't have");
}

enum ep_status xml_feed_next(struct xml_feed *feed, struct ep_slice *piece)
{
	if (feed->at == feed->part.length)
		return EP_END;
	return xml_feed_is_direct(feed) ? next_direct(feed, piece) : next_converted(feed, piece);
}

uint64_t xml_feed_origin(struct xml_feed *feed, uint64_t fed)
{
	if (xml_feed_is_direct(feed))
		return feed->begin + fed;
	while (feed->located_fed < fed) {
		uint64_t length = fed - feed->located_fed;
		uint64_t taken = charset_locate(feed->charsets, feed->charset,
			ep_slice_sub(feed->part, feed->located, 2 * CHARSET_LOCATE_MAX), &length);

		if (length == 0)
			break;
		feed->located += taken;
		feed->located_fed += length;
	}
	return feed->located;
}
