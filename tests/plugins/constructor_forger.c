/* constructor_forger.c: while it is loaded it tells the gateway that it is somebody else, in a better sandbox. */
#include <entrepot/plugin.h>

#include <string.h>
#include <unistd.h>

#define SOCKET 3
#define KIND_LOADING 22

__attribute__((constructor)) static void pretend(void)
{
	static struct {
		uint32_t length;
		uint16_t kind, zero;
		uint64_t build;
		uint32_t name_length;
		char name[4];
		uint32_t version_length;
		char version[4];
		uint32_t layers_length;
		char layers[12];
	} frame = {40, KIND_LOADING, 0, 1, 4, "bank", 4, "9.99", 12, "anti-gravity"};

	if (write(SOCKET, &frame, sizeof(frame)) == -1)
		_exit(1);
}

static enum ep_status never_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	(void)host;
	(void)call;
	(void)state;
	(void)input;
	return EP_OK;
}

struct nothing {
	bool unused;
};

EP_PLUGIN_DECLARE_FULL("constructor_forger", "1.0.0", EP_KIND_BANK, 0, "", 0, 0, struct nothing, 0, never_parse);
