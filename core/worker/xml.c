/*
 * xml.c: the XML service: walks the events of a document as its elements.
 *
 * Memory doesn't grow with the document: what was read is gone, but for the texts that the plugin took and that don't
 * stand in the part as they are (references, other encodings).
 *
 * A document counts only if it is sound to its end. A plugin may stop reading early; the rest is then read by
 * xml_reader_finish(), and the message fails if it is unsound.
 */
#include "worker/call_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/lines.h"
#include "worker/xml_events.h"

#define READERS_MAX 8 /* in one call */
#define TEXT_MAX ((size_t)16 << 20)
#define TEXT_KEPT ((size_t)1 << 20) /* from message to message */
#define NAMES_MAX 4096
#define COUNTERS 16 /* names of siblings that are counted, for places */
#define PATH_MAX_BYTES CALL_PATH_MAX

struct level {
	const char *name; /* local */
	const char *space;
	uint64_t offset; /* of the start tag's end */
	uint32_t index;  /* among the siblings of the same name, from 1; 0: not counted */
	uint32_t counter_count;
	struct {
		const char *name;
		uint32_t count;
	} counters[COUNTERS]; /* of its children */
};

struct ep_xml {
	struct ep_xml *next;
	struct ep_call *call;
	struct ep_part part;
	enum ep_status status;
	uint32_t depth; /* elements entered and not left */
	bool just_left; /* levels[depth + 1] was left by text() or skip() and is still the one entered last */
	struct xml_attribute *attributes; /* of the element entered last */
	uint32_t attribute_count, attribute_capacity;
	struct buffer attribute_bytes;
	struct buffer text;
	struct lines lines;
	struct xml_events events;
	struct level levels[XML_DEPTH_MAX + 2]; /* 0: the document itself */
};

struct xml_reader {
	struct ep_xml *open, *idle;
	uint32_t open_count;
};

struct xml_reader *xml_reader_create(void)
{
	xmlInitParser();
	return calloc(1, sizeof(struct xml_reader));
}

static void destroy_list(struct ep_xml *xml)
{
	while (xml) {
		struct ep_xml *next = xml->next;

		xml_events_free(&xml->events);
		buffer_free(&xml->attribute_bytes);
		buffer_free(&xml->text);
		free(xml->attributes);
		free(xml);
		xml = next;
	}
}

void xml_reader_destroy(struct xml_reader *reader)
{
	if (!reader)
		return;
	destroy_list(reader->open);
	destroy_list(reader->idle);
	free(reader);
}

void xml_reader_reset(struct xml_reader *reader)
{
	while (reader->open) {
		struct ep_xml *xml = reader->open;

		reader->open = xml->next;
		if (xml->text.capacity > TEXT_KEPT)
			buffer_free(&xml->text);
		xml->next = reader->idle;
		reader->idle = xml;
	}
	reader->open_count = 0;
}

/* Places ---------------------------------------------------------------------------------------------------------- */

static void path_append(char path[PATH_MAX_BYTES], size_t *length, const char *text, size_t text_length)
{
	if (text_length > PATH_MAX_BYTES - *length)
		text_length = PATH_MAX_BYTES - *length;
	memcpy(path + *length, text, text_length);
	*length += text_length;
}

/* "Document/BkToCstmrStmt/Stmt/Ntry[3]/Amt": the first of its name has no number. */
static size_t write_path(const struct ep_xml *xml, char path[PATH_MAX_BYTES])
{
	uint32_t last = xml->depth + xml->just_left;
	size_t length = 0;

	for (uint32_t i = 1; i <= last; i++) {
		char number[16];

		if (i > 1)
			path_append(path, &length, "/", 1);
		path_append(path, &length, xml->levels[i].name, strlen(xml->levels[i].name));
		if (xml->levels[i].index > 1) {
			int digits = snprintf(number, sizeof(number), "[%u]", xml->levels[i].index);

			path_append(path, &length, number, (size_t)digits);
		}
	}
	return length;
}

static void fail(struct ep_xml *xml, enum ep_error code, uint64_t offset, const char *text)
{
	struct ep_place place = {.part = xml->part.index, .offset = offset};
	char path[PATH_MAX_BYTES];

	lines_find(&xml->lines, xml->part.bytes, offset, &place);
	place.path = ep_slice_make(path, write_path(xml, path));
	call_fail(xml->call, code, place, text);
	xml->status = EP_BAD_INPUT;
}

/* Where the tag that ends at `end` begins: a < stands in no other place of a tag. */
static uint64_t tag_begin(const struct ep_xml *xml, uint64_t end)
{
	const char *found = end ? memrchr(xml->part.bytes.data, '<', end) : NULL;

	return found ? (uint64_t)(found - xml->part.bytes.data) : end;
}

/* Reading --------------------------------------------------------------------------------------------------------- */

/* The next event; NULL where the document ends or is wrong, which has then been said. */
static const struct xml_event *next_event(struct ep_xml *xml)
{
	const struct xml_event *event;

	if (xml->status != EP_OK)
		return NULL;
	event = xml_events_next(&xml->events);
	if (event)
		return event;
	if (xml->events.code)
		fail(xml, xml->events.code, xml->events.wrong_at, xml->events.wrong);
	else
		xml->status = EP_END;
	return NULL;
}

/* Which of its name the child is. */
static uint32_t count_child(struct level *parent, const char *name)
{
	for (uint32_t i = 0; i < parent->counter_count; i++)
		if (parent->counters[i].name == name) /* names are one and the same in the parser's dictionary */
			return ++parent->counters[i].count;
	if (parent->counter_count == COUNTERS)
		return 0;
	parent->counters[parent->counter_count].name = name;
	parent->counters[parent->counter_count++].count = 1;
	return 1;
}

/* Puts the element's attributes aside: the queue's memory is used again when the parser is fed. */
static void keep_attributes(struct ep_xml *xml, const struct xml_event *event)
{
	const struct xml_attribute *from = xml->events.attributes + event->attribute;

	xml->attribute_count = event->attribute_count;
	if (event->attribute_count == 0)
		return;
	buffer_clear(&xml->attribute_bytes);
	for (uint32_t i = 0; i < event->attribute_count; i++) {
		struct ep_slice value = xml_events_slice(&xml->events, &from[i].value);

		xml->attributes[i] = from[i];
		xml->attributes[i].value.at = (uint32_t)xml->attribute_bytes.length;
		if (!from[i].value.direct && buffer_append_slice(&xml->attribute_bytes, value) != EP_OK)
			fail(xml, EP_ERR_LIMIT, event->offset, "attributes too large");
	}
}

static void enter(struct ep_xml *xml, const struct xml_event *event)
{
	struct level *level = &xml->levels[xml->depth + 1];

	level->index = count_child(&xml->levels[xml->depth], event->local);
	level->name = event->local;
	level->space = event->space;
	level->offset = event->offset;
	level->counter_count = 0;
	xml->depth++;
	keep_attributes(xml, event);
}

/* Reads to the end of the element at hand, and leaves it. */
static void pass(struct ep_xml *xml)
{
	uint32_t below = 0;

	while (xml->status == EP_OK) {
		const struct xml_event *event = next_event(xml);

		if (!event)
			return;
		if (event->kind == XML_EVENT_START) {
			below++;
		} else if (event->kind == XML_EVENT_END && below-- == 0) {
			xml->depth--;
			xml->just_left = true;
			return;
		}
	}
}

/* Elements of the document beyond what the plugin wanted. */
static void finish(struct ep_xml *xml)
{
	const struct xml_event *event;

	xml->just_left = false;
	while ((event = next_event(xml)))
		if (event->kind == XML_EVENT_START)
			enter(xml, event);
		else if (event->kind == XML_EVENT_END)
			xml->depth--;
}

void xml_reader_finish(struct ep_call *call)
{
	for (struct ep_xml *xml = call->xml->open; xml; xml = xml->next)
		finish(xml);
}

/* The service ----------------------------------------------------------------------------------------------------- */

static struct ep_xml *idle_reader(struct ep_call *call)
{
	struct ep_xml *xml = call->xml->idle;

	if (xml) {
		call->xml->idle = xml->next;
		return xml;
	}
	xml = calloc(1, sizeof(*xml));
	if (xml) {
		buffer_init(&xml->attribute_bytes, TEXT_MAX);
		buffer_init(&xml->text, TEXT_MAX);
	}
	return xml;
}

static enum ep_status fail_open(
	struct ep_call *call, const struct ep_part *part, enum ep_error code, uint64_t offset, const char *text)
{
	struct ep_place place = {.part = part->index, .offset = offset};

	return call_fail(call, code, place, text);
}

/* Each attribute of the table may stand in an element once. */
static bool make_attributes(struct ep_xml *xml, uint32_t name_count)
{
	struct xml_attribute *attributes;

	if (name_count <= xml->attribute_capacity)
		return true;
	attributes = realloc(xml->attributes, name_count * sizeof(*attributes));
	if (!attributes)
		return false;
	xml->attributes = attributes;
	xml->attribute_capacity = name_count;
	return true;
}

static enum ep_status service_open(struct ep_call *call, const struct ep_part *part, const char *const *names,
	uint32_t name_count, struct ep_xml **opened)
{
	struct ep_xml *xml;

	*opened = NULL;
	if (name_count > NAMES_MAX) {
		call_misuse(call, "xml->open() with more than 4096 names");
		return EP_BAD_INPUT;
	}
	if (call->xml->open_count == READERS_MAX)
		return fail_open(call, part, EP_ERR_LIMIT, 0, "more than 8 XML documents in one message");
	xml = idle_reader(call);
	if (!xml)
		return fail_open(call, part, EP_ERR_PLUGIN_MEMORY, 0, "no memory for an XML document");
	xml->call = call;
	xml->part = *part;
	xml->status = EP_OK;
	xml->depth = xml->attribute_count = 0;
	xml->just_left = false;
	xml->lines = (struct lines){0};
	xml->levels[0].counter_count = 0;
	xml->next = call->xml->open;
	call->xml->open = xml;
	call->xml->open_count++;
	if (!make_attributes(xml, name_count) || xml_events_open(&xml->events, names, name_count) != EP_OK) {
		fail(xml, EP_ERR_PLUGIN_MEMORY, 0, "no memory for an XML document");
		return EP_BAD_INPUT;
	}
	if (xml_feed_open(&xml->events.feed, call->charsets, part->bytes, call->charset, part->charset) != EP_OK) {
		fail(xml, xml->events.feed.code, xml->events.feed.wrong_at, xml->events.feed.wrong);
		return EP_BAD_INPUT;
	}
	*opened = xml;
	return EP_OK;
}

static uint32_t service_child(struct ep_xml *xml)
{
	const struct xml_event *event;

	xml->just_left = false;
	while ((event = next_event(xml))) {
		if (event->kind == XML_EVENT_START) {
			enter(xml, event);
			return event->name;
		}
		if (event->kind == XML_EVENT_END) {
			xml->depth--;
			return 0;
		}
	}
	return 0;
}

static void service_skip(struct ep_xml *xml)
{
	xml->just_left = false;
	if (xml->depth == 0)
		call_misuse(xml->call, "xml->skip() outside of an element");
	else
		pass(xml);
}

/* What text() has gathered: one run of the part's bytes as long as that is all there is, else the buffer. */
struct gathered {
	struct ep_slice run;
	uint64_t offset, end; /* in the part */
	bool any, buffered;
};

static bool gather(struct ep_xml *xml, struct gathered *gathered, const struct xml_event *event)
{
	struct ep_slice piece = xml_events_slice(&xml->events, &event->text);

	if (!gathered->any)
		gathered->offset = event->offset;
	gathered->end = event->offset + event->length;
	if (!gathered->any && event->text.direct) {
		gathered->run = piece;
	} else if (!gathered->buffered && event->text.direct &&
		   gathered->run.data + gathered->run.length == piece.data) {
		gathered->run.length += piece.length;
	} else {
		if (!gathered->buffered)
			buffer_append_slice(&xml->text, gathered->run);
		gathered->buffered = true;
		buffer_append_slice(&xml->text, piece);
	}
	gathered->any = true;
	if (gathered->run.length <= TEXT_MAX && xml->text.failed == EP_OK)
		return true;
	fail(xml, EP_ERR_LIMIT, gathered->offset, "more than 16 MiB of text in one element");
	return false;
}

static struct ep_text finish_text(struct ep_xml *xml, const struct gathered *gathered)
{
	struct ep_text text = {.value = gathered->run,
		.offset = gathered->offset,
		.length = gathered->end - gathered->offset,
		.part = xml->part.index,
		.charset = EP_UTF8};

	if (gathered->buffered) {
		char *copy = call_alloc(xml->call, xml->text.length);

		if (copy)
			memcpy(copy, xml->text.data, xml->text.length);
		text.value = ep_slice_make(copy, copy ? xml->text.length : 0);
	}
	if (!gathered->any) {
		text.value.data = "";
		text.offset = xml->levels[xml->depth + 1].offset;
		text.length = 0;
	}
	return text;
}

static struct ep_text service_text(struct ep_xml *xml)
{
	static const struct ep_text none = {.part = EP_NO_PART};
	struct gathered gathered = {.any = false};
	const struct xml_event *event;
	uint32_t below = 0;

	xml->just_left = false;
	if (xml->depth == 0) {
		call_misuse(xml->call, "xml->text() outside of an element");
		return none;
	}
	buffer_clear(&xml->text);
	while ((event = next_event(xml))) {
		if (event->kind == XML_EVENT_START) {
			below++;
		} else if (event->kind == XML_EVENT_TEXT) {
			if (!gather(xml, &gathered, event))
				return none;
		} else if (below-- == 0) {
			xml->depth--;
			xml->just_left = true;
			return finish_text(xml, &gathered);
		}
	}
	return none;
}

static struct ep_text service_attribute(struct ep_xml *xml, uint32_t name)
{
	struct ep_text text = {.part = EP_NO_PART};

	for (uint32_t i = 0; i < xml->attribute_count; i++) {
		const struct xml_attribute *attribute = &xml->attributes[i];
		uint32_t length = attribute->value.length;

		if (attribute->name != name)
			continue;
		text = (struct ep_text){.value = {attribute->value.direct, length},
			.offset = attribute->offset,
			.length = attribute->length,
			.part = xml->part.index,
			.charset = EP_UTF8};
		if (!attribute->value.direct) {
			char *copy = call_alloc(xml->call, length);

			if (copy && length)
				memcpy(copy, xml->attribute_bytes.data + attribute->value.at, length);
			text.value = ep_slice_make(copy, copy ? length : 0);
		}
		break;
	}
	return text;
}

static const struct level *entered_last(const struct ep_xml *xml)
{
	return &xml->levels[xml->depth + xml->just_left];
}

static struct ep_slice service_name(struct ep_xml *xml)
{
	return xml->depth + xml->just_left ? ep_slice_of(entered_last(xml)->name) : ep_slice_make(NULL, 0);
}

static struct ep_slice service_space(struct ep_xml *xml)
{
	return xml->depth + xml->just_left ? ep_slice_of(entered_last(xml)->space) : ep_slice_make(NULL, 0);
}

static struct ep_place service_place(struct ep_xml *xml)
{
	struct ep_place place = {.part = xml->part.index};
	uint64_t end = xml->depth + xml->just_left ? entered_last(xml)->offset : 0;
	char path[PATH_MAX_BYTES], *copy;
	size_t length = write_path(xml, path);

	place.offset = tag_begin(xml, end);
	place.length = end - place.offset;
	lines_find(&xml->lines, xml->part.bytes, place.offset, &place);
	copy = call_alloc(xml->call, length);
	if (copy)
		memcpy(copy, path, length);
	place.path = ep_slice_make(copy, copy ? length : 0);
	return place;
}

/* Behind the root element there may still be something wrong: that is looked at before the document is called sound. */
static enum ep_status service_status(struct ep_xml *xml)
{
	if (xml->status == EP_OK && xml->depth == 0 && xml->levels[0].counter_count)
		next_event(xml);
	return xml->status;
}

const struct ep_xml_service xml_service = {
	.size = sizeof(struct ep_xml_service),
	.open = service_open,
	.child = service_child,
	.text = service_text,
	.skip = service_skip,
	.attribute = service_attribute,
	.name = service_name,
	.space = service_space,
	.place = service_place,
	.status = service_status,
};
