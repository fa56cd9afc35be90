/*
 * zone.h: a source's time zone: a fixed offset, or a zone of the IANA database whose file is read when it is opened.
 */
#ifndef WORKER_ZONE_H
#define WORKER_ZONE_H

#include "base/error.h"

struct zone;

/* "Z", "UTC", "+08:00", "+0800", "-03", or an IANA name. EP_BAD_CONFIG says what is accepted. */
EP_MUST_CHECK enum ep_status zone_open(struct zone **zone, struct ep_slice name, struct error *error);
void zone_close(struct zone *zone);
/* Seconds east of UTC at a point in time. */
int32_t zone_offset_at(const struct zone *zone, int64_t seconds);
/* In a gap, the time as far behind it as the local time is into it; of two, the earlier. EP_BAD_INPUT: no such date or time. */
EP_MUST_CHECK enum ep_status zone_time(const struct zone *zone, struct ep_local_time local, struct ep_time *time);

#endif
