/* outcome_json.h: the outcome object, as partners see it: in answers and beside a file that was refused. */
#ifndef INTAKE_OUTCOME_JSON_H
#define INTAKE_OUTCOME_JSON_H

#include "journal/outcome.h"

#define OUTCOME_JSON_MAX ((size_t)1024 * 1024) /* bytes of one object */

/* Appends it. `duplicate`: the message that was asked for repeats the one that this is the outcome of. */
EP_MUST_CHECK enum ep_status outcome_json_write(const struct outcome *outcome, bool duplicate, struct buffer *out);

#endif
