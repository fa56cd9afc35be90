/* admin.c: see admin.h. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/parts.h"
#include "base/clock.h"
#include "base/disk.h"

#define BACKLOG 64
#define SOCKET_MODE 0600

/* The gateway's own user and root; the actor is who it is, for what is written down. */
static bool peer_may(evutil_socket_t fd, char *actor, size_t size)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == -1)
		return false;
	snprintf(actor, size, "uid %u", (unsigned)peer.uid);
	return peer.uid == geteuid() || peer.uid == 0;
}

static void on_socket(
	struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_length, void *argument)
{
	struct admin *admin = argument;
	char actor[64];

	(void)listener;
	(void)peer;
	(void)peer_length;
	if (admin->visit_count >= ADMIN_CONNECTIONS_MAX || !peer_may(fd, actor, sizeof(actor)))
		evutil_closesocket(fd);
	else
		visit_open(admin, fd, false, actor);
}

static void on_address(
	struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_length, void *argument)
{
	struct admin *admin = argument;

	(void)listener;
	(void)peer;
	(void)peer_length;
	/* Whoever has no token may fill no more than half: the socket's users get in. */
	if (admin->visit_count >= ADMIN_CONNECTIONS_MAX / 2)
		evutil_closesocket(fd);
	else
		visit_open(admin, fd, true, "token");
}

/*
 * The path of a unix socket has 107 bytes at most; the data directory's may be longer. So its folder is opened, and the
 * socket reached through /proc/self/fd. The mode is set before it has a name.
 */
static int bind_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *slash = strrchr(path, '/');
	char folder[4096];
	int directory, fd, failed, length;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory == -1)
		return -1;
	length = snprintf(
		address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", directory, slash ? slash + 1 : path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (length >= (int)sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		failed = -1;
	} else {
		failed = fd == -1 || (disk_unlink(path) == -1 && errno != ENOENT) || fchmod(fd, SOCKET_MODE) == -1 ||
			 bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1;
	}
	if (failed && fd != -1) {
		int number = errno;

		close(fd);
		fd = -1;
		errno = number;
	}
	close(directory);
	return failed ? -1 : fd;
}

static enum ep_status listen_on_socket(struct admin *admin, struct error *error)
{
	int fd = bind_socket(admin->path);

	if (fd == -1) {
		(void)error_set_errno(error, EP_ERR_LISTEN, "%s", admin->path);
		return EP_AGAIN;
	}
	admin->socket = evconnlistener_new(loop_base(admin->options.loop), on_socket, admin,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (admin->socket)
		return EP_OK;
	close(fd);
	return error_set(error, EP_AGAIN, EP_ERR_LISTEN, "%s can't be listened on", admin->path);
}

static void note_address(struct admin *admin, const char *configured)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	const char *colon = strrchr(configured, ':');
	unsigned port = 0;

	if (getsockname(evconnlistener_get_fd(admin->address), (struct sockaddr *)&address, &length) == -1)
		return;
	if (address.ss_family == AF_INET6)
		port = ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
	else
		port = ntohs(((const struct sockaddr_in *)&address)->sin_port);
	snprintf(admin->address_text, sizeof(admin->address_text), "%.*s:%u", (int)(colon - configured), configured,
		port);
}

/* "127.0.0.1:9090" or "[::1]:9090", as the configuration was checked for. */
static struct addrinfo *parse_address(const char *configured)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(configured, ':');
	const bool brackets = configured[0] == '[';
	struct addrinfo *found = NULL;
	char host[64];

	if (!colon)
		return NULL;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - configured) - 2 * brackets, configured + brackets);
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static enum ep_status listen_on_address(struct admin *admin, const char *configured, struct error *error)
{
	struct addrinfo *address = parse_address(configured);

	if (!address)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_LISTEN, "%s isn't an address", configured);
	admin->address = evconnlistener_new_bind(loop_base(admin->options.loop), on_address, admin,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG, address->ai_addr,
		(int)address->ai_addrlen);
	freeaddrinfo(address);
	if (!admin->address) {
		(void)error_set_errno(error, EP_ERR_LISTEN, "%s", configured);
		return EP_AGAIN;
	}
	note_address(admin, configured);
	return EP_OK;
}

enum ep_status admin_create(struct admin **out, const struct admin_options *options, struct error *error)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	enum ep_status status;

	*out = NULL;
	if (!admin)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the admin API");
	admin->options = *options;
	admin->started_ns = clock_realtime_ns();
	LIST_INIT(&admin->visits);
	admin->path = strdup(options->conf->admin_socket);
	if (admin->path)
		status = listen_on_socket(admin, error);
	else
		status = error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the admin API");
	if (status == EP_OK && options->conf->admin_address)
		status = listen_on_address(admin, options->conf->admin_address, error);
	if (status != EP_OK) {
		admin_destroy(admin);
		return status;
	}
	*out = admin;
	return EP_OK;
}

void admin_stopping(struct admin *admin)
{
	admin->stopping = true;
}

const char *admin_address(const struct admin *admin)
{
	return admin->address_text[0] ? admin->address_text : NULL;
}

void admin_destroy(struct admin *admin)
{
	if (!admin)
		return;
	if (admin->socket) {
		(void)disk_unlink(admin->path); /* so that nobody takes it for running */
		evconnlistener_free(admin->socket);
	}
	if (admin->address)
		evconnlistener_free(admin->address);
	while (!LIST_EMPTY(&admin->visits))
		visit_close(LIST_FIRST(&admin->visits));
	if (admin->reader)
		journal_reader_close(admin->reader);
	free(admin->path);
	free(admin);
}
