/*
 * coda.h: what the files of this plugin share: records by columns, a statement as far as it has been read, one movement.
 */
#ifndef CODA_H
#define CODA_H

#include <entrepot/plugin.h>

#define CODA_RECORD 128             /* characters of a record */
#define CODA_TEXT_MAX 65536         /* bytes of the information for one movement */
#define CODA_COMMUNICATION_MAX 1024 /* bytes of one communication: 149 characters */

/* The records of a file: lines, or 128 characters each where there are no line ends. */
struct coda_lines {
	const char *at, *end;
	const char *line_feed, *carriage_return; /* the next ones, at or behind `at`; `end`: none */
	bool fixed;                              /* the file has no line ends */
	bool wide;                               /* it has characters of several bytes */
};

void coda_lines_begin(struct coda_lines *lines, struct ep_slice bytes, bool wide);
/* The next line that isn't blank. */
bool coda_next(struct coda_lines *lines, struct ep_slice *line);

/* A movement (2.1, 2.2, 2.3), or a detail of one. */
struct coda_movement {
	struct ep_slice reference, sign, amount_text, value_date, code, entry_date;
	struct ep_slice structure; /* "1": the communication has a type */
	struct ep_slice communication[3];
	struct ep_slice customer_reference, agent, reason, account, name;
	struct ep_decimal amount;
};

struct coda {
	struct ep_slice account;
};

/* From 1 to 8, with what 9 says of it. */
struct coda_statement {
	bool begun, ended; /* ended: 9 was read */
	struct ep_text account, currency, sequence, owner;
	char code[8]; /* of the currency */
	struct ep_slice opening_date, closing_date;
	struct ep_ledger ledger;
	uint64_t records; /* 1, 2.x, 3.x and 8, as 9 counts them */
	struct ep_slice stated_records, stated_debits, stated_credits;
};

struct coda_reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct coda *options;
	struct ep_part part;
	bool plain; /* all of it is ASCII: a column is a byte */
	struct coda_lines lines;
	struct ep_text file_reference, servicer; /* of 0 */
	bool header_read, trailer_read;
	struct coda_statement statement;

	bool entry_begun; /* a settlement, and of it ... */
	bool detail_begun, details_listed;
	bool details_nested; /* some explain others: their sum says nothing */
	struct coda_movement entry, detail;
	struct ep_decimal details_sum; /* signed */
	struct ep_slice info_name;     /* the other party, of 3.1 */
	bool info_structured;
	struct ep_gather info; /* 3.x */
	struct ep_gather text; /* a communication */
};

/* Whether all of it is ASCII. */
bool coda_is_plain(struct ep_slice text);
/* Columns `from` to `to` of a record, counted from 1, in characters; short lines count as padded with blanks. */
struct ep_slice coda_columns(const struct coda_reader *reader, struct ep_slice line, uint32_t from, uint32_t to);
/* The same without the blanks around. */
struct ep_slice coda_field(const struct coda_reader *reader, struct ep_slice line, uint32_t from, uint32_t to);
uint64_t coda_characters(const struct coda_reader *reader, struct ep_slice text);
struct ep_text coda_cut(const struct coda_reader *reader, struct ep_slice value);
/* 15 digits, the last three behind the decimal mark. */
bool coda_amount(struct ep_slice digits, struct ep_decimal *amount);
/* DDMMYY; 000000 is none. */
void coda_put_date(const struct coda_reader *reader, uint32_t field, struct ep_slice text);

/* movement.c */
enum ep_status coda_movement(struct coda_reader *reader, struct ep_slice line);
void coda_information(struct coda_reader *reader, struct ep_slice line);
enum ep_status coda_put_entry(struct coda_reader *reader);

/* communication.c: what a communication says, by its type. Puts at most one text for each of the fields. */
struct coda_said {
	struct ep_text remittance, reference, mandate_id;
};
void coda_read_communication(struct coda_reader *reader, const struct coda_movement *movement, struct coda_said *said);
/* Appends with runs of blanks as one. */
void coda_append(struct ep_gather *gather, struct ep_text text);

#endif
