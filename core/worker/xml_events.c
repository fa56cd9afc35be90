/*
 * xml_events.c: see xml_events.h.
 *
 * Texts are not copied where they stand in the part as they are, which is nearly always: libxml2 says where in its
 * buffer a text begins, so the byte of the part is known, and the bytes are compared before they are trusted.
 */
#include "worker/xml_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_START 1024
#define QUEUE_MAX ((uint32_t)1 << 20)
#define BYTES_MAX ((size_t)16 << 20)
#define TAG_BYTES_MAX ((ptrdiff_t)64 * 1024) /* libxml2 compares each attribute's name with all before it */
#define COMMENT_BYTES_MAX ((ptrdiff_t)1024 * 1024)
#define CDATA_BYTES 2048
#define DICTIONARY_NAMES_MAX 20000 /* then the next document gets a new one */
#define REFERENCE_BYTES_MAX 64

static void wrong(struct xml_events *events, enum ep_error code, uint64_t at, const char *text)
{
	if (!events->code) {
		size_t length = strcspn(text, "\n");

		events->code = code;
		events->wrong_at = at;
		snprintf(events->wrong, sizeof(events->wrong), "%.*s", (int)length, text);
	}
	xmlStopParser(events->parser);
}

/* How many bytes the parser had been fed before the one at `at`, which is in its buffer. */
static uint64_t fed_before(const struct xml_events *events, const xmlChar *at)
{
	const xmlParserInput *input = events->parser->input;

	return input->consumed + (uint64_t)(at - input->base);
}

static uint64_t origin_here(struct xml_events *events)
{
	return xml_feed_origin(&events->feed, fed_before(events, events->parser->input->cur));
}

/* The part's own bytes, if the same ones stand there. */
static const char *direct(const struct xml_events *events, uint64_t offset, const xmlChar *text, uint32_t length)
{
	const struct ep_slice *part = &events->feed.part;

	if (!xml_feed_is_direct(&events->feed) || offset > part->length || length > part->length - offset ||
		memcmp(part->data + offset, text, length) != 0)
		return NULL;
	return part->data + offset;
}

static bool keep_bytes(struct xml_events *events, struct xml_bytes *bytes, const xmlChar *text, uint32_t length)
{
	bytes->direct = NULL;
	bytes->at = (uint32_t)events->bytes.length;
	bytes->length = length;
	if (buffer_append(&events->bytes, text, length) == EP_OK)
		return true;
	wrong(events, EP_ERR_LIMIT, origin_here(events), "too much text at once");
	return false;
}

static struct xml_event *add_event(struct xml_events *events, uint32_t kind)
{
	struct xml_event *event;

	if (events->count == events->queue_capacity) {
		uint32_t capacity = events->queue_capacity ? events->queue_capacity * 2 : QUEUE_START;

		event = capacity <= QUEUE_MAX ? realloc(events->queue, capacity * sizeof(*event)) : NULL;
		if (!event) {
			wrong(events, EP_ERR_LIMIT, origin_here(events), "no memory for the events of a document");
			return NULL;
		}
		events->queue = event;
		events->queue_capacity = capacity;
	}
	event = &events->queue[events->count++];
	event->kind = kind;
	return event;
}

/* Names ----------------------------------------------------------------------------------------------------------- */

static uint32_t name_place(const struct xml_events *events, const xmlChar *name)
{
	return (uint32_t)((uintptr_t)name * UINT64_C(0x9e3779b97f4a7c15) >> 40) & events->name_mask;
}

/* The dictionary holds each name once, so that its address is the name. */
static uint32_t name_index(const struct xml_events *events, const xmlChar *name)
{
	uint32_t at = name_place(events, name);

	while (events->names[at].name && events->names[at].name != name)
		at = (at + 1) & events->name_mask;
	return events->names[at].name ? events->names[at].index : EP_XML_OTHER;
}

static enum ep_status set_names(struct xml_events *events, const char *const *names, uint32_t count)
{
	uint32_t places = 16;

	while (places < count * 2)
		places *= 2;
	if (events->name_mask + 1 != places || !events->names) {
		free(events->names);
		events->names = malloc(places * sizeof(*events->names));
		events->name_mask = places - 1;
	}
	if (!events->names)
		return EP_NO_MEMORY;
	memset(events->names, 0, places * sizeof(*events->names));
	for (uint32_t i = 0; i < count; i++) {
		const xmlChar *name = xmlDictLookup(events->parser->dict, (const xmlChar *)names[i], -1);
		uint32_t at;

		if (!name)
			return EP_NO_MEMORY;
		at = name_place(events, name);
		while (events->names[at].name && events->names[at].name != name)
			at = (at + 1) & events->name_mask;
		if (!events->names[at].name)
			events->names[at] = (struct xml_name){name, i + 1};
	}
	return EP_OK;
}

/* SAX ------------------------------------------------------------------------------------------------------------- */

static void add_attribute(struct xml_events *events, uint32_t name, const xmlChar *begin, const xmlChar *end)
{
	const xmlParserInput *input = events->parser->input;
	uint32_t length = (uint32_t)(end - begin);
	struct xml_attribute *attribute;

	if (events->attribute_count == events->attribute_capacity) {
		uint32_t capacity = events->attribute_capacity ? events->attribute_capacity * 2 : QUEUE_START;

		attribute = capacity <= QUEUE_MAX ? realloc(events->attributes, capacity * sizeof(*attribute)) : NULL;
		if (!attribute) {
			wrong(events, EP_ERR_LIMIT, origin_here(events), "no memory for the attributes of a document");
			return;
		}
		events->attributes = attribute;
		events->attribute_capacity = capacity;
	}
	attribute = &events->attributes[events->attribute_count];
	attribute->name = name;
	if (begin >= input->base && end <= input->end) {
		attribute->offset = xml_feed_origin(&events->feed, fed_before(events, begin));
		attribute->length = xml_feed_origin(&events->feed, fed_before(events, end)) - attribute->offset;
	} else { /* references were undone: the tag is named as the origin */
		attribute->offset = origin_here(events);
		attribute->length = 0;
	}
	attribute->value = (struct xml_bytes){direct(events, attribute->offset, begin, length), length, 0};
	if (attribute->value.direct || keep_bytes(events, &attribute->value, begin, length))
		events->attribute_count++;
}

static void on_start(void *self, const xmlChar *local, const xmlChar *prefix, const xmlChar *space, int namespace_count,
	const xmlChar **namespaces, int attribute_count, int defaulted_count, const xmlChar **attributes)
{
	struct xml_events *events = self;
	uint32_t first = events->attribute_count;
	struct xml_event *event;

	(void)prefix, (void)namespace_count, (void)namespaces, (void)defaulted_count;
	if (events->depth == XML_DEPTH_MAX) {
		wrong(events, EP_ERR_LIMIT, origin_here(events), "nested more than 256 deep");
		return;
	}
	for (int i = 0; i < attribute_count; i++) {
		uint32_t name = name_index(events, attributes[5 * i]);

		if (name != EP_XML_OTHER)
			add_attribute(events, name, attributes[5 * i + 3], attributes[5 * i + 4]);
		if (events->code)
			return;
	}
	event = add_event(events, XML_EVENT_START);
	if (!event)
		return;
	event->name = name_index(events, local);
	event->local = (const char *)local;
	event->space = (const char *)space;
	event->offset = origin_here(events);
	event->attribute = first;
	event->attribute_count = events->attribute_count - first;
	events->depth++;
	events->root_seen = true;
}

static void on_end(void *self, const xmlChar *local, const xmlChar *prefix, const xmlChar *space)
{
	struct xml_events *events = self;

	(void)local, (void)prefix, (void)space;
	if (add_event(events, XML_EVENT_END))
		events->depth--;
}

/* Where in the parser's buffer a text stands that the parser hands over in memory of its own, or is a reference. */
static void find_source(
	const xmlParserInput *input, const xmlChar *text, uint32_t length, const xmlChar **begin, const xmlChar **end)
{
	const xmlChar *cur = input->cur, *at;

	*begin = *end = cur;
	if ((size_t)(cur - input->base) >= length && memcmp(cur - length, text, length) == 0) {
		*begin = cur - length;
		return;
	}
	if (cur == input->base || cur[-1] != ';')
		return;
	for (at = cur - 1; at > input->base && cur - at < REFERENCE_BYTES_MAX && *at != '&';)
		at--;
	if (*at == '&')
		*begin = at;
}

static void on_text(void *self, const xmlChar *text, int signed_length)
{
	struct xml_events *events = self;
	const xmlParserInput *input = events->parser->input;
	uint32_t length = (uint32_t)signed_length;
	const xmlChar *begin = text, *end = text + length;
	struct xml_event *event, *last = events->count ? &events->queue[events->count - 1] : NULL;
	uint64_t offset;
	const char *same;

	if (events->depth == 0 || length == 0)
		return;
	if (begin < input->base || end > input->end)
		find_source(input, text, length, &begin, &end);
	offset = xml_feed_origin(&events->feed, fed_before(events, begin));
	same = end - begin == (ptrdiff_t)length ? direct(events, offset, text, length) : NULL; /* &amp; begins with & */
	if (same && last && last->kind == XML_EVENT_TEXT && last->text.direct &&
		last->text.direct + last->text.length == same && length < UINT32_MAX - last->text.length) {
		last->text.length += length;
		last->length += length;
		return;
	}
	event = add_event(events, XML_EVENT_TEXT);
	if (!event)
		return;
	event->offset = offset;
	event->length = same ? length : xml_feed_origin(&events->feed, fed_before(events, end)) - offset;
	event->text = (struct xml_bytes){same, length, 0};
	if (!same && !keep_bytes(events, &event->text, text, length))
		events->count--;
}

static void on_document_type(void *self, const xmlChar *name, const xmlChar *public, const xmlChar *system)
{
	struct xml_events *events = self;

	(void)name, (void)public, (void)system;
	wrong(events, EP_ERR_FORBIDDEN_XML, origin_here(events), "a document type declaration");
}

static void on_error(void *self, xmlErrorPtr error)
{
	struct xml_events *events = self;
	const xmlParserInput *input = events->parser->input;
	enum ep_error code = EP_ERR_SYNTAX;
	uint64_t at = input ? origin_here(events) : events->feed.at;

	/* What isn't fatal concerns namespaces, which plugins don't depend on, and validity. */
	if (error->level != XML_ERR_FATAL || events->code)
		return;
	/* Once the parser knows that nothing more comes, what it misses at the end is missing. */
	if (events->fed && (events->depth > 0 || !events->root_seen) &&
		(error->code == XML_ERR_DOCUMENT_END || !input || input->cur >= input->end)) {
		code = EP_ERR_TRUNCATED;
		at = events->feed.part.length;
	}
	if (error->code == XML_ERR_NO_MEMORY)
		code = EP_ERR_PLUGIN_MEMORY;
	wrong(events, code, at, error->message ? error->message : "not well-formed");
}

static xmlSAXHandler handler = {
	.internalSubset = on_document_type,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_text,
	.initialized = XML_SAX2_MAGIC,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.serror = on_error,
};

/* Feeding --------------------------------------------------------------------------------------------------------- */

static enum ep_status open_parser(struct xml_events *events)
{
	if (events->parser && xmlDictSize(events->parser->dict) > DICTIONARY_NAMES_MAX) {
		xmlFreeParserCtxt(events->parser);
		events->parser = NULL;
	}
	if (!events->parser)
		events->parser = xmlCreatePushParserCtxt(&handler, events, NULL, 0, NULL);
	else if (xmlCtxtResetPush(events->parser, NULL, 0, NULL, NULL) != 0)
		return EP_NO_MEMORY;
	if (!events->parser)
		return EP_NO_MEMORY;
	/* NOENT undoes references in attributes; there are none but those of XML itself, since declarations are refused. */
	xmlCtxtUseOptions(events->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOENT);
	return EP_OK;
}

enum ep_status xml_events_open(struct xml_events *events, const char *const *names, uint32_t name_count)
{
	if (open_parser(events) != EP_OK || set_names(events, names, name_count) != EP_OK)
		return EP_NO_MEMORY;
	events->bytes.max = BYTES_MAX;
	buffer_clear(&events->bytes);
	events->head = events->count = events->attribute_count = events->depth = 0;
	events->root_seen = events->fed = events->finished = false;
	events->code = 0;
	return EP_OK;
}

/* What the parser keeps back because it isn't whole yet must not grow without bound. */
static void check_pending(struct xml_events *events)
{
	const xmlParserInput *input = events->parser->input;
	ptrdiff_t pending = input ? input->end - input->cur : 0;

	if (pending > COMMENT_BYTES_MAX)
		wrong(events, EP_ERR_LIMIT, origin_here(events), "a comment or tag of more than 1 MiB");
	else if (pending > TAG_BYTES_MAX && input->cur[0] == '<' && input->cur[1] != '!' && input->cur[1] != '?')
		wrong(events, EP_ERR_LIMIT, origin_here(events), "a tag of more than 64 KiB");
}

static bool in_cdata(const struct xml_events *events)
{
	return !events->code && events->parser->instate == XML_PARSER_CDATA_SECTION;
}

/*
 * Of a CDATA section whose end isn't there yet, libxml2 hands out 300 bytes a call, and searches all of what it holds for
 * the end each time: so it is given little at a time, and called until it has handed out what it can.
 */
static void parse_piece(struct xml_events *events, struct ep_slice piece)
{
	while (piece.length && !events->code) {
		uint64_t length = in_cdata(events) && piece.length > CDATA_BYTES ? CDATA_BYTES : piece.length;
		ptrdiff_t held = PTRDIFF_MAX;

		xmlParseChunk(events->parser, piece.data, (int)length, 0);
		while (in_cdata(events) && events->parser->input->end - events->parser->input->cur < held) {
			held = events->parser->input->end - events->parser->input->cur;
			xmlParseChunk(events->parser, NULL, 0, 0);
		}
		piece = ep_slice_make(piece.data + length, piece.length - length);
	}
}

static void feed_once(struct xml_events *events)
{
	struct ep_slice piece;

	switch (xml_feed_next(&events->feed, &piece)) {
	case EP_OK:
		parse_piece(events, piece);
		if (!events->code)
			check_pending(events);
		break;
	case EP_END:
		events->fed = true;
		xmlParseChunk(events->parser, NULL, 0, 1);
		events->finished = true;
		if (!events->code && (!events->parser->wellFormed || events->depth || !events->root_seen))
			wrong(events, EP_ERR_TRUNCATED, events->feed.part.length, "the document ends too early");
		break;
	default:
		wrong(events, events->feed.code, events->feed.wrong_at, events->feed.wrong);
	}
	if (events->code)
		events->finished = true;
}

const struct xml_event *xml_events_fill(struct xml_events *events)
{
	if (events->finished)
		return NULL;
	events->head = events->count = events->attribute_count = 0;
	buffer_clear(&events->bytes);
	while (events->count == 0 && !events->finished)
		feed_once(events);
	return events->count ? &events->queue[events->head++] : NULL;
}

void xml_events_free(struct xml_events *events)
{
	if (events->parser)
		xmlFreeParserCtxt(events->parser);
	xml_feed_free(&events->feed);
	buffer_free(&events->bytes);
	free(events->names);
	free(events->queue);
	free(events->attributes);
	*events = (struct xml_events){0};
}
