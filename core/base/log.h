/*
 * log.h: structured logs on standard error, one line an event, as text or JSON.
 *
 * No message bodies, no secrets, no persons' data. Control and bidirectional characters in values are escaped, so that
 * foreign text can't forge a line. Safe from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <entrepot/plugin.h>

enum log_format { LOG_TEXT, LOG_JSON };

/* One named value. Made by the functions below. */
struct log_field {
	const char *name;
	struct ep_slice text;
	int64_t number;
	bool is_number;
};

void log_setup(enum log_format format, enum ep_log_level least);
bool log_wants(enum ep_log_level level);
/* `event` is a short constant in the imperative or past ("worker started"); fields end with LOG_END. */
void log_write(enum ep_log_level level, const char *event, const struct log_field *fields);

static inline struct log_field log_text(const char *name, const char *text)
{
	struct log_field field = {name, ep_slice_of(text), 0, false};
	return field;
}

static inline struct log_field log_slice(const char *name, struct ep_slice text)
{
	struct log_field field = {name, text, 0, false};
	return field;
}

static inline struct log_field log_number(const char *name, int64_t number)
{
	struct log_field field = {name, {NULL, 0}, number, true};
	return field;
}

/* log_info("worker started", log_text("source", name), log_number("pid", pid)); a field is required */
#define LOG_END                                                                                                        \
	{                                                                                                              \
		NULL, {NULL, 0}, 0, false                                                                              \
	}
#define log_debug(event, ...) log_write(EP_LOG_DEBUG, event, (const struct log_field[]){__VA_ARGS__, LOG_END})
#define log_info(event, ...) log_write(EP_LOG_INFO, event, (const struct log_field[]){__VA_ARGS__, LOG_END})
#define log_warn(event, ...) log_write(EP_LOG_WARN, event, (const struct log_field[]){__VA_ARGS__, LOG_END})
#define log_error(event, ...) log_write(EP_LOG_ERROR, event, (const struct log_field[]){__VA_ARGS__, LOG_END})

#endif
