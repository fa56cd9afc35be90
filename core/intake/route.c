/* route.c: see route.h. */
#include "intake/route.h"

#include <entrepot/helpers.h>

static bool take_prefix(struct ep_slice *path, struct ep_slice prefix)
{
	if (!ep_slice_starts(*path, prefix))
		return false;
	*path = ep_slice_sub(*path, prefix.length, path->length - prefix.length);
	return true;
}

struct route route_find(const struct http_head *head)
{
	struct route route = {.kind = ROUTE_NONE};
	struct ep_slice rest = head->path;

	if (!take_prefix(&rest, EP_SAY("/in/")))
		return route;
	/* Names are [a-z][a-z0-9-]{0,39}, so nothing is decoded: any other is that of an unknown source. */
	route.source = ep_slice_sub(rest, 0, ep_slice_find(rest, '/'));
	if (route.source.length == 0)
		return route;
	rest = ep_slice_sub(rest, route.source.length, rest.length - route.source.length);
	if (rest.length == 0) {
		route.kind = ROUTE_POST_MESSAGE;
		route.method_fits = head->verb == HTTP_VERB_POST;
		route.allow = "POST";
	} else if (take_prefix(&rest, EP_SAY("/messages/")) && rest.length && ep_slice_find(rest, '/') == rest.length) {
		route.kind = ROUTE_GET_OUTCOME;
		route.id = rest;
		route.method_fits = head->verb == HTTP_VERB_GET || head->verb == HTTP_VERB_HEAD;
		route.allow = "GET, HEAD";
	}
	return route;
}

/* "wait=10", perhaps quoted, perhaps followed by parameters. */
static int read_wait(struct ep_slice preference, int max)
{
	struct ep_slice value = ep_slice_trim(ep_slice_sub(preference, 0, ep_slice_find(preference, ';')));
	uint64_t equals = ep_slice_find(value, '=');
	int64_t seconds;

	if (!ep_slice_equal_nocase(ep_slice_trim(ep_slice_sub(value, 0, equals)), EP_SAY("wait")))
		return -1;
	value = ep_slice_trim(ep_slice_sub(value, equals + 1, value.length));
	if (value.length >= 2 && value.data[0] == '"' && value.data[value.length - 1] == '"')
		value = ep_slice_sub(value, 1, value.length - 2);
	if (!ep_slice_integer(value, &seconds))
		return -1;
	return seconds < max ? (int)seconds : max;
}

int route_wait(const struct http_head *head, int max)
{
	for (uint32_t i = 0; i < head->header_count; i++) {
		struct ep_slice rest = head->headers[i].value, preference;

		if (!ep_slice_is(head->headers[i].name, "prefer"))
			continue;
		while (ep_slice_split(&rest, ',', &preference)) {
			int seconds = read_wait(preference, max);

			if (seconds >= 0)
				return seconds;
		}
	}
	return -1;
}
