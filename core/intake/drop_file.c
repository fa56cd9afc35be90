/* drop_file.c: see drop_file.h. */
#include "intake/drop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define TRIES_MAX 16
#define REASON_SUFFIX ".reason.json"

/* Never leaves the directory, never follows a link. Linux 5.6. */
static int open_beneath(int directory, const char *name, int flags, mode_t mode)
{
	struct open_how how = {.flags = (unsigned int)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

static int open_directory(int parent, const char *name)
{
	if (mkdirat(parent, name, 0770) == -1 && errno != EEXIST)
		return -1;
	return open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
}

/* mkdir -p: the path is the operator's, so links in it are followed. */
static void make_path(const char *path)
{
	char part[4096];
	size_t length = strlen(path);

	if (length >= sizeof(part))
		return;
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		(void)mkdir(part, 0770); /* what is wrong shows when it is opened */
	}
}

enum ep_status drop_directory_open(struct drop_directory *directory, const char *path, struct error *error)
{
	struct stat status;

	*directory = (struct drop_directory){-1, -1, -1, -1, 0};
	make_path(path);
	directory->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->folder == -1 || fstat(directory->folder, &status) == -1) {
		error_set_errno(error, EP_ERR_CONFIG_VALUE, "drop folder %s can't be opened", path);
		goto failed;
	}
	directory->owner = status.st_uid;
	directory->claimed = open_directory(directory->folder, ".claimed");
	directory->done = open_directory(directory->folder, "done");
	directory->failed = open_directory(directory->folder, "failed");
	if (directory->claimed == -1 || directory->done == -1 || directory->failed == -1) {
		error_set_errno(
			error, EP_ERR_CONFIG_VALUE, "drop folder %s: .claimed, done and failed can't be used", path);
		goto failed;
	}
	/* Nobody else may exchange what is being read */
	if (fchmod(directory->claimed, 0700) == -1) {
		error_set_errno(error, EP_ERR_CONFIG_VALUE, "drop folder %s: .claimed isn't ours", path);
		goto failed;
	}
	return EP_OK;
failed:
	drop_directory_close(directory);
	return EP_BAD_CONFIG;
}

void drop_directory_close(struct drop_directory *directory)
{
	const int descriptors[] = {directory->folder, directory->claimed, directory->done, directory->failed};

	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		if (descriptors[i] != -1)
			close(descriptors[i]);
	*directory = (struct drop_directory){-1, -1, -1, -1, 0};
}

bool drop_name_counts(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > DROP_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || name[i] == '/')
			return false;
	return true;
}

static bool status_counts(const struct drop_directory *directory, const struct stat *status)
{
	return S_ISREG(status->st_mode) && (status->st_uid == directory->owner || status->st_uid == geteuid());
}

bool drop_file_counts(const struct drop_directory *directory, const char *name, struct stat *status)
{
	return fstatat(directory->folder, name, status, AT_SYMLINK_NOFOLLOW) == 0 && status_counts(directory, status);
}

enum ep_status drop_file_claim(const struct drop_directory *directory, const char *name)
{
	if (renameat2(directory->folder, name, directory->claimed, name, RENAME_NOREPLACE) == 0)
		return EP_OK;
	return errno == ENOENT ? EP_NOT_FOUND : errno == EEXIST ? EP_AGAIN : EP_IO;
}

int drop_file_open(const struct drop_directory *directory, const char *name, struct stat *status)
{
	/* O_NONBLOCK: a FIFO that was put in place of the file must not hold us */
	int fd = open_beneath(directory->claimed, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd == -1)
		return -1;
	if (fstat(fd, status) == 0 && status_counts(directory, status))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* "statement.xml"; where that is taken, with the time behind it. Cut so that the reason's name fits too. */
static void make_name(const char *name, int try, char as[DROP_NAME_MAX + 1])
{
	char suffix[32] = "";
	size_t room;

	if (try)
		snprintf(suffix, sizeof(suffix), ".%" PRId64, clock_realtime_ns() / NS_PER_US + try);
	room = DROP_NAME_MAX - strlen(suffix) - strlen(REASON_SUFFIX);
	snprintf(as, DROP_NAME_MAX + 1, "%.*s%s", (int)room, name, suffix);
}

/* Written aside and renamed, so that nobody reads half of it. */
static enum ep_status write_reason(int directory, const char *as, struct ep_slice reason, struct error *error)
{
	static const char aside[] = ".reason.json";
	char name[DROP_NAME_MAX + 1];
	size_t done = 0;
	int fd;

	snprintf(name, sizeof(name), "%s" REASON_SUFFIX, as);
	(void)unlinkat(directory, aside, 0);
	fd = open_beneath(directory, aside, O_WRONLY | O_CREAT | O_EXCL, 0660);
	if (fd == -1)
		return error_set_errno(error, EP_ERR_IO, "failed/%s can't be written", name);
	while (done < reason.length) {
		ssize_t wrote = write(fd, reason.data + done, reason.length - done);

		if (wrote == -1 && errno == EINTR)
			continue;
		if (wrote == -1)
			break;
		done += (size_t)wrote;
	}
	if (done < reason.length || renameat(directory, aside, directory, name) == -1)
		error_set_errno(error, EP_ERR_IO, "failed/%s can't be written", name);
	else
		fd = (close(fd), -1);
	if (fd == -1)
		return EP_OK;
	close(fd);
	return EP_IO;
}

enum ep_status drop_file_finish(const struct drop_directory *directory, const char *name, bool failed,
	struct ep_slice reason, char as[DROP_NAME_MAX + 1], struct error *error)
{
	int target = failed ? directory->failed : directory->done;

	for (int try = 0; try < TRIES_MAX; try++) {
		struct stat status;
		enum ep_status written;

		make_name(name, try, as);
		if (fstatat(target, as, &status, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		written = reason.length ? write_reason(target, as, reason, error) : EP_OK;
		if (written != EP_OK)
			return written;
		if (renameat2(directory->claimed, name, target, as, RENAME_NOREPLACE) == 0)
			return EP_OK;
		if (errno != EEXIST)
			return error_set_errno(
				error, EP_ERR_IO, "%s can't be moved to %s", name, failed ? "failed" : "done");
	}
	return error_set(error, EP_IO, EP_ERR_IO, "no free name for %s in %s", name, failed ? "failed" : "done");
}
