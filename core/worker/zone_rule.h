/* zone_rule.h: the rule for the years behind a zone file's last transition (POSIX.1 TZ with the liberties of RFC 8536). */
#ifndef WORKER_ZONE_RULE_H
#define WORKER_ZONE_RULE_H

#include <entrepot/plugin.h>

struct zone_rule_day {
	char kind;                /* 'M' month, week, weekday; 'J' day 1 to 365 without 29 February; '0' day 0 to 365 */
	int32_t month, week, day; /* of 'M': 1 to 12, 1 to 5 (last), 0 (Sunday) to 6; else only the day */
	int32_t seconds;          /* after that day's local midnight */
};

struct zone_rule {
	int32_t standard; /* seconds east of UTC */
	int32_t summer;
	bool has_summer;
	struct zone_rule_day begin, end; /* of summer time */
};

/* "CET-1CEST,M3.5.0,M10.5.0/3" */
bool zone_rule_read(struct zone_rule *rule, struct ep_slice text);
int32_t zone_rule_offset_at(const struct zone_rule *rule, int64_t seconds);

#endif
