/*
 * version.h: what a record is against what is known of its key: invariant 11, old never overwrites new.
 */
#ifndef PIPELINE_VERSION_H
#define PIPELINE_VERSION_H

#include "index/entries.h"
#include "journal/outcome.h"

/*
 * Less than, equal to or greater than 0 as `a` is older than, as old as or newer than `b`.
 *
 * A version is the sender's, or, where a record brings none, the inbox sequence of its message. Two of the sender's are
 * compared as points in time if both are times; if neither is, as texts in which runs of digits count as numbers
 * ("v9" before "v10", "7" before "12"). All else (sequences, a time against a text, a sender's version against none) is
 * compared by the sequence: what arrived later is newer, since nothing else is known.
 */
int version_compare(const struct entry_record *a, const struct entry_record *b);

/* What a record without a version has for one: the number in decimal. */
struct ep_slice version_of_sequence(uint64_t sequence, char text[ENTRY_VERSION_MAX]);

/* The entry that follows from a forwarded record of the outbox; `sequence` is its message's. */
struct entry_record version_entry(const struct outcome_record *record, uint64_t sequence);

/*
 * The fate of a record whose version and content are set in `record`; sets its revision and attempt. `current` is what
 * the key has now, NULL if it is new. Revision and attempt begin at 1; whatever is forwarded gets a revision of its own,
 * also a conflict, so that a receiver may keep the highest; what is superseded has revision 0.
 *
 * A record without a version, of a key that has one from its sender, is another content of that version, and takes it: so
 * what is older than that version stays older, and no version comes twice with one attempt, which would be one id.
 */
enum record_fate version_decide(const struct entry_record *current, struct entry_record *record);

#endif
