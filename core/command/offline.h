/*
 * offline.h: what commands share that look at a data directory with the gateway running or stopped: which directory it
 * is, without any secret being needed, and output that is written at once or said to be incomplete.
 */
#ifndef COMMAND_OFFLINE_H
#define COMMAND_OFFLINE_H

#include "base/json.h"
#include "conf/conf.h"

/* NULL: refused, with the reasons on standard error. */
struct conf *offline_conf(const char *file);
/* Writes the buffer to standard output and clears it; false: that failed, and was said. */
bool offline_print(const char *command, struct buffer *out);
/* "entrepot COMMAND: TEXT" and, if there is one, the catalogue's remedy. The exit status for it. */
int offline_fail(const char *command, enum ep_status status, const struct error *error);
/* A message's id in hex. */
const char *offline_id(const uint8_t id[16], char text[33]);

#endif
