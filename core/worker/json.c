/*
 * json.c: the JSON service.
 *
 * A document is read whole by open() and kept as a table of nodes (json_tree.h) in the call's memory. Where a part holds
 * one document after the other, its tokens are found for a window of many documents at a time, and each document takes
 * the place of the one before: the handles of that one then read as absent, its texts stay.
 */
#include "worker/call_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "worker/json_index.h"
#include "worker/json_tree.h"
#include "worker/lines.h"

#define WINDOW_BYTES ((uint64_t)256 * 1024) /* of one document after the other */
#define POINTER_MAX 500                     /* bytes of a path */
#define TRAIL_LEVELS 8

struct json_document {
	struct ep_call *call;
	struct ep_slice text;          /* the window that it stands in; offsets of nodes count from there */
	const struct json_node *nodes; /* NULL: its memory was given to the next document */
	uint32_t part;
	uint64_t offset;       /* of `text` in the part */
	struct ep_slice whole; /* the part */
};

/* Where the search for a node's place passed on each level, so that the next node's doesn't begin anew. */
struct trail {
	const struct json_document *document;
	struct {
		uint32_t container, child, index;
	} levels[TRAIL_LEVELS];
};

struct json_reader {
	struct json_index *index;
	struct json_frame *frames;
	/* The window whose tokens are at hand. */
	struct ep_slice window;
	bool whole; /* nothing stands behind it */
	const uint32_t *starts;
	uint32_t start_count;
	uint32_t at;  /* the next token */
	uint64_t end; /* of the last document, in the window */
	/* Memory of one document after the other. */
	struct json_node *nodes;
	uint32_t node_max;
	struct json_document *last;
	struct lines lines;
	struct trail trail;
};

static const struct ep_json absent = {NULL, 0, EP_JSON_ABSENT};

struct json_reader *json_reader_create(void)
{
	struct json_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->index = json_index_create();
	reader->frames = calloc(JSON_DEPTH_MAX, sizeof(*reader->frames));
	if (!reader->index || !reader->frames) {
		json_reader_destroy(reader);
		return NULL;
	}
	return reader;
}

void json_reader_destroy(struct json_reader *reader)
{
	if (!reader)
		return;
	json_index_destroy(reader->index);
	free(reader->frames);
	free(reader);
}

void json_reader_reset(struct json_reader *reader)
{
	json_index_trim(reader->index);
	reader->window = ep_slice_make(NULL, 0);
	reader->nodes = NULL;
	reader->node_max = 0;
	reader->last = NULL;
	reader->lines = (struct lines){0};
	reader->trail = (struct trail){0};
}

/* Places ---------------------------------------------------------------------------------------------------------- */

struct pointer {
	char text[POINTER_MAX];
	size_t length;
};

static void pointer_byte(struct pointer *pointer, char c)
{
	if (pointer->length < sizeof(pointer->text))
		pointer->text[pointer->length++] = c;
}

/* "/name", escaped as RFC 6901 section 4 says. */
static void pointer_name(struct pointer *pointer, struct ep_slice raw, bool escaped)
{
	char plain[POINTER_MAX];

	if (raw.length > sizeof(plain))
		raw.length = sizeof(plain);
	if (escaped)
		raw = ep_slice_make(plain, json_unescape(raw, plain));
	pointer_byte(pointer, '/');
	for (uint64_t i = 0; i < raw.length; i++) {
		if (raw.data[i] == '~' || raw.data[i] == '/') {
			pointer_byte(pointer, '~');
			pointer_byte(pointer, raw.data[i] == '~' ? '0' : '1');
		} else {
			pointer_byte(pointer, raw.data[i]);
		}
	}
}

static void pointer_index(struct pointer *pointer, uint32_t index)
{
	char digits[10];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + index % 10);
	while (index /= 10);
	pointer_byte(pointer, '/');
	while (count)
		pointer_byte(pointer, digits[--count]);
}

static void pointer_child(struct pointer *pointer, const struct json_node *child, struct ep_slice text, uint32_t index)
{
	if (child->name)
		pointer_name(pointer, json_node_name(child, text), json_node_name_escaped(child));
	else
		pointer_index(pointer, index);
}

/* Fails the call at the place where the walk stopped. */
static enum ep_status fail_walk(struct ep_call *call, const struct json_walk *walk, const struct ep_part *part)
{
	uint64_t offset = (uint64_t)(walk->text.data - part->bytes.data) + walk->end;
	struct ep_place place = {.part = part->index, .offset = offset};
	struct pointer pointer = {.length = 0};

	for (uint32_t i = 0; i < walk->depth; i++) {
		const struct json_frame *frame = &walk->frames[i];

		if (frame->count && !(walk->in_name && i == walk->depth - 1))
			pointer_child(&pointer, &walk->nodes[frame->last], walk->text, frame->count - 1);
	}
	lines_find(&call->json->lines, part->bytes, offset, &place);
	place.path = ep_slice_make(pointer.text, pointer.length);
	return call_fail(call, walk->code, place, walk->wrong);
}

static enum ep_status fail_at(
	struct ep_call *call, const struct ep_part *part, uint64_t offset, enum ep_error code, const char *text)
{
	struct ep_place place = {.part = part->index, .offset = offset};

	lines_find(&call->json->lines, part->bytes, offset, &place);
	return call_fail(call, code, place, text);
}

/* Reading --------------------------------------------------------------------------------------------------------- */

/* The tokens can't be found: where is it wrong? A cold path. */
static enum ep_status fail_index(struct ep_call *call, const struct ep_part *part, struct ep_slice text)
{
	uint64_t before = (uint64_t)(text.data - part->bytes.data), valid = utf8_valid_until(text), quote = 0;
	bool in_string = false;

	for (uint64_t i = 0; i < valid; i++) {
		if (in_string && (unsigned char)text.data[i] < 0x20)
			return fail_at(call, part, before + i, EP_ERR_SYNTAX, "a control character in a string");
		if (text.data[i] == '"') {
			in_string = !in_string;
			quote = i;
		} else if (in_string && text.data[i] == '\\') {
			i++;
		}
	}
	if (valid < text.length)
		return fail_at(call, part, before + valid, EP_ERR_CHARSET, "a byte that isn't UTF-8");
	return fail_at(call, part, before + quote, EP_ERR_TRUNCATED, "a string without end");
}

/* Finds the tokens from `offset` on, of at most `bytes` bytes. EP_LIMIT: no document ends there. */
static enum ep_status read_window(struct ep_call *call, const struct ep_part *part, uint64_t offset, uint64_t bytes)
{
	struct json_reader *reader = call->json;
	struct ep_slice rest = {part->bytes.data + offset, part->bytes.length - offset};
	enum ep_status status;

	reader->window = ep_slice_make(NULL, 0);
	reader->whole = rest.length <= bytes;
	if (!reader->whole)
		rest.length = bytes;
	status = json_index_read(reader->index, rest, reader->whole, &reader->starts, &reader->start_count);
	if (status == EP_NO_MEMORY)
		return fail_at(call, part, offset, EP_ERR_PLUGIN_MEMORY, "no memory for the tokens of the document");
	if (status == EP_BAD_INPUT)
		return fail_index(call, part, rest);
	if (status != EP_OK)
		return status;
	reader->window = rest;
	reader->at = 0;
	reader->end = 0;
	return EP_OK;
}

/* Whether `offset` is where the window's next document begins: only white space is passed over. */
static bool in_window(struct json_reader *reader, const struct ep_part *part, uint64_t offset)
{
	const char *at = part->bytes.data + offset;
	uint64_t from;

	if (!reader->window.data || at < reader->window.data + reader->end ||
		at >= reader->window.data + reader->window.length || reader->at >= reader->start_count)
		return false;
	from = json_skip_space(reader->window, reader->end);
	return reader->starts[reader->at] == from && from >= (uint64_t)(at - reader->window.data);
}

static struct json_node *node_memory(struct ep_call *call, uint32_t count, bool sequence)
{
	struct json_reader *reader = call->json;

	if (!sequence)
		return call_alloc(call, (uint64_t)count * sizeof(struct json_node));
	if (reader->last)
		reader->last->nodes = NULL;
	reader->last = NULL;
	if (count > reader->node_max) {
		count += count / 2; /* the next window may hold a few more */
		reader->nodes = call_alloc(call, (uint64_t)count * sizeof(struct json_node));
		reader->node_max = reader->nodes ? count : 0;
	}
	return reader->nodes;
}

/* Walks the document that begins at the window's next token. EP_LIMIT: it goes on behind the window. */
static enum ep_status walk_document(
	struct ep_call *call, const struct ep_part *part, bool sequence, struct json_walk *walk)
{
	struct json_reader *reader = call->json;

	*walk = (struct json_walk){.text = reader->window,
		.starts = reader->starts,
		.start_count = reader->start_count,
		.at = reader->at,
		.node_max = JSON_NODES_MAX(reader->start_count),
		.frames = reader->frames};
	walk->nodes = node_memory(call, walk->node_max, sequence);
	if (!walk->nodes)
		return fail_at(call, part, (uint64_t)(reader->window.data - part->bytes.data), EP_ERR_PLUGIN_MEMORY,
			"no memory for the values of the document");
	if (json_walk(walk) != EP_OK) {
		if (!reader->whole && walk->code == EP_ERR_TRUNCATED)
			return EP_LIMIT;
		return fail_walk(call, walk, part);
	}
	if (!reader->whole && walk->end == walk->text.length && json_node_kind(&walk->nodes[0]) < EP_JSON_STRING)
		return EP_LIMIT; /* a bare word at the window's end may go on behind it */
	return EP_OK;
}

static enum ep_status read_document(
	struct ep_call *call, const struct ep_part *part, uint64_t offset, bool sequence, struct json_walk *walk)
{
	uint64_t json_max = call->options.json_max, bytes = sequence ? WINDOW_BYTES : json_max;
	enum ep_status status = EP_LIMIT;

	if (json_max > JSON_INDEX_BYTES_MAX)
		json_max = JSON_INDEX_BYTES_MAX;
	if (sequence && in_window(call->json, part, offset))
		status = walk_document(call, part, sequence, walk);
	while (status == EP_LIMIT) {
		if (bytes > json_max)
			bytes = json_max;
		status = read_window(call, part, offset, bytes);
		if (status == EP_OK)
			status = walk_document(call, part, sequence, walk);
		if (status == EP_LIMIT && bytes == json_max)
			return fail_at(call, part, offset, EP_ERR_LIMIT, "a JSON document larger than json_max");
		bytes *= 4;
	}
	return status;
}

static enum ep_status service_open(
	struct ep_call *call, const struct ep_part *part, uint64_t offset, uint64_t *end, struct ep_json *root)
{
	struct json_document *document;
	struct json_walk walk;
	enum ep_status status;
	struct ep_slice text = part->bytes;

	*root = absent;
	if (offset > text.length) {
		call_misuse(call, "json->open() behind the end of the part");
		return EP_BAD_INPUT;
	}
	if (offset == 0 && text.length >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		offset = 3;
	offset = json_skip_space(text, offset);
	if (offset == text.length)
		return EP_END;
	if (!end && text.length - offset > call->options.json_max)
		return fail_at(call, part, offset, EP_ERR_LIMIT, "a JSON document larger than json_max");
	document = call_alloc(call, sizeof(*document));
	if (!document)
		return EP_BAD_INPUT;
	status = read_document(call, part, offset, end != NULL, &walk);
	if (status != EP_OK)
		return EP_BAD_INPUT;
	call->json->at = walk.at;
	call->json->end = walk.end;
	*document = (struct json_document){.call = call,
		.text = walk.text,
		.nodes = walk.nodes,
		.part = part->index,
		.offset = (uint64_t)(walk.text.data - part->bytes.data),
		.whole = part->bytes};
	if (end) {
		*end = document->offset + walk.end;
		call->json->last = document;
	} else if (walk.at < walk.start_count) {
		walk.end = walk.starts[walk.at];
		walk.code = EP_ERR_SYNTAX;
		walk.wrong = "something behind the document";
		return fail_walk(call, &walk, part);
	}
	*root = (struct ep_json){document, 0, json_node_kind(&walk.nodes[0])};
	return EP_OK;
}

/* Access ---------------------------------------------------------------------------------------------------------- */

static const struct json_document *opened(struct ep_json value)
{
	const struct json_document *document = value.document;

	return value.kind != EP_JSON_ABSENT && document && document->nodes ? document : NULL;
}

static struct ep_json handle(const struct json_document *document, uint32_t node)
{
	return (struct ep_json){document, node, json_node_kind(&document->nodes[node])};
}

static struct ep_json service_first(struct ep_json container)
{
	const struct json_document *document = opened(container);

	if (!document || container.kind < EP_JSON_ARRAY || !json_node_flag(&document->nodes[container.node]))
		return absent;
	return handle(document, container.node + 1);
}

static struct ep_json service_next(struct ep_json value)
{
	const struct json_document *document = opened(value);

	if (!document || document->nodes[value.node].next == 0)
		return absent;
	return handle(document, document->nodes[value.node].next);
}

static struct ep_json service_member(struct ep_json object, struct ep_slice name)
{
	const struct json_document *document = opened(object);
	uint32_t at;

	if (!document || object.kind != EP_JSON_OBJECT || !json_node_flag(&document->nodes[object.node]))
		return absent;
	at = json_find_member(document->nodes, object.node + 1, document->text, name);
	return at ? handle(document, at) : absent;
}

static struct ep_text text_of(const struct json_document *document, struct ep_slice raw, bool escaped)
{
	struct ep_text text = {.value = raw,
		.offset = document->offset + (uint64_t)(raw.data - document->text.data),
		.length = raw.length,
		.part = document->part,
		.charset = EP_UTF8};

	if (escaped) {
		char *plain = call_alloc(document->call, raw.length + 1);

		text.value = ep_slice_make(plain, plain ? json_unescape(raw, plain) : 0);
	}
	return text;
}

static const struct ep_text no_text = {.part = EP_NO_PART};

static struct ep_text service_name(struct ep_json value)
{
	const struct json_document *document = opened(value);
	const struct json_node *node = document ? &document->nodes[value.node] : NULL;

	if (!node || node->name == 0)
		return no_text;
	return text_of(document, json_node_name(node, document->text), json_node_name_escaped(node));
}

static struct ep_text service_text(struct ep_json value)
{
	const struct json_document *document = opened(value);
	const struct json_node *node = document ? &document->nodes[value.node] : NULL;

	if (!node || value.kind < EP_JSON_FALSE || value.kind > EP_JSON_STRING)
		return no_text;
	return text_of(
		document, json_node_value(node, document->text), value.kind == EP_JSON_STRING && json_node_flag(node));
}

/* The child of `container` that is, or holds, the node; *index is its number. */
static uint32_t child_towards(struct trail *trail, const struct json_document *document, uint32_t level,
	uint32_t container, uint32_t node, uint32_t *index)
{
	uint32_t child = container + 1, next;

	*index = 0;
	if (level < TRAIL_LEVELS && trail->levels[level].container == container &&
		trail->levels[level].child > container && trail->levels[level].child <= node) {
		child = trail->levels[level].child;
		*index = trail->levels[level].index;
	}
	for (; (next = document->nodes[child].next) != 0 && next <= node; child = next)
		++*index;
	if (level < TRAIL_LEVELS) {
		trail->levels[level].container = container;
		trail->levels[level].child = child;
		trail->levels[level].index = *index;
	}
	return child;
}

static struct ep_place service_place(struct ep_json value)
{
	const struct json_document *document = opened(value);
	struct ep_place place = call_no_place();
	struct pointer pointer = {.length = 0};
	const struct json_node *node;
	struct json_reader *reader;
	char *path;

	if (!document)
		return place;
	reader = document->call->json;
	node = &document->nodes[value.node];
	place.part = document->part;
	place.offset = document->offset + node->value;
	if (value.kind < EP_JSON_ARRAY)
		place.length = json_node_value(node, document->text).length;
	lines_find(&reader->lines, document->whole, place.offset, &place);
	if (reader->trail.document != document)
		reader->trail = (struct trail){.document = document};
	for (uint32_t at = 0, level = 0; at != value.node; level++) {
		uint32_t index;

		at = child_towards(&reader->trail, document, level, at, value.node, &index);
		pointer_child(&pointer, &document->nodes[at], document->text, index);
	}
	path = call_alloc(document->call, pointer.length);
	if (path)
		memcpy(path, pointer.text, pointer.length);
	place.path = ep_slice_make(path, path ? pointer.length : 0);
	return place;
}

const struct ep_json_service json_service = {
	.size = sizeof(struct ep_json_service),
	.open = service_open,
	.member = service_member,
	.first = service_first,
	.next = service_next,
	.name = service_name,
	.text = service_text,
	.place = service_place,
};
