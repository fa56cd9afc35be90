/*
 * decimal.c: exact decimals of at most 38 digits, 18 of them after the point.
 *
 * The decimal mark is the caller's to declare; a number that has the other one is refused, for "1,234" read with the
 * wrong mark is off by a thousand and nothing later would notice. Nothing here rounds: what doesn't fit is EP_LIMIT.
 */
#include <entrepot/plugin.h>

#define DIGITS_MAX 38
#define SCALE_MAX 18

typedef unsigned __int128 uint128;

static const uint64_t powers[SCALE_MAX + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
	1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
	10000000000000000, 100000000000000000, 1000000000000000000};

/* 10^38: the first number with too many digits. */
static uint128 units_limit(void)
{
	return (uint128)powers[18] * powers[18] * 100;
}

static bool units_fit(ep_int128 units)
{
	ep_int128 limit = (ep_int128)units_limit();

	return units < limit && units > -limit;
}

struct ep_decimal ep_decimal_make(ep_int128 units, uint32_t scale)
{
	struct ep_decimal decimal;

	decimal.low = (uint64_t)units;
	decimal.high = (int64_t)(units >> 64);
	decimal.scale = scale;
	decimal.reserved = 0;
	return decimal;
}

ep_int128 ep_decimal_units(struct ep_decimal decimal)
{
	return (ep_int128)(((uint128)(uint64_t)decimal.high << 64) | decimal.low);
}

/* A number while it is read, digit by digit. Leading zeros don't count as digits. */
struct number {
	uint128 units;
	uint32_t digits;
	uint32_t scale;
	bool negative;
	bool seen; /* a digit */
	bool too_long;
};

static void number_digit(struct number *number, char digit, bool fraction)
{
	number->seen = true;
	if (number->digits || digit != '0')
		number->digits++;
	if (fraction)
		number->scale++;
	if (number->digits > DIGITS_MAX || number->scale > SCALE_MAX) {
		number->too_long = true;
		number->digits = DIGITS_MAX + 1; /* neither counter may come round */
		number->scale = 0;
		return;
	}
	number->units = number->units * 10 + ((uint8_t)digit & 0xf);
}

static enum ep_status number_finish(const struct number *number, struct ep_decimal *decimal)
{
	ep_int128 units = (ep_int128)number->units;

	if (number->too_long)
		return EP_LIMIT;
	*decimal = ep_decimal_make(number->negative ? -units : units, number->scale);
	return EP_OK;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Whether `group` may stand at `i`: a digit before it, and behind it as many as the shortest group has: three before
 * the mark or the end, two before another group ("12,34,567" is how India writes it). */
static bool group_allowed(struct ep_slice text, uint64_t i, char group)
{
	uint64_t run = i + 1;

	if (i == 0 || !is_digit(text.data[i - 1]))
		return false;
	while (run < text.length && is_digit(text.data[run]))
		run++;
	if (run < text.length && text.data[run] == group)
		return run - i - 1 >= 2;
	return run - i - 1 >= 3;
}

static enum ep_status read_marked(
	struct ep_decimal *decimal, struct ep_slice text, enum ep_decimal_mark mark, char group)
{
	char point = mark == EP_DECIMAL_COMMA ? ',' : '.';
	struct number number = {0};
	bool fraction = false;
	uint64_t i = 0;

	if (text.length && (text.data[0] == '-' || text.data[0] == '+'))
		number.negative = text.data[i++] == '-';
	for (; i < text.length; i++) {
		char byte = text.data[i];

		if (is_digit(byte)) {
			number_digit(&number, byte, fraction);
		} else if (byte == point && !fraction) {
			fraction = true;
		} else if (group && byte == group && !fraction) {
			if (!group_allowed(text, i, group))
				return EP_BAD_INPUT;
		} else {
			return EP_BAD_INPUT;
		}
	}
	return number.seen ? number_finish(&number, decimal) : EP_BAD_INPUT;
}

enum ep_status ep_decimal_read(struct ep_decimal *decimal, struct ep_slice text, enum ep_decimal_mark mark)
{
	return mark == EP_DECIMAL_JSON ? ep_decimal_read_json(decimal, text) : read_marked(decimal, text, mark, 0);
}

enum ep_status ep_decimal_read_grouped(
	struct ep_decimal *decimal, struct ep_slice text, enum ep_decimal_mark mark, char group)
{
	return read_marked(decimal, text, mark, group);
}

static uint32_t count_bytes(struct ep_slice text, char byte)
{
	uint32_t count = 0;

	for (uint64_t i = 0; i < text.length; i++)
		count += text.data[i] == byte && count < 2;
	return count;
}

enum ep_status ep_decimal_read_either(struct ep_decimal *decimal, struct ep_slice text)
{
	uint32_t commas = count_bytes(text, ','), points = count_bytes(text, '.');
	bool comma_last = ep_slice_find(text, ',') > ep_slice_find(text, '.');

	if (points == 0 && commas <= 1)
		return read_marked(decimal, text, EP_DECIMAL_COMMA, 0);
	if (commas == 0 && points <= 1)
		return read_marked(decimal, text, EP_DECIMAL_POINT, 0);
	if (points == 0 || (commas && !comma_last))
		return read_marked(decimal, text, EP_DECIMAL_POINT, ',');
	return read_marked(decimal, text, EP_DECIMAL_COMMA, '.');
}

/* The exponent of a JSON number, cut at plus and minus 1,000: what lies beyond fits no decimal anyway. */
static bool read_exponent(struct ep_slice text, int32_t *exponent)
{
	bool negative = false;
	uint64_t i = 0;

	*exponent = 0;
	if (text.length && (text.data[0] == '-' || text.data[0] == '+'))
		negative = text.data[i++] == '-';
	if (i == text.length)
		return false;
	for (; i < text.length; i++) {
		if (!is_digit(text.data[i]))
			return false;
		if (*exponent < 1000)
			*exponent = *exponent * 10 + (text.data[i] - '0');
	}
	if (negative)
		*exponent = -*exponent;
	return true;
}

/* units * 10^exponent, at the smallest scale that shows what was written. */
static enum ep_status shift(struct ep_decimal *decimal, int32_t exponent)
{
	ep_int128 units = ep_decimal_units(*decimal);
	int32_t scale = (int32_t)decimal->scale - exponent;

	if (units == 0)
		scale = scale < 0 ? 0 : scale > SCALE_MAX ? SCALE_MAX : scale;
	for (; scale < 0; scale++) {
		units *= 10;
		if (!units_fit(units))
			return EP_LIMIT;
	}
	for (; scale > SCALE_MAX; scale--) {
		if (units % 10)
			return EP_LIMIT;
		units /= 10;
	}
	*decimal = ep_decimal_make(units, (uint32_t)scale);
	return EP_OK;
}

enum ep_status ep_decimal_read_json(struct ep_decimal *decimal, struct ep_slice text)
{
	struct number number = {0};
	int32_t exponent = 0;
	uint64_t i = 0;
	uint64_t start;
	enum ep_status status;

	if (text.length && text.data[0] == '-') {
		number.negative = true;
		i++;
	}
	for (start = i; i < text.length && is_digit(text.data[i]); i++)
		number_digit(&number, text.data[i], false);
	if (i == start || (i - start > 1 && text.data[start] == '0')) /* RFC 8259, 6: no leading zeros */
		return EP_BAD_INPUT;
	if (i < text.length && text.data[i] == '.') {
		for (start = ++i; i < text.length && is_digit(text.data[i]); i++)
			number_digit(&number, text.data[i], true);
		if (i == start)
			return EP_BAD_INPUT;
	}
	if (i < text.length) {
		if ((text.data[i] != 'e' && text.data[i] != 'E') ||
			!read_exponent(ep_slice_sub(text, i + 1, text.length), &exponent))
			return EP_BAD_INPUT;
	}
	status = number_finish(&number, decimal);
	return status == EP_OK ? shift(decimal, exponent) : status;
}

/* Both at the larger scale; false if one doesn't fit there. */
static bool align(struct ep_decimal a, struct ep_decimal b, ep_int128 *a_units, ep_int128 *b_units, uint32_t *scale)
{
	*scale = a.scale > b.scale ? a.scale : b.scale;
	if (*scale > SCALE_MAX)
		return false;
	return !__builtin_mul_overflow(ep_decimal_units(a), (ep_int128)powers[*scale - a.scale], a_units) &&
	       !__builtin_mul_overflow(ep_decimal_units(b), (ep_int128)powers[*scale - b.scale], b_units);
}

enum ep_status ep_decimal_add(struct ep_decimal *sum, struct ep_decimal a, struct ep_decimal b)
{
	ep_int128 left, right, total;
	uint32_t scale;

	if (!align(a, b, &left, &right, &scale) || __builtin_add_overflow(left, right, &total) || !units_fit(total))
		return EP_LIMIT;
	*sum = ep_decimal_make(total, scale);
	return EP_OK;
}

enum ep_status ep_decimal_subtract(struct ep_decimal *difference, struct ep_decimal a, struct ep_decimal b)
{
	ep_int128 left, right, total;
	uint32_t scale;

	if (!align(a, b, &left, &right, &scale) || __builtin_sub_overflow(left, right, &total) || !units_fit(total))
		return EP_LIMIT;
	*difference = ep_decimal_make(total, scale);
	return EP_OK;
}

/* Without the zeros at the end of the fraction. */
static struct ep_decimal shortest(struct ep_decimal decimal)
{
	ep_int128 units = ep_decimal_units(decimal);

	while (decimal.scale && units % 10 == 0) {
		units /= 10;
		decimal.scale--;
	}
	return ep_decimal_make(units, decimal.scale);
}

enum ep_status ep_decimal_multiply(struct ep_decimal *product, struct ep_decimal a, struct ep_decimal b)
{
	ep_int128 units;

	if (a.scale > SCALE_MAX || b.scale > SCALE_MAX)
		return EP_LIMIT;
	if (a.scale + b.scale > SCALE_MAX || __builtin_mul_overflow(ep_decimal_units(a), ep_decimal_units(b), &units) ||
		!units_fit(units)) {
		a = shortest(a);
		b = shortest(b);
		if (__builtin_mul_overflow(ep_decimal_units(a), ep_decimal_units(b), &units))
			return EP_LIMIT;
	}
	*product = ep_decimal_make(units, a.scale + b.scale);
	if (product->scale > SCALE_MAX || !units_fit(units))
		*product = shortest(*product); /* 0.5 * 0.2 has a zero that neither factor has */
	return product->scale <= SCALE_MAX && units_fit(ep_decimal_units(*product)) ? EP_OK : EP_LIMIT;
}

int ep_decimal_compare(struct ep_decimal a, struct ep_decimal b)
{
	ep_int128 a_power = (ep_int128)powers[a.scale <= SCALE_MAX ? a.scale : SCALE_MAX];
	ep_int128 b_power = (ep_int128)powers[b.scale <= SCALE_MAX ? b.scale : SCALE_MAX];
	ep_int128 a_units = ep_decimal_units(a), b_units = ep_decimal_units(b);
	ep_int128 a_whole = a_units / a_power, b_whole = b_units / b_power;
	/* Whole parts first, then the fractions at scale 18: so nothing can overflow. */
	ep_int128 a_rest = a_units % a_power * ((ep_int128)powers[SCALE_MAX] / a_power);
	ep_int128 b_rest = b_units % b_power * ((ep_int128)powers[SCALE_MAX] / b_power);

	if (a_whole != b_whole)
		return a_whole < b_whole ? -1 : 1;
	return a_rest == b_rest ? 0 : a_rest < b_rest ? -1 : 1;
}

struct ep_decimal ep_decimal_negate(struct ep_decimal decimal)
{
	/* Unsigned, since -2^127 (not a decimal, but a caller may hand it in) has no opposite. */
	return ep_decimal_make((ep_int128)(-(uint128)ep_decimal_units(decimal)), decimal.scale);
}

struct ep_decimal ep_decimal_abs(struct ep_decimal decimal)
{
	return decimal.high < 0 ? ep_decimal_negate(decimal) : decimal;
}

bool ep_decimal_is_negative(struct ep_decimal decimal)
{
	return decimal.high < 0;
}

bool ep_decimal_is_zero(struct ep_decimal decimal)
{
	return decimal.low == 0 && decimal.high == 0;
}

uint32_t ep_decimal_write(struct ep_decimal decimal, char text[48])
{
	uint32_t scale = decimal.scale <= SCALE_MAX ? decimal.scale : SCALE_MAX;
	ep_int128 units = ep_decimal_units(decimal);
	uint128 rest = units < 0 ? -(uint128)units : (uint128)units;
	char reversed[48];
	uint32_t digits = 0;
	uint32_t count = 0;
	uint32_t length = 0;

	/* A 64-bit division is many times cheaper than one of 128 bits, and nearly every amount needs only those. */
	for (; rest > UINT64_MAX; rest /= 10) {
		if (digits++ == scale && scale)
			reversed[count++] = '.';
		reversed[count++] = (char)('0' + (int)(rest % 10));
	}
	for (uint64_t low = (uint64_t)rest; low || digits <= scale; low /= 10) {
		if (digits++ == scale && scale)
			reversed[count++] = '.';
		reversed[count++] = (char)('0' + (int)(low % 10));
	}
	if (units < 0)
		text[length++] = '-';
	while (count)
		text[length++] = reversed[--count];
	text[length] = '\0';
	return length;
}
