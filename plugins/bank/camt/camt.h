/*
 * camt.h: what the files of this plugin share: the element names, the reader, sums of a report.
 */
#ifndef CAMT_H
#define CAMT_H

#include <entrepot/plugin.h>

/* Every element and attribute that is read; all others are passed over. ISO 20022 names, versions .01 to .14. */
/* clang-format off */
#define CAMT_NAMES(NAME) \
	NAME(Acct) NAME(AcctSvcrRef) NAME(AddtlNtryInf) NAME(AddtlRmtInf) NAME(AddtlTxInf) \
	NAME(Amt) NAME(AmtDtls) NAME(BBAN) NAME(BIC) NAME(BICFI) NAME(Bal) NAME(BkToCstmrAcctRpt) \
	NAME(BkToCstmrAcctRptV01) NAME(BkToCstmrDbtCdtNtfctn) NAME(BkToCstmrDbtCdtNtfctnV01) \
	NAME(BkToCstmrStmt) NAME(BkToCstmrStmtV01) NAME(BkTxCd) NAME(BookgDt) NAME(Btch) NAME(Ccy) \
	NAME(CcyXchg) NAME(Cd) NAME(CdOrPrtry) NAME(CdtDbtInd) NAME(Cdtr) NAME(CdtrAcct) \
	NAME(CdtrAgt) NAME(CdtrRefInf) NAME(Chrgs) NAME(ClrSysMmbId) NAME(CreDtTm) NAME(Dbtr) \
	NAME(DbtrAcct) NAME(DbtrAgt) NAME(Domn) NAME(ElctrncSeqNb) NAME(EndToEndId) \
	NAME(FinInstnId) NAME(Fmly) NAME(FrDt) NAME(FrDtTm) NAME(FrToDt) NAME(GrpHdr) NAME(IBAN) \
	NAME(Id) NAME(InstdAmt) NAME(InstrId) NAME(LglSeqNb) NAME(MmbId) NAME(MndtId) \
	NAME(MsgPgntn) NAME(NbOfNtries) NAME(NbOfTxs) NAME(Nm) NAME(Ntfctn) NAME(Ntry) \
	NAME(NtryDtls) NAME(NtryRef) NAME(Othr) NAME(Ownr) NAME(PgNb) NAME(Prtry) NAME(PrtryAcct) \
	NAME(Rcrd) NAME(Ref) NAME(Refs) NAME(RltdAgts) NAME(RltdPties) NAME(RmtInf) NAME(Rpt) \
	NAME(Rsn) NAME(RtrInf) NAME(RvslInd) NAME(Stmt) NAME(StmtPgntn) NAME(Strd) NAME(Sts) \
	NAME(SubFmlyCd) NAME(Sum) NAME(Svcr) NAME(ToDt) NAME(ToDtTm) NAME(Tp) NAME(TtlCdtNtries) \
	NAME(TtlChrgsAndTaxAmt) NAME(TtlDbtNtries) NAME(TtlNtries) NAME(TxAmt) NAME(TxDtls) \
	NAME(TxId) NAME(TxsSummry) NAME(UETR) NAME(UPIC) NAME(UltmtCdtr) NAME(UltmtDbtr) \
	NAME(Ustrd) NAME(ValDt) NAME(XchgRate)
/* clang-format on */

#define CAMT_ENUMERATOR(name) CAMT_##name,
enum camt_name { CAMT_NONE, CAMT_NAMES(CAMT_ENUMERATOR) CAMT_NAME_COUNT };

struct camt {
	struct ep_slice account;
};

/* One report (Stmt, Rpt, Ntfctn) as far as it has been read. */
struct camt_report {
	const char *type; /* "camt.053" ... */
	struct ep_text account, id, sequence, currency, created_at, from, to, owner, servicer;
	struct ep_text page;
	struct ep_money opening, closing, available;
	struct ep_text opening_origin, closing_origin, available_origin;
	bool opening_stated, closing_stated, available_stated;
	bool opening_is_previous;                        /* PRCD, which an OPBD replaces */
	bool sign_assumed;                               /* a balance or entry said neither credit nor debit */
	struct ep_decimal credits, debits;               /* of all entries */
	struct ep_decimal booked_credits, booked_debits; /* of those that move the ledger */
	int64_t entries;
	bool currencies_differ; /* an entry isn't in the account's currency: the sums say nothing */
	bool overflow;
	struct ep_text total_count, total_credits, total_debits; /* TxsSummry */
};

/* What every reader below needs. */
struct camt_reader {
	const struct ep_host *host;
	struct ep_call *call;
	struct ep_xml *xml;
	const struct camt *camt;
	struct ep_slice source;
};

static inline uint32_t camt_child(const struct camt_reader *reader)
{
	return reader->host->xml->child(reader->xml);
}

static inline void camt_skip(const struct camt_reader *reader)
{
	reader->host->xml->skip(reader->xml);
}

/* Character data without the blanks around it; leaves the element. */
static inline struct ep_text camt_text(const struct camt_reader *reader)
{
	return ep_text_trim(reader->host->xml->text(reader->xml));
}

/* An amount and the currency that stands as its attribute. */
struct camt_amount {
	struct ep_text text, currency;
};

/* elements.c: small structures that occur in several places. Each leaves the element that was entered. */
struct camt_amount camt_amount(const struct camt_reader *reader);
/* The first text of an element `name` at any depth below. */
struct ep_text camt_find(const struct camt_reader *reader, uint32_t name);
/* The first of Cd and Prtry, or the element's own text (Sts before version .08). */
struct ep_text camt_code(const struct camt_reader *reader);
/* Dt or DtTm, or what a Dt without them holds. */
struct ep_text camt_date(const struct camt_reader *reader);
/* IBAN, or another identification: BBAN, UPIC, proprietary. */
struct ep_text camt_account(
	const struct camt_reader *reader, struct ep_text *currency, struct ep_text *owner, struct ep_text *servicer);
/* BIC, else the clearing member's number, else the name. */
struct ep_text camt_agent(const struct camt_reader *reader);
/* False if the text isn't an unsigned or signed decimal, or its currency isn't three letters. */
bool camt_money(struct ep_money *money, struct camt_amount amount);

/* entry.c: the entry (Ntry) that was entered, as a settlement; adds it to the report's sums. */
enum ep_status camt_entry(const struct camt_reader *reader, struct camt_report *report);

#endif
