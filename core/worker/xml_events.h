/*
 * xml_events.h: libxml2's SAX2 push parser, turned round: events are taken one by one, and the parser is fed whenever
 * none is left. What waits is bounded by what one piece of the document gives.
 *
 * Refused: document types (and with them entity declarations), depth over 256, a start tag over 64 KiB, a comment or
 * processing instruction over 1 MiB. libxml2 opens no file and no network connection, and converts no encoding.
 */
#ifndef WORKER_XML_EVENTS_H
#define WORKER_XML_EVENTS_H

#include <libxml/parser.h>

#include "base/buffer.h"
#include "worker/xml_feed.h"

#define XML_DEPTH_MAX 256

enum xml_event_kind { XML_EVENT_START = 1, XML_EVENT_END = 2, XML_EVENT_TEXT = 3 };

/* Bytes in the part if they stand there just so, else in the queue's own memory, which lasts until the next feeding. */
struct xml_bytes {
	const char *direct; /* NULL: at `at` of the queue's bytes */
	uint32_t length;
	uint32_t at;
};

struct xml_event {
	uint32_t kind;
	uint32_t name;         /* of a start: 1-based index in the plugin's table, EP_XML_OTHER if it isn't there */
	uint64_t offset;       /* of the part: where text begins; where a start tag ends, before its > */
	uint64_t length;       /* of text, in the part */
	struct xml_bytes text; /* of text */
	const char *local;     /* of a start: local name and namespace; they live as long as the parser */
	const char *space;
	uint32_t attribute;       /* of a start: the first in `attributes` ... */
	uint32_t attribute_count; /* ... and how many */
};

struct xml_attribute {
	uint32_t name; /* 1-based index in the plugin's table; others are left out */
	struct xml_bytes value;
	uint64_t offset, length; /* in the part */
};

struct xml_name {
	const xmlChar *name; /* in the parser's dictionary; NULL: free */
	uint32_t index;
};

struct xml_events {
	/* Kept from document to document. */
	xmlParserCtxtPtr parser;
	struct xml_name *names; /* open hashing by address; `name_mask` + 1 places */
	uint32_t name_mask;
	struct xml_event *queue;
	uint32_t queue_capacity;
	struct xml_attribute *attributes;
	uint32_t attribute_capacity;
	struct buffer bytes;

	/* Of the document at hand. */
	struct xml_feed feed;
	uint32_t head, count; /* of the queue: next to take, how many there are */
	uint32_t attribute_count;
	uint32_t depth;
	bool root_seen;
	bool fed;      /* the parser has been told the end */
	bool finished; /* nothing more will come */
	/* What is wrong behind the last event. `code` 0: nothing. */
	enum ep_error code;
	uint64_t wrong_at;
	char wrong[200];
};

/* All zero to begin with. EP_NO_MEMORY; what is wrong with the document is said once its events are taken. */
EP_MUST_CHECK enum ep_status xml_events_open(struct xml_events *events, const char *const *names, uint32_t name_count);
/* The next event, or NULL at the end or where it is wrong. */
const struct xml_event *xml_events_fill(struct xml_events *events);

static inline const struct xml_event *xml_events_next(struct xml_events *events)
{
	return events->head < events->count ? &events->queue[events->head++] : xml_events_fill(events);
}

static inline struct ep_slice xml_events_slice(const struct xml_events *events, const struct xml_bytes *bytes)
{
	return ep_slice_make(bytes->direct ? bytes->direct : events->bytes.data + bytes->at, bytes->length);
}

void xml_events_free(struct xml_events *events);

#endif
