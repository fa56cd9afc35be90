/*
 * place.h: where in a message, as shown to people: "byte 120 (row 3, column 5) Ntry[2]/Amt".
 */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include "base/buffer.h"

/* Appends it. Parts but the first are named. Control characters of the path are escaped. "message" if nothing is known. */
void place_write(const struct ep_place *place, struct buffer *out);

#endif
