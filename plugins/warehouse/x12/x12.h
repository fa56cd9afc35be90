/*
 * x12.h: what the parts of the plugin share: the reader of one message, and what many transaction sets have in common
 * (items, parties, dates with times, quantities).
 */
#ifndef X12_H
#define X12_H

#include <entrepot/plugin.h>

enum party_text { PARTY_CODE = 0, PARTY_NAME = 1 };

struct x12_options {
	struct ep_slice quantities;   /* QTY01=field, comma-separated */
	struct ep_slice sku;          /* qualifiers of the item number, the preferred first */
	struct ep_slice units;        /* X12 unit=unit to be put */
	struct ep_slice default_unit; /* where the sender gives none; empty: none is put */
	uint32_t party;               /* enum party_text: what names a warehouse or an owner */
};

struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct x12_options *options;
	struct ep_x12 x12;
	bool held;              /* the segment at hand was read ahead: segment_next() gives it once more */
	struct ep_text usage;   /* ISA15 */
	bool envelope_deviates; /* of the interchange at hand */
	bool set_deviates;      /* SE01, SE02 of the transaction set at hand, or its SE is missing */
	bool totals_deviate;    /* W14, CTT ... disagree with the lines of the set at hand */
};

/* envelope.c ---------------------------------------------------------------------------------------------------- */

/* The tokenizer stopped: says why and where. */
enum ep_status refuse(struct reader *reader);
/* Reads ahead from an ISA (or the begin of a file without one) to its IEA and compares control numbers and counts. */
EP_MUST_CHECK enum ep_status check_interchange(struct reader *reader);
/* Reads ahead from an ST to its SE: count, control number, and the set's own totals. */
EP_MUST_CHECK enum ep_status check_set(struct reader *reader);
/* The next segment of the transaction set; EP_END at its end: the SE, or what stands where it should be. */
EP_MUST_CHECK enum ep_status segment_next(struct reader *reader);

/* common.c ------------------------------------------------------------------------------------------------------ */

static inline bool segment_is(const struct reader *reader, const char *name)
{
	return ep_slice_equal(reader->x12.elements[0].value, ep_slice_of(name));
}

static inline struct ep_text element(const struct reader *reader, uint32_t index)
{
	return ep_x12_element(&reader->x12, index);
}

static inline bool element_is(const struct reader *reader, uint32_t index, const char *value)
{
	return ep_slice_equal(element(reader, index).value, ep_slice_of(value));
}

static inline bool is_empty(struct ep_text text)
{
	return text.value.length == 0;
}

static inline struct ep_text no_text(void)
{
	return ep_text_constant(ep_slice_make(NULL, 0));
}

/* The first that isn't empty. */
static inline struct ep_text either(struct ep_text a, struct ep_text b)
{
	return is_empty(a) ? b : a;
}

void put(struct reader *reader, uint32_t field, struct ep_text text);
/* Whether `code` is among the blank-separated codes of `list`. */
bool is_among(struct ep_slice code, const char *list);
bool is_number(struct ep_slice text);
/* `test`, and the notes on envelope and totals, `about` naming the field that they concern. */
void put_declared(struct reader *reader, uint32_t test_field, uint32_t about);

/* A date (CCYYMMDD or YYMMDD), a time (HHMM to HHMMSSDD) and a time code (X12 623), as they stand in the file. */
struct moment {
	struct ep_text date, time, code;
};

bool is_date(struct ep_slice text);
/* Puts the date (unless `date_field` is 0), and the point in time as far as date, time and zone allow. */
void put_moment(struct reader *reader, uint32_t time_field, uint32_t date_field, struct moment moment);

/* The unit that is put for the sender's: mapped by option `units`, else as it is, else the default. */
struct ep_text unit_of(const struct reader *reader, struct ep_text unit);
/* Whether element `index` of the segment at hand is a quantity, or empty. If not, the record is rejected, and what
 * reject() answers is returned; it has to be found here, where the element's place can still be named. */
EP_MUST_CHECK enum ep_status check_quantity(struct reader *reader, uint32_t index, bool *sound);
/* A quantity, negated if `outward`. Notes where the unit is assumed; rejects the record if it can't be read. */
void put_quantity(struct reader *reader, uint32_t field, struct ep_text quantity, struct ep_text unit, bool outward);

/* An item, from pairs of qualifier (X12 235) and number. */
struct item {
	struct ep_text sku;
	struct ep_text gtin;
	struct ep_text lot;
	uint32_t rank; /* of the qualifier that gave `sku`; 0: none yet */
};

void item_add(struct reader *reader, struct item *item, struct ep_text qualifier, struct ep_text number);
/* All pairs from element `first` on. */
void item_add_pairs(struct reader *reader, struct item *item, uint32_t first);
/* The item of a W segment: a U.P.C. case code at `case_code`, two pairs behind it; or as senders write it (see there). */
void item_add_warehouse(struct reader *reader, struct item *item, uint32_t case_code);

/* Parties of the N1 segments, the best of each role. */
struct parties {
	struct ep_text place; /* warehouse */
	struct ep_text owner;
	struct ep_text consignee; /* name */
	uint32_t place_rank;
};

/* Takes the N1 at hand; `places` are the N101 codes of the warehouse, the preferred first, separated by blanks. */
void party_add(struct reader *reader, struct parties *parties, const char *places);

/* A goods line of a 940, 943 or 945, and what stands below it. lines.c */
struct goods {
	struct item item;
	struct ep_text quantity, unit;
	struct ep_text ordered; /* where it is given beside what was shipped */
	struct ep_text name;
	struct ep_text line_no; /* the sender's */
	bool sound;             /* the quantity could be read */
};

/* The W01, W04 or W12 at hand and what is below it; `loop` is the number of its LX. A bad quantity has been rejected. */
EP_MUST_CHECK enum ep_status goods_read(struct reader *reader, struct goods *goods, struct ep_text loop);
/* A line's position in its document, as text. */
void put_position_number(struct reader *reader, uint32_t field, uint32_t position);

/* What each transaction set gives. Called at its ST; they read up to its end. */
enum ep_status read_inventory(struct reader *reader);       /* 846 */
enum ep_status read_receipt(struct reader *reader);         /* 944 */
enum ep_status read_adjustment(struct reader *reader);      /* 947 */
enum ep_status read_shipping_advice(struct reader *reader); /* 945 */
enum ep_status read_shipment_only(struct reader *reader);   /* 940, 943 */
enum ep_status read_ship_notice(struct reader *reader);     /* 856 */
enum ep_status read_status(struct reader *reader);          /* 214 */
enum ep_status read_order(struct reader *reader);           /* 850 */

#endif
