/*
 * words.c: information with named parts.
 *
 * Dutch banks (and SWIFT's structured narrative): "/TRTP/SEPA OVERBOEKING/IBAN/.../NAME/.../REMI/.../EREF/...". Only words
 * of the list count, since slashes stand in texts too; the text was unfolded before, as lines break within words.
 * mBank: "911 ...; Z RACH.: ...; OD: ...; TYT.: ...; TNR: ...". Knab: "REK: .../NAAM: ...".
 */
#include "swift_mt.h"

enum word {
	WORD_NONE,
	WORD_OTHER, /* known, ends the one before, no field of ours */
	WORD_TRTP,
	WORD_IBAN,
	WORD_BIC,
	WORD_NAME,
	WORD_REMI,
	WORD_EREF,
	WORD_MARF,
	WORD_CNTP,
	WORD_OCMT,
	WORD_EXCH,
	WORD_ULT,
	WORD_KREF
};

static const struct {
	char name[5];
	enum word word;
} words[] = {{"TRTP", WORD_TRTP}, {"IBAN", WORD_IBAN}, {"BIC", WORD_BIC}, {"NAME", WORD_NAME}, {"REMI", WORD_REMI},
	{"EREF", WORD_EREF}, {"MARF", WORD_MARF}, {"CNTP", WORD_CNTP}, {"OCMT", WORD_OCMT}, {"EXCH", WORD_EXCH},
	{"ULTB", WORD_ULT}, {"ULTD", WORD_ULT}, {"ULTC", WORD_ULT}, {"KREF", WORD_KREF}, {"CSID", WORD_OTHER},
	{"BENM", WORD_OTHER}, {"ORDP", WORD_OTHER}, {"ISDT", WORD_OTHER}, {"PREF", WORD_OTHER}, {"IREF", WORD_OTHER},
	{"RTRN", WORD_OTHER}, {"PURP", WORD_OTHER}, {"TRCD", WORD_OTHER}, {"SVCL", WORD_OTHER}, {"NRTX", WORD_OTHER},
	{"ADDR", WORD_OTHER}, {"ID", WORD_OTHER}, {"CHGS", WORD_OTHER}, {"IACC", WORD_OTHER}, {"CREF", WORD_OTHER},
	{"RREF", WORD_OTHER}, {"BTCH", WORD_OTHER}};

/* The word between two slashes at the beginning of `text`; its length with both. */
static enum word word_at(struct ep_slice text, uint64_t *length)
{
	uint64_t letters = 1;

	while (letters < 6 && letters < text.length && mt_is_upper(text.data[letters]))
		letters++;
	if (text.length == 0 || text.data[0] != '/' || letters >= text.length || text.data[letters] != '/')
		return WORD_NONE;
	*length = letters + 1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (ep_slice_equal(ep_slice_sub(text, 1, letters - 1), ep_slice_of(words[i].name)))
			return words[i].word;
	return WORD_NONE;
}

bool mt_has_words(struct ep_slice text)
{
	uint64_t length;

	return word_at(ep_slice_trim(ep_slice_sub(text, 0, 16)), &length) != WORD_NONE;
}

static void keep(struct ep_text *field, struct ep_text value)
{
	if (field->value.length == 0)
		*field = value;
}

/* Without the slash that closes it. */
static struct ep_text unslashed(struct ep_text value)
{
	value = ep_text_trim(value);
	while (value.value.length && value.value.data[value.value.length - 1] == '/')
		value = ep_text_trim(ep_text_sub(value, 0, value.value.length - 1));
	return value;
}

/* "NL12BANK.../BANKNL2A/NAME/CITY": account, bank, name by their place. */
static void read_counterparty(struct ep_text value, struct mt_info *info)
{
	struct ep_text *fields[] = {&info->account, &info->agent, &info->name};
	uint64_t from = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && from < value.value.length; i++) {
		uint64_t length = ep_slice_find(ep_slice_sub(value.value, from, value.value.length), '/');

		keep(fields[i], ep_text_trim(ep_text_sub(value, from, length)));
		from += length + 1;
	}
}

/* "USTD//text", "STRD/CUR/123", or the text itself. */
static void read_remittance(struct ep_text value, struct mt_info *info)
{
	if (ep_slice_starts(value.value, EP_SAY("USTD/"))) {
		value = ep_text_sub(value, 5, value.value.length);
		if (value.value.length && value.value.data[0] == '/')
			value = ep_text_sub(value, 1, value.value.length);
	} else if (ep_slice_starts(value.value, EP_SAY("STRD/"))) {
		uint64_t issuer = ep_slice_find(ep_slice_sub(value.value, 5, value.value.length), '/');

		keep(&info->reference, unslashed(ep_text_sub(value, 5 + issuer + 1, value.value.length)));
	}
	keep(&info->remittance, unslashed(value));
}

static void keep_word(enum word word, struct ep_text value, struct mt_info *info)
{
	switch (word) {
	case WORD_TRTP:
		keep(&info->description, unslashed(value));
		break;
	case WORD_IBAN:
		keep(&info->account, unslashed(value));
		break;
	case WORD_BIC:
		keep(&info->agent, unslashed(value));
		break;
	case WORD_NAME:
		keep(&info->name, unslashed(value));
		break;
	case WORD_REMI:
		read_remittance(value, info);
		break;
	case WORD_EREF:
		keep(&info->end_to_end_id, unslashed(value));
		break;
	case WORD_KREF:
		keep(&info->customer_reference, unslashed(value));
		break;
	case WORD_MARF:
		keep(&info->mandate_id, unslashed(value));
		break;
	case WORD_CNTP:
		read_counterparty(value, info);
		break;
	case WORD_OCMT:
		keep(&info->original, unslashed(value));
		break;
	case WORD_EXCH:
		keep(&info->rate, unslashed(value));
		break;
	default:
		break;
	}
}

/* The next word at or behind `from`: its offset, or the text's length. */
static uint64_t next_word(struct ep_slice text, uint64_t from, enum word *word, uint64_t *length)
{
	while (from < text.length) {
		from += ep_slice_find(ep_slice_sub(text, from, text.length), '/');
		*word = word_at(ep_slice_sub(text, from, text.length), length);
		if (*word != WORD_NONE)
			return from;
		from++;
	}
	*word = WORD_NONE;
	return text.length;
}

void mt_read_words(struct ep_text text, struct mt_info *info)
{
	enum word word, following;
	uint64_t length = 0, at = next_word(text.value, 0, &word, &length);
	bool behind_ultimate = false;

	while (word != WORD_NONE) {
		uint64_t value = at + length, next;

		/* The slash that ends a word begins the next one where its value is empty: "/BENM//NAME/". */
		next = next_word(text.value, value, &following, &length);
		if (word == WORD_NAME && behind_ultimate)
			word = WORD_OTHER; /* the name of the ultimate party */
		keep_word(word, ep_text_sub(text, value, next - value), info);
		behind_ultimate = word == WORD_ULT;
		word = following;
		at = next;
	}
}

/* Labels ----------------------------------------------------------------------------------------------------------- */

static const char *const labels[] = {"TYT.:", "TNR:", "OD:", "DLA:", "Z RACH.:", "NA RACH.:", "ID IPH:"};

static struct ep_text *label_field(size_t label, struct mt_info *info)
{
	struct ep_text *fields[] = {&info->remittance, &info->transaction_id, &info->name, &info->name, &info->account,
		&info->account, NULL};

	return fields[label];
}

bool mt_has_labels(struct ep_slice text)
{
	if (ep_slice_search(text, EP_SAY("; TNR:")) < text.length ||
		ep_slice_search(text, EP_SAY("; TYT.:")) < text.length)
		return true;
	return ep_slice_starts(text, EP_SAY("REK: ")) || ep_slice_search(text, EP_SAY(" REK: ")) < text.length;
}

/* Knab: "text REK: NL65INGB0123456789/NAAM: PICQER" */
static void read_dutch_labels(struct ep_text text, struct mt_info *info)
{
	uint64_t label = ep_slice_search(text.value, EP_SAY("REK: "));
	struct ep_text account = ep_text_sub(text, label + 5, text.value.length);
	uint64_t end = ep_slice_find(account.value, '/');

	keep(&info->remittance, ep_text_trim(ep_text_sub(text, 0, label)));
	keep(&info->account, ep_text_trim(ep_text_sub(account, 0, end)));
	if (ep_slice_starts(ep_slice_sub(account.value, end, account.value.length), EP_SAY("/NAAM:")))
		keep(&info->name, ep_text_trim(ep_text_sub(account, end + 6, account.value.length)));
}

/* The label that begins at `at`, as an index, or the count of labels. */
static size_t label_at(struct ep_slice text, uint64_t at)
{
	size_t i = 0;

	while (i < sizeof(labels) / sizeof(labels[0]) &&
		!ep_slice_starts(ep_slice_sub(text, at, text.length), ep_slice_of(labels[i])))
		i++;
	return i;
}

void mt_read_labels(struct ep_text text, struct mt_info *info)
{
	const size_t none = sizeof(labels) / sizeof(labels[0]);
	uint64_t begin = 0, at = 0;
	size_t label = none;

	if (ep_slice_find(text.value, ';') == text.value.length) {
		read_dutch_labels(text, info);
		return;
	}
	while (at < text.value.length) {
		uint64_t semicolon = at + ep_slice_find(ep_slice_sub(text.value, at, text.value.length), ';'),
			 next = semicolon + 1;
		size_t following;

		while (next < text.value.length && text.value.data[next] == ' ')
			next++;
		following = label_at(text.value, next);
		at = next;
		if (following == none && semicolon < text.value.length)
			continue; /* a semicolon of the text */
		if (label == none)
			keep(&info->description, ep_text_trim(ep_text_sub(text, begin, semicolon - begin)));
		else if (label_field(label, info))
			keep(label_field(label, info), ep_text_trim(ep_text_sub(text, begin, semicolon - begin)));
		if (following == none)
			break;
		label = following;
		begin = next + ep_slice_of(labels[label]).length;
	}
}

/* Second line of :61: ---------------------------------------------------------------------------------------------- */

/* ISO 13616: two letters, two digits, up to 30 letters and digits. */
bool mt_is_iban(struct ep_slice text)
{
	if (text.length < 15 || text.length > 34 || !mt_is_upper(text.data[0]) || !mt_is_upper(text.data[1]) ||
		mt_digits(ep_slice_sub(text, 2, 2)) < 2)
		return false;
	for (uint64_t i = 4; i < text.length; i++)
		if (!mt_is_upper(text.data[i]) && (text.data[i] < '0' || text.data[i] > '9'))
			return false;
	return true;
}

/* Rabobank writes the other account there, others amount and rate ("/OCMT/EUR4,5//EXCH/1,2/"). */
void mt_read_supplementary(struct ep_text text, struct mt_info *info)
{
	text = ep_text_trim(text);
	if (mt_is_iban(text.value))
		keep(&info->account, text);
	else if (mt_has_words(text.value))
		mt_read_words(text, info);
}
