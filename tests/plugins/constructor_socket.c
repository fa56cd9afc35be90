/* constructor_socket.c: reaches for the network while it is loaded, before anybody has called it. */
#include <entrepot/plugin.h>

#include <sys/socket.h>

static int reached;

__attribute__((constructor)) static void reach(void)
{
	reached = socket(AF_INET, SOCK_STREAM, 0);
}

static enum ep_status reach_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	(void)host;
	(void)call;
	(void)state;
	(void)input;
	return reached == -1 ? EP_OK : EP_BAD_INPUT;
}

struct nothing {
	bool unused;
};

EP_PLUGIN_DECLARE_FULL("constructor_socket", "1.0.0", EP_KIND_BANK, 0, "", 0, 0, struct nothing, 0, reach_parse);
