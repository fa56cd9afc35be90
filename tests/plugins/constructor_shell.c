/* constructor_shell.c: runs a shell while it is loaded. */
#include <entrepot/plugin.h>

#include <unistd.h>

__attribute__((constructor)) static void run(void)
{
	char *const arguments[] = {"sh", "-c", "exit 0", NULL};

	execve("/bin/sh", arguments, arguments + 3);
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

EP_PLUGIN_DECLARE_FULL("constructor_shell", "1.0.0", EP_KIND_BANK, 0, "", 0, 0, struct nothing, 0, never_parse);
