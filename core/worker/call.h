/*
 * call.h: one call of a plugin, from the host's side: the memory, the record being built, the services' state.
 *
 * What the plugin puts goes to the sink record by record; nothing is kept here, so a call's memory doesn't grow with the
 * number of its records. Errors stick until record_end(), then come back to the plugin.
 */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include "base/arena.h"
#include "base/error.h"
#include "record/encode.h"

/* Where a call's output goes: the socket to the gateway (serve.c), or a test. */
struct call_sink {
	void (*record)(void *self, struct ep_slice encoded, const struct record_origin *origins, uint32_t origin_count);
	void (*reject)(void *self, enum ep_error code, const struct ep_place *place, struct ep_slice text);
	void (*log)(void *self, enum ep_log_level level, struct ep_slice text);
	void *self;
};

struct call_options {
	size_t memory_max;       /* of what host->alloc() and the services give out, bytes */
	size_t json_max;         /* of one JSON document, bytes */
	bool reject_message;     /* on_bad_record = "reject-message" (or EP_WHOLE_ONLY): reject() fails the message */
	struct ep_slice zone;    /* option `zone`; empty: none declared */
	struct ep_slice charset; /* option `charset`; empty: as the message says */
	struct call_sink sink;
};

/* What the plugin's failure was; set when call_parse() returns other than EP_OK. */
struct call_failure {
	enum ep_error code;
	struct ep_place place; /* place.path in the call's memory */
	struct ep_slice text;  /* in the call's memory */
};

struct ep_call;

/* Reads zone data, opens converters, and so on: everything that needs a file, before the sandbox is closed.
 * EP_BAD_CONFIG for a zone or charset that doesn't exist. */
EP_MUST_CHECK enum ep_status call_create(
	struct ep_call **call, const struct call_options *options, struct error *error);
void call_destroy(struct ep_call *call);

/* Whether the plugin was refused memory in the call at hand: a crash then is what became of that. From a signal handler. */
bool call_lacks_memory(const struct ep_call *call);

/* The table that plugins are given. */
const struct ep_host *call_host(void);

/* The charset of a part: option charset, else the media type's parameter, else UTF-8. */
uint32_t call_charset(const struct ep_call *call, struct ep_slice content_type);

/*
 * Runs parse() on one message and takes the call's memory back before the next one. EP_OK: every record was given to the
 * sink, every rejected one told to it. EP_BAD_INPUT: *failure says why; the code is EP_ERR_RECORD_REJECTED where the source
 * refuses messages in part, EP_ERR_PLUGIN_MEMORY where memory_max was reached, whatever the plugin made of that. EP_MISUSE:
 * the plugin broke a rule (EP_OK returned with a record begun or after a fail(), EP_BAD_INPUT without one, a status that
 * isn't one, a put outside of a record ...): *failure says which. XML that parse() left unread is read to its end, for a
 * message counts as a whole. What `failure` names is valid until the next call.
 */
enum ep_status call_parse(struct ep_call *call, const struct ep_plugin *plugin, const void *state,
	const struct ep_input *input, struct call_failure *failure);

/* An instance's state: zeroed, defaults and settings read in. EP_BAD_CONFIG names the option, what it accepts, the
 * nearest known name. `zone` and `charset` are the host's own and skipped. */
struct instance_setting {
	struct ep_slice name, value;
};
EP_MUST_CHECK enum ep_status instance_open(struct ep_call *call, const struct ep_plugin *plugin,
	const struct instance_setting *settings, size_t setting_count, struct arena *memory, void **state,
	struct error *error);

/* Shows each option of a plugin's table. EP_BAD_CONFIG: the table contradicts itself. */
EP_MUST_CHECK enum ep_status instance_describe(const struct ep_plugin *plugin,
	void (*each)(void *argument, const struct ep_option *option), void *argument, struct error *error);

#endif
