/*
 * landlock.c: files out of reach. Libraries may be read, everything else of the file system may not be opened, made,
 * changed or removed; no TCP, no signals or abstract sockets beyond this process, as far as the kernel knows these.
 */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The interface as of Linux 6.12, since a build machine's headers may be older: linux/landlock.h. */
struct ruleset_attributes {
	uint64_t handled_files;
	uint64_t handled_network;
	uint64_t scoped;
};

#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIRECTORY (UINT64_C(1) << 3)

struct abi {
	int version;
	size_t attribute_bytes;
	uint64_t files, network, scoped;
};

/* What each version of the interface is able to refuse. */
static const struct abi abis[] = {
	{1, 8, 0x1fff, 0, 0}, {2, 8, 0x3fff, 0, 0}, /* refer */
	{3, 8, 0x7fff, 0, 0},                       /* truncate */
	{4, 16, 0x7fff, 3, 0},                      /* bind and connect of TCP */
	{5, 16, 0xffff, 3, 0},                      /* ioctl of devices */
	{6, 24, 0xffff, 3, 3},                      /* abstract sockets, signals */
};

static void allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = READ_FILE | READ_DIRECTORY};
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd == -1)
		return;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1) {
		rule.allowed_access = READ_FILE; /* a file, not a folder */
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(fd);
}

static bool opens(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

void sandbox_restrict_files(void)
{
	static const char *const libraries[] = {
		"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"};
	const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attributes attributes = {0};
	const struct abi *abi = NULL;
	const bool opened = opens("/");
	int ruleset;

	for (size_t i = 0; i < sizeof(abis) / sizeof(abis[0]) && abis[i].version <= version; i++)
		abi = &abis[i];
	if (!abi || !sandbox_wanted(SANDBOX_LANDLOCK))
		return;
	attributes = (struct ruleset_attributes){abi->files, abi->network, abi->scoped};
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, abi->attribute_bytes, 0);
	if (ruleset == -1)
		return;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		allow_reading(ruleset, libraries[i]);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
		sandbox_note(SANDBOX_LANDLOCK, opened && !opens("/") && errno == EACCES);
	close(ruleset);
}
