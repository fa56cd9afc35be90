/*
 * tags.c: the tags of a file and the text behind each.
 *
 * OFX 1.x is SGML without its DTD: only aggregates have end tags, a value ends where the next tag begins. OFX 2.x is XML, which read
 * so is the same. A "<" that begins no tag is text, as is an "&" that begins no entity. No entity is ever expanded but
 * the five of XML, &nbsp; and character numbers; a document that declares its own is refused.
 */
#include "ofx.h"

#define OFX_STRING(name) {#name, sizeof(#name) - 1},
static const struct {
	const char *text;
	uint64_t length;
} names[] = {{"", 0}, OFX_AGGREGATES(OFX_STRING){"", 0}, OFX_VALUES(OFX_STRING)};

#define NAME_MAX_BYTES 24

static char upper(char byte)
{
	return byte >= 'a' && byte <= 'z' ? (char)(byte - ('a' - 'A')) : byte;
}

static enum ofx_name name_of(struct ep_slice text)
{
	char capitals[NAME_MAX_BYTES];

	if (text.length == 0 || text.length > sizeof(capitals))
		return OFX_OTHER;
	for (uint64_t i = 0; i < text.length; i++)
		capitals[i] = upper(text.data[i]);
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].length == text.length && memcmp(names[i].text, capitals, text.length) == 0)
			return (enum ofx_name)i;
	return OFX_OTHER;
}

void ofx_tags_begin(struct ofx_tags *tags, struct ep_slice bytes)
{
	tags->at = bytes.data;
	tags->end = bytes.data + bytes.length;
}

static bool begins_name(char byte)
{
	return upper(byte) >= 'A' && upper(byte) <= 'Z';
}

static bool is_at(const struct ofx_tags *tags, const char *at, struct ep_slice text)
{
	return (uint64_t)(tags->end - at) >= text.length && memcmp(at, text.data, text.length) == 0;
}

/* Behind the next `text` from `at` on, or the end. */
static const char *behind(const struct ofx_tags *tags, const char *at, struct ep_slice text)
{
	struct ep_slice rest = ep_slice_make(at, (uint64_t)(tags->end - at));
	uint64_t found = ep_slice_search(rest, text);

	return found < rest.length ? at + found + text.length : tags->end;
}

static bool is_cdata(const struct ofx_tags *tags, const char *at)
{
	return is_at(tags, at, EP_SAY("<![CDATA["));
}

/* Whether a tag, comment or declaration begins at this "<"; a CDATA section is text. */
static bool begins_tag(const struct ofx_tags *tags, const char *at)
{
	char next = tags->end - at > 1 ? at[1] : 0;

	if (next == '/')
		return tags->end - at > 2 && begins_name(at[2]);
	return begins_name(next) || next == '?' || (next == '!' && !is_cdata(tags, at));
}

/* Where the next tag begins, from `at` on. */
static const char *next_tag(const struct ofx_tags *tags, const char *at)
{
	while (at < tags->end) {
		const char *found = memchr(at, '<', (size_t)(tags->end - at));

		if (!found)
			return tags->end;
		if (begins_tag(tags, found))
			return found;
		at = is_cdata(tags, found) ? behind(tags, found, EP_SAY("]]>")) : found + 1;
	}
	return tags->end;
}

/* Passes over what isn't a tag. False: it declares entities. */
static bool pass(struct ofx_tags *tags, const char *at)
{
	const char *close;

	if (is_at(tags, at, EP_SAY("<!--"))) {
		tags->at = behind(tags, at, EP_SAY("-->"));
		return true;
	}
	close = behind(tags, at, EP_SAY(">"));
	tags->at = close;
	if (at[1] == '?')
		return true;
	return ep_slice_find(ep_slice_make(at, (uint64_t)(close - at)), '[') == (uint64_t)(close - at) &&
	       !is_at(tags, at, EP_SAY("<!ENTITY"));
}

static void read_tag(struct ofx_tags *tags, struct ofx_tag *tag, const char *at)
{
	const char *name = at + (at[1] == '/' ? 2 : 1), *end = name, *close;

	while (end < tags->end && *end != '>' && *end != '/' && *end != '<' && (uint8_t)*end > ' ')
		end++;
	close = end;
	while (close < tags->end && *close != '>' && *close != '<') /* attributes */
		close++;
	if (close < tags->end && *close == '>')
		close++;
	tag->begin = at;
	tag->kind = at[1] == '/' ? OFX_FINISH : OFX_BEGIN;
	tag->name = name_of(ep_slice_make(name, (uint64_t)(end - name)));
	tags->at = next_tag(tags, close);
	tag->text = ep_slice_trim(ep_slice_make(close, (uint64_t)(tags->at - close)));
}

void ofx_next(struct ofx_tags *tags, struct ofx_tag *tag)
{
	memset(tag, 0, sizeof(*tag));
	for (;;) {
		const char *at = next_tag(tags, tags->at);

		if (at == tags->end) {
			tags->at = at;
			tag->kind = OFX_END_OF_FILE;
			return;
		}
		if (at[1] != '?' && at[1] != '!') {
			read_tag(tags, tag, at);
			return;
		}
		if (!pass(tags, at)) {
			tag->kind = OFX_FORBIDDEN;
			tag->begin = at;
			return;
		}
	}
}
