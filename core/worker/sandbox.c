/*
 * sandbox.c: see sandbox.h. The layers that belong to the process: limits, identity, namespaces, life span.
 */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/protocol.h"

#define NOBODY 65534
#define OWN_MEMORY ((uint64_t)48 << 20) /* of the worker itself: libraries, buffers */
#define LIBRARIES ((uint64_t)192 << 20) /* code, constants, stack: mapped, and not counted as data */
#define BODY_UNKNOWN ((uint64_t)64 << 30)
#define DESCRIPTORS_MAX 64
#ifdef __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER true
#else
#define ADDRESS_SANITIZER false
#endif
#define STACK_MAX ((uint64_t)8 << 20)

static const char *const names[SANDBOX_LAYERS] = {
	"rlimits", "no-new-privs", "uid", "user-ns", "pid-ns", "net-ns", "ipc-ns", "mount-ns", "landlock", "seccomp"};
static bool active[SANDBOX_LAYERS];

void sandbox_note(enum sandbox_layer layer, bool is_active)
{
	active[layer] = is_active;
}

bool sandbox_active(enum sandbox_layer layer)
{
	return active[layer];
}

#ifdef ENTREPOT_TEST_BUILD
bool sandbox_wanted(enum sandbox_layer layer)
{
	struct ep_slice rest = ep_slice_of(getenv(SANDBOX_OFF_NAME)), name;

	while (ep_slice_split(&rest, ',', &name)) {
		if (ep_slice_equal(name, ep_slice_of(names[layer])))
			return false;
	}
	return true;
}
#else
bool sandbox_wanted(enum sandbox_layer layer)
{
	(void)layer;
	return true;
}
#endif

const char *sandbox_layers(void)
{
	static char text[128];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < SANDBOX_LAYERS; i++) {
		if (active[i])
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "", names[i]);
	}
	return text;
}

enum ep_status sandbox_require(struct ep_slice name, struct error *error)
{
	for (size_t i = 0; i < SANDBOX_LAYERS; i++) {
		if (ep_slice_equal(name, ep_slice_of(names[i])) && active[i])
			return EP_OK;
	}
	return error_set(error, EP_BAD_CONFIG, EP_ERR_SANDBOX,
		"sandbox layer '%.*s' is required and not active here; active: %s", (int)name.length, name.data,
		sandbox_layers());
}

/*
 * Whatever is writable is private (seccomp refuses shared mappings), and RLIMIT_DATA counts that, but not bodies, which
 * are mapped read-only: one at a time, so that RLIMIT_AS can be drawn tight around both. That one bounds a constructor
 * too, which may still make its pages read-only.
 */
static bool limit(uint64_t memory_max, uint64_t body_max)
{
	const bool counts = !ADDRESS_SANITIZER; /* whose shadow memory is 20 TiB */
	const uint64_t mapped = (body_max ? body_max : BODY_UNKNOWN) + LIBRARIES;
	const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{RLIMIT_DATA, counts ? memory_max + OWN_MEMORY : RLIM_INFINITY},
		{RLIMIT_AS, counts ? memory_max + OWN_MEMORY + mapped : RLIM_INFINITY},
		{RLIMIT_CORE, 0},
		{RLIMIT_NOFILE, DESCRIPTORS_MAX},
		{RLIMIT_NPROC, 0},
		{RLIMIT_STACK, STACK_MAX},
		{RLIMIT_MEMLOCK, 0},
		{RLIMIT_MSGQUEUE, 0},
	};

	(void)memory_max; /* neither is used under AddressSanitizer */
	(void)mapped;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit now, wanted = {limits[i].value, limits[i].value};

		if (getrlimit(limits[i].resource, &now) == -1)
			return false;
		if (now.rlim_max < wanted.rlim_max) /* tighter already, by whoever started the gateway */
			wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
		if (setrlimit(limits[i].resource, &wanted) == -1 || getrlimit(limits[i].resource, &now) == -1 ||
			now.rlim_max > limits[i].value)
			return false;
	}
	return true;
}

/* In a network namespace of its own even loopback is down. */
static bool has_no_network(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool unreachable;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1)
		return errno == EAFNOSUPPORT;
	unreachable = connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == ENETUNREACH;
	close(fd);
	return unreachable;
}

/* Those that it has not left yet. */
static void leave_namespaces(void)
{
	sandbox_note(SANDBOX_PID_NS, getpid() == 1); /* process_spawn() made it */
	if (!active[SANDBOX_NET_NS] && sandbox_wanted(SANDBOX_NET_NS))
		sandbox_note(SANDBOX_NET_NS, unshare(CLONE_NEWNET) == 0 && has_no_network());
	if (!active[SANDBOX_IPC_NS] && sandbox_wanted(SANDBOX_IPC_NS))
		sandbox_note(SANDBOX_IPC_NS, unshare(CLONE_NEWIPC) == 0);
	if (!active[SANDBOX_MOUNT_NS] && sandbox_wanted(SANDBOX_MOUNT_NS))
		sandbox_note(SANDBOX_MOUNT_NS,
			unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

static void leave_user_namespace(void)
{
	if (!sandbox_wanted(SANDBOX_USER_NS))
		return;
	sandbox_note(SANDBOX_USER_NS, unshare(CLONE_NEWUSER) == 0);
}

static void leave_uid(void)
{
	if (!sandbox_wanted(SANDBOX_UID) || setgroups(0, NULL) == -1 || setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
		setresuid(NOBODY, NOBODY, NOBODY) == -1)
		return;
	sandbox_note(SANDBOX_UID, geteuid() == NOBODY && setresuid(0, 0, 0) == -1);
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	for (unsigned long i = 0; i <= CAP_LAST_CAP; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	return syscall(SYS_capset, &head, none) == 0;
}

/* To be set again after a change of uid, which clears both. */
static bool tie_life(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* A gateway that died before PDEATHSIG was set has closed its end; getppid() is no help in a pid namespace. */
static bool gateway_lives(void)
{
	struct pollfd socket_poll = {.fd = WORKER_SOCKET_FD, .events = POLLRDHUP};

	return poll(&socket_poll, 1, 0) == 0;
}

/* Where the machine runs out of memory in spite of all limits, a worker goes first. No layer depends on it. */
static void volunteer(void)
{
	static const char most[] = "1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t wrote = fd == -1 ? -1 : write(fd, most, sizeof(most) - 1);

	(void)wrote;
	if (fd != -1)
		close(fd);
}

enum ep_status sandbox_confine(const struct sandbox_limits *limits, struct error *error)
{
	volunteer();
	if (geteuid() == 0) { /* before the uid is gone: a container may grant these and refuse user namespaces */
		leave_namespaces();
		leave_uid();
	}
	leave_user_namespace(); /* in which anybody may leave the others */
	leave_namespaces();
	if (chdir("/") == -1 || !drop_capabilities() || !tie_life())
		return error_set_errno(error, EP_ERR_SANDBOX, "a worker can't give up what it was born with");
	if (!gateway_lives())
		return error_set(error, EP_END, EP_ERR_WORKER_DIED, "the gateway has ended");
	sandbox_note(SANDBOX_NO_NEW_PRIVS, sandbox_wanted(SANDBOX_NO_NEW_PRIVS) &&
						   prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
						   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	sandbox_note(SANDBOX_RLIMITS, sandbox_wanted(SANDBOX_RLIMITS) && limit(limits->memory_max, limits->body_max));
	return EP_OK;
}
