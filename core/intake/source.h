/*
 * source.h: a configured source as intake sees it: its verifier, the headers to be kept, where its event id stands.
 */
#ifndef INTAKE_SOURCE_H
#define INTAKE_SOURCE_H

#include "intake/body.h"
#include "intake/verify.h"
#include "journal/message.h"

struct source {
	const struct conf_source *conf;
	struct ep_slice name;
	struct verifier *verifier;
	uint32_t keep_count;
	struct ep_slice keep[MESSAGE_HEADERS_MAX]; /* names; they point into the plugin's note, and: */
	char *added[MESSAGE_HEADERS_MAX];          /* owned, or NULL */
};

/* The sources, in the order of their names. */
struct sources {
	struct source *list;
	size_t count;
	struct verifier *nobody; /* refuses everyone: of a source that doesn't exist */
	struct buffer id_window; /* start of a large body, in which its event id is looked for */
};

/* `conf` must outlive it. */
EP_MUST_CHECK enum ep_status sources_create(struct sources *sources, const struct conf *conf, struct error *error);
void sources_destroy(struct sources *sources);
/* These are kept besides, as many as there is room for. EP_NO_MEMORY. A source that isn't there has none. */
EP_MUST_CHECK enum ep_status sources_keep(struct sources *sources, struct ep_slice name, struct ep_slice headers);
/* NULL: none. */
const struct source *sources_find(const struct sources *sources, struct ep_slice name);
/*
 * Fills in what the message takes from its head: content type and encoding, Idempotency-Key, the event id, the headers
 * that the plugin declared. The slices point into the head and the body, or stay until the next call. Credentials are
 * never kept.
 */
void source_fill_message(struct sources *sources, const struct source *source, const struct http_head *head,
	const struct body *body, struct message *message);
/* The same for a file, which has no head. */
void source_fill_file(
	struct sources *sources, const struct source *source, const struct body *body, struct message *message);

#endif
