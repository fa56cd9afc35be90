/*
 * key_file.h: the key of persons' hashes where the configuration has none: made once, kept in the data directory.
 */
#ifndef COMMAND_KEY_FILE_H
#define COMMAND_KEY_FILE_H

#include "base/error.h"

#define KEY_FILE_BYTES 32

/* Reads person.key, or makes it. Hashes depend on it for good: a file of another length is EP_BAD_INPUT. */
EP_MUST_CHECK enum ep_status key_file_load(const char *data_dir, uint8_t key[KEY_FILE_BYTES], struct error *error);

#endif
