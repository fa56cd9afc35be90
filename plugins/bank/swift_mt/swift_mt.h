/*
 * swift_mt.h: what the files of this plugin share: fields as they stand in the file, a statement as far as it has been
 * read, one entry, and what the account servicer writes about an entry.
 */
#ifndef SWIFT_MT_H
#define SWIFT_MT_H

#include <entrepot/plugin.h>

#define MT_TEXT_MAX 65536 /* bytes of one :86:; the standard has 390, the longest that banks send a few thousand */

/* Fields of category 9 that are read; the number in the tag says which, the letter behind it is kept beside. */
enum mt_tag {
	MT_NONE,
	MT_OTHER,  /* :nn: that is none of these */
	MT_HEADER, /* :940: and its like, which some banks put before the message */
	MT_13,     /* when an interim report was made */
	MT_20,
	MT_21,
	MT_25,
	MT_28,
	MT_34, /* floor limit; the only place where an interim report names its currency */
	MT_60,
	MT_61,
	MT_62,
	MT_64,
	MT_65,
	MT_86,
	MT_90,
	MT_NS /* of Polish and Hungarian banks: lines with two digits before each */
};

/* One field: all its lines, without the last line end. */
struct mt_field {
	enum mt_tag tag;
	char letter;       /* F, M, C, D, P ... in upper case; 0: none */
	const char *begin; /* of its tag */
	struct ep_slice value;
};

/* The fields of a file, one after the other, whatever stands around and between the messages. */
struct mt_fields {
	const char *at, *end;
	const char *line_feed, *carriage_return; /* the next ones, at or behind `at`; `end`: none */
	struct ep_slice type;                    /* "940", as an envelope or header line before the next message says */
};

void mt_fields_begin(struct mt_fields *fields, struct ep_slice bytes);
bool mt_fields_next(struct mt_fields *fields, struct mt_field *field);
/* Takes the first line off the front of *lines; false when nothing is left. */
bool mt_take_line(struct ep_slice *lines, struct ep_slice *line);
/* A tag at the very beginning of a line; its length with both colons, or 0. */
uint32_t mt_read_tag(struct ep_slice line, enum mt_tag *tag, char *letter);

/* values.c ------------------------------------------------------------------------------------------------------ */

/* An amount as SWIFT writes it, and as it is found: "12,", "12,3", "12", "12.30", "1.234,56". */
bool mt_read_amount(struct ep_slice text, struct ep_decimal *amount);
/* The bytes at the beginning that an amount may consist of. */
uint64_t mt_amount_length(struct ep_slice text);
uint64_t mt_digits(struct ep_slice text);
bool mt_is_upper(char byte);

/* :60:, :62:, :64:: mark, date, currency, amount. */
struct mt_balance {
	struct ep_money money; /* signed; the currency may be missing */
	struct ep_slice date;  /* YYMMDD, or empty */
	bool sign_assumed;
	bool readable;
};
struct mt_balance mt_read_balance(struct ep_slice value);

/* An entry (:61:) ------------------------------------------------------------------------------------------------ */

#define MT_LINE_MAX 256 /* bytes of a :61: whose first line was broken in two */

struct mt_entry {
	const char *begin; /* of its tag */
	struct ep_slice field;
	struct ep_slice value_date; /* YYMMDD */
	struct ep_slice entry_date; /* MMDD, or empty */
	struct ep_slice mark;
	struct ep_slice amount_text;
	struct ep_decimal amount; /* unsigned */
	bool debit;               /* the effect on the account: RC lowers it, RD raises it */
	bool reversal;
	bool expected; /* EC, ED: not booked yet */
	bool negative; /* the amount had a sign of its own, against the standard */
	struct ep_slice type, reference, servicer_reference;
	struct ep_slice other_account, other_name; /* where a bank writes them behind a padded reference */
	struct ep_slice supplementary;             /* second line and further */
	struct ep_slice info; /* the :86: or :NS: that follow, tags of all but the first included */
	enum mt_tag info_tag;
	char joined[MT_LINE_MAX];
};

/* EP_OK, or EP_BAD_INPUT with what was expected in *why. The slices point into the field, or into entry->joined. */
enum ep_status mt_read_entry(struct mt_entry *entry, const struct mt_field *field, struct ep_slice *why);

/* What the servicer tells about an entry (:86:, :NS:, second line of :61:). Texts with the field as origin. */
struct mt_info {
	struct ep_text remittance, description, code, name, account, agent, end_to_end_id, reference, mandate_id,
		transaction_id, customer_reference, original, rate;
	struct ep_text ultimate; /* the party behind the other party */
};

/* The reader ----------------------------------------------------------------------------------------------------- */

struct swift_mt {
	struct ep_slice account;
	struct ep_slice currency;
};

/* One message. */
struct mt_statement {
	bool begun;
	const char *begin;
	struct ep_slice type;
	struct ep_text id, account, servicer, sequence, page, owner;
	struct ep_slice account_and_currency;    /* :25: where the last three letters look like a currency */
	struct ep_slice raw_account, raw_number; /* as written, by which pages find each other */
	char account_joined[36];                 /* an IBAN written in groups */
	struct ep_slice account_currency, floor_currency;
	struct ep_ledger ledger;
	struct ep_slice opening_date, closing_date;
	struct ep_slice made_at; /* :13D: */
	struct ep_money available;
	struct ep_slice available_text;
	struct ep_slice stated_debits, stated_credits; /* :90D:, :90C: */
	bool closing_intermediate;
	bool interim; /* has :34F:, :13D: or :90D: */
	bool sign_assumed, closing_currency_assumed, opening_unreadable, closing_unreadable;
};

/* What the pages of a chain come to together. */
struct mt_chain {
	const char *last; /* where its last page begins; NULL: no chain was read */
	uint32_t check;
	struct ep_money difference;
};

struct mt_reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct swift_mt *options;
	struct ep_part part;
	struct mt_fields fields;
	struct mt_statement statement;
	struct mt_entry entry;
	bool entry_begun;
	struct mt_chain chain;
	struct ep_gather unfolded; /* the lines of a field in one */
	struct ep_gather pieces;   /* texts put together, one behind the other */
};

/* A text of the input; of what was put together in memory, the bytes of `field` are the origin. */
struct ep_text mt_text(const struct mt_reader *reader, struct ep_slice value, struct ep_slice field);

/* statement.c: what is said in a statement; `behind` is where the next message begins. */
void mt_statement_field(struct mt_reader *reader, const struct mt_field *field);
enum ep_status mt_put_statement(struct mt_reader *reader, const struct mt_fields *behind);
/* The statement's account and currency as far as it is known now; empty: not stated. */
struct ep_text mt_account(const struct mt_reader *reader);
struct ep_slice mt_currency(const struct mt_reader *reader);

/* chain.c: reads on over the pages that follow the statement, to its chain's end. */
void mt_read_chain(struct mt_reader *reader, const struct mt_fields *behind);

/* entry.c */
enum ep_status mt_put_entry(struct mt_reader *reader);

/* info.c: EP_BAD_INPUT if the information is longer than MT_TEXT_MAX. */
enum ep_status mt_read_info(struct mt_reader *reader, const struct mt_entry *entry, struct mt_info *info);
/* A text put together in reader->pieces from `mark` on; `origin` is what it was taken from. */
struct ep_text mt_piece(const struct mt_reader *reader, uint64_t mark, struct ep_text origin);
/* A piece that lies within a text's value. */
struct ep_text mt_within(struct ep_text text, struct ep_slice piece);

/* structured.c: the German scheme, a code and then numbered sub-fields. */
bool mt_is_structured(struct ep_slice text);
void mt_read_structured(struct mt_reader *reader, struct ep_text text, struct mt_info *info);
/* Numbered lines (:NS:). */
void mt_read_numbered_lines(struct mt_reader *reader, struct ep_text lines, struct mt_info *info);
/* Free text in which SEPA keys may stand ("EREF+"). */
struct mt_borders;
void mt_read_keys(
	struct mt_reader *reader, struct ep_text text, const struct mt_borders *borders, struct mt_info *info);

/* words.c: "/TRTP/.../NAME/...", "TYT.: ...; TNR: ...", and what a second line of :61: may hold. */
bool mt_has_words(struct ep_slice text);
void mt_read_words(struct ep_text text, struct mt_info *info);
bool mt_is_iban(struct ep_slice text);
bool mt_has_labels(struct ep_slice text);
void mt_read_labels(struct ep_text text, struct mt_info *info);
void mt_read_supplementary(struct ep_text text, struct mt_info *info);

#endif
