/*
 * call_state.h: what stands behind struct ep_call, for call.c, host.c and the services only.
 */
#ifndef WORKER_CALL_STATE_H
#define WORKER_CALL_STATE_H

#include "base/buffer.h"
#include "worker/call.h"
#include "worker/charset.h"
#include "worker/zone.h"

#define CALL_TEXT_MAX 1000 /* bytes of what is said of a failure, or logged */
#define CALL_PATH_MAX 500
#define CALL_LOG_LINES_MAX 100 /* of one message */

/* A failure that keeps its own text, so that it can be told when the call's memory is used up. */
struct kept_failure {
	bool set;
	enum ep_status status;
	enum ep_error code;
	struct ep_place place;
	char path[CALL_PATH_MAX];
	char text[CALL_TEXT_MAX];
	size_t text_length;
};

struct json_reader;
struct xml_reader;
struct utf8_part;

struct ep_call {
	struct call_options options;
	struct arena arena;
	struct record_builder *builder;
	struct zone *zone; /* NULL: none declared */
	struct charsets *charsets;
	const struct charset *charset; /* option `charset`; NULL: as the message says */
	struct buffer converted;       /* a text of one byte a character, in UTF-8, on its way into the record */
	struct json_reader *json;
	struct xml_reader *xml;

	/* Of the message at hand. */
	uint32_t part_count;
	struct utf8_part *utf8_parts; /* newest first */
	struct kept_failure failed;   /* fail() */
	struct kept_failure refused;  /* reject(), where the source refuses messages in part */
	struct kept_failure sticky;   /* what went wrong in the record at hand; record_end() tells it */
	bool rejected;                /* the record at hand was rejected by reject(), and the gateway told */
	struct kept_failure misuse;
	struct kept_failure memory; /* memory_max was reached */
	uint32_t log_lines;
};

/* call.c: runs the plugin's open(); *failure says what it refused. */
enum ep_status call_open(
	struct ep_call *call, const struct ep_plugin *plugin, void *state, struct call_failure *failure);

/* host.c ------------------------------------------------------------------------------------------------------- */

extern const struct ep_host call_host_table;

/* What host->fail() does; for services. Returns EP_BAD_INPUT. */
enum ep_status call_fail(struct ep_call *call, enum ep_error code, struct ep_place place, const char *text);
/* Zeroed; NULL at memory_max, which fails the message. */
void *call_alloc(struct ep_call *call, uint64_t size);
/* A rule of the interface was broken: the message fails, whatever the plugin does. */
void call_misuse(struct ep_call *call, const char *text);
void call_keep(struct kept_failure *kept, enum ep_status status, enum ep_error code, const struct ep_place *place,
	struct ep_slice text);
/* Nothing known. */
struct ep_place call_no_place(void);

/* utf8.c: parts that were made by text->utf8() ------------------------------------------------------------------ */

extern const struct ep_text_service utf8_service;
/* A range in a part made by text->utf8() becomes the range of the sender's bytes; others stay as they are. */
void utf8_origin(const struct ep_call *call, uint32_t *part, uint64_t *offset, uint64_t *length);

/* json.c ------------------------------------------------------------------------------------------------------- */

extern const struct ep_json_service json_service;
struct json_reader *json_reader_create(void); /* NULL without memory */
void json_reader_destroy(struct json_reader *reader);
void json_reader_reset(struct json_reader *reader); /* between messages */

/* xml.c -------------------------------------------------------------------------------------------------------- */

extern const struct ep_xml_service xml_service;
struct xml_reader *xml_reader_create(void); /* NULL without memory */
void xml_reader_destroy(struct xml_reader *reader);
void xml_reader_reset(struct xml_reader *reader);
/* Reads what the plugin left unread: a message is accepted whole or not at all. Fails the call if it is unsound. */
void xml_reader_finish(struct ep_call *call);

#endif
