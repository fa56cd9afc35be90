/*
 * info.c: what the servicer tells about an entry: its lines joined into one text, and handed to the reader of the scheme
 * that the text is written in.
 *
 * Lines are wrapped at 65 characters in the middle of words. In a scheme with marks (German sub-fields, Dutch words) the
 * breaks are dropped. In plain text a line that isn't full was ended on purpose: there a blank stands for the break.
 */
#include "swift_mt.h"

#define LINE_FULL 65 /* characters */
#define TAG_BYTES 4  /* ":86:", which some banks count */

struct ep_text mt_piece(const struct mt_reader *reader, uint64_t mark, struct ep_text origin)
{
	const struct ep_gather *pieces = &reader->pieces;

	origin.value = ep_slice_make(pieces->bytes + mark, pieces->length - mark);
	return origin;
}

struct ep_text mt_within(struct ep_text text, struct ep_slice piece)
{
	if (text.length == text.value.length && piece.length) { /* the input itself */
		text.offset += (uint64_t)(piece.data - text.value.data);
		text.length = piece.length;
	}
	text.value = piece;
	return text;
}

static uint64_t characters(const struct mt_reader *reader, struct ep_slice line)
{
	uint64_t count = line.length;

	if (reader->part.charset != EP_UTF8 || line.length <= LINE_FULL)
		return count;
	for (uint64_t i = 0; i < line.length; i++)
		count -= ((uint8_t)line.data[i] & 0xc0) == 0x80;
	return count;
}

/* The tag that a repeated :86: begins with; 0: the line only goes on. */
static uint32_t repeated_tag(struct ep_slice line)
{
	enum mt_tag tag;
	char letter;

	uint32_t length = line.length && line.data[0] == ':' ? mt_read_tag(line, &tag, &letter) : 0;

	return length && (tag == MT_86 || tag == MT_NS) ? length : 0;
}

static void unfold_marked(struct mt_reader *reader, struct ep_slice lines)
{
	struct ep_slice line;

	while (mt_take_line(&lines, &line)) {
		uint32_t tag = repeated_tag(line);

		ep_gather_bytes(&reader->unfolded, ep_slice_sub(line, tag, line.length));
	}
}

static void unfold_plain(struct mt_reader *reader, struct ep_slice lines)
{
	struct ep_gather *text = &reader->unfolded;
	bool full = false, first = true;
	struct ep_slice line;

	while (mt_take_line(&lines, &line)) {
		uint32_t tag = repeated_tag(line);
		uint64_t length = characters(reader, line);
		struct ep_slice words = ep_slice_sub(line, tag, line.length);

		if (!full || tag)
			words = ep_slice_trim(words);
		if (text->length && words.length && (!full || tag) && text->bytes[text->length - 1] != ' ')
			ep_gather_byte(text, ' ');
		ep_gather_bytes(text, words);
		full = length == LINE_FULL || (first && length + TAG_BYTES == LINE_FULL);
		first = false;
	}
}

/* The :86: as one text: the input itself where it stands in one line. */
static struct ep_text unfold(struct mt_reader *reader, struct ep_slice lines, bool marked)
{
	struct ep_text text = ep_text_of(&reader->part, lines);

	if (ep_slice_find(lines, '\n') == lines.length && ep_slice_find(lines, '\r') == lines.length)
		return text;
	ep_gather_clear(&reader->unfolded);
	if (marked)
		unfold_marked(reader, lines);
	else
		unfold_plain(reader, lines);
	text.value = ep_slice_make(reader->unfolded.bytes, reader->unfolded.length);
	return text;
}

static void read_lines(struct mt_reader *reader, struct ep_slice lines, struct mt_info *info)
{
	bool structured = mt_is_structured(lines);
	bool words = !structured && mt_has_words(lines);
	struct ep_text text = unfold(reader, lines, structured || words);

	if (structured)
		mt_read_structured(reader, text, info);
	else if (words)
		mt_read_words(text, info);
	else if (mt_has_labels(text.value))
		mt_read_labels(text, info);
	else
		mt_read_keys(reader, text, NULL, info);
}

enum ep_status mt_read_info(struct mt_reader *reader, const struct mt_entry *entry, struct mt_info *info)
{
	memset(info, 0, sizeof(*info));
	ep_gather_clear(&reader->pieces);
	if (entry->info.length > MT_TEXT_MAX || entry->supplementary.length > MT_TEXT_MAX)
		return EP_BAD_INPUT;
	if (entry->info_tag == MT_NS)
		mt_read_numbered_lines(reader, ep_text_of(&reader->part, entry->info), info);
	else if (entry->info.length)
		read_lines(reader, entry->info, info);
	mt_read_supplementary(ep_text_of(&reader->part, entry->supplementary), info);
	return EP_OK;
}
