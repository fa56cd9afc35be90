/* structure.h: whether bytes are exactly one record in its one encoding; what is wrong if not. */
#ifndef RECORD_STRUCTURE_H
#define RECORD_STRUCTURE_H

#include "record/encode.h"

struct structure_fault {
	const struct schema_record *record; /* NULL: not known yet */
	const struct schema_field *field;   /* NULL: not a single one's */
	uint32_t item;                      /* of the list that the field stands in */
	const char *why;
};

bool structure_check(struct ep_slice encoded, struct structure_fault *fault);

#endif
