/*
 * process.c: see process.h. Between clone and exec the child calls nothing but system calls, since another thread may
 * have held any lock at that moment. Whether exec worked comes back through a pipe that exec closes.
 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 16
#define OLD_DESCRIPTORS_MAX 65536

/* What the child reports when it can't become the program. */
struct failure {
	int step; /* which of those below */
	int number;
};

enum { STEP_NAMESPACE = 1, STEP_DESCRIPTORS, STEP_EXEC };

static void reset_signals(void)
{
	struct sigaction standard;
	sigset_t none;

	memset(&standard, 0, sizeof(standard));
	standard.sa_handler = SIG_DFL;
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL); /* KILL and STOP refuse, which is fine */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In a new user namespace every id is unmapped until one is mapped; only our own may be, and is. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = -1;

	if (fd == -1)
		return -1;
	if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		result = 0;
	close(fd);
	return result;
}

static void close_on_exec_from(int first)
{
	struct rlimit limit;

	if (syscall(SYS_close_range, (unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Linux before 5.11, or a container that doesn't know it */
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur > OLD_DESCRIPTORS_MAX)
		limit.rlim_cur = OLD_DESCRIPTORS_MAX;
	for (int fd = first; fd < (int)limit.rlim_cur; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int arrange_descriptors(const struct process_options *options, int *report)
{
	int moved[DESCRIPTORS_MAX];
	const int count = options->descriptor_count;

	/* First out of the way of what they are to become, each with close-on-exec set. */
	for (int i = 0; i < count; i++) {
		int from = options->descriptors[i];

		moved[i] = from == -1 ? open("/dev/null", O_RDWR | O_CLOEXEC) : from;
		if (moved[i] == -1)
			return -1;
		moved[i] = fcntl(moved[i], F_DUPFD_CLOEXEC, count + 1);
		if (moved[i] == -1)
			return -1;
	}
	*report = fcntl(*report, F_DUPFD_CLOEXEC, count + 1);
	if (*report == -1)
		return -1;
	for (int i = 0; i < count; i++) {
		if (dup2(moved[i], i) == -1)
			return -1;
	}
	close_on_exec_from(count);
	return 0;
}

static void __attribute__((noreturn))
become(const struct process_options *options, const char *uid_map, const char *gid_map, int report)
{
	static const char *const nothing[] = {NULL};
	const char *const *environment = options->environment ? options->environment : nothing;
	struct failure failure = {STEP_NAMESPACE, 0};

	reset_signals();
	setsid(); /* what is typed at the gateway's terminal is not for it */
	if (uid_map &&
		(write_file("/proc/self/setgroups", "deny") == -1 || write_file("/proc/self/gid_map", gid_map) == -1 ||
			write_file("/proc/self/uid_map", uid_map) == -1))
		goto failed;
	failure.step = STEP_DESCRIPTORS;
	if (arrange_descriptors(options, &report) == -1)
		goto failed;
	failure.step = STEP_EXEC;
	execve(options->program, (char *const *)(uintptr_t)options->arguments, (char *const *)(uintptr_t)environment);
failed:
	failure.number = errno;
	if (write(report, &failure, sizeof(failure)) == -1)
		_exit(126);
	_exit(127);
}

/* Forks with `namespaces`; the child becomes the program or says why not, which leaves *pid at -1. */
static int spawn_in(
	const struct process_options *options, uint64_t namespaces, pid_t *pid, int *pidfd, struct failure *failure)
{
	char uid_map[64], gid_map[64];
	sigset_t all, before;
	int report[2], number;
	ssize_t got;

	snprintf(uid_map, sizeof(uid_map), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	snprintf(gid_map, sizeof(gid_map), "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	*failure = (struct failure){0, 0};
	if (pipe2(report, O_CLOEXEC) == -1)
		return -1;
	sigfillset(&all); /* so that no handler of ours runs in the child */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* Not clone3, which containers refuse. The descriptor comes where the thread's id would: clone(2), CLONE_PIDFD. */
	*pid = (pid_t)syscall(SYS_clone, namespaces | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
	if (*pid == 0) {
		const bool mapped = namespaces & CLONE_NEWUSER;

		become(options, mapped ? uid_map : NULL, gid_map, report[1]);
	}
	number = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(report[1]);
	if (*pid == -1) {
		close(report[0]);
		errno = number;
		return -1;
	}
	do
		got = read(report[0], failure, sizeof(*failure));
	while (got == -1 && errno == EINTR);
	close(report[0]);
	if (got == 0)
		return 0;
	while (waitid(P_PID, (id_t)*pid, NULL, WEXITED) == -1 && errno == EINTR)
		;
	close(*pidfd);
	*pid = -1;
	errno = failure->number;
	return -1;
}

enum ep_status process_spawn(const struct process_options *options, pid_t *pid, int *pidfd, struct error *error)
{
	/* As root a pid namespace alone will do; an ordinary user may make one inside a user namespace only. */
	static const uint64_t tries[] = {CLONE_NEWPID, CLONE_NEWUSER | CLONE_NEWPID, 0};
	struct failure failure;

	*pidfd = -1;
	ASSERT(options->descriptor_count <= DESCRIPTORS_MAX);
	for (size_t i = options->new_pid_namespace ? 0 : 2; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (spawn_in(options, tries[i], pid, pidfd, &failure) == 0)
			return EP_OK;
		if (failure.step > STEP_NAMESPACE)
			break; /* not the namespaces' fault */
	}
	*pid = -1;
	*pidfd = -1;
	return error_set_errno(error, EP_ERR_WORKER_DIED, "%s can't be started", options->program);
}
