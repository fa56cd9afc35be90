/* reply.c: see reply.h. */
#include "intake/reply.h"

#include <stdio.h>
#include <time.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "intake/outcome_json.h"
#include "record/schema.h"

static const char *phrase_of(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} known[] = {{200, "OK"}, {202, "Accepted"}, {400, "Bad Request"}, {401, "Unauthorized"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {408, "Request Timeout"}, {411, "Length Required"},
		{413, "Content Too Large"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
		{429, "Too Many Requests"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].phrase;
	return "Status";
}

/* "Mon, 23 Nov 2026 10:00:00 GMT" (RFC 9110 section 5.6.7), made once a second. */
static const char *date_now(void)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static _Thread_local char text[40];
	static _Thread_local time_t made = -1;
	time_t now = (time_t)(clock_realtime_ns() / NS_PER_S);
	struct tm at;

	if (now == made)
		return text;
	gmtime_r(&now, &at);
	snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[at.tm_wday], at.tm_mday,
		months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
	made = now;
	return text;
}

static void write_number(struct buffer *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	(void)buffer_append(out, digits + at, sizeof(digits) - at);
}

/* The status line and the headers that every response has. The caller adds its own and calls end_head(). */
static void begin_head(const struct reply_frame *frame, int status, const char *type)
{
	struct buffer *out = frame->out;

	(void)buffer_append_string(out, "HTTP/1.1 ");
	write_number(out, (uint64_t)status);
	(void)buffer_append_byte(out, ' ');
	(void)buffer_append_string(out, phrase_of(status));
	(void)buffer_append_string(out, "\r\nDate: ");
	(void)buffer_append_string(out, date_now());
	(void)buffer_append_string(out, "\r\nContent-Type: ");
	(void)buffer_append_string(out, type);
	(void)buffer_append_string(out, "\r\nContent-Length: ");
	write_number(out, frame->scratch->length);
	if (!frame->keep_alive)
		(void)buffer_append_string(out, "\r\nConnection: close");
	else if (frame->http_1_0)
		(void)buffer_append_string(out, "\r\nConnection: keep-alive");
}

static enum ep_status end_head(const struct reply_frame *frame)
{
	(void)buffer_append_string(frame->out, "\r\n\r\n");
	if (!frame->head_only)
		(void)buffer_append_slice(frame->out, buffer_slice(frame->scratch));
	return frame->scratch->failed == EP_OK ? frame->out->failed : frame->scratch->failed;
}

static void write_applied(struct buffer *out, int wait_s)
{
	if (wait_s < 0)
		return;
	(void)buffer_append_string(out, "\r\nPreference-Applied: wait=");
	write_number(out, (uint64_t)wait_s);
}

enum ep_status reply_receipt(
	const struct reply_frame *frame, struct ep_slice source, const struct receipt *receipt, int wait_s)
{
	struct json json = json_begin(frame->scratch);
	char id[33], digest[65], received[32];

	hex_write(receipt->message_id, sizeof(receipt->message_id), id);
	hex_write(receipt->sha256, sizeof(receipt->sha256), digest);
	timestamp_write(receipt->received_at_ns, received);
	buffer_clear(frame->scratch);
	json_object_begin(&json);
	json_member_string(&json, "message_id", id);
	json_member_text(&json, "source", source);
	json_member_string(&json, "received_at", received);
	json_member_integer(&json, "bytes", (int64_t)receipt->bytes);
	json_member_string(&json, "sha256", digest);
	json_member_bool(&json, "duplicate", receipt->duplicate);
	json_object_end(&json);
	begin_head(frame, 202, "application/json");
	(void)buffer_append_string(frame->out, "\r\nLocation: /in/");
	(void)buffer_append_slice(frame->out, source);
	(void)buffer_append_string(frame->out, "/messages/");
	(void)buffer_append(frame->out, id, 32);
	write_applied(frame->out, wait_s);
	return end_head(frame);
}

enum ep_status reply_outcome(const struct reply_frame *frame, const struct outcome *outcome, bool duplicate, int wait_s)
{
	enum ep_status status;

	buffer_clear(frame->scratch);
	status = outcome_json_write(outcome, duplicate, frame->scratch);
	if (status != EP_OK)
		return status;
	begin_head(frame, 200, "application/json");
	write_applied(frame->out, wait_s);
	return end_head(frame);
}

enum ep_status reply_problem(const struct reply_frame *frame, const struct problem *problem)
{
	const struct schema_error *error = schema_error_find(problem->code);
	struct json json = json_begin(frame->scratch);
	char type[100];

	snprintf(type, sizeof(type), "urn:entrepot:error:%s", error->code);
	buffer_clear(frame->scratch);
	json_object_begin(&json);
	json_member_string(&json, "type", type);
	json_member_string(&json, "title", error->english);
	json_member_integer(&json, "status", problem->status);
	if (problem->text && *problem->text)
		json_member_string(&json, "detail", problem->text);
	json_member_string(&json, "code", error->code);
	json_member_string(&json, "remedy", error->remedy);
	json_object_end(&json);
	begin_head(frame, problem->status, "application/problem+json");
	if (problem->status == 401) /* the same for every source, known or not */
		(void)buffer_append_string(frame->out, "\r\nWWW-Authenticate: Bearer, Basic realm=\"entrepot\"");
	if (problem->allow) {
		(void)buffer_append_string(frame->out, "\r\nAllow: ");
		(void)buffer_append_string(frame->out, problem->allow);
	}
	if (problem->retry_after_s) {
		(void)buffer_append_string(frame->out, "\r\nRetry-After: ");
		write_number(frame->out, (uint64_t)problem->retry_after_s);
	}
	return end_head(frame);
}
