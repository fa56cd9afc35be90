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

static struct ep_json at(const struct ep_host *host, struct ep_json value, struct ep_slice rest)
{
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

struct ep_json ep_json_at(const struct ep_host *host, struct ep_json value, const char *path)
{
	return at(host, value, ep_slice_of(path));
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

bool ep_json_likely(const struct ep_part *part)
{
	struct ep_slice bytes = part->bytes;

	if (ep_slice_starts(bytes, EP_SAY("\xef\xbb\xbf")))
		bytes = ep_slice_sub(bytes, 3, bytes.length);
	for (uint64_t i = 0; i < bytes.length; i++)
		if (bytes.data[i] != ' ' && bytes.data[i] != '\t' && bytes.data[i] != '\r' && bytes.data[i] != '\n')
			return bytes.data[i] == '{' || bytes.data[i] == '[';
	return false;
}

enum ep_status ep_json_each(const struct ep_host *host, struct ep_json value, ep_json_read *read, const void *context)
{
	struct ep_json each = host->json->first(value);
	enum ep_status status = EP_OK;

	if (value.kind == EP_JSON_ABSENT || value.kind == EP_JSON_NULL)
		return EP_OK;
	if (value.kind != EP_JSON_ARRAY)
		return read(context, value);
	for (; each.kind != EP_JSON_ABSENT && status == EP_OK; each = host->json->next(each))
		status = read(context, each);
	return status;
}

enum ep_status ep_json_documents(const struct ep_host *host, struct ep_call *call, const struct ep_part *part,
	ep_json_read *read, const void *context, struct ep_slice expected)
{
	struct ep_part converted;
	struct ep_json root;
	uint64_t offset = 0;
	enum ep_status status;

	if (part->charset != EP_UTF8) {
		status = host->text->utf8(call, part, part->charset, &converted);
		if (status != EP_OK)
			return status;
		part = &converted;
	}
	for (uint64_t documents = 0;; documents++) {
		status = host->json->open(call, part, offset, &offset, &root);
		if (status == EP_END && documents == 0)
			return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected a JSON document"));
		if (status == EP_END)
			return EP_OK;
		if (status == EP_OK)
			status = ep_json_each(host, root, read, context);
		if (status == EP_NOT_FOUND)
			return host->fail(call, EP_ERR_TYPE_UNKNOWN, host->json->place(root), expected);
		if (status != EP_OK)
			return status;
	}
}

struct ep_text ep_json_any(const struct ep_host *host, struct ep_json value, const char *paths)
{
	struct ep_text text = ep_text_constant(ep_slice_make(NULL, 0));
	struct ep_slice rest = ep_slice_of(paths);
	struct ep_slice path;

	while (text.value.length == 0 && ep_slice_split(&rest, '|', &path))
		text = host->json->text(at(host, value, path));
	return text;
}

struct ep_text ep_json_member_of(const struct ep_host *host, struct ep_json object, struct ep_slice names)
{
	struct ep_text text = ep_text_constant(ep_slice_make(NULL, 0));
	struct ep_slice name;

	while (text.value.length == 0 && ep_slice_split(&names, ',', &name))
		text = host->json->text(host->json->member(object, name));
	return text;
}

void ep_json_put(
	const struct ep_host *host, struct ep_call *call, struct ep_json object, const struct ep_json_field *fields)
{
	for (; fields->paths; fields++) {
		struct ep_text text = ep_json_any(host, object, fields->paths);

		switch (fields->as) {
		case EP_AS_TIME:
			ep_put_time(host, call, fields->field, text);
			break;
		case EP_AS_DATE:
			ep_put_date(host, call, fields->field, text);
			break;
		case EP_AS_UNIX:
			ep_put_unix_time(host, call, fields->field, text);
			break;
		case EP_AS_DECIMAL:
			ep_put_decimal(host, call, fields->field, text, EP_DECIMAL_JSON);
			break;
		case EP_AS_TRUE:
			if (ep_slice_is(text.value, "true"))
				host->put_bool(call, fields->field, true, text);
			break;
		default:
			host->put_text(call, fields->field, text);
		}
	}
}
