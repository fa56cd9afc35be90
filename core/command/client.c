/* client.c: see client.h. */
#include "command/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "command/command.h"
#include "intake/json_find.h"

#define HEAD_MAX ((size_t)64 * 1024)

/* Through its folder, since a unix socket's path has 107 bytes at most. -1 with errno. */
static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *slash = strrchr(path, '/');
	char folder[4096];
	int directory, fd, number;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory == -1)
		return -1;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory,
		    slash ? slash + 1 : path) >= (int)sizeof(address.sun_path)) {
		close(directory);
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1) {
		number = errno;
		close(fd);
		fd = -1;
		errno = number;
	}
	number = errno;
	close(directory);
	errno = number;
	return fd;
}

static bool send_all(int fd, struct ep_slice bytes)
{
	while (bytes.length) {
		ssize_t sent = send(fd, bytes.data, bytes.length, MSG_NOSIGNAL);

		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return false;
		bytes = ep_slice_sub(bytes, (uint64_t)sent, bytes.length);
	}
	return true;
}

static bool send_request(int fd, const struct client_request *request)
{
	struct buffer head;
	bool sent;

	buffer_init(&head, HEAD_MAX);
	(void)buffer_append_format(&head,
		"%s %s HTTP/1.1\r\nHost: entrepot\r\nAccept: %s\r\nContent-Length: %llu\r\n\r\n", request->method,
		request->path, request->accept ? request->accept : "*/*", (unsigned long long)request->body.length);
	sent = head.failed == EP_OK && send_all(fd, buffer_slice(&head)) && send_all(fd, request->body);
	buffer_free(&head);
	return sent;
}

/* Until the gateway closes the connection. */
static bool receive_all(int fd, struct buffer *answer)
{
	for (;;) {
		char *room = buffer_reserve(answer, 65536);
		ssize_t got = room ? recv(fd, room, 65536, 0) : -1;

		if (got == -1 && room && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		answer->length += (size_t)got;
	}
}

/* Takes the head off and checks that the content is whole. */
static bool take_head(struct buffer *answer, int *status)
{
	static const char end_mark[] = "\r\n\r\n", length_mark[] = "Content-Length: ";
	const char *end = memmem(answer->data, answer->length, end_mark, 4), *length;
	size_t head;

	if (!end || answer->length < 12 || memcmp(answer->data, "HTTP/1.1 ", 9) != 0)
		return false;
	head = (size_t)(end - answer->data) + 4;
	length = memmem(answer->data, head, length_mark, sizeof(length_mark) - 1);
	*status = (int)strtol(answer->data + 9, NULL, 10);
	if (!length || strtoull(length + sizeof(length_mark) - 1, NULL, 10) != answer->length - head)
		return false;
	buffer_consume(answer, head);
	return true;
}

enum ep_status client_ask(const struct conf *conf, const struct client_request *request, int *status,
	struct buffer *answer, struct error *error)
{
	const struct timeval patience = {request->timeout_s, 0};
	int fd = dial(conf->admin_socket);
	enum ep_status result = EP_OK;

	if (fd == -1) {
		error_set(error, EP_NOT_FOUND, EP_ERR_NO_GATEWAY, "no gateway answers at %s: %s", conf->admin_socket,
			strerror(errno));
		return EP_NOT_FOUND;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1 || !send_request(fd, request) ||
		!receive_all(fd, answer))
		result = error_set_errno(error, EP_ERR_IO, "the gateway at %s didn't answer", conf->admin_socket);
	else if (!take_head(answer, status))
		result = error_set(
			error, EP_IO, EP_ERR_IO, "the gateway at %s gave no whole answer", conf->admin_socket);
	close(fd);
	return result;
}

struct conf *client_conf(const char *file)
{
	struct conf *conf = NULL;
	struct buffer report;

	buffer_init(&report, (size_t)1024 * 1024);
	if (conf_load_blind(file, &conf, &report) != EP_OK) {
		fprintf(stderr, "%.*s", (int)report.length, report.data ? report.data : "");
		conf = NULL;
	}
	buffer_free(&report);
	return conf;
}

static int exit_of(int status)
{
	if (status >= 200 && status < 300)
		return COMMAND_OK;
	if (status == 503)
		return COMMAND_TRY_LATER;
	return status >= 500 ? COMMAND_INTERNAL : COMMAND_FAILED;
}

/* The problem's own words. */
static void tell(const char *command, int status, const struct buffer *answer)
{
	struct ep_slice detail = json_find(buffer_slice(answer), EP_SAY("detail"));

	if (detail.length)
		fprintf(stderr, "entrepot %s: %.*s\n", command, (int)detail.length, detail.data);
	else
		fprintf(stderr, "entrepot %s: the gateway answers %d\n", command, status);
}

int client_run(const char *command, const char *file, const struct client_request *request, struct buffer *answer)
{
	struct conf *conf = client_conf(file);
	struct error error = {0};
	enum ep_status result;
	int status = 0, exit = COMMAND_OK;

	if (!conf)
		return COMMAND_BAD_CONFIG;
	result = client_ask(conf, request, &status, answer, &error);
	if (result != EP_OK) {
		fprintf(stderr, "entrepot %s: %s\n", command, error.text);
		exit = result == EP_NOT_FOUND ? COMMAND_NOT_RUNNING : COMMAND_INTERNAL;
	} else {
		exit = exit_of(status);
		if (exit != COMMAND_OK)
			tell(command, status, answer);
	}
	conf_free(conf);
	return exit;
}
