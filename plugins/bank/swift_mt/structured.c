/*
 * structured.c: numbered sub-fields of an entry's information.
 *
 * German banks (DFÜ agreement, annex 3; Austria, Poland, Triodos alike): a code of three digits, then a mark and two
 * digits before each sub-field. The mark is ? in the standard and < ~ ^ > @ elsewhere.
 *	00 text of the posting, 20-29 and 60-63 purpose, 30 bank, 31 account, 32-33 name, 38 IBAN
 * The purpose is joined without blanks. SEPA keys ("EREF+") stand in it and cross the borders of sub-fields; the value of
 * a key other than SVWZ ends with a sub-field that isn't full.
 *
 * :NS: has a line for each number: 01-14 purpose, 15-16 name, 17 text of the posting, 33 bank, 34 account.
 */
#include "swift_mt.h"

#define BORDERS_MAX 32
#define SUBFIELD_FULL 26 /* characters: 27, of which a blank at the end may have been lost */

/* Where a sub-field that isn't full ends in the purpose. */
struct mt_borders {
	uint64_t at[BORDERS_MAX];
	uint32_t count;
};

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_mark(char byte)
{
	return byte == '?' || byte == '<' || byte == '~' || byte == '^' || byte == '>' || byte == '@';
}

/* The offset of the first mark: behind blanks, at most three digits and a line end. */
static uint64_t first_mark(struct ep_slice text)
{
	uint64_t i = 0, digits;

	while (i < text.length && text.data[i] == ' ')
		i++;
	digits = mt_digits(ep_slice_sub(text, i, 4));
	if (digits > 3)
		return text.length;
	i += digits;
	while (i < text.length && (text.data[i] == '\r' || text.data[i] == '\n'))
		i++;
	return i;
}

bool mt_is_structured(struct ep_slice text)
{
	uint64_t i = first_mark(text);

	return i + 2 < text.length && is_mark(text.data[i]) && is_digit(text.data[i + 1]) && is_digit(text.data[i + 2]);
}

/* SEPA keys ------------------------------------------------------------------------------------------------------- */

enum key { KEY_NONE, KEY_EREF, KEY_KREF, KEY_MREF, KEY_SVWZ, KEY_ABW, KEY_IBAN, KEY_BIC, KEY_OTHER };

/* The key that ends before the plus at `plus`; *begin is where it begins. */
static enum key key_before(struct ep_slice text, uint64_t plus, uint64_t *begin)
{
	static const struct {
		char name[5];
		enum key key;
	} keys[] = {{"EREF", KEY_EREF}, {"KREF", KEY_KREF}, {"MREF", KEY_MREF}, {"SVWZ", KEY_SVWZ}, {"CRED", KEY_OTHER},
		{"DEBT", KEY_OTHER}, {"COAM", KEY_OTHER}, {"OAMT", KEY_OTHER}, {"ABWA", KEY_ABW}, {"ABWE", KEY_ABW},
		{"IBAN", KEY_IBAN}, {"RREF", KEY_OTHER}, {"PURP", KEY_OTHER}};

	if (plus >= 4) {
		*begin = plus - 4;
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (memcmp(text.data + *begin, keys[i].name, 4) == 0)
				return keys[i].key;
	}
	if (plus >= 3 && memcmp(text.data + plus - 3, "BIC", 3) == 0) {
		*begin = plus - 3;
		return KEY_BIC;
	}
	return KEY_NONE;
}

/* The next key from `from` on; its value begins at *value. */
static enum key next_key(struct ep_slice text, uint64_t from, uint64_t *begin, uint64_t *value)
{
	while (from < text.length) {
		uint64_t plus = from + ep_slice_find(ep_slice_sub(text, from, text.length), '+');
		enum key key;

		if (plus >= text.length)
			break;
		key = key_before(text, plus, begin);
		*value = plus + 1;
		if (key != KEY_NONE)
			return key;
		from = plus + 1;
	}
	*begin = text.length;
	*value = text.length;
	return KEY_NONE;
}

static void keep(struct ep_text *field, struct ep_text value)
{
	if (field->value.length == 0)
		*field = value;
}

static void keep_key(struct mt_info *info, enum key key, struct ep_text value)
{
	switch (key) {
	case KEY_EREF:
		keep(&info->end_to_end_id, value);
		break;
	case KEY_KREF:
		keep(&info->customer_reference, value);
		break;
	case KEY_MREF:
		keep(&info->mandate_id, value);
		break;
	case KEY_ABW:
		keep(&info->ultimate, value);
		break;
	case KEY_IBAN:
		keep(&info->account, value);
		break;
	case KEY_BIC:
		keep(&info->agent, value);
		break;
	default:
		break; /* creditor, amounts: no field of ours */
	}
}

/* Where the value that begins at `from` ends: at a border before `end`, if there is one behind a first character. */
static uint64_t value_end(const struct mt_borders *borders, uint64_t from, uint64_t end)
{
	for (uint32_t i = 0; borders && i < borders->count; i++)
		if (borders->at[i] > from && borders->at[i] < end)
			return borders->at[i];
	return end;
}

static void add_words(struct mt_reader *reader, uint64_t mark, struct ep_slice words)
{
	struct ep_gather *pieces = &reader->pieces;

	words = ep_slice_trim(words);
	if (words.length && pieces->length > mark)
		ep_gather_byte(pieces, ' ');
	ep_gather_bytes(pieces, words);
}

void mt_read_keys(struct mt_reader *reader, struct ep_text text, const struct mt_borders *borders, struct mt_info *info)
{
	uint64_t mark = reader->pieces.length, begin, value, next, next_value, end;
	enum key key = next_key(text.value, 0, &begin, &value);

	if (key == KEY_NONE) {
		keep(&info->remittance, ep_text_trim(text));
		return;
	}
	add_words(reader, mark, ep_slice_sub(text.value, 0, begin));
	while (key != KEY_NONE) {
		enum key following = next_key(text.value, value, &next, &next_value);

		end = key == KEY_SVWZ ? next : value_end(borders, value, next);
		if (key == KEY_SVWZ)
			add_words(reader, mark, ep_slice_sub(text.value, value, end - value));
		else
			keep_key(info, key, ep_text_trim(ep_text_sub(text, value, end - value)));
		add_words(reader, mark, ep_slice_sub(text.value, end, next - end));
		key = following;
		value = next_value;
	}
	keep(&info->remittance, mt_piece(reader, mark, text));
}

/* Sub-fields ------------------------------------------------------------------------------------------------------- */

/* What the sub-fields of one information hold, as they are found. */
struct subfields {
	struct ep_text text; /* that they are taken from */
	struct ep_slice name[2];
	struct mt_borders borders;
	uint64_t purpose; /* where the purpose begins in reader->pieces */
	uint32_t before;  /* the number of the purpose's last sub-field; 0: none yet */
};

/* Takes the next sub-field off *rest, which begins with its mark. */
static bool take_subfield(struct ep_slice *rest, char mark, uint32_t *number, struct ep_slice *subfield)
{
	struct ep_slice text = *rest;
	uint64_t end = 3;

	if (text.length < 3)
		return false;
	*number = (uint32_t)(text.data[1] - '0') * 10 + (uint32_t)(text.data[2] - '0');
	for (;;) {
		const char *found = memchr(text.data + end, mark, text.length - end);

		end = found ? (uint64_t)(found - text.data) : text.length;
		if (end + 2 >= text.length) {
			end = text.length;
			break;
		}
		if (is_digit(text.data[end + 1]) && is_digit(text.data[end + 2]))
			break;
		end++;
	}
	*subfield = ep_slice_make(text.data + 3, end - 3);
	*rest = ep_slice_make(text.data + end, text.length - end);
	return true;
}

static bool is_purpose(uint32_t number)
{
	return (number >= 20 && number <= 29) || (number >= 60 && number <= 63);
}

static void add_border(struct mt_borders *borders, uint64_t at)
{
	if (borders->count < BORDERS_MAX && (borders->count == 0 || borders->at[borders->count - 1] != at))
		borders->at[borders->count++] = at;
}

/* All purpose sub-fields, one behind the other; a number left out is a border too. */
static void add_purpose(
	struct mt_reader *reader, struct subfields *subfields, uint32_t number, struct ep_slice subfield)
{
	struct ep_gather *pieces = &reader->pieces;

	if (subfields->before && number != subfields->before + 1 && !(subfields->before == 29 && number == 60))
		add_border(&subfields->borders, pieces->length - subfields->purpose);
	ep_gather_bytes(pieces, subfield);
	if (ep_slice_trim(subfield).length < SUBFIELD_FULL)
		add_border(&subfields->borders, pieces->length - subfields->purpose);
	subfields->before = number;
}

/* 32 and 33, 15 and 16 of :NS:: one name, cut where the first is full. */
static struct ep_text join_name(struct mt_reader *reader, struct ep_text text, const struct ep_slice name[2])
{
	struct ep_gather *pieces = &reader->pieces;
	uint64_t mark = pieces->length;

	if (name[1].length == 0)
		return ep_text_trim(mt_within(text, name[0]));
	ep_gather_bytes(pieces, name[0]);
	if (ep_slice_trim(name[0]).length < SUBFIELD_FULL)
		ep_gather_byte(pieces, ' ');
	ep_gather_bytes(pieces, name[1]);
	return ep_text_trim(mt_piece(reader, mark, text));
}

static void keep_subfield(struct mt_info *info, struct subfields *subfields, uint32_t number, struct ep_slice subfield)
{
	struct ep_text value = mt_within(subfields->text, ep_slice_trim(subfield));

	if (number == 0)
		keep(&info->description, value);
	else if (number == 30)
		keep(&info->agent, value);
	else if (number == 31)
		keep(&info->account, value);
	else if (number == 38 && value.value.length)
		info->account = value;
	else if ((number == 32 || number == 33) && subfields->name[number - 32].length == 0)
		subfields->name[number - 32] = subfield;
}

void mt_read_structured(struct mt_reader *reader, struct ep_text text, struct mt_info *info)
{
	uint64_t first = first_mark(text.value);
	struct ep_slice rest = ep_slice_sub(text.value, first, text.value.length), subfield;
	struct subfields subfields;
	uint32_t number;

	memset(&subfields, 0, sizeof(subfields));
	subfields.text = text;
	subfields.purpose = reader->pieces.length;
	info->code = ep_text_trim(ep_text_sub(text, 0, first));
	while (take_subfield(&rest, text.value.data[first], &number, &subfield)) {
		if (is_purpose(number))
			add_purpose(reader, &subfields, number, subfield);
		else
			keep_subfield(info, &subfields, number, subfield);
	}
	if (reader->pieces.length > subfields.purpose)
		mt_read_keys(reader, mt_piece(reader, subfields.purpose, text), &subfields.borders, info);
	info->name = join_name(reader, text, subfields.name);
	if (info->name.value.length == 0)
		info->name = info->ultimate;
}

void mt_read_numbered_lines(struct mt_reader *reader, struct ep_text lines, struct mt_info *info)
{
	uint64_t mark = reader->pieces.length;
	struct ep_slice rest = lines.value, line, name[2] = {{NULL, 0}, {NULL, 0}};

	while (mt_take_line(&rest, &line)) {
		struct ep_slice value = ep_slice_sub(line, 2, line.length);
		struct ep_text text = mt_within(lines, ep_slice_trim(value));
		uint32_t number;

		if (mt_digits(ep_slice_sub(line, 0, 2)) < 2)
			continue;
		number = (uint32_t)(line.data[0] - '0') * 10 + (uint32_t)(line.data[1] - '0');
		if (number >= 1 && number <= 14)
			add_words(reader, mark, text.value);
		else if ((number == 15 || number == 16) && name[number - 15].length == 0)
			name[number - 15] = value;
		else if (number == 17)
			keep(&info->description, text);
		else if (number == 33)
			keep(&info->agent, text);
		else if (number == 34)
			keep(&info->account, text);
	}
	keep(&info->remittance, mt_piece(reader, mark, lines));
	info->name = join_name(reader, lines, name);
}
