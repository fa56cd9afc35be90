/*
 * bare_loop.c: the least that a server must do which stores before it answers, to set figures of the gateway beside.
 *
 *   bare_loop FILE
 *
 * Takes POSTs with Content-Length on 127.0.0.1 (a free port, printed as "listening PORT"): in each pass of the loop it
 * reads what has come, writes all complete bodies with one pwrite into FILE (64 MiB, written once before, used as a
 * ring, whole blocks of 4 KiB), syncs, then answers all. It verifies, parses and forwards nothing. Ends on SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define FILE_BYTES ((size_t)64 * 1024 * 1024)
#define BLOCK ((size_t)4096)
#define REQUEST_MAX ((size_t)64 * 1024)
#define EVENTS_MAX 256
#define BATCH_MAX (EVENTS_MAX * REQUEST_MAX + BLOCK)

struct client {
	int fd;
	size_t got;
	char bytes[REQUEST_MAX];
};

static struct client *answer_due[EVENTS_MAX];
static char *batch;
static size_t batch_length, due_count;

static void fail(const char *what)
{
	fprintf(stderr, "bare_loop: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* The length of the request's head and body; 0: not all has come. */
static size_t measure(struct client *client, size_t *head_length)
{
	const char *end, *length;

	client->bytes[client->got] = '\0';
	end = strstr(client->bytes, "\r\n\r\n");
	length = end ? strcasestr(client->bytes, "\r\ncontent-length:") : NULL;
	if (!length || length > end)
		return 0;
	*head_length = (size_t)(end + 4 - client->bytes);
	return *head_length + strtoul(length + 17, NULL, 10);
}

static void read_client(struct client *client)
{
	ssize_t got = read(client->fd, client->bytes + client->got, REQUEST_MAX - 1 - client->got);
	size_t head_length, length;

	if (got <= 0) {
		close(client->fd);
		free(client);
		return;
	}
	client->got += (size_t)got;
	length = measure(client, &head_length);
	if (length == 0 || client->got < length)
		return;
	memcpy(batch + batch_length, client->bytes + head_length, length - head_length);
	batch_length += length - head_length;
	client->got = 0;
	answer_due[due_count++] = client;
}

static void commit(int file, size_t *offset)
{
	size_t length = (batch_length + BLOCK - 1) & ~(BLOCK - 1);

	if (*offset + length > FILE_BYTES)
		*offset = 0;
	if (pwrite(file, batch, length, (off_t)*offset) != (ssize_t)length || fdatasync(file) == -1)
		fail("write");
	*offset += length;
	batch_length = 0;
}

static void answer_all(void)
{
	static const char answer[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

	for (size_t i = 0; i < due_count; i++)
		if (send(answer_due[i]->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) == -1 && errno != EPIPE &&
			errno != ECONNRESET)
			fail("send");
	due_count = 0;
}

static void accept_all(int epoll, int listener)
{
	const int on = 1;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		struct client *client = malloc(sizeof(*client));
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

		if (!client)
			fail("memory");
		client->fd = fd;
		client->got = 0;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
			fail("epoll_ctl");
	}
}

static int open_ring(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (file == -1)
		fail(path);
	for (size_t offset = 0; offset < FILE_BYTES; offset += BLOCK * 256)
		if (pwrite(file, batch, BLOCK * 256, (off_t)offset) == -1)
			fail("write");
	if (fsync(file) == -1)
		fail("fsync");
	return file;
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (listener == -1 || bind(listener, (struct sockaddr *)&address, sizeof(address)) == -1 ||
		listen(listener, 4096) == -1 || getsockname(listener, (struct sockaddr *)&address, &length) == -1)
		fail("listen");
	printf("listening %u\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN, .data.ptr = NULL};
	int epoll = epoll_create1(EPOLL_CLOEXEC), file, listener;
	size_t offset = 0;

	batch = calloc(1, BATCH_MAX);
	if (argc != 2 || epoll == -1 || !batch) {
		fprintf(stderr, "Usage: bare_loop FILE\n");
		return 64;
	}
	file = open_ring(argv[1]);
	listener = listen_somewhere();
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == -1)
		fail("epoll_ctl");
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				read_client(events[i].data.ptr);
			else
				accept_all(epoll, listener);
		}
		if (due_count)
			commit(file, &offset);
		answer_all();
	}
}
