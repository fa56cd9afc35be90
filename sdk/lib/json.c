/*
 * json.c: paths into JSON values. Reading is the host's (host->json); this only walks.
 */
#include <entrepot/plugin.h>

/* The element of an array; absent beyond its end. */
static struct ep_json element(const struct ep_host *host, struct ep_json array, int64_t index)
{
	struct ep_json value = host->json->first(array);

	while (index-- > 0 && value.kind != EP_JSON_ABSENT)
		value = host->json->next(value);
	return value;
}

struct ep_json ep_json_at(const struct ep_host *host, struct ep_json value, const char *path)
{
	struct ep_slice rest = ep_slice_of(path);
	struct ep_slice name;
	int64_t index;

	while (value.kind != EP_JSON_ABSENT && ep_slice_split(&rest, '.', &name)) {
		if (value.kind == EP_JSON_ARRAY && ep_slice_integer(name, &index))
			value = element(host, value, index);
		else
			value = host->json->member(value, name);
	}
	return value;
}

struct ep_text ep_json_text(const struct ep_host *host, struct ep_json value, const char *path)
{
	return host->json->text(ep_json_at(host, value, path));
}

void ep_json_put_text(
	const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_json value, const char *path)
{
	host->put_text(call, field, ep_json_text(host, value, path));
}
