/* checkpoint.c: see checkpoint.h. */
#include "command/checkpoint.h"

#include <string.h>

enum ep_status checkpoint_append(struct buffer *out, char kind, const char *name, struct ep_slice bytes)
{
	uint32_t length = (uint32_t)bytes.length;

	buffer_append_byte(out, kind);
	buffer_append_byte(out, (char)strlen(name));
	buffer_append_string(out, name);
	buffer_append(out, &length, sizeof(length));
	return buffer_append_slice(out, bytes);
}

bool checkpoint_next(struct ep_slice *rest, struct checkpoint_part *part)
{
	uint64_t name_length, head;
	uint32_t length;

	if (rest->length < 2)
		return false;
	name_length = (unsigned char)rest->data[1];
	head = 2 + name_length + sizeof(length);
	if (rest->length < head)
		return false;
	memcpy(&length, rest->data + 2 + name_length, sizeof(length));
	if (rest->length < head + length)
		return false;
	part->kind = rest->data[0];
	part->name = ep_slice_sub(*rest, 2, name_length);
	part->bytes = ep_slice_sub(*rest, head, length);
	*rest = ep_slice_sub(*rest, head + length, rest->length);
	return true;
}

struct ep_slice checkpoint_find(struct ep_slice checkpoint, char kind, const char *name)
{
	struct checkpoint_part part;

	while (checkpoint_next(&checkpoint, &part))
		if (part.kind == kind && ep_slice_equal(part.name, ep_slice_of(name)))
			return part.bytes;
	return ep_slice_make(NULL, 0);
}
