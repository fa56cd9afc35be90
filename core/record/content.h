/* content.h: what is noted about a sound value, and how a person's number is sealed. Used by accept.c. */
#ifndef RECORD_CONTENT_H
#define RECORD_CONTENT_H

#include "base/buffer.h"
#include "record/encode.h"
#include "record/quality.h"

/* Adds the notes that a value of `field` deserves: length, code lists, check digits. */
void content_check(struct quality *quality, const struct schema_record *record, const struct schema_field *field,
	struct ep_slice bytes);

/* GS1 General Specifications 7.9: 8, 12, 13 or 14 digits, the last of which checks the others. */
bool gtin_valid(struct ep_slice text);
/* ISO 13616: false for what has the form of an IBAN of a country that uses them and wrong check digits; any other
 * account number is as good as another. Blanks and lower case count as they are meant. */
bool iban_valid(struct ep_slice text);

/*
 * Appends the value of SCHEMA_SEALED_PERSON for one of SCHEMA_PERSON: HMAC-SHA-256 under `key` over kind, a NUL and the
 * normalized number (zeros without a key), and a mask. False, and nothing appended, if the number has no letter or digit.
 */
bool person_seal(struct ep_slice key, struct ep_slice person, struct buffer *out);

#endif
