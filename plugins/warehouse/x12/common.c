/*
 * common.c: what many transaction sets have in common: items, parties, dates and times, quantities.
 *
 * Senders shift, reverse and leave out elements; what is accepted of that is written at each function. A value that can
 * be read in two ways is never guessed: it is left out and noted, or rejects the record where it is a quantity.
 */
#include "x12.h"

void put(struct reader *reader, uint32_t field, struct ep_text text)
{
	reader->host->put_text(reader->call, field, text);
}

bool is_among(struct ep_slice code, const char *list)
{
	struct ep_slice rest = ep_slice_of(list);
	struct ep_slice entry;

	while (code.length && ep_slice_split(&rest, ' ', &entry)) {
		if (ep_slice_equal(entry, code))
			return true;
	}
	return false;
}

bool is_number(struct ep_slice text)
{
	struct ep_decimal decimal;

	return ep_decimal_read(&decimal, text, EP_DECIMAL_POINT) == EP_OK;
}

void put_declared(struct reader *reader, uint32_t test_field, uint32_t about)
{
	if (ep_slice_is(reader->usage.value, "T"))
		reader->host->put_bool(reader->call, test_field, true, reader->usage);
	if (reader->envelope_deviates || reader->set_deviates)
		reader->host->note(reader->call, about, EP_NOTE_ENVELOPE);
	if (reader->totals_deviate)
		reader->host->note(reader->call, about, EP_NOTE_CONTROL_TOTAL);
}

/* Dates and times ----------------------------------------------------------------------------------------------- */

static enum ep_status read_date(struct ep_date *date, struct ep_slice text)
{
	return ep_date_read(date, text, text.length == 6 ? EP_DATE_SHORT : EP_DATE_BASIC);
}

bool is_date(struct ep_slice text)
{
	struct ep_date date;

	return read_date(&date, text) == EP_OK;
}

/* The n-th Sunday of a month; 5: the last. */
static int64_t nth_sunday(int16_t year, uint8_t month, int64_t n)
{
	struct ep_date date = {year, month, 1};
	int64_t first = ep_date_days(date);
	int64_t sunday = first + (10 - first % 7) % 7; /* day 3 after 1970-01-01 was a Sunday */

	sunday += 7 * (n - 1);
	date = ep_date_from_days(sunday);
	return date.month == month ? sunday : sunday - 7;
}

/* Whether daylight saving time is in force in the United States and Canada: from March to November since 2007, from
 * April to October in the twenty years before (Uniform Time Act as amended). Changes at 2 o'clock. */
static bool daylight_saving(struct ep_local_time local)
{
	int16_t year = local.date.year;
	int64_t begin = year >= 2007 ? nth_sunday(year, 3, 2) : nth_sunday(year, 4, 1);
	int64_t end = year >= 2007 ? nth_sunday(year, 11, 1) : nth_sunday(year, 10, 5);
	int64_t day = ep_date_days(local.date);

	if (day == begin)
		return local.hour >= 2;
	if (day == end)
		return local.hour < 2;
	return day > begin && day < end;
}

/*
 * Minutes from UTC of a time code (X12 623): UT and GM; 01 to 12 hours ahead (ISO P01 to P12), 13 to 24 hours behind
 * (M12 to M01); a zone's letter with S (standard), D (daylight) or T (what the clock shows there). False for LT,
 * which is the place's own time, and for codes that it doesn't know.
 */
static bool time_code(struct ep_slice code, struct ep_local_time local, int16_t *minutes)
{
	static const struct {
		char zone;
		int16_t standard;
	} zones[] = {
		{'N', -210}, {'T', -240}, {'E', -300}, {'C', -360}, {'M', -420}, {'P', -480}, {'A', -540}, {'H', -600}};
	int64_t number;

	if (ep_slice_is(code, "UT") || ep_slice_is(code, "GM")) {
		*minutes = 0;
		return true;
	}
	if (ep_slice_integer(code, &number) && number >= 1 && number <= 24) {
		*minutes = (int16_t)((number <= 12 ? number : number - 25) * 60);
		return true;
	}
	for (size_t i = 0; code.length == 2 && i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (code.data[0] != zones[i].zone ||
			(code.data[1] != 'S' && code.data[1] != 'D' && code.data[1] != 'T'))
			continue;
		if (zones[i].zone == 'H' && code.data[1] == 'T')
			return false; /* Hawaii keeps no daylight saving time, the Aleutians do */
		*minutes = zones[i].standard;
		if (code.data[1] == 'D' || (code.data[1] == 'T' && local.date.year >= 1987 && daylight_saving(local)))
			*minutes = (int16_t)(*minutes + 60);
		return true;
	}
	return false;
}

/* Midnight in the source's zone, with a note; without a zone left out, with another. */
static void put_midnight(struct reader *reader, uint32_t field, struct ep_local_time local, struct ep_text origin)
{
	struct ep_time time;

	if (reader->host->text->zoned(reader->call, local, &time) == EP_OK)
		reader->host->note(reader->call, field, EP_NOTE_TIME_ABSENT);
	ep_put_local_time(reader->host, reader->call, field, local, origin);
}

void put_moment(struct reader *reader, uint32_t time_field, uint32_t date_field, struct moment moment)
{
	const struct ep_host *host = reader->host;
	struct ep_text origin = moment.date;
	struct ep_local_time local = {0};
	int16_t minutes;

	if (is_empty(moment.date))
		return;
	if (read_date(&local.date, moment.date.value) != EP_OK) {
		host->note(reader->call, date_field ? date_field : time_field, EP_NOTE_VALUE_UNREADABLE);
		return;
	}
	if (date_field)
		host->put_date(reader->call, date_field, local.date, moment.date);
	if (is_empty(moment.time)) {
		put_midnight(reader, time_field, local, moment.date);
		return;
	}
	if (ep_clock_read(&local, moment.time.value) != EP_OK) {
		host->note(reader->call, time_field, EP_NOTE_VALUE_UNREADABLE);
		return;
	}
	if (moment.time.part == origin.part && moment.time.offset > origin.offset)
		origin.length = moment.time.offset + moment.time.length - origin.offset;
	if (time_code(moment.code.value, local, &minutes))
		host->put_time(reader->call, time_field, ep_time_at(local, minutes), origin);
	else
		ep_put_local_time(host, reader->call, time_field, local, origin);
}

/* Quantities ---------------------------------------------------------------------------------------------------- */

struct ep_text unit_of(const struct reader *reader, struct ep_text unit)
{
	struct ep_slice mapped;
	uint64_t end;

	if (is_empty(unit))
		return ep_text_constant(reader->options->default_unit);
	/* C001: the unit is the first component. */
	end = reader->x12.component_separator ? ep_slice_find(unit.value, reader->x12.component_separator)
					      : unit.value.length;
	unit = ep_text_trim(ep_text_sub(unit, 0, end));
	mapped = ep_map_find(reader->options->units, unit.value);
	if (mapped.data)
		unit.value = mapped;
	return unit;
}

enum ep_status check_quantity(struct reader *reader, uint32_t index, bool *sound)
{
	struct ep_text quantity = ep_text_trim(element(reader, index));
	struct ep_decimal value;

	*sound = is_empty(quantity) || ep_decimal_read(&value, quantity.value, EP_DECIMAL_POINT) == EP_OK;
	if (*sound)
		return EP_OK;
	return reader->host->reject(reader->call, EP_ERR_VALUE,
		ep_x12_place(reader->host, reader->call, &reader->x12, index), EP_SAY("expected a decimal quantity"));
}

void put_quantity(struct reader *reader, uint32_t field, struct ep_text quantity, struct ep_text unit, bool outward)
{
	const struct ep_host *host = reader->host;
	struct ep_text trimmed = ep_text_trim(quantity);
	struct ep_quantity value;

	if (is_empty(trimmed))
		return;
	if (ep_quantity_read(&value, trimmed.value, EP_DECIMAL_POINT, unit_of(reader, unit).value) != EP_OK) {
		/* What reject() answers comes back from record_end(). */
		(void)host->reject(reader->call, EP_ERR_VALUE, ep_place_of(quantity), EP_SAY("a quantity or its unit"));
		return;
	}
	if (outward)
		value.quantity = ep_decimal_negate(value.quantity);
	if (is_empty(unit) && value.unit[0])
		host->note(reader->call, field, EP_NOTE_UNIT_ASSUMED);
	host->put_quantity(reader->call, field, value, trimmed);
}

void put_position_number(struct reader *reader, uint32_t field, uint32_t position)
{
	char text[48];
	uint32_t length = ep_decimal_write(ep_decimal_make(position, 0), text);

	put(reader, field, ep_text_constant(ep_slice_make(text, length)));
}

/* Items --------------------------------------------------------------------------------------------------------- */

/* Qualifiers (X12 235) of a GTIN in one of its lengths. */
static const char gtin_qualifiers[] = "UP UK EN EO UA UI UC UD UE GT";
/* Those of a lot or batch. */
static const char lot_qualifiers[] = "LT B8";
/* Those that say something of an item but don't name it: maker, colour, size, origin, revision, serial number ... */
static const char other_qualifiers[] = "MF EC CH SN BO IZ SZ PD PJ PO CO C3 RV ON PG NU";
/* Those that name it, as far as files show them; needed to tell a qualifier from a number that stands in its place. */
static const char item_qualifiers[] = "SK VN VP VA VC VE VS BP IN PI PN PL MG MN CB ND N4 ZZ IT CG UX A1 A2 F7 BL SW";

enum { RANK_OTHER = 1000, RANK_BARE = 2000, RANK_GTIN = 3000, RANK_DESPERATE = 4000 };

static bool is_qualifier(struct ep_slice code)
{
	return is_among(code, gtin_qualifiers) || is_among(code, lot_qualifiers) || is_among(code, other_qualifiers) ||
	       is_among(code, item_qualifiers);
}

static bool has_gtin_form(struct ep_slice number)
{
	if (number.length != 8 && (number.length < 12 || number.length > 14))
		return false;
	for (uint64_t i = 0; i < number.length; i++) {
		if (number.data[i] < '0' || number.data[i] > '9')
			return false;
	}
	return true;
}

/* GS1 General Specifications 7.9: weights 3 and 1 from the right, the check digit included with 1. */
static bool has_check_digit(struct ep_slice number)
{
	uint32_t sum = 0;

	for (uint64_t i = 0; i < number.length; i++)
		sum += (uint32_t)(number.data[number.length - 1 - i] - '0') * (i % 2 ? 3 : 1);
	return sum % 10 == 0;
}

static void offer_sku(struct item *item, struct ep_text number, uint32_t rank)
{
	if (item->rank && item->rank <= rank)
		return;
	item->sku = number;
	item->rank = rank;
}

/* The place of `code` in option `sku`, from 1; 0 if it isn't there. */
static uint32_t preference(const struct reader *reader, struct ep_slice code)
{
	struct ep_slice rest = reader->options->sku;
	struct ep_slice entry;
	uint32_t place = 0;

	while (ep_slice_split(&rest, ',', &entry) && place < RANK_OTHER - 1) {
		place++;
		if (ep_slice_equal(ep_slice_trim(entry), code))
			return place;
	}
	return 0;
}

void item_add(struct reader *reader, struct item *item, struct ep_text qualifier, struct ep_text number)
{
	uint32_t preferred = preference(reader, qualifier.value);

	number = ep_text_trim(number);
	if (is_empty(number))
		return;
	if (is_among(qualifier.value, lot_qualifiers)) {
		item->lot = either(item->lot, number);
		return;
	}
	if (is_among(qualifier.value, gtin_qualifiers) && has_gtin_form(number.value)) {
		item->gtin = either(item->gtin, number);
		offer_sku(item, number, preferred ? preferred : RANK_GTIN);
		return;
	}
	if (preferred)
		offer_sku(item, number, preferred);
	else if (is_empty(qualifier))
		offer_sku(item, number, RANK_BARE);
	else if (is_among(qualifier.value, other_qualifiers))
		offer_sku(item, number, RANK_DESPERATE);
	else
		offer_sku(item, number, RANK_OTHER);
}

void item_add_pairs(struct reader *reader, struct item *item, uint32_t first)
{
	for (uint32_t i = first; i + 1 < reader->x12.count; i += 2)
		item_add(reader, item, element(reader, i), element(reader, i + 1));
}

/*
 * By the standard: U.P.C. case code, qualifier, number, qualifier, number. The case code (X12 438) has twelve digits and
 * no check digit; senders who write a GTIN there are told by its check digit. Seen besides:
 *   VN, number                  the case code left out, the pairs moved to its place
 *   number, UP, number, VN      each number before its qualifier
 *   (empty) ... number          a number without its qualifier
 */
void item_add_warehouse(struct reader *reader, struct item *item, uint32_t case_code)
{
	struct ep_text at[5];

	for (uint32_t i = 0; i < 5; i++)
		at[i] = element(reader, case_code + i);
	if (is_qualifier(at[0].value) && !is_empty(at[1]) && !is_qualifier(at[1].value)) {
		item_add(reader, item, at[0], at[1]);
		item_add(reader, item, at[2], at[3]);
		return;
	}
	if (!is_empty(at[0]) && is_qualifier(at[1].value) && is_empty(at[4]) &&
		(is_empty(at[2]) || is_qualifier(at[3].value))) {
		item_add(reader, item, at[1], at[0]);
		item_add(reader, item, at[3], at[2]);
		return;
	}
	item_add(reader, item, at[1], at[2]);
	item_add(reader, item, at[3], at[4]);
	if (is_empty(at[0]))
		return;
	if (has_gtin_form(at[0].value) && has_check_digit(at[0].value))
		item->gtin = either(at[0], item->gtin);
	offer_sku(item, at[0], has_gtin_form(at[0].value) ? RANK_GTIN : RANK_BARE);
}

/* Parties ------------------------------------------------------------------------------------------------------- */

void party_add(struct reader *reader, struct parties *parties, const char *places)
{
	struct ep_text role = element(reader, 1);
	struct ep_text name = element(reader, 2);
	struct ep_text code = element(reader, 4);
	struct ep_text text = reader->options->party == PARTY_NAME ? either(name, code) : either(code, name);
	struct ep_slice rest = ep_slice_of(places);
	struct ep_slice place;
	uint32_t rank = 0;

	while (ep_slice_split(&rest, ' ', &place)) {
		rank++;
		if (!ep_slice_equal(role.value, place) || (parties->place_rank && parties->place_rank <= rank))
			continue;
		parties->place = text;
		parties->place_rank = rank;
	}
	if (is_among(role.value, "DE OW"))
		parties->owner = either(parties->owner, text);
	if (ep_slice_is(role.value, "ST"))
		parties->consignee = either(parties->consignee, name);
}
