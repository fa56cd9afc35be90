/*
 * helpers.h: pure helpers for plugins, in libentrepot-sdk.a. No allocation but host->alloc(), no locale, no libc state.
 * Include <entrepot/plugin.h>, not this file.
 */
#ifndef ENTREPOT_HELPERS_H
#define ENTREPOT_HELPERS_H

#include <string.h>

#include <entrepot/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ep_host;
struct ep_call;
struct ep_part;
struct ep_input;

/* Slices -------------------------------------------------------------------------------------------------------- */

/* The slice of a string literal. */
#define EP_SAY(literal) ep_slice_make((literal), sizeof(literal) - 1)

static inline struct ep_slice ep_slice_make(const char *data, uint64_t length)
{
	struct ep_slice slice;

	slice.data = data;
	slice.length = length;
	return slice;
}

static inline struct ep_slice ep_slice_of(const char *string)
{
	return ep_slice_make(string, string ? strlen(string) : 0);
}

static inline bool ep_slice_equal(struct ep_slice a, struct ep_slice b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* ep_slice_is(slice, "literal") */
#define ep_slice_is(slice, literal) ep_slice_equal((slice), EP_SAY(literal))

bool ep_slice_starts(struct ep_slice slice, struct ep_slice prefix);
bool ep_slice_equal_nocase(struct ep_slice a, struct ep_slice b); /* ASCII letters only */
/* Without the blanks, tabs, CR and LF at both ends. */
struct ep_slice ep_slice_trim(struct ep_slice slice);
/* From `offset` on, at most `length`; clamped to the slice. */
struct ep_slice ep_slice_sub(struct ep_slice slice, uint64_t offset, uint64_t length);
/* Offset of the first `byte`, or the slice's length. */
uint64_t ep_slice_find(struct ep_slice slice, char byte);
/* Offset of the first occurrence of a short text, or the slice's length. */
uint64_t ep_slice_search(struct ep_slice slice, struct ep_slice text);
/* Takes what stands before `separator` off the front of *rest, which is left behind it; false when *rest is used up, that
 * is when its data is NULL: so "a," has two pieces, and an empty slice that isn't NULL has one. */
bool ep_slice_split(struct ep_slice *rest, char separator, struct ep_slice *piece);
/* A non-negative decimal integer of digits only. */
bool ep_slice_integer(struct ep_slice slice, int64_t *value);
/* The value of `key` in "key=value,key=value", e.g. an option that maps codes; empty slice with data NULL if none. */
struct ep_slice ep_map_find(struct ep_slice map, struct ep_slice key);
/* The header that the sender sent, by its lower-case name; data NULL if it didn't. */
struct ep_slice ep_header(const struct ep_input *input, struct ep_slice name);

/* Texts --------------------------------------------------------------------------------------------------------- */

/* Text that comes from no input. */
struct ep_text ep_text_constant(struct ep_slice value);
/* Text cut from a part: `value` must lie inside its bytes. */
struct ep_text ep_text_of(const struct ep_part *part, struct ep_slice value);
/* Some of a text: the origin follows. */
struct ep_text ep_text_sub(struct ep_text text, uint64_t offset, uint64_t length);
struct ep_text ep_text_trim(struct ep_text text);
/* `count` texts of one charset joined with `glue`, empty ones left out, in the call's memory; the origin spans from the
 * first to the last. */
struct ep_text ep_text_join(const struct ep_host *host, struct ep_call *call, const struct ep_text *texts,
	uint32_t count, struct ep_slice glue);
/* The place of a text, without row, column or path. */
struct ep_place ep_place_of(struct ep_text text);
/* The same with row and column counted in `part`. Costs a pass over the part: for errors only. */
struct ep_place ep_place_in(const struct ep_part *part, struct ep_text text);
/* Nothing known of the place. */
struct ep_place ep_place_none(void);

/*
 * The charset of a part, by the evidence of its bytes where neither the sender nor an option names one: EP_UTF8 if all of
 * it is valid; else code page 850 or 852 if most of its letters lie where DOS has them; else `fallback`, such as
 * EP_WINDOWS_1252 (Latin-1 instead if it has bytes that Windows-1252 doesn't have).
 */
uint32_t ep_charset_by_evidence(const struct ep_host *host, const struct ep_part *part, uint32_t fallback);
/* The part with that charset, so that texts cut from it can be put as they are: GB18030, which has characters of several
 * bytes, is converted to UTF-8. EP_BAD_INPUT: fail() has been called. */
EP_MUST_CHECK enum ep_status ep_part_text(const struct ep_host *host, struct ep_call *call, const struct ep_part *part,
	uint32_t fallback, struct ep_part *text);

/*
 * A text put together of pieces (wrapped lines, numbered sub-fields) in room that is taken once and used again: put it,
 * clear it, gather the next. What doesn't fit is left out, and `full` says so. All pieces are of one charset.
 */
struct ep_gather {
	char *bytes;
	uint64_t length;
	uint64_t capacity;
	struct ep_text origin; /* spans what was gathered */
	bool full;
};

/* False without memory: alloc() has told the host. */
bool ep_gather_open(const struct ep_host *host, struct ep_call *call, struct ep_gather *gather, uint64_t capacity);
void ep_gather_clear(struct ep_gather *gather);
void ep_gather_text(struct ep_gather *gather, struct ep_text text);
/* With a blank before it, unless it comes first or behind a blank; nothing for an empty text. */
void ep_gather_word(struct ep_gather *gather, struct ep_text text);
/* Without saying where it comes from; and where it comes from without more of it. */
void ep_gather_bytes(struct ep_gather *gather, struct ep_slice bytes);
void ep_gather_byte(struct ep_gather *gather, char byte);
void ep_gather_origin(struct ep_gather *gather, struct ep_text text);
/* What was gathered, until the next call of one of these. */
struct ep_text ep_gathered(const struct ep_gather *gather);

/* Decimals, money, quantities ----------------------------------------------------------------------------------- */

/* The decimal mark is declared, never guessed. The other of point and comma is not accepted. */
enum ep_decimal_mark {
	EP_DECIMAL_POINT = 1,
	EP_DECIMAL_COMMA = 2,
	EP_DECIMAL_JSON = 3 /* as ep_decimal_read_json() */
};

__extension__ typedef __int128 ep_int128;

struct ep_decimal ep_decimal_make(ep_int128 units, uint32_t scale);
ep_int128 ep_decimal_units(struct ep_decimal decimal);
/*
 * [+-]digits[mark digits]; no blanks, no grouping, at least one digit; "300," and ",5" are accepted, since SWIFT
 * writes them. The scale is kept as given. EP_BAD_INPUT; EP_LIMIT over 38 digits or a scale of 18.
 */
EP_MUST_CHECK enum ep_status ep_decimal_read(
	struct ep_decimal *decimal, struct ep_slice text, enum ep_decimal_mark mark);
/*
 * The same with a thousands mark `group`, which may stand between digits before the decimal mark: the last group has
 * three digits or more, the others two or more ("12,34,567"). So "1,23", where the comma was meant as decimal mark, is
 * refused and not taken for 123.
 */
EP_MUST_CHECK enum ep_status ep_decimal_read_grouped(
	struct ep_decimal *decimal, struct ep_slice text, enum ep_decimal_mark mark, char group);
/*
 * For formats that allow either mark (OFX), and for those whose writers mix them up: a single point or comma is the decimal
 * mark, of two different ones the last is and the other groups thousands, one that is repeated groups. Only where a
 * format never groups with a single mark: "1,234" is read as 1.234.
 */
EP_MUST_CHECK enum ep_status ep_decimal_read_either(struct ep_decimal *decimal, struct ep_slice text);
/* A JSON number as written, exponent included where it is whole: "1e3", "12.50". */
EP_MUST_CHECK enum ep_status ep_decimal_read_json(struct ep_decimal *decimal, struct ep_slice text);
/* EP_LIMIT if the sum doesn't fit. The result has the larger scale. */
EP_MUST_CHECK enum ep_status ep_decimal_add(struct ep_decimal *sum, struct ep_decimal a, struct ep_decimal b);
EP_MUST_CHECK enum ep_status ep_decimal_subtract(
	struct ep_decimal *difference, struct ep_decimal a, struct ep_decimal b);
EP_MUST_CHECK enum ep_status ep_decimal_multiply(struct ep_decimal *product, struct ep_decimal a, struct ep_decimal b);
/* By value: 1.0 equals 1.00. Less than, equal to or greater than 0. */
int ep_decimal_compare(struct ep_decimal a, struct ep_decimal b);
struct ep_decimal ep_decimal_negate(struct ep_decimal decimal);
struct ep_decimal ep_decimal_abs(struct ep_decimal decimal);
bool ep_decimal_is_negative(struct ep_decimal decimal);
bool ep_decimal_is_zero(struct ep_decimal decimal);
/* As text, scale kept: "-0.50". At most 44 bytes with the NUL; returns the length. */
uint32_t ep_decimal_write(struct ep_decimal decimal, char text[48]);

/* Digits after the point in the currency's minor unit (ISO 4217): 2, but JPY 0, KWD 3, ...; 2 for an unknown one, 0 for
 * one that has no minor unit (XAU). */
uint32_t ep_currency_digits(struct ep_slice currency);
/* Upper-cases three letters; EP_BAD_INPUT for anything else. Whether the code exists is checked by the core. */
EP_MUST_CHECK enum ep_status ep_currency_set(struct ep_money *money, struct ep_slice currency);
/* An empty currency is left empty; otherwise as ep_currency_set(). */
EP_MUST_CHECK enum ep_status ep_money_read(
	struct ep_money *money, struct ep_slice amount, enum ep_decimal_mark mark, struct ep_slice currency);
/* An integer in minor units: 12345 JPY is "12345", 12345 EUR is "123.45". Without a currency it can't be read. */
EP_MUST_CHECK enum ep_status ep_money_read_minor(
	struct ep_money *money, struct ep_slice amount, struct ep_slice currency);
struct ep_money ep_money_abs(struct ep_money money);
struct ep_money ep_money_negate(struct ep_money money);
bool ep_money_is_negative(struct ep_money money);
/* An empty unit is left empty. EP_LIMIT for a unit of more than 15 bytes. */
EP_MUST_CHECK enum ep_status ep_quantity_read(
	struct ep_quantity *quantity, struct ep_slice text, enum ep_decimal_mark mark, struct ep_slice unit);

/* Dates and times ----------------------------------------------------------------------------------------------- */

enum ep_date_format {
	EP_DATE_ISO = 1,   /* 2026-11-23 */
	EP_DATE_BASIC = 2, /* 20261123 */
	EP_DATE_SHORT = 3, /* 261123: 80 to 99 are 19xx */
	EP_DATE_DMY = 4,   /* 23.11.2026, 23/11/2026, 23-11-2026, two-digit years as in EP_DATE_SHORT */
	EP_DATE_MDY = 5,   /* 11/23/2026 */
	EP_DATE_YMD = 6    /* 2026/11/23, 2026.11.23, 2026-1-2 */
};

/* EP_BAD_INPUT for a date that doesn't exist (30 February). */
EP_MUST_CHECK enum ep_status ep_date_read(struct ep_date *date, struct ep_slice text, enum ep_date_format format);
bool ep_date_exists(struct ep_date date);
/* Days since 1970-01-01. */
int64_t ep_date_days(struct ep_date date);
struct ep_date ep_date_from_days(int64_t days);
/*
 * ISO 8601 date and time: "2026-11-23T10:00:00.123+08:00", "...Z", a blank or "t" for the T, +0800 and +08 accepted, seconds
 * may be missing. EP_OK: *time is set. EP_NO_ZONE: it has no offset; *local is set. EP_BAD_INPUT. A leap second counts
 * as the second before. `local` may be NULL.
 */
EP_MUST_CHECK enum ep_status ep_time_read(struct ep_time *time, struct ep_local_time *local, struct ep_slice text);
/* "HHMM", "HHMMSS", "HH:MM[:SS]", "HHMMSSd[d]" (X12) into the time of day of `local`; its date is left. */
EP_MUST_CHECK enum ep_status ep_clock_read(struct ep_local_time *local, struct ep_slice text);
/* With a known offset in minutes. */
struct ep_time ep_time_at(struct ep_local_time local, int16_t offset_minutes);
/* From seconds, milliseconds since 1970 (UTC). */
struct ep_time ep_time_unix(int64_t seconds);
struct ep_time ep_time_unix_ms(int64_t milliseconds);
/* The date that the time's own offset shows. */
struct ep_date ep_time_date(struct ep_time time);
/* RFC 3339, offset and digits as given; UTC as "Z". At most 36 bytes with the NUL; returns the length. */
uint32_t ep_time_write(struct ep_time time, char text[40]);
uint32_t ep_date_write(struct ep_date date, char text[16]);

/*
 * A date, date-time or local date-time put as the schema's type wants it, in one call:
 * ep_put_time: a time with offset is put; a local time is put in the source's zone, else left out with the note
 *   time-zone-missing; a date alone ("2026-11-23", "20261123") is midnight in the source's zone with the note
 *   time-absent, and without one left out with the note time-zone-missing; a date that doesn't exist is left out with
 *   the note date-impossible, anything else with value-unreadable. An empty text is nothing.
 * ep_put_date: the date as written, of a date or date-time; notes as above.
 */
void ep_put_time(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text text);
void ep_put_local_time(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_local_time local,
	struct ep_text origin);
void ep_put_date(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text text);

/*
 * An amount or a quantity read and put in one call. An empty text is nothing; what can't be read rejects the record
 * with EP_ERR_VALUE at the text's place, for an amount that is guessed or left out in silence is worse than none.
 * ep_put_money: a decimal with the declared mark, or with EP_DECIMAL_JSON a JSON number or its text.
 * ep_put_money_minor: an integer in minor units.
 */
void ep_put_money(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text amount,
	enum ep_decimal_mark mark, struct ep_slice currency);
void ep_put_money_minor(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text amount,
	struct ep_slice currency);
void ep_put_quantity(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text quantity,
	enum ep_decimal_mark mark, struct ep_slice unit);
void ep_put_decimal(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text decimal,
	enum ep_decimal_mark mark);
/* A whole number; anything else is left out with the note value-unreadable. */
void ep_put_integer(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text integer);

/* Words and notations of a sender ------------------------------------------------------------------------------- */

/* A word of the sender's and what it means here. A table ends with a word of NULL. */
struct ep_word {
	const char *word;
	uint32_t code;
};

/* The word's code, letter case aside; `otherwise` if the table doesn't have it. */
uint32_t ep_word_code(const struct ep_word *words, struct ep_slice word, uint32_t otherwise);

/* How a sender writes amounts. */
struct ep_notation {
	enum ep_decimal_mark mark; /* of decimals */
	char group;                /* their thousands mark; 0: none */
	bool minor;                /* no decimals: whole minor units, as a JSON number or its text */
	bool fractions;            /* minor units may have decimals ("45.5" cents) */
	const struct ep_word
		*digits; /* minor units: where the sender's digits aren't ISO 4217's; "": without a currency */
};

/* The amount, with its sign. False for an empty text, and for one that can't be read: then the record is rejected with
 * EP_ERR_VALUE at the text's place. Minor units without a currency are refused unless `digits` has them. */
bool ep_money_take(const struct ep_host *host, struct ep_call *call, struct ep_money *money, struct ep_text amount,
	const struct ep_notation *notation, struct ep_slice currency);
/* The same, put without its sign: the record's kind says which way it went. */
void ep_put_money_unsigned(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text amount,
	const struct ep_notation *notation, struct ep_slice currency);

/* Seconds, or milliseconds, since 1970: up to the year 9999, else left out with the note value-unreadable. */
void ep_put_unix_time(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text seconds);
void ep_put_unix_ms(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text milliseconds);

/* Payments and entries ------------------------------------------------------------------------------------------- */

/* The status of a payment (enum ep_payment_status) by the sender's word, which is kept as source_status. */
void ep_put_payment_status(const struct ep_host *host, struct ep_call *call, const struct ep_word *words,
	struct ep_text word, uint32_t otherwise);
/* Amount and direction of a settlement: a negative amount is a debit. */
void ep_put_entry_money(const struct ep_host *host, struct ep_call *call, struct ep_money money, struct ep_text origin);
void ep_put_entry(const struct ep_host *host, struct ep_call *call, struct ep_text amount,
	const struct ep_notation *notation, struct ep_slice currency);

/* Statements of account ------------------------------------------------------------------------------------------ */

/* The arithmetic of one statement. Zeroed at first; its currency is that of the first balance or entry that has one. */
struct ep_ledger {
	struct ep_money opening, closing; /* signed */
	struct ep_text opening_origin, closing_origin;
	struct ep_decimal credits, debits;               /* of all entries */
	struct ep_decimal booked_credits, booked_debits; /* of those that move the ledger */
	int64_t entries, credit_entries, debit_entries;
	char currency[8];
	bool opening_stated, closing_stated;
	bool currencies_differ; /* an amount isn't in the ledger's currency */
	bool incomplete;        /* an amount isn't known, or a sum doesn't fit */
};

/* A balance that is given again replaces the one before. */
void ep_ledger_open(struct ep_ledger *ledger, struct ep_money balance, struct ep_text origin);
void ep_ledger_close(struct ep_ledger *ledger, struct ep_money balance, struct ep_text origin);
/* An entry with its unsigned amount; one that isn't booked counts in the sums and moves nothing. */
void ep_ledger_entry(struct ep_ledger *ledger, struct ep_money amount, bool debit, bool booked);
/* An entry whose amount the sender left out: there are no sums then. */
void ep_ledger_entry_unknown(struct ep_ledger *ledger);
/* Whether opening plus booked entries gives closing: EP_BALANCE_CHECK_...; *difference is closing less what was computed. */
uint32_t ep_ledger_check(const struct ep_ledger *ledger, struct ep_money *difference);
/* Into the statement that was begun: balances, entry_count, credit_sum and debit_sum; and balance_check with its difference. */
void ep_ledger_put(const struct ep_host *host, struct ep_call *call, const struct ep_ledger *ledger);
void ep_ledger_put_check(const struct ep_host *host, struct ep_call *call, const struct ep_ledger *ledger);
/* A control total that disagrees: notes it at the field, and logs `what` with both numbers. */
void ep_note_total(const struct ep_host *host, struct ep_call *call, uint32_t field, const char *what,
	struct ep_decimal stated, struct ep_decimal counted);

/* CSV (RFC 4180, with the liberties that real files take) ------------------------------------------------------- */

struct ep_csv {
	const struct ep_host *host;
	struct ep_call *call;
	const struct ep_part *part;
	struct ep_slice rest;   /* rows not yet read */
	struct ep_text row;     /* the row at hand, without its line end */
	struct ep_slice fields; /* fields of it not yet taken */
	struct ep_text taken;   /* the field taken last */
	uint64_t row_number;    /* counts from 1, empty rows included */
	uint32_t column;        /* of the field taken last, from 1; 0: none yet */
	enum ep_status status;  /* EP_OK; EP_BAD_INPUT: fail() was called */
	char separator;
	char quote; /* '"'; set it to 0 after ep_csv_begin() for a file whose quotes mean nothing */
	bool more;  /* the row has another field */
};

/* A byte order mark is passed over. A quoted field may hold separators, line ends and doubled quotes. */
struct ep_csv ep_csv_begin(
	const struct ep_host *host, struct ep_call *call, const struct ep_part *part, char separator);
/* The next row that isn't empty; line ends are LF, CRLF or CR. False at the end, and after a quote that is never closed:
 * then fail() has been called, and `status` is to be returned from parse(). */
bool ep_csv_row(struct ep_csv *csv);
/* The next field of the row, unquoted; blanks are kept. */
bool ep_csv_take(struct ep_csv *csv, struct ep_text *field);
/* Where the field taken last stands, or the row if none was. `row` counts rows of the file, `column` fields. */
struct ep_place ep_csv_place(const struct ep_csv *csv);

#define EP_COLUMNS_MAX 512

/* A column by its header and what it is to the plugin, from 1. A table ends with a header of NULL. */
struct ep_column {
	const char *header;
	uint32_t role;
};

/* Which column of a file is what, by its header row. */
struct ep_columns {
	uint8_t roles[EP_COLUMNS_MAX]; /* 0: none of ours */
	uint32_t count;                /* columns of the header row, those beyond the maximum left out */
};

/* Reads the row at hand as header. Letter case, and blanks at both ends, don't matter; of two columns with one role the
 * first counts. */
void ep_columns_read(struct ep_columns *columns, struct ep_csv *csv, const struct ep_column *table);
bool ep_columns_have(const struct ep_columns *columns, uint32_t role);
/* The row at hand: fields[role] for each role below `role_count`, trimmed; empty where the row or the file has none. */
void ep_columns_take(const struct ep_columns *columns, struct ep_csv *csv, struct ep_text *fields, uint32_t role_count);

/* X12 ----------------------------------------------------------------------------------------------------------- */

#define EP_X12_ELEMENTS_MAX 128
#define EP_X12_NAMES_MAX 48

/*
 * Segments of one file: separators from each ISA (bytes 3, 104 and 105, or found by counting where the ISA doesn't have
 * its 106 bytes), white space after a terminator dropped, several interchanges in one file, and files that begin with
 * GS or ST, where the first byte that can't belong to that segment is the terminator.
 */
struct ep_x12 {
	const struct ep_part *part;
	uint64_t offset;                              /* of what is not yet read */
	uint64_t segment_number;                      /* counts from 1, over the whole part */
	uint32_t set_number;                          /* transaction sets begun so far */
	struct ep_text elements[EP_X12_ELEMENTS_MAX]; /* 0 is the segment's name */
	uint32_t count;
	char element_separator;
	char component_separator;  /* 0: none */
	char repetition_separator; /* 0: none */
	char terminator[4];        /* one byte, or the bytes of one UTF-8 character; CR or LF stand for any line end */
	uint32_t terminator_length;
	bool in_interchange; /* an ISA was read, its IEA not yet */
	bool irregular_isa;  /* the last ISA didn't have its 106 bytes */
	/* How often each segment name has come since the last ST (or ISA): for places. */
	uint32_t name_count;
	uint32_t names[EP_X12_NAMES_MAX];
	uint32_t occurrences[EP_X12_NAMES_MAX];
	uint32_t occurrence; /* of the segment at hand, from 1; 0: not counted */
};

/* EP_BAD_INPUT if it doesn't begin like X12. Blanks, line ends and a byte order mark before it are passed over. */
EP_MUST_CHECK enum ep_status ep_x12_begin(struct ep_x12 *x12, const struct ep_part *part);
/* EP_OK: a segment; EP_END; EP_BAD_INPUT: unterminated, an ISA whose separators can't be found, or more than
 * EP_X12_ELEMENTS_MAX elements. The terminator may be missing at the end of a last IEA (SE or GE without an ISA). */
EP_MUST_CHECK enum ep_status ep_x12_next(struct ep_x12 *x12);
/* ep_x12_is(&x12, "ST") */
#define ep_x12_is(x12, literal) ep_slice_is((x12)->elements[0].value, literal)
/* Element `index` from 1, trimmed of the padding blanks at its end; empty beyond the last. */
struct ep_text ep_x12_element(const struct ep_x12 *x12, uint32_t index);
/* Where element `index` of the segment stands (0: the segment); path such as "W07[3]-02", the third W07 of its
 * transaction set, "ST[2]/W07[3]-02" in a later one; in the call's memory. */
struct ep_place ep_x12_place(
	const struct ep_host *host, struct ep_call *call, const struct ep_x12 *x12, uint32_t index);

/* JSON ---------------------------------------------------------------------------------------------------------- */

struct ep_json;
/* Follows member names: ep_json_at(host, order, "customer.default_address.country_code"); a number is an element of an
 * array, from 0: "lines.0.sku". Absent where one is missing. */
struct ep_json ep_json_at(const struct ep_host *host, struct ep_json value, const char *path);
/* The text at a path; empty if absent, null, or no scalar. */
struct ep_text ep_json_text(const struct ep_host *host, struct ep_json value, const char *path);
/* ep_json_text put into a text field. */
void ep_json_put_text(
	const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_json value, const char *path);

/* Whether the part begins like JSON: with an object or array. */
bool ep_json_likely(const struct ep_part *part);
/* Reads one value; what isn't EP_OK ends the reading of those that it belongs to, and is their answer too. */
typedef enum ep_status ep_json_read(const void *context, struct ep_json value);
/* Has each element of an array read, or the value itself if it isn't an array; nothing if it is absent or null. */
EP_MUST_CHECK enum ep_status ep_json_each(
	const struct ep_host *host, struct ep_json value, ep_json_read *read, const void *context);
/* Opens the documents of a part, one after the other, and has each read, as ep_json_each() does. A part in another charset
 * is converted first. EP_ERR_EMPTY if there is none; EP_ERR_TYPE_UNKNOWN with what was `expected` if `read` answers
 * EP_NOT_FOUND. */
EP_MUST_CHECK enum ep_status ep_json_documents(const struct ep_host *host, struct ep_call *call,
	const struct ep_part *part, ep_json_read *read, const void *context, struct ep_slice expected);
/* The first text that isn't empty of several paths: "failure_message|failure_code". */
struct ep_text ep_json_any(const struct ep_host *host, struct ep_json value, const char *paths);

/* The text of the first member that has one, by its name, of "order_no,order_id": an option's list of names. */
struct ep_text ep_json_member_of(const struct ep_host *host, struct ep_json object, struct ep_slice names);

enum ep_json_as {
	EP_AS_TEXT = 0,
	EP_AS_TIME = 1,    /* ep_put_time() */
	EP_AS_DATE = 2,    /* ep_put_date() */
	EP_AS_UNIX = 3,    /* ep_put_unix_time() */
	EP_AS_DECIMAL = 4, /* ep_put_decimal() with EP_DECIMAL_JSON */
	EP_AS_TRUE = 5     /* ep_put_bool(true) if it is true, else nothing */
};

/* A field, and the member that it is read from. A table ends with paths of NULL. */
struct ep_json_field {
	uint32_t field;
	uint32_t as;       /* enum ep_json_as */
	const char *paths; /* as for ep_json_any() */
};

/* What the object has of these, put. */
void ep_json_put(
	const struct ep_host *host, struct ep_call *call, struct ep_json object, const struct ep_json_field *fields);

#ifdef __cplusplus
}
#endif
#endif
