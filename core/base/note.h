/*
 * note.h: reads a plugin's ELF note with pread, before anything of the file is loaded or run.
 */
#ifndef BASE_NOTE_H
#define BASE_NOTE_H

#include "base/error.h"

/*
 * EP_BAD_CONFIG with a text that names the file, what differs and both versions: not ELF, other class or machine,
 * truncated, no note, a note of another ABI major, a newer minor, a name or version that isn't one.
 */
EP_MUST_CHECK enum ep_status note_read(const char *path, struct ep_note *note, struct error *error);
/* XXH3 of the file's bytes: which build it is. */
EP_MUST_CHECK enum ep_status note_build_id(const char *path, uint64_t *build, struct error *error);

#endif
