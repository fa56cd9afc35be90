/*
 * hostile.c: does what a message tells it to, and more than it may. The first word of the message is the act; what a
 * forbidden system call answered comes back as an order whose number is "errno=N" or "done=N".
 *
 * Every storm is bounded here, so that a layer that is off costs the machine nothing.
 */
#define _GNU_SOURCE
#include <entrepot/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORKER_SOCKET 3

struct hostile {
	bool unused;
};

struct host_call {
	const struct ep_host *host;
	struct ep_call *call;
};

static void report(const struct host_call *at, long result)
{
	char text[48];
	int length = result == -1 ? snprintf(text, sizeof(text), "errno=%d", errno)
				  : snprintf(text, sizeof(text), "done=%ld", result);
	char *kept = at->host->alloc(at->call, (uint64_t)length);

	memcpy(kept, text, (size_t)length);
	at->host->record_begin(at->call, EP_ORDER);
	at->host->put_text(at->call, EP_ORDER_ORDER_NO, ep_text_constant(ep_slice_make(kept, (uint64_t)length)));
	(void)at->host->record_end(at->call);
}

static void act_null(const struct host_call *at)
{
	volatile int *volatile nowhere = NULL;

	(void)at;
	*nowhere = 1;
}

static int use_stack(int depth)
{
	volatile char large[4096];

	large[0] = (char)depth;
	return depth > 1 << 24 ? large[0] : use_stack(depth + 1) + large[0];
}

static void act_overflow(const struct host_call *at)
{
	report(at, use_stack(0));
}

static void act_heap(const struct host_call *at)
{
	char *volatile block = malloc(24);
	char *volatile again = block;

	free(block);
	free(again);
	report(at, 0);
}

static void act_abort(const struct host_call *at)
{
	(void)at;
	abort();
}

static void act_hang(const struct host_call *at)
{
	for (volatile uint64_t i = 0; at; i = i + 1)
		;
}

static void act_bomb(const struct host_call *at)
{
	for (size_t i = 0; i < 4096; i++) { /* 16 GiB */
		char *block = malloc((size_t)4 << 20);

		memset(block, 1, (size_t)4 << 20);
	}
	report(at, 0);
}

static void act_arena(const struct host_call *at)
{
	for (size_t i = 0; i < 16384; i++) {
		char *block = at->host->alloc(at->call, 1 << 20);

		block[0] = 1;
	}
	report(at, 0);
}

static void act_shared(const struct host_call *at)
{
	report(at, (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void act_code(const struct host_call *at)
{
	report(at, (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void act_protect(const struct host_call *at)
{
	static char page[8192] __attribute__((aligned(4096)));

	report(at, mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static void act_exit(const struct host_call *at)
{
	report(at, 1);
	_exit(0);
}

static void act_fork(const struct host_call *at)
{
	for (int i = 0; i < 4; i++) {
		long pid = syscall(SYS_fork);

		if (pid == 0)
			_exit(0);
		report(at, pid);
	}
}

static void act_clone(const struct host_call *at)
{
	report(at, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static void act_exec(const struct host_call *at)
{
	static char shell[] = "/bin/true";
	char *const arguments[] = {shell, NULL};

	report(at, execve(shell, arguments, arguments + 1));
}

static void act_socket(const struct host_call *at)
{
	report(at, socket(AF_INET, SOCK_STREAM, 0));
}

static void act_connect(const struct host_call *at)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	report(at, connect(WORKER_SOCKET, (struct sockaddr *)&address, sizeof(address)));
}

static void act_ptrace(const struct host_call *at)
{
	report(at, syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
}

static void act_kill(const struct host_call *at)
{
	report(at, syscall(SYS_kill, -1, SIGKILL));
}

static void act_passwd(const struct host_call *at)
{
	report(at, open("/etc/passwd", O_RDONLY));
}

static void act_library(const struct host_call *at)
{
	report(at, open("/usr/lib", O_RDONLY | O_DIRECTORY));
}

static void act_write_file(const struct host_call *at)
{
	report(at, open("/tmp/entrepot-hostile", O_WRONLY | O_CREAT, 0600));
}

static void act_stat(const struct host_call *at)
{
	struct stat status;

	report(at, stat("/etc/passwd", &status));
}

static void act_environ(const struct host_call *at)
{
	extern char **environ;

	report(at, environ && environ[0] ? 1 : 0);
}

static void act_unknown(const struct host_call *at)
{
	report(at, syscall(100000));
}

static void act_memfd(const struct host_call *at)
{
	report(at, syscall(SYS_memfd_create, "x", MFD_CLOEXEC));
}

static void act_setuid(const struct host_call *at)
{
	report(at, syscall(SYS_setuid, 0));
}

static void act_descriptor(const struct host_call *at)
{
	report(at, write(1, "x", 1));
}

static void act_garbage(const struct host_call *at)
{
	static const char garbage[] = "\xff\xff\xff\xff\x12\x34\x00\x00 not a frame";

	report(at, write(WORKER_SOCKET, garbage, sizeof(garbage)));
}

/* A record that ends beyond its frame. */
static void act_lengths(const struct host_call *at)
{
	const struct {
		uint32_t length;
		uint16_t kind, zero;
		uint64_t number;
		uint32_t origins, bytes;
	} frame = {16, 18, 0, 1, 0x7fffffff, 0x7fffffff};

	report(at, write(WORKER_SOCKET, &frame, sizeof(frame)));
}

static void act_foreign_answer(const struct host_call *at)
{
	const struct {
		uint32_t length;
		uint16_t kind, zero;
		uint64_t number;
	} frame = {8, 20, 0, 987654321};

	report(at, write(WORKER_SOCKET, &frame, sizeof(frame)));
}

static void act_close(const struct host_call *at)
{
	for (int fd = 0; fd < 16; fd++)
		close(fd);
	report(at, 0);
}

/* More output than any message of this size may give; ends by itself after 1 GiB. */
static void act_flood(const struct host_call *at)
{
	for (int i = 0; i < 16 << 20; i++)
		report(at, 1);
}

static void act_log(const struct host_call *at)
{
	for (int i = 0; i < 20000; i++)
		at->host->log(at->call, EP_LOG_ERROR, EP_SAY("a line with \033[31m colour and \n a forged line"));
	report(at, 0);
}

static void act_misuse(const struct host_call *at)
{
	at->host->record_begin(at->call, EP_ORDER);
}

static void act_none(const struct host_call *at)
{
	report(at, 0);
}

static const struct {
	const char *name;
	void (*run)(const struct host_call *at);
} acts[] = {
	{"null", act_null},
	{"overflow", act_overflow},
	{"heap", act_heap},
	{"abort", act_abort},
	{"hang", act_hang},
	{"bomb", act_bomb},
	{"arena", act_arena},
	{"shared", act_shared},
	{"code", act_code},
	{"protect", act_protect},
	{"exit", act_exit},
	{"fork", act_fork},
	{"clone", act_clone},
	{"exec", act_exec},
	{"socket", act_socket},
	{"connect", act_connect},
	{"ptrace", act_ptrace},
	{"kill", act_kill},
	{"passwd", act_passwd},
	{"library", act_library},
	{"write-file", act_write_file},
	{"stat", act_stat},
	{"environ", act_environ},
	{"unknown", act_unknown},
	{"memfd", act_memfd},
	{"setuid", act_setuid},
	{"descriptor", act_descriptor},
	{"garbage", act_garbage},
	{"lengths", act_lengths},
	{"foreign-answer", act_foreign_answer},
	{"close", act_close},
	{"flood", act_flood},
	{"log", act_log},
	{"misuse", act_misuse},
	{"none", act_none},
};

static enum ep_status hostile_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct host_call at = {host, call};
	const struct ep_slice act = ep_slice_trim(input->parts[0].bytes);

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (ep_slice_equal(act, ep_slice_of(acts[i].name))) {
			acts[i].run(&at);
			return EP_OK;
		}
	}
	return host->fail(call, EP_ERR_TYPE_UNKNOWN, ep_place_none(), EP_SAY("no such act"));
}

EP_PLUGIN_DECLARE_FULL("hostile", "6.6.6", EP_KIND_PLATFORM, 0, "", 0, 0, struct hostile, 0, hostile_parse);
