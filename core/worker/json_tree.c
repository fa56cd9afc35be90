/* json_tree.c: see json_tree.h. The grammar is RFC 8259's; section numbers are its. */
#include "worker/json_tree.h"

#include <string.h>

#define FLAG 8u
#define NAME_ESCAPED 16u
#define NAME_SHIFT 5
#define NAME_LONG 0xffu
#define VALUE_SHIFT 13
#define VALUE_LONG 0x7ffffu

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

uint64_t json_skip_space(struct ep_slice text, uint64_t at)
{
	while (at < text.length && is_space(text.data[at]))
		at++;
	return at;
}

static bool wrong(struct json_walk *walk, enum ep_error code, uint64_t at, const char *text)
{
	walk->code = code;
	walk->end = (uint32_t)at;
	walk->wrong = text;
	return false;
}

/* 0 behind the last token. */
static char peek(const struct json_walk *walk)
{
	return walk->at < walk->start_count ? walk->text.data[walk->starts[walk->at]] : '\0';
}

static uint64_t here(const struct json_walk *walk)
{
	return walk->at < walk->start_count ? walk->starts[walk->at] : walk->text.length;
}

static bool unexpected(struct json_walk *walk, const char *text)
{
	if (walk->at >= walk->start_count)
		return wrong(walk, EP_ERR_TRUNCATED, walk->text.length, "the document ends too early");
	return wrong(walk, EP_ERR_SYNTAX, here(walk), text);
}

/* Strings (section 7) --------------------------------------------------------------------------------------------- */

static uint64_t bytes_equal(uint64_t eight, char c)
{
	uint64_t differ = eight ^ (UINT64_C(0x0101010101010101) * (unsigned char)c);

	return (differ - UINT64_C(0x0101010101010101)) & ~differ & UINT64_C(0x8080808080808080);
}

/* Offset of the first quote or backslash from `at` on, or the length. */
static uint64_t find_mark(struct ep_slice text, uint64_t at)
{
	while (text.length - at >= 8) {
		uint64_t eight, found;

		memcpy(&eight, text.data + at, 8);
		found = bytes_equal(eight, '"') | bytes_equal(eight, '\\');
		if (found) /* the lowest set bit is exact; little endian */
			return at + (uint64_t)__builtin_ctzll(found) / 8;
		at += 8;
	}
	while (at < text.length && text.data[at] != '"' && text.data[at] != '\\')
		at++;
	return at;
}

static bool hex_four(struct ep_slice text, uint64_t at, uint32_t *code)
{
	*code = 0;
	if (text.length - at < 4)
		return false;
	for (uint64_t i = at; i < at + 4; i++) {
		char c = text.data[i];
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return false;
		*code = *code << 4 | digit;
	}
	return true;
}

/* The escape at `at`, which stands at a backslash: its length and what it stands for. */
static uint64_t read_escape(struct ep_slice text, uint64_t at, uint32_t *code)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t second;

	if (text.length - at < 2 || text.data[at + 1] == '\0')
		return 0;
	if (text.data[at + 1] != 'u') {
		found = strchr(from, text.data[at + 1]);
		*code = found ? (uint32_t)to[found - from] : 0;
		return found ? 2 : 0;
	}
	if (!hex_four(text, at + 2, code) || (*code >= 0xdc00 && *code <= 0xdfff))
		return 0;
	if (*code < 0xd800 || *code > 0xdbff)
		return 6;
	/* Half of a pair: the other half must follow. */
	if (text.length - at < 12 || text.data[at + 6] != '\\' || text.data[at + 7] != 'u' ||
		!hex_four(text, at + 8, &second) || second < 0xdc00 || second > 0xdfff)
		return 0;
	*code = 0x10000 + ((*code - 0xd800) << 10) + (second - 0xdc00);
	return 12;
}

/* The string whose first byte behind the quote is `begin`; *end is set to its closing quote. */
static bool take_string(struct json_walk *walk, uint64_t begin, uint64_t *end, bool *escaped)
{
	uint64_t at = find_mark(walk->text, begin);

	*escaped = false;
	while (at < walk->text.length && walk->text.data[at] == '\\') {
		uint32_t code;
		uint64_t length = read_escape(walk->text, at, &code);

		if (length == 0)
			return wrong(walk, EP_ERR_SYNTAX, at, "an escape that isn't one, or half of a surrogate pair");
		*escaped = true;
		at = find_mark(walk->text, at + length);
	}
	*end = at;
	return at < walk->text.length || wrong(walk, EP_ERR_TRUNCATED, begin - 1, "a string without end");
}

static uint64_t put_utf8(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

uint64_t json_unescape(struct ep_slice raw, char *out)
{
	uint64_t at = 0, put = 0;

	while (at < raw.length) {
		uint64_t mark = find_mark(raw, at), length;
		uint32_t code;

		memcpy(out + put, raw.data + at, mark - at);
		put += mark - at;
		at = mark;
		if (at == raw.length)
			break;
		length = read_escape(raw, at, &code);
		if (length == 0)
			break; /* not checked text */
		put += put_utf8(code, out + put);
		at += length;
	}
	return put;
}

/* Numbers and literals (sections 3 and 6) ------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ends_scalar(struct ep_slice text, uint64_t at)
{
	return at == text.length || is_space(text.data[at]) || text.data[at] == ',' || text.data[at] == '}' ||
	       text.data[at] == ']';
}

static char byte_at(struct ep_slice text, uint64_t at)
{
	return at < text.length ? text.data[at] : '\0';
}

static uint64_t skip_digits(struct ep_slice text, uint64_t at)
{
	while (at < text.length && is_digit(text.data[at]))
		at++;
	return at;
}

static bool wrong_number(struct json_walk *walk, uint64_t at, const char *text)
{
	return wrong(walk, at == walk->text.length ? EP_ERR_TRUNCATED : EP_ERR_SYNTAX, at, text);
}

static bool take_number(struct json_walk *walk, uint64_t begin, uint64_t *end)
{
	struct ep_slice text = walk->text;
	uint64_t at = begin + (text.data[begin] == '-'), digits = at;

	at = skip_digits(text, at);
	if (at == digits || (text.data[digits] == '0' && at - digits > 1))
		return wrong_number(walk, at, "a number without digits, or with a leading zero");
	if (byte_at(text, at) == '.') {
		digits = at + 1;
		at = skip_digits(text, digits);
		if (at == digits)
			return wrong_number(walk, at, "a number without digits behind its point");
	}
	if ((byte_at(text, at) | 0x20) == 'e') {
		at++;
		at += byte_at(text, at) == '+' || byte_at(text, at) == '-';
		digits = at;
		at = skip_digits(text, digits);
		if (at == digits)
			return wrong_number(walk, at, "a number without digits in its exponent");
	}
	*end = at;
	return ends_scalar(text, at) || wrong(walk, EP_ERR_SYNTAX, at, "a number with something behind it");
}

static bool take_literal(struct json_walk *walk, uint64_t begin, const char *literal, uint64_t length, uint64_t *end)
{
	if (walk->text.length - begin < length || memcmp(walk->text.data + begin, literal, length) != 0 ||
		!ends_scalar(walk->text, begin + length)) {
		bool cut = walk->text.length - begin < length &&
			   memcmp(walk->text.data + begin, literal, walk->text.length - begin) == 0;

		return cut ? wrong(walk, EP_ERR_TRUNCATED, walk->text.length, "the document ends too early")
			   : wrong(walk, EP_ERR_SYNTAX, begin, "a word that isn't true, false or null");
	}
	*end = begin + length;
	return true;
}

/* The walk -------------------------------------------------------------------------------------------------------- */

struct member {
	uint32_t name; /* 0: an element, or the root */
	uint32_t bits;
};

static struct json_node *add_node(struct json_walk *walk, struct member member)
{
	struct json_node *node;

	if (walk->node_count == walk->node_max)
		return NULL;
	if (walk->depth) {
		struct json_frame *frame = &walk->frames[walk->depth - 1];

		if (frame->last)
			walk->nodes[frame->last].next = walk->node_count;
		frame->last = walk->node_count;
		frame->count++;
	}
	node = &walk->nodes[walk->node_count++];
	*node = (struct json_node){.name = member.name, .bits = member.bits};
	return node;
}

static void set_scalar(struct json_node *node, uint32_t kind, uint64_t begin, uint64_t end)
{
	uint64_t length = end - begin < VALUE_LONG ? end - begin : VALUE_LONG;

	node->value = (uint32_t)begin;
	node->bits |= kind | (uint32_t)length << VALUE_SHIFT;
}

static bool take_container(struct json_walk *walk, struct json_node *node, uint32_t kind, char closing)
{
	node->value = walk->starts[walk->at++];
	node->bits |= kind;
	if (walk->depth == JSON_DEPTH_MAX)
		return wrong(walk, EP_ERR_LIMIT, node->value, "nested more than 1024 deep");
	if (peek(walk) == closing) {
		walk->end = walk->starts[walk->at++] + 1;
		return true;
	}
	node->bits |= FLAG;
	walk->frames[walk->depth++] = (struct json_frame){.node = walk->node_count - 1};
	return true;
}

/* A value, and its name if it has one; a container that isn't empty is left open. */
static bool take_value(struct json_walk *walk, struct member member)
{
	char first = peek(walk);
	struct json_node *node;
	uint64_t begin = here(walk), end = 0;
	uint32_t kind;
	bool escaped = false, sound;

	if (walk->at >= walk->start_count)
		return unexpected(walk, "");
	node = add_node(walk, member);
	if (!node)
		return wrong(walk, EP_ERR_SYNTAX, begin, "expected a value");
	switch (first) {
	case '{':
		return take_container(walk, node, EP_JSON_OBJECT, '}');
	case '[':
		return take_container(walk, node, EP_JSON_ARRAY, ']');
	case '"':
		kind = EP_JSON_STRING;
		sound = take_string(walk, ++begin, &end, &escaped);
		break;
	case 't':
		kind = EP_JSON_TRUE;
		sound = take_literal(walk, begin, "true", 4, &end);
		break;
	case 'f':
		kind = EP_JSON_FALSE;
		sound = take_literal(walk, begin, "false", 5, &end);
		break;
	case 'n':
		kind = EP_JSON_NULL;
		sound = take_literal(walk, begin, "null", 4, &end);
		break;
	default:
		if (first != '-' && !is_digit(first))
			return unexpected(walk, "expected a value");
		kind = EP_JSON_NUMBER;
		sound = take_number(walk, begin, &end);
	}
	if (!sound)
		return false;
	walk->end = (uint32_t)end + (kind == EP_JSON_STRING); /* behind its quote */
	set_scalar(node, kind, begin, end);
	node->bits |= escaped ? FLAG : 0;
	walk->at++;
	return true;
}

static bool take_name(struct json_walk *walk, struct member *member)
{
	uint64_t begin, end, length;
	bool escaped;

	walk->in_name = true;
	if (peek(walk) != '"')
		return unexpected(walk, "expected the name of a member, in quotes");
	begin = walk->starts[walk->at++] + 1;
	if (!take_string(walk, begin, &end, &escaped))
		return false;
	if (peek(walk) != ':')
		return unexpected(walk, "expected a colon");
	walk->at++;
	length = end - begin < NAME_LONG ? end - begin : NAME_LONG;
	member->name = (uint32_t)begin;
	member->bits = (escaped ? NAME_ESCAPED : 0) | (uint32_t)length << NAME_SHIFT;
	walk->in_name = false;
	return true;
}

/* Closes what ends here and passes over a comma; *more: another child follows. */
static bool take_end(struct json_walk *walk, bool *more)
{
	*more = false;
	while (walk->depth) {
		bool object = json_node_kind(&walk->nodes[walk->frames[walk->depth - 1].node]) == EP_JSON_OBJECT;
		char next = peek(walk);

		if (next == ',') {
			walk->at++;
			*more = true;
			return true;
		}
		if (next != (object ? '}' : ']'))
			return unexpected(walk, object ? "expected a comma or }" : "expected a comma or ]");
		walk->end = walk->starts[walk->at++] + 1;
		walk->depth--;
	}
	return true;
}

enum ep_status json_walk(struct json_walk *walk)
{
	bool more = true;

	walk->node_count = 0;
	walk->depth = 0;
	walk->in_name = false;
	while (more) {
		struct member member = {0};
		uint32_t depth = walk->depth;

		if (depth && json_node_kind(&walk->nodes[walk->frames[depth - 1].node]) == EP_JSON_OBJECT &&
			!take_name(walk, &member))
			return EP_BAD_INPUT;
		if (!take_value(walk, member))
			return EP_BAD_INPUT;
		if (walk->depth == depth && !take_end(walk, &more)) /* else it goes on within the new container */
			return EP_BAD_INPUT;
	}
	return EP_OK;
}

/* Nodes ----------------------------------------------------------------------------------------------------------- */

/* The closing quote of checked text. */
static uint64_t string_end(struct ep_slice text, uint64_t begin)
{
	uint64_t at = find_mark(text, begin);

	while (at < text.length && text.data[at] == '\\')
		at = find_mark(text, at + 2);
	return at;
}

struct ep_slice json_node_name(const struct json_node *node, struct ep_slice text)
{
	uint64_t length = node->bits >> NAME_SHIFT & NAME_LONG;

	if (node->name == 0)
		return ep_slice_make(NULL, 0);
	if (length == NAME_LONG)
		length = string_end(text, node->name) - node->name;
	return ep_slice_make(text.data + node->name, length);
}

struct ep_slice json_node_value(const struct json_node *node, struct ep_slice text)
{
	uint64_t length = node->bits >> VALUE_SHIFT, at = node->value;

	if (length == VALUE_LONG && json_node_kind(node) == EP_JSON_STRING) {
		length = string_end(text, at) - at;
	} else if (length == VALUE_LONG) {
		while (!ends_scalar(text, at))
			at++;
		length = at - node->value;
	}
	return ep_slice_make(text.data + node->value, length);
}

bool json_node_name_escaped(const struct json_node *node)
{
	return node->bits & NAME_ESCAPED;
}

/* Whether a name written with escapes is `name`. */
static bool escaped_is(struct ep_slice raw, struct ep_slice name)
{
	uint64_t at = 0;

	for (uint64_t i = 0; i < raw.length;) {
		char one[4] = {raw.data[i]};
		uint64_t length = 1, taken = 1;
		uint32_t code;

		if (raw.data[i] == '\\') {
			taken = read_escape(raw, i, &code);
			if (taken == 0)
				return false;
			length = put_utf8(code, one);
		}
		if (name.length - at < length || memcmp(name.data + at, one, length) != 0)
			return false;
		at += length;
		i += taken;
	}
	return at == name.length;
}

uint32_t json_find_member(const struct json_node *nodes, uint32_t node, struct ep_slice text, struct ep_slice name)
{
	const uint32_t mask = NAME_ESCAPED | NAME_LONG << NAME_SHIFT;
	uint32_t bits = (uint32_t)(name.length < NAME_LONG ? name.length : NAME_LONG) << NAME_SHIFT;

	for (; node; node = nodes[node].next) {
		if ((nodes[node].bits & mask) == bits) {
			if (ep_slice_equal(json_node_name(&nodes[node], text), name))
				return node;
		} else if (json_node_name_escaped(&nodes[node])) {
			if (escaped_is(json_node_name(&nodes[node], text), name))
				return node;
		}
	}
	return 0;
}
