/*
 * check_sandbox.c: what a plugin in a worker can't do, as root and as an ordinary user; what it sees when it tries; and
 * that the layers a worker names are those that the kernel shows from outside.
 */
#include "worker_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#define USER 12345

/* Acts of the hostile plugin that end the worker, and those that are only refused, with the answer. */
static const struct {
	const char *act;
	const char *answer; /* NULL: SIGSYS */
} forbidden[] = {
	{"fork", NULL},
	{"clone", NULL},
	{"exec", NULL},
	{"socket", NULL},
	{"connect", NULL},
	{"ptrace", NULL},
	{"kill", NULL},
	{"memfd", NULL},
	{"setuid", NULL},
	{"passwd", "errno=13"},
	{"library", "errno=13"},
	{"write-file", "errno=13"},
	{"stat", "errno=13"},
	{"unknown", "errno=38"},
	{"shared", "errno=38"},
	{"code", "errno=38"},
	{"protect", "errno=38"},
	{"descriptor", "errno=38"},
	{"environ", "done=0"},
};

/* The rest of the test's process is an ordinary user. False: the programs lie where one can't reach them. */
static bool become_user(void)
{
	if (geteuid() != 0)
		return true;
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(USER, USER, USER), 0);
	ck_assert_int_eq(setresuid(USER, USER, USER), 0);
	return access(built("plugins/hostile.so"), R_OK) == 0;
}

static void try_all(void)
{
	struct worker *worker = worker_of("hostile");

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		struct answer answer;

		ask(worker, &answer, forbidden[i].act);
		if (forbidden[i].answer) {
			ck_assert_msg(answer.result == CALL_OK, "%s: %s", forbidden[i].act, answer.text);
			ck_assert_msg(strcmp(answer.last_number, forbidden[i].answer) == 0, "%s: %s, not %s",
				forbidden[i].act, answer.last_number, forbidden[i].answer);
			continue;
		}
		ck_assert_msg(answer.result == CALL_CRASHED, "%s: %s", forbidden[i].act, answer.last_number);
		ck_assert_msg(strstr(answer.text, "SIGSYS: forbidden system call ") != NULL, "%s: %s", forbidden[i].act,
			answer.text);
		ask(worker, &answer, "none"); /* or the next starts late */
	}
}

START_TEST(forbidden_acts)
{
	try_all();
}
END_TEST

START_TEST(forbidden_acts_as_user)
{
	if (become_user())
		try_all();
}
END_TEST

/* A line of the worker's /proc/PID/status. */
static void status_line(pid_t pid, const char *name, char *value, size_t size)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	value[0] = '\0';
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			snprintf(value, size, "%.*s", (int)strcspn(line + strlen(name) + 2, "\n"),
				line + strlen(name) + 2);
	}
	fclose(file);
}

static void expect_status(pid_t pid, const char *name, const char *expected)
{
	char value[256];

	status_line(pid, name, value, sizeof(value));
	ck_assert_msg(strcmp(value, expected) == 0, "%s: %s, not %s", name, value, expected);
}

static bool is_named(const char *layers, const char *layer)
{
	const char *at = strstr(layers, layer);

	return at && (at == layers || at[-1] == ' ') && (at[strlen(layer)] == ' ' || at[strlen(layer)] == '\0');
}

/* What the worker claims is so. It may have more than it claims: in a chroot its mounts are its own, but not private. */
static void expect_namespace(pid_t pid, const char *layers, const char *layer, const char *file)
{
	char ours[64], theirs[64];
	struct stat our_status, their_status;

	snprintf(ours, sizeof(ours), "/proc/self/ns/%s", file);
	snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", pid, file);
	if (stat(ours, &our_status) == -1 || stat(theirs, &their_status) == -1)
		return; /* an ordinary user isn't shown those of a process that isn't dumpable */
	ck_assert_msg(
		our_status.st_ino != their_status.st_ino || !is_named(layers, layer), "%s: says '%s'", file, layers);
}

static void look_from_outside(bool root)
{
	struct worker *worker = worker_of("neighbour");
	struct error error = {0};
	const char *layers;
	pid_t pid;

	ck_assert_msg(worker_start(worker, &error) == EP_OK, "%s", error.text);
	pid = worker_identity(worker)->pid;
	layers = worker_identity(worker)->layers;
	ck_assert(is_named(layers, "rlimits"));
	ck_assert(is_named(layers, "no-new-privs"));
	ck_assert(is_named(layers, "seccomp"));
	ck_assert_int_eq(is_named(layers, "uid"), root);
	expect_status(pid, "NoNewPrivs", "1");
	expect_status(pid, "Seccomp", "2");
	expect_status(pid, "CapEff", "0000000000000000");
	expect_status(pid, "CapPrm", "0000000000000000");
	expect_status(pid, "Threads", "1");
	if (root)
		expect_status(pid, "Uid", "65534\t65534\t65534\t65534");
	expect_namespace(pid, layers, "user-ns", "user");
	expect_namespace(pid, layers, "pid-ns", "pid");
	expect_namespace(pid, layers, "net-ns", "net");
	expect_namespace(pid, layers, "ipc-ns", "ipc");
	expect_namespace(pid, layers, "mount-ns", "mnt");
}

START_TEST(layers_are_real)
{
	look_from_outside(geteuid() == 0);
}
END_TEST

START_TEST(layers_are_real_as_user)
{
	if (become_user())
		look_from_outside(false);
}
END_TEST

START_TEST(only_its_own_descriptors)
{
	struct worker *worker = worker_of("neighbour");
	struct error error = {0};
	char path[64], target[64];
	int leak = open("/etc/passwd", O_RDONLY); /* without close-on-exec, on purpose */

	if (geteuid() != 0)
		return; /* not dumpable: only root may look */
	ck_assert_int_ne(leak, -1);
	ck_assert_msg(worker_start(worker, &error) == EP_OK, "%s", error.text);
	for (int fd = 0; fd < 64; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", worker_identity(worker)->pid, fd);
		length = readlink(path, target, sizeof(target) - 1);
		ck_assert_msg((length != -1) == (fd <= 3), "descriptor %d", fd);
		if (length == -1)
			continue;
		target[length] = '\0';
		ck_assert_msg(strncmp(target,
				      fd < 2    ? "/dev/null"
				      : fd == 2 ? "pipe:"
						: "socket:",
				      5) == 0,
			"%d is %s", fd, target);
	}
	close(leak);
}
END_TEST

START_TEST(a_constructor_is_confined_too)
{
	struct worker *worker = worker_of("constructor_socket");
	struct error error = {0};
	struct answer answer;

	ck_assert_int_ne(worker_start(worker, &error), EP_OK);
	ck_assert_msg(strstr(error.text, "forbidden system call socket") != NULL, "%s", error.text);
	worker = worker_of("constructor_file");
	ask(worker, &answer, "");
	if (is_named(worker_identity(worker)->layers, "landlock")) /* else it may read what everybody may */
		ck_assert_msg(answer.result == CALL_OK, "%s", answer.text);
}
END_TEST

START_TEST(a_required_layer_that_is_missing)
{
	static const char *const required[] = {"seccomp", "anti-gravity"};
	struct worker *worker;
	struct error error = {0};

	fixture_teardown();
	open_supervisor(required, 2);
	worker = worker_of("neighbour");
	ck_assert_int_eq(worker_start(worker, &error), EP_BAD_CONFIG);
	ck_assert_int_eq(error.code, EP_ERR_SANDBOX);
	ck_assert_ptr_nonnull(strstr(error.text, "'anti-gravity' is required"));
	fixture_teardown();
	open_supervisor(required, 1);
	worker = worker_of("neighbour");
	ck_assert_msg(worker_start(worker, &error) == EP_OK, "%s", error.text);
}
END_TEST

START_TEST(memory_has_a_bound)
{
	struct worker *worker = worker_of("hostile");
	struct answer answer;

	if (ADDRESS_SANITIZER)
		return;
	ask(worker, &answer, "arena");
	ck_assert_msg(answer.result != CALL_OK, "16 GiB were given");
	ck_assert_int_eq(answer.code, EP_ERR_PLUGIN_MEMORY);
	ask(worker, &answer, "none");
	ask(worker, &answer, "bomb");
	ck_assert_int_eq(answer.result, CALL_CRASHED);
	ck_assert_int_eq(answer.code, EP_ERR_PLUGIN_MEMORY);
}
END_TEST

/* Pages that are no longer writable, that grow like a stack, that were the stack: more than memory_max of none of them. */
START_TEST(memory_that_limits_forget)
{
	static const char *const ways[] = {"hoard", "hoard-protected", "hoard-stack", "hoard-moved"};
	struct worker *worker = worker_of("intruder");
	struct answer answer;
	char act[64];

	if (ADDRESS_SANITIZER)
		return;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		long got;

		snprintf(act, sizeof(act), "%s 512", ways[i]);
		ask(worker, &answer, act);
		ck_assert_msg(answer.result == CALL_FAILED, "%s: %s", act, answer.text);
		got = strncmp(answer.text, "done=", 5) == 0 ? strtol(answer.text + 5, NULL, 10) : 0;
		ck_assert_msg(got <= 64 + 48, "%s: %ld MiB of 64", act, got);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *sandbox = tcase_create("sandbox");
	SRunner *runner;
	int failed;

	tcase_set_timeout(sandbox, 120);
	tcase_add_checked_fixture(sandbox, fixture_setup, fixture_teardown);
	tcase_add_test(sandbox, forbidden_acts);
	tcase_add_test(sandbox, forbidden_acts_as_user);
	tcase_add_test(sandbox, layers_are_real);
	tcase_add_test(sandbox, layers_are_real_as_user);
	tcase_add_test(sandbox, only_its_own_descriptors);
	tcase_add_test(sandbox, a_constructor_is_confined_too);
	tcase_add_test(sandbox, a_required_layer_that_is_missing);
	tcase_add_test(sandbox, memory_has_a_bound);
	tcase_add_test(sandbox, memory_that_limits_forget);
	suite_add_tcase(suite, sandbox);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
