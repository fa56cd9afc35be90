/*
 * ofx.h: what the files of this plugin share: the tags of a file, a statement as far as it has been read, one transaction.
 */
#ifndef OFX_H
#define OFX_H

#include <entrepot/plugin.h>

#define OFX_TEXT_MAX 65536 /* bytes of one value in which something must be undone */

/* Aggregates that say what the values in them mean. OFX 1.6 and 2.2, chapters 11 and 13. */
/* clang-format off */
#define OFX_AGGREGATES(X) \
	X(OFX) X(SONRS) X(STMTTRNRS) X(CCSTMTTRNRS) X(INVSTMTTRNRS) X(STMTRS) X(CCSTMTRS) \
	X(INVSTMTRS) X(BANKACCTFROM) X(CCACCTFROM) X(INVACCTFROM) X(BANKACCTTO) X(CCACCTTO) \
	X(BANKTRANLIST) X(INVTRANLIST) X(BANKTRANLISTP) X(INVBANKTRAN) X(STMTTRN) X(STMTTRNP) X(PAYEE) \
	X(CURRENCY) X(ORIGCURRENCY) X(LEDGERBAL) X(AVAILBAL) X(INVBAL) X(STATUS) X(FI) X(BAL) \
	X(BANKMSGSRSV1) X(CREDITCARDMSGSRSV1) X(INVSTMTMSGSRSV1) X(SIGNONMSGSRSV1)
#define OFX_VALUES(X) \
	X(DTSERVER) X(CURDEF) X(BANKID) X(BROKERID) X(ACCTID) X(DTSTART) X(DTEND) X(BALAMT) \
	X(AVAILCASH) X(TRNTYPE) X(DTPOSTED) X(DTTRAN) X(DTUSER) X(DTAVAIL) X(TRNAMT) X(FITID) \
	X(SRVRTID) X(CHECKNUM) X(REFNUM) X(NAME) X(EXTDNAME) X(MEMO) X(CURRATE) X(CURSYM)
/* clang-format on */

#define OFX_ENUMERATOR(name) OFX_##name,
enum ofx_name { OFX_NONE, OFX_AGGREGATES(OFX_ENUMERATOR) OFX_LAST_AGGREGATE, OFX_VALUES(OFX_ENUMERATOR) OFX_OTHER };

enum ofx_kind { OFX_BEGIN, OFX_FINISH, OFX_END_OF_FILE, OFX_FORBIDDEN };

/* One tag, and the text up to the next one. */
struct ofx_tag {
	enum ofx_kind kind;
	enum ofx_name name;
	struct ep_slice text; /* trimmed; entities and CDATA sections still in it */
	const char *begin;
};

struct ofx_tags {
	const char *at, *end;
};

void ofx_tags_begin(struct ofx_tags *tags, struct ep_slice bytes);
/* SGML and XML alike: attributes, comments, processing instructions and a bare document type are passed over. */
void ofx_next(struct ofx_tags *tags, struct ofx_tag *tag);

struct ofx {
	struct ep_slice account;
};

/* One transaction (STMTTRN, STMTTRNP). */
struct ofx_entry {
	const char *begin;
	bool pending;
	struct ep_slice type, posted, available, amount, id, server_id, check_number, reference, name, extended_name,
		payee, memo, other_account, other_bank, currency, rate, original_rate;
};

/* STMTRS, CCSTMTRS or INVSTMTRS. */
struct ofx_statement {
	enum ofx_name type;
	struct ep_slice account, bank, currency, from, to, closing, available;
	char code[8]; /* of the currency */
	bool amount_unreadable;
	struct ep_ledger ledger;
};

struct ofx_reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct ofx *options;
	struct ep_part part;
	struct ofx_tags tags;
	enum ofx_name open[OFX_LAST_AGGREGATE]; /* aggregates that were begun, each once at most */
	uint32_t depth;
	struct ep_slice made_at; /* DTSERVER */
	struct ofx_statement statement;
	struct ofx_entry entry;
	bool in_statement, in_entry, found;
	struct ep_gather text;
};

/* A value with its entities undone, until the next one. */
struct ep_text ofx_text(struct ofx_reader *reader, struct ep_slice value);
/* The date in YYYYMMDD[HHMMSS[.xxx]][[-5:EST]], as written. */
void ofx_put_date(struct ofx_reader *reader, uint32_t field, struct ep_slice value);
void ofx_put_time(struct ofx_reader *reader, uint32_t field, struct ep_slice value);

/* entry.c */
void ofx_entry_value(struct ofx_entry *entry, enum ofx_name context, const struct ofx_tag *tag);
enum ep_status ofx_put_entry(struct ofx_reader *reader);

#endif
