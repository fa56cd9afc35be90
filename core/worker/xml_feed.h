/*
 * xml_feed.h: hands a part to the XML parser in pieces, in UTF-8 whatever it was sent in.
 *
 * The encoding is that of a byte order mark, else option `charset`, else the XML declaration, else the part's charset.
 * A declaration of UTF-16 in a document of single bytes is a well-known mistake of senders and is passed over.
 */
#ifndef WORKER_XML_FEED_H
#define WORKER_XML_FEED_H

#include "worker/charset.h"

#define XML_FEED_BYTES ((size_t)32 * 1024) /* of one piece */

struct xml_feed {
	struct charsets *charsets;
	struct ep_slice part;
	const struct charset *charset;
	uint64_t begin;  /* what stands before the document's first byte: a byte order mark, white space */
	uint64_t at;     /* of the part, fed so far */
	char *converted; /* owned; XML_FEED_BYTES; made when it is first needed */
	/* Of what was converted: `located_fed` bytes of UTF-8 come from the part up to `located`. */
	uint64_t located, located_fed;
	/* What is wrong where the feed stopped with EP_BAD_INPUT. */
	uint64_t wrong_at;
	enum ep_error code;
	const char *wrong;
};

void xml_feed_free(struct xml_feed *feed);
/* `option`: option `charset`, or NULL. EP_BAD_INPUT: nothing to read, or an encoding that isn't known. */
EP_MUST_CHECK enum ep_status xml_feed_open(struct xml_feed *feed, struct charsets *charsets, struct ep_slice part,
	const struct charset *option, uint32_t part_charset);
/* The next piece, valid until the next call; EP_END behind the last; EP_BAD_INPUT: a byte that can't be, at wrong_at. */
EP_MUST_CHECK enum ep_status xml_feed_next(struct xml_feed *feed, struct ep_slice *piece);
/* Where in the part the UTF-8 byte number `fed` stands. To be asked in ascending order only. */
uint64_t xml_feed_origin(struct xml_feed *feed, uint64_t fed);

static inline bool xml_feed_is_direct(const struct xml_feed *feed)
{
	return feed->charset->kind == CHARSET_IS_UTF8;
}

#endif
