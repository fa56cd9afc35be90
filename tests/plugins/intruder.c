/*
 * intruder.c: reaches for what isn't its own. A message is an act and its argument, "read /etc/passwd"; the message then
 * fails with what came of it: "errno=N", or "done=N" if nothing stood in the way. A signal sent is signal 0, which is
 * checked as any other and hurts nobody; storms and bombs end by themselves, so that a layer that is off costs little.
 */
#define _GNU_SOURCE
#include <entrepot/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PIECE (8 * MIB)
#define PIECES_MAX 256
#define STORM_MAX 64

struct intruder {
	bool unused;
};

/* Each returns -1 with errno, or what it got hold of. */
static long act_read(const char *path)
{
	char bytes[64];
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	return fd == -1 ? -1 : (long)read(fd, bytes, sizeof(bytes));
}

static long act_list(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY);
}

static long act_write(const char *path)
{
	return open(path, O_WRONLY);
}

static long act_create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long act_unlink(const char *path)
{
	return unlink(path);
}

static long act_stat(const char *path)
{
	return access(path, F_OK);
}

static long act_exec(const char *path)
{
	char *const arguments[] = {(char *)(uintptr_t)path, NULL};

	return execve(path, arguments, arguments + 1);
}

static long act_connect(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd == -1 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static long act_listen(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd == -1 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static long act_signal(const char *pid)
{
	return kill((pid_t)strtol(pid, NULL, 10), 0);
}

static long act_trace(const char *pid)
{
	return ptrace(PTRACE_SEIZE, (pid_t)strtol(pid, NULL, 10), NULL, NULL);
}

static long act_peek(const char *pid)
{
	char bytes[16];
	struct iovec mine = {bytes, sizeof(bytes)}, theirs = {bytes, sizeof(bytes)};

	return process_vm_readv((pid_t)strtol(pid, NULL, 10), &mine, 1, &theirs, 1, 0);
}

static long act_descriptor(const char *pid)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0);

	return fd == -1 ? -1 : syscall(SYS_pidfd_getfd, fd, 4, 0);
}

static long act_root(const char *nothing)
{
	(void)nothing;
	return setuid(0);
}

/* Code that was written here, not loaded from a file. */
static long act_code(const char *nothing)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)nothing;
	return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

/* Children that end at once; how many there were. */
static long act_fork(const char *nothing)
{
	long made = 0;

	(void)nothing;
	for (int i = 0; i < STORM_MAX; i++) {
		const long pid = syscall(SYS_fork);

		if (pid == 0)
			_exit(0);
		if (pid == -1)
			return made > 0 ? made : -1;
		waitpid((pid_t)pid, NULL, 0);
		made++;
	}
	return made;
}

static int rest(void *nothing)
{
	(void)nothing;
	syscall(SYS_exit, 0);
	return 0;
}

static long act_thread(const char *nothing)
{
	static char stacks[STORM_MAX][16384];
	long made = 0;

	(void)nothing;
	for (int i = 0; i < STORM_MAX; i++) {
		if (clone(rest, stacks[i] + sizeof(stacks[i]) - 64,
			    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
			    NULL) == -1)
			return made > 0 ? made : -1;
		made++;
	}
	return made;
}

/* What a hoard got is given back at its end, so that the next one begins with nothing. */
struct hoard {
	char *pieces[PIECES_MAX];
	size_t count;
};

/* Memory, as many MiB as are given, in the ways that a limit may forget to count. Returns the MiB that it got. */
static long hoard(const char *mib, bool protect)
{
	static struct hoard hoard;
	const size_t wanted = strtoul(mib, NULL, 10) * MIB / PIECE;
	long got = 0;

	for (hoard.count = 0; hoard.count < wanted && hoard.count < PIECES_MAX; hoard.count++) {
		char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (piece == MAP_FAILED)
			break;
		memset(piece, 1, PIECE);
		hoard.pieces[hoard.count] = piece;
		if (protect && mprotect(piece, PIECE, PROT_READ) == -1)
			(void)mprotect(piece, PIECE, PROT_NONE); /* if it can't, it counts */
	}
	got = (long)(hoard.count * PIECE / MIB);
	while (hoard.count > 0)
		munmap(hoard.pieces[--hoard.count], PIECE);
	return got;
}

static long act_hoard(const char *mib)
{
	return hoard(mib, false);
}

static long act_hoard_protected(const char *mib)
{
	return hoard(mib, true);
}

static long act_hoard_stack(const char *mib)
{
	const size_t wanted = strtoul(mib, NULL, 10) * MIB;
	char *piece = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);

	if (piece == MAP_FAILED)
		return -1;
	memset(piece, 1, wanted);
	munmap(piece, wanted);
	return (long)(wanted / MIB);
}

/* The stack's own pages, made larger elsewhere. */
static long act_hoard_moved(const char *mib)
{
	const size_t wanted = strtoul(mib, NULL, 10) * MIB;
	char *here = (char *)(((uintptr_t)__builtin_frame_address(0) - 16384) & ~(uintptr_t)4095);
	char *piece;

	memset(here, 0, 4096);
	piece = mremap(here, 4096, wanted, MREMAP_MAYMOVE);
	if (piece == MAP_FAILED)
		return -1;
	memset(piece, 1, wanted);
	munmap(piece, wanted);
	return (long)(wanted / MIB);
}

static const struct {
	const char *name;
	long (*run)(const char *argument);
} acts[] = {
	{"read", act_read},
	{"list", act_list},
	{"write", act_write},
	{"create", act_create},
	{"unlink", act_unlink},
	{"stat", act_stat},
	{"exec", act_exec},
	{"connect", act_connect},
	{"listen", act_listen},
	{"signal", act_signal},
	{"trace", act_trace},
	{"peek", act_peek},
	{"descriptor", act_descriptor},
	{"root", act_root},
	{"code", act_code},
	{"fork", act_fork},
	{"thread", act_thread},
	{"hoard", act_hoard},
	{"hoard-protected", act_hoard_protected},
	{"hoard-stack", act_hoard_stack},
	{"hoard-moved", act_hoard_moved},
};

static enum ep_status intruder_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_slice rest_of = ep_slice_trim(input->parts[0].bytes), act;
	char argument[512], text[64];

	(void)state;
	if (!ep_slice_split(&rest_of, ' ', &act) || act.length == 0)
		return EP_OK; /* an empty message: nothing bad, and an answer that is good */
	snprintf(argument, sizeof(argument), "%.*s", (int)rest_of.length, rest_of.data ? rest_of.data : "");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		long got;

		if (!ep_slice_equal(act, ep_slice_of(acts[i].name)))
			continue;
		got = acts[i].run(argument);
		snprintf(text, sizeof(text), got == -1 ? "errno=%ld" : "done=%ld", got == -1 ? (long)errno : got);
		return host->fail(call, EP_ERR_VALUE, ep_place_none(), ep_slice_of(text));
	}
	return host->fail(call, EP_ERR_TYPE_UNKNOWN, ep_place_none(), EP_SAY("no such act"));
}

EP_PLUGIN_DECLARE_FULL("intruder", "6.6.7", EP_KIND_PLATFORM, 0, "", 0, 0, struct intruder, 0, intruder_parse);
