/* json_find.c: see json_find.h. */
#include "intake/json_find.h"

#include <string.h>

#include <entrepot/helpers.h>

static const struct ep_slice nothing = {NULL, 0};

static void skip_blanks(struct ep_slice *rest)
{
	while (rest->length &&
		(*rest->data == ' ' || *rest->data == '\t' || *rest->data == '\n' || *rest->data == '\r'))
		*rest = ep_slice_sub(*rest, 1, rest->length - 1);
}

static bool take_byte(struct ep_slice *rest, char byte)
{
	skip_blanks(rest);
	if (rest->length == 0 || *rest->data != byte)
		return false;
	*rest = ep_slice_sub(*rest, 1, rest->length - 1);
	return true;
}

/* What stands between the quotes, escapes as they are. */
static bool take_string(struct ep_slice *rest, struct ep_slice *string)
{
	if (!take_byte(rest, '"'))
		return false;
	for (uint64_t i = 0; i < rest->length; i++) {
		if (rest->data[i] == '\\') {
			i++;
		} else if (rest->data[i] == '"') {
			*string = ep_slice_sub(*rest, 0, i);
			*rest = ep_slice_sub(*rest, i + 1, rest->length - i - 1);
			return true;
		}
	}
	return false;
}

static bool is_scalar_byte(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || byte == 'E' || byte == '+' ||
	       byte == '-' || byte == '.';
}

/* A number or a literal. It counts only when something follows it, so that a cut text gives no cut number. */
static bool take_scalar(struct ep_slice *rest, struct ep_slice *scalar)
{
	uint64_t length = 0;

	while (length < rest->length && is_scalar_byte(rest->data[length]))
		length++;
	if (length == 0 || length == rest->length)
		return false;
	*scalar = ep_slice_sub(*rest, 0, length);
	*rest = ep_slice_sub(*rest, length, rest->length - length);
	return true;
}

/* An object or array, by counting: strings are the only place where a bracket may stand for itself. */
static bool skip_container(struct ep_slice *rest)
{
	uint64_t depth = 0;
	struct ep_slice ignored;

	while (rest->length) {
		char byte = *rest->data;

		if (byte == '"') {
			if (!take_string(rest, &ignored))
				return false;
			continue;
		}
		depth += byte == '{' || byte == '[';
		depth -= byte == '}' || byte == ']';
		*rest = ep_slice_sub(*rest, 1, rest->length - 1);
		if (depth == 0)
			return true;
	}
	return false;
}

static bool skip_value(struct ep_slice *rest)
{
	struct ep_slice ignored;

	skip_blanks(rest);
	if (rest->length == 0)
		return false;
	if (*rest->data == '{' || *rest->data == '[')
		return skip_container(rest);
	if (*rest->data == '"')
		return take_string(rest, &ignored);
	return take_scalar(rest, &ignored);
}

/* Moves to the value of member `name` of the object that `rest` begins with. */
static bool enter_member(struct ep_slice *rest, struct ep_slice name)
{
	struct ep_slice found;

	if (!take_byte(rest, '{'))
		return false;
	while (take_string(rest, &found)) {
		if (!take_byte(rest, ':'))
			return false;
		if (ep_slice_equal(found, name))
			return true;
		if (!skip_value(rest) || !take_byte(rest, ','))
			return false;
		skip_blanks(rest);
	}
	return false;
}

struct ep_slice json_find(struct ep_slice text, struct ep_slice path)
{
	struct ep_slice name, value;

	while (ep_slice_split(&path, '.', &name))
		if (!enter_member(&text, name))
			return nothing;
	skip_blanks(&text);
	if (text.length && *text.data == '"')
		return take_string(&text, &value) ? value : nothing;
	if (text.length && ((*text.data >= '0' && *text.data <= '9') || *text.data == '-'))
		return take_scalar(&text, &value) ? value : nothing;
	return nothing;
}
