/*
 * json_find.h: one member of a JSON text, found without reading the rest of it.
 *
 * For the provider's event id, which some providers put into the body that they sign. This is no check of the JSON: that
 * is the worker's. Nothing is copied, nothing nests on the stack.
 */
#ifndef INTAKE_JSON_FIND_H
#define INTAKE_JSON_FIND_H

#include <entrepot/types.h>

/*
 * The string (as written, without its quotes) or number at `path`, such as "id" or "data.object.id". Data NULL if it
 * isn't there, or is something else, or the text ends or breaks off before. The first of several equal names counts.
 */
struct ep_slice json_find(struct ep_slice text, struct ep_slice path);

#endif
