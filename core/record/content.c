/* content.c: see content.h. Nothing here rejects a record: real files hold masked IBANs, long texts and private codes. */
#include "record/content.h"

#include "base/text.h"
#include "record/bytes.h"

/* ISO 13616 register: the countries whose account numbers are IBANs. Sorted. */
static const char iban_countries[][3] = {"AD", "AE", "AL", "AT", "AZ", "BA", "BE", "BG", "BH", "BI", "BR", "BY", "CH",
	"CR", "CY", "CZ", "DE", "DJ", "DK", "DO", "EE", "EG", "ES", "FI", "FK", "FO", "FR", "GB", "GE", "GI", "GL",
	"GR", "GT", "HN", "HR", "HU", "IE", "IL", "IQ", "IS", "IT", "JO", "KW", "KZ", "LB", "LC", "LI", "LT", "LU",
	"LV", "LY", "MC", "MD", "ME", "MK", "MN", "MR", "MT", "MU", "NI", "NL", "NO", "OM", "PK", "PL", "PS", "PT",
	"QA", "RO", "RS", "RU", "SA", "SC", "SD", "SE", "SI", "SK", "SM", "SO", "ST", "SV", "TL", "TN", "TR", "UA",
	"VA", "VG", "XK", "YE"};

#define IBAN_MIN 15
#define IBAN_MAX 34

bool gtin_valid(struct ep_slice text)
{
	uint32_t sum = 0;

	if (text.length != 8 && (text.length < 12 || text.length > 14))
		return false;
	for (uint64_t i = 0; i < text.length; i++) {
		char digit = text.data[text.length - 1 - i];

		if (digit < '0' || digit > '9')
			return false;
		sum += (uint32_t)(digit - '0') * (i % 2 ? 3 : 1);
	}
	return sum % 10 == 0;
}

static bool iban_country(const char *code)
{
	size_t low = 0, high = sizeof(iban_countries) / sizeof(iban_countries[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(iban_countries[middle], code, 2);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

bool iban_valid(struct ep_slice text)
{
	char plain[IBAN_MAX];
	uint64_t rest = 0;
	uint32_t length = 0;

	for (uint64_t i = 0; i < text.length; i++) {
		char byte = text.data[i];

		if (byte == ' ')
			continue;
		if (byte >= 'a' && byte <= 'z')
			byte = (char)(byte - 'a' + 'A');
		if (length == IBAN_MAX || (!is_digit(byte) && (byte < 'A' || byte > 'Z')))
			return true;
		plain[length++] = byte;
	}
	if (length < IBAN_MIN || !is_digit(plain[2]) || !is_digit(plain[3]) || !iban_country(plain))
		return true;
	/* ISO 7064 MOD 97-10 over the number with its first four characters at the end; letters count from 10 on. */
	for (uint32_t i = 0; i < length; i++) {
		char byte = plain[(i + 4) % length];

		rest = is_digit(byte) ? rest * 10 + (uint64_t)(byte - '0') : rest * 100 + (uint64_t)(byte - 'A' + 10);
		if (rest >= 1000000000000000) /* so that another two digits fit */
			rest %= 97;
	}
	return rest % 97 == 1;
}

static bool too_long(const struct schema_field *field, struct ep_slice text)
{
	/* A text has no more code points than bytes, so most need no counting. */
	return field->length_max && text.length > field->length_max && utf8_count(text) > field->length_max;
}

void content_check(struct quality *quality, const struct schema_record *record, const struct schema_field *field,
	struct ep_slice bytes)
{
	struct ep_slice code = {0};
	uint32_t note = EP_NOTE_NONE;

	switch (field->type) {
	case SCHEMA_MONEY:
		code = ep_slice_make(bytes.data + DECIMAL_BYTES, bytes.length - DECIMAL_BYTES);
		note = code.length && !schema_currency_known(code) ? EP_NOTE_CODE_UNKNOWN : EP_NOTE_NONE;
		break;
	case SCHEMA_QUANTITY:
		code = ep_slice_make(bytes.data + DECIMAL_BYTES, bytes.length - DECIMAL_BYTES);
		note = code.length && !schema_unit_known(code) ? EP_NOTE_CODE_UNKNOWN : EP_NOTE_NONE;
		break;
	case SCHEMA_CODE_CURRENCY:
		note = schema_currency_known(bytes) ? EP_NOTE_NONE : EP_NOTE_CODE_UNKNOWN;
		break;
	case SCHEMA_CODE_COUNTRY:
		note = schema_country_known(bytes) ? EP_NOTE_NONE : EP_NOTE_CODE_UNKNOWN;
		break;
	case SCHEMA_CODE_UNIT:
		note = schema_unit_known(bytes) ? EP_NOTE_NONE : EP_NOTE_CODE_UNKNOWN;
		break;
	case SCHEMA_GTIN:
		note = gtin_valid(bytes) ? EP_NOTE_NONE : EP_NOTE_CHECK_DIGIT;
		break;
	case SCHEMA_IBAN:
		note = iban_valid(bytes) ? EP_NOTE_NONE : EP_NOTE_CHECK_DIGIT;
		if (too_long(field, bytes))
			quality_add(quality, record, field, EP_NOTE_TOO_LONG);
		break;
	case SCHEMA_TEXT:
		note = too_long(field, bytes) ? EP_NOTE_TOO_LONG : EP_NOTE_NONE;
		break;
	case SCHEMA_TEXTS:
		while (note == EP_NOTE_NONE && record_next_item(&bytes, &code))
			note = too_long(field, code) ? EP_NOTE_TOO_LONG : EP_NOTE_NONE;
		break;
	default:
		break;
	}
	if (note != EP_NOTE_NONE)
		quality_add(quality, record, field, note);
}
