/* journal.h: the subcommands of `entrepot journal`. Each returns an exit status. Inside core/command only. */
#ifndef COMMAND_JOURNAL_H
#define COMMAND_JOURNAL_H

#include "conf/conf.h"

struct journal_command {
	const char *directory; /* the data directory */
	const struct conf *conf;
	bool json;
	bool bodies;
	uint64_t from; /* position */
};

int journal_stat(const struct journal_command *command);
int journal_verify(const struct journal_command *command);
int journal_dump(const struct journal_command *command);

#endif
