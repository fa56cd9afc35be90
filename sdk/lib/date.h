/*
 * date.h: what the date helpers share with the put helpers; not for plugins.
 */
#ifndef SDK_DATE_H
#define SDK_DATE_H

#include <entrepot/plugin.h>

/* Digits only, `count` of them, into *value. */
bool date_digits(struct ep_slice text, uint64_t offset, uint64_t count, uint32_t *value);
/* What looks like a date is one: EP_OK. A date of the right form that doesn't exist (30 February): EP_NOT_FOUND. */
enum ep_status date_parse(struct ep_date *date, struct ep_slice text, enum ep_date_format format);
/* "Z", "+08:00", "+0800", "+08". */
bool offset_read(struct ep_slice text, int16_t *minutes);

#endif
