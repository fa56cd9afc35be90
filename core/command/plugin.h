/* plugin.h: a swap, as `plugin swap` and `replay --plugin FILE --commit` ask for it. */
#ifndef COMMAND_PLUGIN_H
#define COMMAND_PLUGIN_H

#include "base/buffer.h"

/* Asks the running gateway; the exit status. What is wrong goes to standard error behind "entrepot COMMAND: ". */
int plugin_swap(const char *command, const char *file, const char *source, const char *plugin, struct buffer *answer);

#endif
