/* route.c: which request of the admin API is answered by whom. */
#include "admin/parts.h"
#include "base/clock.h"
#include "base/json.h"

#define JSON "application/json"

static void answer_buffer(struct visit *visit, enum ep_status status, const char *type, struct buffer *out)
{
	if (status != EP_OK)
		visit_refuse(visit, 503, EP_ERR_BUSY, "no memory for the answer");
	else
		visit_answer(visit, 200, type, buffer_slice(out));
	buffer_free(out);
}

static void healthz(struct visit *visit)
{
	visit_answer(visit, 200, JSON, EP_SAY("{\"status\":\"ok\"}\n"));
}

static void readyz(struct visit *visit)
{
	const struct admin *admin = visit->admin;

	if (admin->stopping)
		visit_refuse(visit, 503, EP_ERR_STOPPING, "the gateway is stopping");
	else if (journal_accepts(admin->options.journal) != EP_OK)
		visit_refuse(visit, 503, EP_ERR_DISK_FULL, "free space is below disk_reserve");
	else
		visit_answer(visit, 200, JSON, EP_SAY("{\"status\":\"ready\"}\n"));
}

static void status(struct visit *visit)
{
	struct ep_slice accept = http_header(visit->head, EP_SAY("accept"), NULL);
	struct buffer out;

	buffer_init(&out, ADMIN_ANSWER_MAX);
	if (ep_slice_starts(accept, EP_SAY("text/plain")))
		answer_buffer(visit, table_write(visit->admin, &out), "text/plain; charset=utf-8", &out);
	else
		answer_buffer(visit, status_write(visit->admin, &out), JSON, &out);
}

static void metrics(struct visit *visit)
{
	struct buffer out;

	buffer_init(&out, ADMIN_ANSWER_MAX);
	answer_buffer(visit, metrics_write(visit->admin, &out), "text/plain; version=0.0.4; charset=utf-8", &out);
}

static const struct route {
	const char *path;
	enum http_verb verb; /* GET stands for HEAD, too */
	void (*serve)(struct visit *visit);
} routes[] = {
	{"/healthz", HTTP_VERB_GET, healthz},
	{"/readyz", HTTP_VERB_GET, readyz},
	{"/status", HTTP_VERB_GET, status},
	{"/metrics", HTTP_VERB_GET, metrics},
};

/* The NAME of /sources/NAME/ACTION; data NULL if the path is another. */
static struct ep_slice source_of(struct ep_slice path, const char *action)
{
	struct ep_slice rest = path, name = ep_slice_make(NULL, 0);

	if (!ep_slice_starts(path, EP_SAY("/sources/")))
		return name;
	rest = ep_slice_sub(path, 9, path.length);
	if (!ep_slice_split(&rest, '/', &name) || name.length == 0 || !ep_slice_equal(rest, ep_slice_of(action)))
		return ep_slice_make(NULL, 0);
	return name;
}

static const struct action {
	const char *name;
	void (*serve)(struct visit *visit, struct ep_slice source);
} actions[] = {
	{"swap", swap_request},
};

static bool route_action(struct visit *visit)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct ep_slice source = source_of(visit->head->path, actions[i].name);

		if (!source.data)
			continue;
		if (visit->head->verb == HTTP_VERB_POST)
			actions[i].serve(visit, source);
		else
			visit_refuse(visit, 405, EP_ERR_METHOD, "an action is POSTed");
		return true;
	}
	return false;
}

void route_request(struct visit *visit)
{
	const struct http_head *head = visit->head;
	enum http_verb verb = head->verb == HTTP_VERB_HEAD ? HTTP_VERB_GET : head->verb;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!ep_slice_equal(head->path, ep_slice_of(routes[i].path)))
			continue;
		if (routes[i].verb == verb)
			routes[i].serve(visit);
		else
			visit_refuse(visit, 405, EP_ERR_METHOD, "this path has another method");
		return;
	}
	if (route_action(visit))
		return;
	visit_refuse(visit, 404, EP_ERR_NO_SUCH_PATH, "the admin API has no such path");
}
