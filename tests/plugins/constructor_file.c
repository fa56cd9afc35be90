/* constructor_file.c: reads a file and makes code while it is loaded; says afterwards what it was answered. */
#define _GNU_SOURCE
#include <entrepot/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

static int file_answer, write_answer, code_answer;

__attribute__((constructor)) static void reach(void)
{
	file_answer = open("/etc/passwd", O_RDONLY) == -1 ? errno : 0;
	write_answer = open("/tmp/entrepot-hostile", O_WRONLY | O_CREAT, 0600) == -1 ? errno : 0;
	code_answer =
		mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static enum ep_status reach_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	(void)state;
	(void)input;
	if (!file_answer || !write_answer || !code_answer)
		return host->fail(call, EP_ERR_VALUE, ep_place_none(), EP_SAY("the constructor got something"));
	return EP_OK;
}

struct nothing {
	bool unused;
};

EP_PLUGIN_DECLARE_FULL("constructor_file", "1.0.0", EP_KIND_BANK, 0, "", 0, 0, struct nothing, 0, reach_parse);
