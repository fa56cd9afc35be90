/*
 * lines.c: what a worker writes to its standard error, line by line into the log, labelled and limited. A line of the
 * host's log() begins with 0x1e and the level; anything else is the plugin's own. Escaping is the log's business.
 */
#include "supervise/state.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define WINDOW_NS (10 * NS_PER_S)
#define WINDOW_LINES 100

static bool is_within_rate(struct worker *worker)
{
	struct line_reader *lines = &worker->lines;
	const int64_t now = clock_monotonic_ns();

	if (now - lines->window_ns > WINDOW_NS) {
		if (lines->suppressed > 0)
			log_warn("plugin log lines dropped", log_text("source", worker->options.source),
				log_number("lines", (int64_t)lines->suppressed));
		lines->suppressed = 0;
		lines->window_lines = 0;
		lines->window_ns = now;
	}
	if (lines->window_lines < WINDOW_LINES) {
		lines->window_lines++;
		return true;
	}
	lines->suppressed++;
	return false;
}

static void remember(struct worker *worker, struct ep_slice text)
{
	const size_t room = sizeof(worker->last_line) - 1;
	size_t length = text.length < room ? (size_t)text.length : room;

	for (size_t i = 0; i < length; i++)
		worker->last_line[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
	worker->last_line[length] = '\0';
}

static void take_line(struct worker *worker)
{
	struct line_reader *lines = &worker->lines;
	struct ep_slice text = ep_slice_make(lines->text, lines->length);
	enum ep_log_level level = EP_LOG_WARN;
	bool own = true;

	lines->length = 0;
	lines->overlong = false;
	if (text.length >= 2 && text.data[0] == '\036' && text.data[1] >= '0' && text.data[1] <= '3') {
		level = (enum ep_log_level)(text.data[1] - '0');
		text = ep_slice_sub(text, 2, text.length - 2);
		own = false;
	}
	if (text.length == 0)
		return;
	remember(worker, text);
	if (log_wants(level) && is_within_rate(worker))
		log_write(level, own ? "plugin wrote" : "plugin says",
			(const struct log_field[]){
				log_text("source", worker->options.source), log_slice("text", text), LOG_END});
}

void lines_take(struct worker *worker, struct ep_slice bytes)
{
	struct line_reader *lines = &worker->lines;

	for (uint64_t i = 0; i < bytes.length; i++) {
		if (bytes.data[i] == '\n')
			take_line(worker);
		else if (lines->length < sizeof(lines->text))
			lines->text[lines->length++] = bytes.data[i];
		else
			lines->overlong = true;
	}
}

void lines_end(struct worker *worker)
{
	if (worker->lines.length > 0)
		take_line(worker);
}
