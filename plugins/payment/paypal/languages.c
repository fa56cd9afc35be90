/*
 * languages.c: PayPal writes a download in the language of the account: headers, words, numbers and dates. The header row
 * says which language it is; how that language usually writes numbers and dates goes with it, and options overrule it,
 * for one language may have two ways (English: 12/31 and 31/12).
 */
#include "paypal.h"

/* Columns that are called alike in several languages stand in each. */
static const struct ep_column english[] = {{"Date", ACTIVITY_DATE}, {"Name", ACTIVITY_NAME}, {"Type", ACTIVITY_TYPE},
	{"Description", ACTIVITY_TYPE}, {"Status", ACTIVITY_STATUS}, {"Currency", ACTIVITY_CURRENCY},
	{"Gross", ACTIVITY_GROSS}, {"Amount", ACTIVITY_GROSS}, {"Fee", ACTIVITY_FEE}, {"Fees", ACTIVITY_FEE},
	{"Net", ACTIVITY_NET}, {"Balance", ACTIVITY_BALANCE}, {"Transaction ID", ACTIVITY_TRANSACTION_ID},
	{"Reference Txn ID", ACTIVITY_REFERENCE_ID}, {"Invoice Number", ACTIVITY_INVOICE},
	{"Invoice ID", ACTIVITY_INVOICE}, {"Custom Number", ACTIVITY_CUSTOM}, {"From Email Address", ACTIVITY_FROM},
	{"To Email Address", ACTIVITY_TO}, {"Subject", ACTIVITY_SUBJECT}, {"Note", ACTIVITY_NOTE},
	{"Balance Impact", ACTIVITY_IMPACT}, {"Bank Name", ACTIVITY_BANK_NAME}, {"Bank Account", ACTIVITY_BANK_ACCOUNT},
	{NULL, 0}};

static const struct ep_column german[] = {{"Datum", ACTIVITY_DATE}, {"Name", ACTIVITY_NAME}, {"Typ", ACTIVITY_TYPE},
	{"Beschreibung", ACTIVITY_TYPE}, {"Status", ACTIVITY_STATUS}, {"Währung", ACTIVITY_CURRENCY},
	{"Brutto", ACTIVITY_GROSS}, {"Gebühr", ACTIVITY_FEE}, {"Gebühren", ACTIVITY_FEE}, {"Entgelt", ACTIVITY_FEE},
	{"Netto", ACTIVITY_NET}, {"Guthaben", ACTIVITY_BALANCE}, {"Transaktionscode", ACTIVITY_TRANSACTION_ID},
	{"Zugehöriger Transaktionscode", ACTIVITY_REFERENCE_ID}, {"Txn-Referenzkennung", ACTIVITY_REFERENCE_ID},
	{"Rechnungsnummer", ACTIVITY_INVOICE}, {"Rechnungsnr.", ACTIVITY_INVOICE},
	{"Individuelle Nummer", ACTIVITY_CUSTOM}, {"Zollnummer", ACTIVITY_CUSTOM},
	{"Absender E-Mail-Adresse", ACTIVITY_FROM}, {"Empfänger E-Mail-Adresse", ACTIVITY_TO},
	{"An E-Mail-Adresse", ACTIVITY_TO}, {"Betreff", ACTIVITY_SUBJECT}, {"Hinweis", ACTIVITY_NOTE},
	{"Auswirkung auf Guthaben", ACTIVITY_IMPACT}, {"Name der Bank", ACTIVITY_BANK_NAME},
	{"Bankkonto", ACTIVITY_BANK_ACCOUNT}, {NULL, 0}};

static const struct ep_column french[] = {{"Date", ACTIVITY_DATE}, {"Nom", ACTIVITY_NAME}, {"Type", ACTIVITY_TYPE},
	{"Description", ACTIVITY_TYPE}, {"État", ACTIVITY_STATUS}, {"Etat", ACTIVITY_STATUS},
	{"Statut", ACTIVITY_STATUS}, {"Devise", ACTIVITY_CURRENCY}, {"Avant commission", ACTIVITY_GROSS},
	{"Brut", ACTIVITY_GROSS}, {"Commission", ACTIVITY_FEE}, {"Frais", ACTIVITY_FEE}, {"Net", ACTIVITY_NET},
	{"Solde", ACTIVITY_BALANCE}, {"Numéro de transaction", ACTIVITY_TRANSACTION_ID},
	{"Nº de transaction", ACTIVITY_TRANSACTION_ID}, {"N° de transaction", ACTIVITY_TRANSACTION_ID},
	{"Numéro de la transaction de référence", ACTIVITY_REFERENCE_ID},
	{"Nº de transaction de référence", ACTIVITY_REFERENCE_ID},
	{"N° de transaction de référence", ACTIVITY_REFERENCE_ID}, {"Numéro de facture", ACTIVITY_INVOICE},
	{"Nº de facture", ACTIVITY_INVOICE}, {"N° de facture", ACTIVITY_INVOICE}, {"Numéro de client", ACTIVITY_CUSTOM},
	{"Nº de client", ACTIVITY_CUSTOM}, {"De l'adresse email", ACTIVITY_FROM},
	{"De l'adresse e-mail", ACTIVITY_FROM}, {"À l'adresse email", ACTIVITY_TO}, {"À l'adresse e-mail", ACTIVITY_TO},
	{"Objet", ACTIVITY_SUBJECT}, {"Remarque", ACTIVITY_NOTE}, {"Impact sur le solde", ACTIVITY_IMPACT},
	{"Nom de la banque", ACTIVITY_BANK_NAME}, {"Compte bancaire", ACTIVITY_BANK_ACCOUNT}, {NULL, 0}};

static const struct ep_column spanish[] = {{"Fecha", ACTIVITY_DATE}, {"Nombre", ACTIVITY_NAME}, {"Tipo", ACTIVITY_TYPE},
	{"Descripción", ACTIVITY_TYPE}, {"Estado", ACTIVITY_STATUS}, {"Divisa", ACTIVITY_CURRENCY},
	{"Moneda", ACTIVITY_CURRENCY}, {"Bruto", ACTIVITY_GROSS}, {"Tarifa", ACTIVITY_FEE}, {"Comisión", ACTIVITY_FEE},
	{"Neto", ACTIVITY_NET}, {"Saldo", ACTIVITY_BALANCE}, {"Id. de transacción", ACTIVITY_TRANSACTION_ID},
	{"Identificador de transacción", ACTIVITY_TRANSACTION_ID}, {"ID de transacción", ACTIVITY_TRANSACTION_ID},
	{"Id. de referencia de trans.", ACTIVITY_REFERENCE_ID},
	{"Id. de transacción de referencia", ACTIVITY_REFERENCE_ID},
	{"ID de referencia de la transacción", ACTIVITY_REFERENCE_ID}, {"Número de factura", ACTIVITY_INVOICE},
	{"N.º de factura", ACTIVITY_INVOICE}, {"Número personalizado", ACTIVITY_CUSTOM},
	{"Correo electrónico del remitente", ACTIVITY_FROM}, {"Correo electrónico del destinatario", ACTIVITY_TO},
	{"De dirección de correo electrónico", ACTIVITY_FROM}, {"A dirección de correo electrónico", ACTIVITY_TO},
	{"Asunto", ACTIVITY_SUBJECT}, {"Nota", ACTIVITY_NOTE}, {"Impacto en el saldo", ACTIVITY_IMPACT},
	{"Repercusión en el saldo", ACTIVITY_IMPACT}, {"Nombre del banco", ACTIVITY_BANK_NAME},
	{"Cuenta bancaria", ACTIVITY_BANK_ACCOUNT}, {NULL, 0}};

static const struct ep_column italian[] = {{"Data", ACTIVITY_DATE}, {"Nome", ACTIVITY_NAME}, {"Tipo", ACTIVITY_TYPE},
	{"Descrizione", ACTIVITY_TYPE}, {"Stato", ACTIVITY_STATUS}, {"Valuta", ACTIVITY_CURRENCY},
	{"Lordo", ACTIVITY_GROSS}, {"Importo lordo", ACTIVITY_GROSS}, {"Tariffa", ACTIVITY_FEE},
	{"Commissione", ACTIVITY_FEE}, {"Netto", ACTIVITY_NET}, {"Importo netto", ACTIVITY_NET},
	{"Saldo", ACTIVITY_BALANCE}, {"Codice transazione", ACTIVITY_TRANSACTION_ID},
	{"ID transazione", ACTIVITY_TRANSACTION_ID}, {"Codice transazione di riferimento", ACTIVITY_REFERENCE_ID},
	{"Rif. transazione", ACTIVITY_REFERENCE_ID}, {"Numero fattura", ACTIVITY_INVOICE},
	{"Numero della fattura", ACTIVITY_INVOICE}, {"N° fattura", ACTIVITY_INVOICE},
	{"Numero personalizzato", ACTIVITY_CUSTOM}, {"Indirizzo email mittente", ACTIVITY_FROM},
	{"Indirizzo email destinatario", ACTIVITY_TO}, {"Oggetto", ACTIVITY_SUBJECT}, {"Messaggio", ACTIVITY_NOTE},
	{"Nota", ACTIVITY_NOTE}, {"Impatto sul saldo", ACTIVITY_IMPACT}, {"Nome banca", ACTIVITY_BANK_NAME},
	{"Conto bancario", ACTIVITY_BANK_ACCOUNT}, {NULL, 0}};

static const struct ep_column dutch[] = {{"Datum", ACTIVITY_DATE}, {"Naam", ACTIVITY_NAME}, {"Type", ACTIVITY_TYPE},
	{"Omschrijving", ACTIVITY_TYPE}, {"Beschrijving", ACTIVITY_TYPE}, {"Status", ACTIVITY_STATUS},
	{"Valuta", ACTIVITY_CURRENCY}, {"Bruto", ACTIVITY_GROSS}, {"Kosten", ACTIVITY_FEE}, {"Fee", ACTIVITY_FEE},
	{"Net", ACTIVITY_NET}, {"Netto", ACTIVITY_NET}, {"Saldo", ACTIVITY_BALANCE},
	{"Transactiereferentie", ACTIVITY_TRANSACTION_ID}, {"Transactie-ID", ACTIVITY_TRANSACTION_ID},
	{"Transactienummer", ACTIVITY_TRANSACTION_ID}, {"Reftransactiereferentie", ACTIVITY_REFERENCE_ID},
	{"Referentie transactie-ID", ACTIVITY_REFERENCE_ID}, {"Factuurnummer", ACTIVITY_INVOICE},
	{"Aangepast nummer", ACTIVITY_CUSTOM}, {"Van e-mailadres", ACTIVITY_FROM}, {"Naar e-mailadres", ACTIVITY_TO},
	{"Onderwerp", ACTIVITY_SUBJECT}, {"Opmerking", ACTIVITY_NOTE}, {"Effect op saldo", ACTIVITY_IMPACT},
	{"Saldo-invloed", ACTIVITY_IMPACT}, {"Naam bank", ACTIVITY_BANK_NAME}, {"Bankrekening", ACTIVITY_BANK_ACCOUNT},
	{NULL, 0}};

static const struct ep_column portuguese[] = {{"Data", ACTIVITY_DATE}, {"Nome", ACTIVITY_NAME}, {"Tipo", ACTIVITY_TYPE},
	{"Descrição", ACTIVITY_TYPE}, {"Status", ACTIVITY_STATUS}, {"Estado", ACTIVITY_STATUS},
	{"Moeda", ACTIVITY_CURRENCY}, {"Bruto", ACTIVITY_GROSS}, {"Tarifa", ACTIVITY_FEE}, {"Taxa", ACTIVITY_FEE},
	{"Líquido", ACTIVITY_NET}, {"Saldo", ACTIVITY_BALANCE}, {"ID da transação", ACTIVITY_TRANSACTION_ID},
	{"ID de transação", ACTIVITY_TRANSACTION_ID}, {"ID da transação de referência", ACTIVITY_REFERENCE_ID},
	{"ID de referência da transação", ACTIVITY_REFERENCE_ID}, {"Número da fatura", ACTIVITY_INVOICE},
	{"N° da fatura", ACTIVITY_INVOICE}, {"Número personalizado", ACTIVITY_CUSTOM},
	{"Do endereço de e-mail", ACTIVITY_FROM}, {"Para o endereço de e-mail", ACTIVITY_TO},
	{"Assunto", ACTIVITY_SUBJECT}, {"Observação", ACTIVITY_NOTE}, {"Impacto no saldo", ACTIVITY_IMPACT},
	{"Nome do banco", ACTIVITY_BANK_NAME}, {"Conta bancária", ACTIVITY_BANK_ACCOUNT}, {NULL, 0}};

static const struct ep_column polish[] = {{"Data", ACTIVITY_DATE}, {"Nazwa", ACTIVITY_NAME},
	{"Imię i nazwisko", ACTIVITY_NAME}, {"Typ", ACTIVITY_TYPE}, {"Opis", ACTIVITY_TYPE}, {"Stan", ACTIVITY_STATUS},
	{"Status", ACTIVITY_STATUS}, {"Waluta", ACTIVITY_CURRENCY}, {"Brutto", ACTIVITY_GROSS},
	{"Opłata", ACTIVITY_FEE}, {"Netto", ACTIVITY_NET}, {"Saldo", ACTIVITY_BALANCE},
	{"Numer transakcji", ACTIVITY_TRANSACTION_ID}, {"Identyfikator transakcji", ACTIVITY_TRANSACTION_ID},
	{"Numer transakcji referencyjnej", ACTIVITY_REFERENCE_ID}, {"Numer faktury", ACTIVITY_INVOICE},
	{"Z adresu e-mail", ACTIVITY_FROM}, {"Na adres e-mail", ACTIVITY_TO}, {"Temat", ACTIVITY_SUBJECT},
	{"Uwaga", ACTIVITY_NOTE}, {"Wpływ na saldo", ACTIVITY_IMPACT}, {NULL, 0}};

static const struct ep_column chinese[] = {{"日期", ACTIVITY_DATE}, {"名称", ACTIVITY_NAME}, {"姓名", ACTIVITY_NAME},
	{"类型", ACTIVITY_TYPE}, {"说明", ACTIVITY_TYPE}, {"描述", ACTIVITY_TYPE}, {"状态", ACTIVITY_STATUS},
	{"币种", ACTIVITY_CURRENCY}, {"货币", ACTIVITY_CURRENCY}, {"总额", ACTIVITY_GROSS}, {"费用", ACTIVITY_FEE},
	{"手续费", ACTIVITY_FEE}, {"净额", ACTIVITY_NET}, {"余额", ACTIVITY_BALANCE},
	{"交易号", ACTIVITY_TRANSACTION_ID}, {"交易编号", ACTIVITY_TRANSACTION_ID},
	{"参考交易号", ACTIVITY_REFERENCE_ID}, {"账单号", ACTIVITY_INVOICE}, {"账单编号", ACTIVITY_INVOICE},
	{"自定义编号", ACTIVITY_CUSTOM}, {"主题", ACTIVITY_SUBJECT}, {"备注", ACTIVITY_NOTE},
	{"余额影响", ACTIVITY_IMPACT}, {NULL, 0}};

static const struct ep_column japanese[] = {{"日付", ACTIVITY_DATE}, {"名前", ACTIVITY_NAME}, {"タイプ", ACTIVITY_TYPE},
	{"説明", ACTIVITY_TYPE}, {"ステータス", ACTIVITY_STATUS}, {"通貨", ACTIVITY_CURRENCY}, {"合計", ACTIVITY_GROSS},
	{"手数料", ACTIVITY_FEE}, {"正味", ACTIVITY_NET}, {"残高", ACTIVITY_BALANCE},
	{"取引ID", ACTIVITY_TRANSACTION_ID}, {"リファレンス取引ID", ACTIVITY_REFERENCE_ID},
	{"請求書番号", ACTIVITY_INVOICE}, {"件名", ACTIVITY_SUBJECT}, {"メモ", ACTIVITY_NOTE},
	{"残高への影響", ACTIVITY_IMPACT}, {NULL, 0}};

/* English first: of two languages that know equally many columns the first counts. */
static const struct language languages[] = {{english, EP_DECIMAL_POINT, ',', EP_DATE_MDY},
	{german, EP_DECIMAL_COMMA, '.', EP_DATE_DMY}, {french, EP_DECIMAL_COMMA, '.', EP_DATE_DMY},
	{spanish, EP_DECIMAL_COMMA, '.', EP_DATE_DMY}, {italian, EP_DECIMAL_COMMA, '.', EP_DATE_DMY},
	{dutch, EP_DECIMAL_COMMA, '.', EP_DATE_DMY}, {portuguese, EP_DECIMAL_COMMA, '.', EP_DATE_DMY},
	{polish, EP_DECIMAL_COMMA, '.', EP_DATE_DMY}, {chinese, EP_DECIMAL_POINT, ',', EP_DATE_YMD},
	{japanese, EP_DECIMAL_POINT, ',', EP_DATE_YMD}};

const struct language *paypal_language(const struct ep_csv *csv, struct ep_columns *columns)
{
	const struct language *best = NULL;
	uint32_t most = 0;

	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		struct ep_csv row = *csv;
		struct ep_columns read;
		uint32_t known = 0;

		ep_columns_read(&read, &row, languages[i].headers);
		for (uint32_t role = 1; role < ACTIVITY_ROLES; role++)
			known += ep_columns_have(&read, role);
		if (known <= most)
			continue;
		most = known;
		best = &languages[i];
		*columns = read;
	}
	return best;
}

uint32_t paypal_entry_status(struct ep_slice word, uint32_t otherwise)
{
	static const struct ep_word words[] = {{"Pending", EP_ENTRY_STATUS_PENDING}, {"Held", EP_ENTRY_STATUS_PENDING},
		{"On Hold", EP_ENTRY_STATUS_PENDING}, {"Unclaimed", EP_ENTRY_STATUS_PENDING},
		{"Processing", EP_ENTRY_STATUS_PENDING}, {"In Progress", EP_ENTRY_STATUS_PENDING},
		{"Ausstehend", EP_ENTRY_STATUS_PENDING}, {"Offen", EP_ENTRY_STATUS_PENDING},
		{"Einbehalten", EP_ENTRY_STATUS_PENDING}, {"En attente", EP_ENTRY_STATUS_PENDING},
		{"Pendiente", EP_ENTRY_STATUS_PENDING}, {"In sospeso", EP_ENTRY_STATUS_PENDING},
		{"In behandeling", EP_ENTRY_STATUS_PENDING}, {"Pendente", EP_ENTRY_STATUS_PENDING},
		{"Oczekujące", EP_ENTRY_STATUS_PENDING}, {"待处理", EP_ENTRY_STATUS_PENDING},
		{"保留中", EP_ENTRY_STATUS_PENDING}, {"Denied", EP_ENTRY_STATUS_INFO}, {"Failed", EP_ENTRY_STATUS_INFO},
		{"Canceled", EP_ENTRY_STATUS_INFO}, {"Cancelled", EP_ENTRY_STATUS_INFO},
		{"Expired", EP_ENTRY_STATUS_INFO}, {"Voided", EP_ENTRY_STATUS_INFO}, {"Removed", EP_ENTRY_STATUS_INFO},
		{"Abgelehnt", EP_ENTRY_STATUS_INFO}, {"Storniert", EP_ENTRY_STATUS_INFO},
		{"Refusé", EP_ENTRY_STATUS_INFO}, {"Annulé", EP_ENTRY_STATUS_INFO}, {"Denegado", EP_ENTRY_STATUS_INFO},
		{"Cancelado", EP_ENTRY_STATUS_INFO}, {"Negato", EP_ENTRY_STATUS_INFO},
		{"Annullato", EP_ENTRY_STATUS_INFO}, {"Geweigerd", EP_ENTRY_STATUS_INFO},
		{"Geannuleerd", EP_ENTRY_STATUS_INFO}, {"Negado", EP_ENTRY_STATUS_INFO},
		{"已取消", EP_ENTRY_STATUS_INFO}, {NULL, 0}};

	return ep_word_code(words, word, otherwise);
}

bool paypal_is_memo(struct ep_slice word)
{
	static const struct ep_word words[] = {{"Memo", 1}, {"Mémo", 1}, {"Merkposten", 1}, {"备忘", 1}, {NULL, 0}};

	return ep_word_code(words, word, 0) != 0;
}
