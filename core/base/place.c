/* place.c: see place.h. */
#include "base/place.h"

#include <inttypes.h>

#include "base/json.h"

#define PATH_SHOWN_MAX 256 /* bytes */

void place_write(const struct ep_place *place, struct buffer *out)
{
	const size_t start = out->length;
	const bool has_part = place->part != EP_NO_PART;
	struct ep_slice path = place->path;

	if (has_part && place->part != 0)
		buffer_append_format(out, "part %" PRIu32, place->part);
	/* offset 0 of length 0 without a row is what a place looks like that nobody filled in */
	if (has_part && (place->offset != 0 || place->length != 0 || place->row != 0))
		buffer_append_format(out, "%sbyte %" PRIu64, out->length > start ? " " : "", place->offset);
	if (place->row != 0) {
		buffer_append_format(out, "%s%srow %" PRIu64, out->length > start ? " " : "",
			out->length > start ? "(" : "", place->row);
		if (place->column != 0)
			buffer_append_format(out, ", column %" PRIu32, place->column);
		if (has_part)
			buffer_append_byte(out, ')');
	}
	if (path.length > 0) {
		if (path.length > PATH_SHOWN_MAX)
			path.length = PATH_SHOWN_MAX;
		if (out->length > start)
			buffer_append_byte(out, ' ');
		json_escape(out, path);
	}
	if (out->length == start)
		buffer_append_string(out, "message");
}
