/* later.c: see later.h. */
#include "intake/later.h"

#include <stdlib.h>
#include <string.h>

#define SLICES_MAX (7 + 2 * MESSAGE_HEADERS_MAX)

void later_init(struct later_list *list)
{
	*list = (struct later_list){.last = &list->first};
}

/* Everything in a message that points elsewhere. */
static size_t list_slices(struct message *message, struct ep_slice *slices[SLICES_MAX])
{
	size_t count = 0;

	slices[count++] = &message->source;
	slices[count++] = &message->dedupe;
	slices[count++] = &message->idempotency;
	slices[count++] = &message->name;
	slices[count++] = &message->content_type;
	slices[count++] = &message->content_encoding;
	slices[count++] = &message->body;
	for (uint32_t i = 0; i < message->header_count; i++) {
		slices[count++] = &message->headers[i].name;
		slices[count++] = &message->headers[i].value;
	}
	return count;
}

enum ep_status later_put(struct later_list *list, const struct acceptance *what)
{
	struct message message = what->message;
	struct ep_slice *slices[SLICES_MAX];
	size_t count = list_slices(&message, slices), bytes = sizeof(struct later), at = 0;
	struct later *later;

	for (size_t i = 0; i < count; i++)
		bytes += slices[i]->length;
	if (bytes > LATER_BYTES_MAX - list->bytes)
		return EP_AGAIN;
	later = malloc(bytes);
	if (!later)
		return EP_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (slices[i]->length)
			memcpy(later->text + at, slices[i]->data, slices[i]->length);
		slices[i]->data = later->text + at;
		at += slices[i]->length;
	}
	later->next = NULL;
	later->bytes = bytes;
	later->what = *what;
	later->what.message = message;
	*list->last = later;
	list->last = &later->next;
	list->bytes += bytes;
	return EP_OK;
}

struct later *later_take(struct later_list *list)
{
	struct later *later = list->first;

	if (!later)
		return NULL;
	list->first = later->next;
	if (!list->first)
		list->last = &list->first;
	list->bytes -= later->bytes;
	return later;
}

void later_put_back(struct later_list *list, struct later *later)
{
	later->next = list->first;
	if (!list->first)
		list->last = &later->next;
	list->first = later;
	list->bytes += later->bytes;
}
