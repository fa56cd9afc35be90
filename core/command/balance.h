/*
 * balance.h: one destination's equation, computed from the log: its steps against the records that they speak of.
 *
 * A step says how far the cursor has moved and what became of the records on the way. They are read again here, each is
 * given its end by its place, and the step's own counts must come to the same; so must every checkpoint's. Where the log's
 * beginning is no longer kept, the first checkpoint whose records all are is where the equation begins.
 */
#ifndef COMMAND_BALANCE_H
#define COMMAND_BALANCE_H

#include "command/sums.h"
#include "conf/conf.h"
#include "courier/delivery.h"
#include "journal/outcome.h"
#include "journal/survey.h"

/* Which messages count. */
struct balance_filter {
	struct ep_slice source; /* data NULL: all */
	int64_t since_ns;
};

/* The records of outcomes, one after the other, from any place on; extents too. */
struct balance_records {
	struct survey *survey;
	struct journal_frame frame;
	struct outcome outcome;
	struct delivery_place place; /* of the next one */
	bool inside;
	struct ep_slice rest; /* of the records in memory */
	int extent_fd;        /* -1: none */
	uint64_t extent_at;
	char *window; /* owned */
	size_t window_size;
};

enum ep_status balance_records_open(struct balance_records *records, const char *directory, struct error *error);
void balance_records_close(struct balance_records *records);
void balance_records_seek(struct balance_records *records, struct delivery_place place);
/* The next record before `limit`; *at: its place. EP_END: there is none. */
EP_MUST_CHECK enum ep_status balance_records_next(struct balance_records *records, struct delivery_place limit,
	struct delivery_place *at, struct outcome_record *record, struct error *error);

enum balance_end {
	BALANCE_RECORDS, /* all of them: the column that the others must come to */
	BALANCE_DELIVERED,
	BALANCE_FILTERED,
	BALANCE_SUPERSEDED,
	BALANCE_DEAD,
	BALANCE_PENDING,
	BALANCE_ENDS
};
extern const char *const balance_end_names[BALANCE_ENDS];

struct balance_open {
	struct delivery_place at;
	bool counts; /* it passes the filter */
	bool monetary;
	struct ep_money amount;
};

#define BALANCE_VIOLATIONS_MAX 20

struct balance_destination {
	char name[64];
	const struct conf_destination *conf; /* NULL: not configured any more */
	const struct balance_filter *filter;
	struct balance_records records;
	struct delivery_state state;
	struct balance_open *open; /* owned; ascending */
	size_t open_count, open_capacity;
	uint64_t counts[BALANCE_ENDS];
	struct sums sums;
	uint64_t base;     /* position before which steps are part of where it began */
	bool has_base;     /* a checkpoint's */
	uint64_t began_at; /* position of the first record that counts */
	uint64_t violation_count;
	char violations[BALANCE_VIOLATIONS_MAX][256];
};

void balance_destination_init(struct balance_destination *destination, struct ep_slice name,
	const struct conf_destination *conf, const struct balance_filter *filter);
EP_MUST_CHECK enum ep_status balance_destination_open(
	struct balance_destination *destination, const char *directory, struct error *error);
void balance_destination_free(struct balance_destination *destination);
/* Where the equation begins: the state that a checkpoint at `position` holds. */
EP_MUST_CHECK enum ep_status balance_destination_begin(
	struct balance_destination *destination, struct ep_slice checkpoint, uint64_t position, struct error *error);
/* In the order of the log. EP_OK also where something doesn't hold: that is a violation. */
EP_MUST_CHECK enum ep_status balance_destination_step(struct balance_destination *destination, uint64_t position,
	const struct delivery *delivery, struct error *error);
void balance_destination_compare(
	struct balance_destination *destination, struct ep_slice checkpoint, uint64_t position);
/* What is left up to the end of the log is pending. */
EP_MUST_CHECK enum ep_status balance_destination_end(
	struct balance_destination *destination, uint64_t end, struct error *error);

__attribute__((format(printf, 2, 3))) void balance_violation(
	struct balance_destination *destination, const char *format, ...);

#endif
