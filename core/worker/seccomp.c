/*
 * seccomp.c: the system calls that are left. Both stages deny by default.
 *
 * What computing in one thread needs is allowed. What only an attack or a gross mistake would call (sockets, processes,
 * tracing, mounts ...) ends the worker by SIGSYS, after its name went to the log. Opening a file answers EACCES, since
 * libraries try it and do without. Everything else is ENOSYS, upon which libc falls back. Stage 1 adds what dlopen needs;
 * nothing of it lets out what stage 2 keeps in, since a constructor could prevent stage 2: beyond that one it may only open
 * files for reading, as far as Landlock and its uid let it, run code out of them, and ask whether a file exists.
 */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/protocol.h"

#define ALLOW(filter, name, ...) seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), ##__VA_ARGS__)
#define EQUALS(argument, value) SCMP_CMP(argument, SCMP_CMP_EQ, (scmp_datum_t)(value))
#define HAS_NONE(argument, bits) SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(bits), 0)

#define CALL(name)                                                                                                     \
	{                                                                                                              \
		SCMP_SYS(name), #name                                                                                  \
	}

static const struct {
	int number;
	const char *name;
} deadly[] = {
	CALL(execve),
	CALL(execveat),
	CALL(fork),
	CALL(vfork),
	CALL(clone),
	CALL(clone3),
	CALL(socket),
	CALL(socketpair),
	CALL(connect),
	CALL(bind),
	CALL(listen),
	CALL(accept),
	CALL(accept4),
	CALL(sendto),
	CALL(recvfrom),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(kill),
	CALL(tkill),
	CALL(pidfd_open),
	CALL(pidfd_getfd),
	CALL(pidfd_send_signal),
	CALL(mount),
	CALL(umount2),
	CALL(pivot_root),
	CALL(chroot),
	CALL(unshare),
	CALL(setns),
	CALL(open_by_handle_at),
	CALL(bpf),
	CALL(perf_event_open),
	CALL(userfaultfd),
	CALL(io_uring_setup),
	CALL(io_setup),
	CALL(keyctl),
	CALL(add_key),
	CALL(request_key),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(kexec_load),
	CALL(reboot),
	CALL(swapon),
	CALL(swapoff),
	CALL(setuid),
	CALL(setgid),
	CALL(setresuid),
	CALL(setresgid),
	CALL(setreuid),
	CALL(setregid),
	CALL(setgroups),
	CALL(capset),
	CALL(memfd_create),
	CALL(memfd_secret),
	CALL(shmget),
	CALL(shmat),
	CALL(msgget),
	CALL(semget),
	CALL(mq_open),
	CALL(unlink),
	CALL(unlinkat),
	CALL(rename),
	CALL(renameat),
	CALL(renameat2),
	CALL(truncate),
	CALL(ftruncate),
	CALL(mkdir),
	CALL(mkdirat),
	CALL(mknod),
	CALL(mknodat),
	CALL(symlink),
	CALL(symlinkat),
	CALL(link),
	CALL(linkat),
	CALL(chmod),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(chown),
	CALL(fchown),
	CALL(fchownat),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(sethostname),
	CALL(quotactl),
	CALL(acct),
	CALL(syslog),
	CALL(personality),
	CALL(modify_ldt),
	CALL(iopl),
	CALL(ioperm),
};

static void say(const char *text)
{
	if (write(WORKER_LOG_FD, text, strlen(text)) == -1)
		return;
}

/* Says which call it was, then makes it again: SIGSYS being blocked in here, the kernel ends the process with it. */
static void on_forbidden(int signal_number, siginfo_t *info, void *context)
{
	const char *name = "of an unknown kind";

	(void)signal_number;
	(void)context;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		if (deadly[i].number == info->si_syscall)
			name = deadly[i].name;
	}
	say("\0363forbidden system call ");
	say(name);
	say("\n");
	syscall(info->si_syscall);
	_exit(128 + SIGSYS);
}

/* Answers other than the default: `deadly` traps, files can't be opened. */
static int add_refusals(scmp_filter_ctx filter, bool loading)
{
	static const int files[] = {SCMP_SYS(open), SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(access),
		SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(stat),
		SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(chdir), SCMP_SYS(getcwd)};
	int result = 0;

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		if (deadly[i].number >= 0) /* negative: not on this architecture */
			result |= seccomp_rule_add(filter, SCMP_ACT_TRAP, deadly[i].number, 0);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i] >= 0)
			result |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), files[i], 0);
	}
	if (!loading) {
		result |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
		result |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 0);
	}
	return result;
}

static int add_computing(scmp_filter_ctx filter)
{
	int result = 0;

	result |= ALLOW(filter, write, 1, EQUALS(0, WORKER_LOG_FD));
	result |= ALLOW(filter, write, 1, EQUALS(0, WORKER_SOCKET_FD));
	result |= ALLOW(filter, writev, 1, EQUALS(0, WORKER_LOG_FD));
	result |= ALLOW(filter, recvmsg, 1, EQUALS(0, WORKER_SOCKET_FD));
	result |= ALLOW(filter, pread64, 0);
	result |= ALLOW(filter, lseek, 0);
	result |= ALLOW(filter, close, 0);
	/*
	 * Private, and never both anonymous and executable; files at hand are bodies only. RLIMIT_DATA counts what may be
	 * written to: so nothing that was written may be made read-only, no mapping may grow like a stack, which isn't
	 * counted, and none is moved, since a piece of the stack would take that along. realloc() does without.
	 */
	result |= ALLOW(filter, mmap, 2, HAS_NONE(2, PROT_EXEC), HAS_NONE(3, MAP_SHARED | MAP_GROWSDOWN));
	result |= ALLOW(filter, mprotect, 1, EQUALS(2, PROT_READ | PROT_WRITE));
	result |= ALLOW(filter, munmap, 0);
	result |= ALLOW(filter, madvise, 0);
	result |= ALLOW(filter, brk, 0);
	result |= ALLOW(filter, futex, 0);
	result |= ALLOW(filter, rt_sigreturn, 0);
	result |= ALLOW(filter, rt_sigprocmask, 0);
	result |= ALLOW(filter, restart_syscall, 0);
	result |= ALLOW(filter, exit, 0);
	result |= ALLOW(filter, exit_group, 0);
	result |= ALLOW(filter, clock_gettime, 0);
	result |= ALLOW(filter, clock_getres, 0);
	result |= ALLOW(filter, gettimeofday, 0);
	result |= ALLOW(filter, time, 0);
	result |= ALLOW(filter, getpid, 0);
	result |= ALLOW(filter, gettid, 0);
	result |= ALLOW(filter, tgkill, 1, EQUALS(0, getpid())); /* abort(), raise() */
	result |= ALLOW(filter, getrandom, 0);
	result |= ALLOW(filter, sched_yield, 0);
#ifdef __SANITIZE_ADDRESS__ /* writes its report, walks its own memory */
	result |= ALLOW(filter, sigaltstack, 0);
	result |= ALLOW(filter, rt_sigaction, 0);
	result |= ALLOW(filter, prlimit64, 0);
	result |= ALLOW(filter, getrlimit, 0);
	result |= ALLOW(filter, sched_getaffinity, 0);
#endif
	return result;
}

static int add_loading(scmp_filter_ctx filter)
{
	int result = 0;

	result |= ALLOW(filter, openat, 1, SCMP_CMP(2, SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	result |= ALLOW(filter, read, 0);
	result |= ALLOW(filter, newfstatat, 0);
	result |= ALLOW(filter, fstat, 0);
	result |= ALLOW(filter, mmap, 1, HAS_NONE(3, MAP_ANONYMOUS | MAP_SHARED | MAP_GROWSDOWN)); /* code, of files */
	result |= ALLOW(filter, mprotect, 1, HAS_NONE(2, PROT_EXEC)); /* what was relocated becomes read-only */
	/* Stage 2, which has no flags. One of them would make a listener, which answers for the kernel. */
	result |= ALLOW(filter, seccomp, 2, EQUALS(0, SECCOMP_SET_MODE_FILTER), EQUALS(1, 0));
	return result;
}

static void install(bool loading)
{
	scmp_filter_ctx filter;
	bool active;
	int result;

	if (!sandbox_wanted(SANDBOX_SECCOMP))
		return;
	filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	ASSERT(filter);
	result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	result |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	result |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	result |= add_refusals(filter, loading);
	result |= add_computing(filter);
	if (loading)
		result |= add_loading(filter);
	ASSERT(result == 0); /* a rule that libseccomp can't express is a defect, not a missing layer */
	result = seccomp_load(filter);
	seccomp_release(filter);
	/* Linux answers neither with ENOSYS, and stage 1 allows the second. */
	active = result == 0 && syscall(loading ? SYS_getppid : SYS_read, -1, NULL, 0) == -1 && errno == ENOSYS;
	sandbox_note(SANDBOX_SECCOMP, active && (loading || sandbox_active(SANDBOX_SECCOMP)));
}

void sandbox_close_loading(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_forbidden;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGSYS, &action, NULL);
	install(true);
}

void sandbox_close(void)
{
	install(false);
}
