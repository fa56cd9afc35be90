/*
 * forger.c: speaks for its worker: writes frames of its own to the socket, under the number of the first call of all.
 * The message is the kind of lie.
 */
#define _GNU_SOURCE
#include <entrepot/plugin.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SOCKET 3
#define KIND_RECORD 18
#define KIND_REJECT 19
#define TYPE_TEXT 1
#define TYPE_MONEY 9

struct forger {
	bool unused;
};

/* A RECORD frame with one record of one field. */
struct forged {
	uint32_t length;
	uint16_t kind, zero;
	uint64_t number;
	uint32_t origins, record_bytes;
	uint16_t record, zero_too;
	uint32_t fields_bytes;
	uint16_t field;
	uint8_t type, zero_again;
	uint32_t value_bytes;
	char value[24];
};

static struct forged forge(uint32_t record, uint32_t field, uint8_t type, const void *value, uint32_t length)
{
	struct forged forged = {.kind = KIND_RECORD,
		.number = 1,
		.record_bytes = 16 + length,
		.record = (uint16_t)record,
		.fields_bytes = 8 + length,
		.field = (uint16_t)field,
		.type = type,
		.value_bytes = length};

	memcpy(forged.value, value, length);
	forged.length = (uint32_t)sizeof(forged) - 8;
	return forged;
}

static void send(const struct forged *forged)
{
	if (write(SOCKET, forged, sizeof(*forged)) == -1)
		_exit(1);
}

/* Nothing wrong with it: so the others are refused for their lies. */
static void act_honest(void)
{
	const struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_TEXT, "x", 1);

	send(&forged);
}

static void act_unknown_record(void)
{
	const struct forged forged = forge(999, 1, TYPE_TEXT, "x", 1);

	send(&forged);
}

static void act_foreign_field(void)
{
	const struct forged forged = forge(EP_ORDER, 60000, TYPE_TEXT, "x", 1);

	send(&forged);
}

static void act_other_type(void)
{
	const struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_MONEY, "x", 1);

	send(&forged);
}

static void act_utf8(void)
{
	const struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_TEXT, "a\xff\xfe", 3);

	send(&forged);
}

static void act_decimal(void)
{
	char value[20];
	struct forged forged;

	memset(value, 0x7f, sizeof(value)); /* a scale of 127, a number of 39 digits */
	forged = forge(EP_ORDER, EP_ORDER_TOTAL & 0xffff, TYPE_MONEY, value, sizeof(value));
	send(&forged);
}

static void act_length(void)
{
	struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_TEXT, "x", 1);

	forged.value_bytes = 0x7fffffff;
	send(&forged);
}

static void act_frame_length(void)
{
	struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_TEXT, "x", 1);

	forged.length = 0xfffffff8;
	send(&forged);
}

static void act_other_call(void)
{
	struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_TEXT, "x", 1);

	forged.number = 2;
	send(&forged);
}

/* Half a frame, and nothing more for ever. */
static void act_half(void)
{
	const struct forged forged = forge(EP_ORDER, EP_ORDER_ORDER_NO & 0xffff, TYPE_TEXT, "x", 1);

	if (write(SOCKET, &forged, 20) == -1)
		_exit(1);
	for (volatile uint64_t i = 0; i < UINT64_MAX; i = i + 1)
		;
}

/* The progress page and whatever else came as a descriptor, cut to nothing. */
static void act_shrink(void)
{
	for (int fd = 4; fd < 64; fd++)
		if (ftruncate(fd, 0) == 0)
			return;
}

static const struct {
	const char *name;
	void (*run)(void);
} acts[] = {
	{"honest", act_honest},
	{"unknown-record", act_unknown_record},
	{"foreign-field", act_foreign_field},
	{"other-type", act_other_type},
	{"utf8", act_utf8},
	{"decimal", act_decimal},
	{"length", act_length},
	{"frame-length", act_frame_length},
	{"other-call", act_other_call},
	{"half", act_half},
	{"shrink", act_shrink},
};

static enum ep_status forger_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_slice act = ep_slice_trim(input->parts[0].bytes);

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (ep_slice_equal(act, ep_slice_of(acts[i].name))) {
			acts[i].run();
			return EP_OK;
		}
	}
	return host->fail(call, EP_ERR_TYPE_UNKNOWN, ep_place_none(), EP_SAY("no such act"));
}

EP_PLUGIN_DECLARE_FULL("forger", "6.6.8", EP_KIND_PLATFORM, 0, "", 0, 0, struct forger, 0, forger_parse);
