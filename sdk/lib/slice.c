/*
 * slice.c: borrowed bytes: comparing, trimming, splitting. Nothing here allocates, copies or knows a locale: letters are
 * the 26 of ASCII, white space is blank, tab, CR and LF.
 */
#include <entrepot/plugin.h>

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

bool ep_slice_starts(struct ep_slice slice, struct ep_slice prefix)
{
	return slice.length >= prefix.length && ep_slice_equal(ep_slice_make(slice.data, prefix.length), prefix);
}

bool ep_slice_equal_nocase(struct ep_slice a, struct ep_slice b)
{
	if (a.length != b.length)
		return false;
	for (uint64_t i = 0; i < a.length; i++) {
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	}
	return true;
}

struct ep_slice ep_slice_trim(struct ep_slice slice)
{
	while (slice.length && is_space(slice.data[0])) {
		slice.data++;
		slice.length--;
	}
	while (slice.length && is_space(slice.data[slice.length - 1]))
		slice.length--;
	return slice;
}

struct ep_slice ep_slice_sub(struct ep_slice slice, uint64_t offset, uint64_t length)
{
	if (offset > slice.length)
		offset = slice.length;
	if (length > slice.length - offset)
		length = slice.length - offset;
	return ep_slice_make(slice.data ? slice.data + offset : NULL, length);
}

uint64_t ep_slice_find(struct ep_slice slice, char byte)
{
	const char *found = slice.length ? memchr(slice.data, byte, slice.length) : NULL;

	return found ? (uint64_t)(found - slice.data) : slice.length;
}

uint64_t ep_slice_search(struct ep_slice slice, struct ep_slice text)
{
	uint64_t at = 0;

	if (text.length == 0)
		return 0;
	for (;;) {
		at += ep_slice_find(ep_slice_sub(slice, at, slice.length), text.data[0]);
		if (text.length > slice.length - at)
			return slice.length;
		if (memcmp(slice.data + at, text.data, text.length) == 0)
			return at;
		at++;
	}
}

bool ep_slice_split(struct ep_slice *rest, char separator, struct ep_slice *piece)
{
	uint64_t end;

	if (!rest->data)
		return false;
	end = ep_slice_find(*rest, separator);
	*piece = ep_slice_make(rest->data, end);
	/* "a," has two pieces: only the last one leaves NULL behind, so that an empty end isn't lost. */
	*rest = end < rest->length ? ep_slice_make(rest->data + end + 1, rest->length - end - 1)
				   : ep_slice_make(NULL, 0);
	return true;
}

bool ep_slice_integer(struct ep_slice slice, int64_t *value)
{
	int64_t sum = 0;

	if (slice.length == 0)
		return false;
	for (uint64_t i = 0; i < slice.length; i++) {
		if (slice.data[i] < '0' || slice.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, slice.data[i] - '0', &sum))
			return false;
	}
	*value = sum;
	return true;
}

struct ep_slice ep_map_find(struct ep_slice map, struct ep_slice key)
{
	struct ep_slice pair;

	while (ep_slice_split(&map, ',', &pair)) {
		uint64_t equals = ep_slice_find(pair, '=');

		if (equals < pair.length && ep_slice_equal(ep_slice_trim(ep_slice_sub(pair, 0, equals)), key))
			return ep_slice_trim(ep_slice_sub(pair, equals + 1, pair.length));
	}
	return ep_slice_make(NULL, 0);
}

struct ep_slice ep_header(const struct ep_input *input, struct ep_slice name)
{
	for (uint32_t i = 0; i < input->header_count; i++) {
		if (ep_slice_equal(input->headers[i].name, name))
			return input->headers[i].value;
	}
	return ep_slice_make(NULL, 0);
}
