/*
 * client.h: speaks to a running gateway through its admin socket: one request, one answer.
 */
#ifndef COMMAND_CLIENT_H
#define COMMAND_CLIENT_H

#include "conf/conf.h"

#define CLIENT_ANSWER_MAX ((size_t)64 * 1024 * 1024)

struct client_request {
	const char *method, *path;
	const char *accept; /* NULL: what there is */
	struct ep_slice body;
	int timeout_s; /* without a byte of the answer */
};

/*
 * EP_OK: *status is HTTP's, `answer` (empty, with a maximum) has the content. EP_NOT_FOUND: the gateway isn't running.
 * Anything else: it was reached, and didn't answer.
 */
EP_MUST_CHECK enum ep_status client_ask(const struct conf *conf, const struct client_request *request, int *status,
	struct buffer *answer, struct error *error);
/* Loads the configuration, for the path of the socket. What is wrong with it goes to standard error; NULL then. */
struct conf *client_conf(const char *file);
/*
 * For commands that print what they are answered: the exit status. An error, or an answer that isn't 2xx, is told on
 * standard error behind "entrepot COMMAND: ".
 */
int client_run(const char *command, const char *file, const struct client_request *request, struct buffer *answer);

#endif
