/* liar.c: its note says 1.0.0, its function says otherwise. */
#include <entrepot/plugin.h>

struct nothing {
	bool unused;
};

static enum ep_status never_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	(void)host;
	(void)call;
	(void)state;
	(void)input;
	return EP_OK;
}

#define ep_plugin_v1 honest_plugin
EP_PLUGIN_DECLARE_FULL("liar", "1.0.0", EP_KIND_BANK, 0, "", 0, 0, struct nothing, 0, never_parse);
#undef ep_plugin_v1

__attribute__((visibility("default"))) const struct ep_plugin *ep_plugin_v1(void);

const struct ep_plugin *ep_plugin_v1(void)
{
	static struct ep_plugin plugin;

	plugin = *honest_plugin();
	plugin.version = "9.9.9";
	return &plugin;
}
