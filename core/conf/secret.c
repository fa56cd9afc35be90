/*
 * secret.c: secrets by reference. `env:NAME` or `file:PATH`; what stands there is read once, kept in memory of its own,
 * wiped when it is given back, and never shown: a text names the reference's kind and what is wrong with it.
 *
 * Refuses a secret in the file itself, one that is empty, and a file that others may read or own.
 */
#include "conf/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES_MAX 65536

void secret_wipe(struct conf_secret *secret)
{
	if (secret->data) {
		explicit_bzero(secret->data, secret->length);
		free(secret->data);
	}
	*secret = (struct conf_secret){.data = NULL};
}

static bool keep(struct reader *reader, const char *bytes, size_t length, struct conf_secret *secret)
{
	secret->data = malloc(length + 1);
	if (!secret->data) {
		reader_complain(reader, NULL, "no memory for a secret");
		return false;
	}
	memcpy(secret->data, bytes, length);
	secret->data[length] = '\0';
	secret->length = length;
	return true;
}

static bool from_environment(struct reader *reader, const config_setting_t *at, const char *name, const char *variable,
	struct conf_secret *secret)
{
	const char *value = getenv(variable);

	if (variable[0] == '\0' || strpbrk(variable, "= \t")) {
		reader_complain(reader, at, "%s: what follows env: is not the name of a variable", name);
		return false;
	}
	if (!value || value[0] == '\0') {
		reader_complain(
			reader, at, "%s: environment variable %s is %s", name, variable, value ? "empty" : "not set");
		return false;
	}
	if (strlen(value) > SECRET_BYTES_MAX) {
		reader_complain(
			reader, at, "%s: environment variable %s has over %d bytes", name, variable, SECRET_BYTES_MAX);
		return false;
	}
	return keep(reader, value, strlen(value), secret);
}

static bool file_is_private(struct reader *reader, const config_setting_t *at, const char *name, const char *path,
	const struct stat *status)
{
	if (!S_ISREG(status->st_mode)) {
		reader_complain(reader, at, "%s: %s is not a regular file", name, path);
		return false;
	}
	if (status->st_mode & 077) {
		reader_complain(reader, at, "%s: %s has mode %04o, others may use it (accepted: 0600 or stricter)",
			name, path, status->st_mode & 07777);
		return false;
	}
	if (status->st_uid != geteuid() && status->st_uid != 0) {
		reader_complain(reader, at, "%s: %s belongs to user %u (accepted: user %u, who runs this, or root)",
			name, path, status->st_uid, geteuid());
		return false;
	}
	return true;
}

static ssize_t read_whole(int fd, char *bytes, size_t capacity)
{
	size_t length = 0;

	while (length < capacity) {
		ssize_t got = read(fd, bytes + length, capacity - length);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

static bool from_file(struct reader *reader, const config_setting_t *at, const char *name, const char *path,
	struct conf_secret *secret)
{
	char bytes[SECRET_BYTES_MAX + 2];
	struct stat status;
	bool kept = false;
	ssize_t length;
	int fd;

	/* O_NONBLOCK: a FIFO by that name must not hold the start up */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, &status) == -1) {
		reader_complain(reader, at, "%s: %s: %s", name, path, strerror(errno));
		goto out;
	}
	if (!file_is_private(reader, at, name, path, &status))
		goto out;
	length = read_whole(fd, bytes, sizeof(bytes));
	if (length == -1) {
		reader_complain(reader, at, "%s: %s: %s", name, path, strerror(errno));
		goto out;
	}
	if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (length == 0 || length > SECRET_BYTES_MAX)
		reader_complain(reader, at, "%s: %s %s", name, path,
			length == 0 ? "is empty" : "is too large (accepted: 64 KiB)");
	else
		kept = keep(reader, bytes, (size_t)length, secret);
	explicit_bzero(bytes, sizeof(bytes));
out:
	if (fd != -1)
		close(fd);
	return kept;
}

bool secret_read(struct reader *reader, const config_setting_t *at, const char *name, const char *reference,
	struct conf_secret *secret)
{
	const char *path;

	*secret = (struct conf_secret){.data = NULL};
	if (reader->blind)
		return keep(reader, reference, strlen(reference), secret);
	if (strncmp(reference, "env:", 4) == 0)
		return from_environment(reader, at, name, reference + 4, secret);
	if (strncmp(reference, "file:", 5) == 0 && reference[5] != '\0') {
		path = reader_path(reader, reference + 5);
		return path && from_file(reader, at, name, path, secret);
	}
	reader_complain(reader, at,
		"%s: a secret doesn't stand in the configuration (accepted: \"env:NAME\", \"file:PATH\")", name);
	return false;
}
