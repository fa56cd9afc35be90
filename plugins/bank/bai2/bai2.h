/*
 * bai2.h: what the files of this plugin share: the records of a file, an account as far as it has been read.
 */
#ifndef BAI2_H
#define BAI2_H

#include <entrepot/plugin.h>

#define BAI_TEXT_MAX 65536 /* bytes of one entry's text */
#define BAI_MISMATCHES_MAX 8

enum bai_code {
	BAI_NONE = 0,
	BAI_FILE = 1,
	BAI_GROUP = 2,
	BAI_ACCOUNT = 3,
	BAI_ENTRY = 16,
	BAI_ACCOUNT_TRAILER = 49,
	BAI_CONTINUATION = 88,
	BAI_GROUP_TRAILER = 98,
	BAI_FILE_TRAILER = 99
};

/* One physical record: what stands behind its code, without the slash that ends it. */
struct bai_record {
	enum bai_code code;
	struct ep_slice text;
};

/* The records of a file, and the fields of the record at hand with those that continue it. */
struct bai_records {
	const char *at, *end;
	const char *line_feed, *carriage_return; /* the next ones, at or behind `at`; `end`: none */
	uint64_t fixed;                          /* bytes of a record in a file without line ends; 0: it has them */
	struct bai_record next;                  /* read ahead; code BAI_NONE: the end */
	struct ep_slice rest;                    /* of the record at hand; data NULL: all its fields were taken */
	uint64_t read;                           /* physical records so far, without the one read ahead */
};

void bai_records_begin(struct bai_records *records, struct ep_slice bytes);
/* Makes the next record the one at hand; continuations that were not read are passed over. BAI_NONE at the end. */
enum bai_code bai_next(struct bai_records *records);
/* The next field of the record at hand, in it or in one that continues it. False behind the last. */
bool bai_field(struct bai_records *records, struct ep_slice *field);
/* A piece of the free text that is left: of the record at hand, then of each that continues it. */
bool bai_text(struct bai_records *records, struct ep_slice *piece);

/* A control total that disagreed. */
struct bai_mismatch {
	const char *what;
	uint32_t field;
	struct ep_decimal stated, counted;
};

struct bai2 {
	struct ep_slice account;
};

/* Sums and counts of an account, a group or the file, for its trailer. */
struct bai_control {
	struct ep_decimal sum; /* in minor units, whatever the currencies */
	uint64_t members;      /* accounts of a group, groups of the file */
	uint64_t first_record; /* how many records had been read when it began */
	bool incomplete;       /* an amount couldn't be read */
};

/* What 03 began, until it is put: its trailers may still say that something is missing. */
struct bai_account {
	bool begun;
	bool closed;  /* counted in its group */
	bool trailed; /* its 49 was read, and at the end of the file 99 */
	struct ep_text number, currency;
	struct ep_ledger ledger;
	struct ep_money available;
	struct ep_text available_text;
	char code[8];    /* of the currency */
	uint32_t digits; /* of its minor unit */
	struct bai_mismatch mismatches[BAI_MISMATCHES_MAX];
	uint32_t mismatch_count;
};

struct bai_reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct bai2 *options;
	struct ep_part part;
	struct bai_records records;
	struct ep_gather text;
	struct bai_account account;
	struct bai_control account_control, group_control, file_control;
	struct ep_text file_id, created_date, created_time;
	struct ep_text as_of_date, group_currency;
	char group_status;
	bool file_begun, file_ended, group_ended;
};

/* An amount in minor units of the account's currency. False if it can't be read; an empty one is zero. */
bool bai_amount(struct bai_reader *reader, struct ep_slice text, struct ep_money *money);
/* Passes over the availability of a funds type; *value_date is set by V, else empty. */
void bai_funds(struct bai_records *records, struct ep_slice type, struct ep_slice *value_date);
struct ep_text bai_cut(const struct bai_reader *reader, struct ep_slice value);
/* YYMMDD; anything else is noted at the field. */
void bai_put_date(const struct bai_reader *reader, uint32_t field, struct ep_text text);

/* entry.c: the 16 at hand. */
enum ep_status bai_put_entry(struct bai_reader *reader);

#endif
