/*
 * careless.c: breaks the rules of the interface rather than the walls around it: the message says which.
 */
#define _GNU_SOURCE
#include <entrepot/plugin.h>

#include <limits.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct careless {
	bool unused;
};

struct host_call {
	const struct ep_host *host;
	struct ep_call *call;
};

static jmp_buf elsewhere;
static char *held;
static struct host_call earlier;

static void put_order(const struct host_call *at, const char *number)
{
	at->host->record_begin(at->call, EP_ORDER);
	at->host->put_text(at->call, EP_ORDER_ORDER_NO, ep_text_constant(ep_slice_of(number)));
	(void)at->host->record_end(at->call);
}

/* Back into a call that has returned long ago. */
static enum ep_status act_jump(const struct host_call *at)
{
	static volatile bool known;

	if (known)
		longjmp(elsewhere, 1);
	known = true;
	if (setjmp(elsewhere) == 0)
		put_order(at, "before-the-jump");
	return EP_OK;
}

/* Keeps memory and handles of the first call, and writes to them in those after it. */
static enum ep_status act_hold(const struct host_call *at)
{
	if (held) {
		memset(held, 'x', 4096);
		earlier.host->record_begin(earlier.call, EP_ORDER);
		earlier.host->record_cancel(earlier.call);
	}
	held = at->host->alloc(at->call, 4096);
	earlier = *at;
	put_order(at, "held");
	return EP_OK;
}

static enum ep_status act_success_with_error(const struct host_call *at)
{
	put_order(at, "half-done");
	(void)at->host->fail(at->call, EP_ERR_VALUE, ep_place_none(), EP_SAY("it is all wrong"));
	return EP_OK;
}

static enum ep_status act_success_with_record_open(const struct host_call *at)
{
	at->host->record_begin(at->call, EP_ORDER);
	return EP_OK;
}

static enum ep_status act_strange_status(const struct host_call *at)
{
	(void)at;
	return (enum ep_status)4711;
}

static enum ep_status act_fickle(const struct host_call *at)
{
	struct timespec now;
	char number[64];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(number, sizeof(number), "fickle-%ld", (long)now.tv_nsec);
	put_order(at, number);
	return EP_OK;
}

static enum ep_status act_utf8(const struct host_call *at)
{
	put_order(at, "\xff\xfe");
	return EP_OK;
}

static enum ep_status act_text_utf8(const struct host_call *at)
{
	return at->host->fail(at->call, EP_ERR_VALUE, ep_place_none(), EP_SAY("\033[31m\xff\xc3"));
}

static enum ep_status act_decimal(const struct host_call *at)
{
	const struct ep_decimal large = {.scale = 250};

	at->host->record_begin(at->call, EP_ORDER);
	at->host->put_text(at->call, EP_ORDER_ORDER_NO, ep_text_constant(EP_SAY("decimal")));
	at->host->put_decimal(at->call, EP_ORDER_TOTAL, large, ep_text_constant(EP_SAY("")));
	(void)at->host->record_end(at->call);
	return EP_OK;
}

static enum ep_status act_foreign_field(const struct host_call *at)
{
	at->host->record_begin(at->call, EP_ORDER);
	at->host->put_text(at->call, 0x7fff7fff, ep_text_constant(EP_SAY("x")));
	(void)at->host->record_end(at->call);
	return EP_OK;
}

static enum ep_status act_exit(const struct host_call *at)
{
	put_order(at, "before-the-exit");
	exit(0);
	return EP_OK;
}

static enum ep_status act_billion(const struct host_call *at)
{
	for (uint32_t i = 0; i < 1000000000; i++)
		put_order(at, "one-of-a-billion");
	return EP_OK;
}

static enum ep_status act_billion_rejections(const struct host_call *at)
{
	for (uint32_t i = 0; i < 1000000000; i++)
		(void)at->host->reject(at->call, EP_ERR_VALUE, ep_place_none(), EP_SAY("no"));
	return EP_OK;
}

static enum ep_status act_sleep(const struct host_call *at)
{
	static uint32_t never;

	(void)at;
	while (never == 0)
		syscall(SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return EP_OK;
}

static enum ep_status act_smash(const struct host_call *at)
{
	char *volatile block = malloc(64);

	put_order(at, "smash");
	memset(block, 0x41, 64 * 1024);
	free(block);
	for (int i = 0; i < 64; i++)
		free(malloc((size_t)i * 100));
	return EP_OK;
}

static const struct {
	const char *name;
	enum ep_status (*run)(const struct host_call *at);
} acts[] = {
	{"jump", act_jump},
	{"hold", act_hold},
	{"success-with-error", act_success_with_error},
	{"success-with-record-open", act_success_with_record_open},
	{"strange-status", act_strange_status},
	{"fickle", act_fickle},
	{"utf8", act_utf8},
	{"text-utf8", act_text_utf8},
	{"decimal", act_decimal},
	{"foreign-field", act_foreign_field},
	{"exit", act_exit},
	{"billion", act_billion},
	{"billion-rejections", act_billion_rejections},
	{"sleep", act_sleep},
	{"smash", act_smash},
};

static enum ep_status careless_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct host_call at = {host, call};
	const struct ep_slice act = ep_slice_trim(input->parts[0].bytes);

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (ep_slice_equal(act, ep_slice_of(acts[i].name)))
			return acts[i].run(&at);
	}
	if (act.length == 0)
		return EP_OK;
	return host->fail(call, EP_ERR_TYPE_UNKNOWN, ep_place_none(), EP_SAY("no such act"));
}

EP_PLUGIN_DECLARE_FULL("careless", "6.6.9", EP_KIND_PLATFORM, 0, "", 0, 0, struct careless, 0, careless_parse);
