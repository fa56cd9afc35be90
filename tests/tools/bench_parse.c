/*
 * bench_parse.c: how fast plugins are given JSON and XML, beside what the libraries do bare. Prints figures, fails nothing.
 *
 * The documents are made here: orders of about 1 KiB, statement entries of about 1 KiB. Each figure is the best of several
 * runs, in CPU time of this process.
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "bench_parse_bare.h"
#include "worker/call.h"

#define RUNS 5
#define PADDING 64
#define ORDERS 8000
#define ENTRIES 30000
#define PIECE_BYTES ((size_t)32 * 1024)

static uint64_t total; /* of what was read, so that nothing is optimized away */

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Documents ------------------------------------------------------------------------------------------------------- */

static void add_order(struct buffer *out, unsigned number)
{
	buffer_append_format(out,
		"{\"id\":%u,\"name\":\"#%u\",\"created_at\":\"2026-11-23T10:00:00+08:00\",\"currency\":\"EUR\",\"total_"
		"price\":"
		"\"%u.50\",\"total_tax\":\"2.38\",\"test\":false,\"note\":null,\"customer\":{\"email\":\"user%u@"
		"example.com\","
		"\"first_name\":\"S\xc3\xb8ren\",\"last_name\":\"O\\\"Neil\",\"default_address\":{\"city\":"
		"\"Krak\xc3\xb3w\","
		"\"country_code\":\"PL\",\"zip\":\"30-001\"}},\"line_items\":[",
		4500000 + number, 1000 + number, number % 1000, number);
	for (unsigned line = 0; line < 3; line++)
		buffer_append_format(out,
			"%s{\"id\":%u,\"sku\":\"SKU-%05u\",\"name\":\"\xe5\x95\x86\xe5\x93\x81 "
			"%u\",\"quantity\":%u,\"price\":"
			"\"%u.99\",\"grams\":%u,\"taxable\":true,\"tax_lines\":[{\"title\":\"VAT\",\"rate\":0.19}]}",
			line ? "," : "", line, number % 99999, line, line + 1, number % 90, number % 5000);
	buffer_append_string(out, "],\"tags\":\"a, b, c\"}");
}

static void make_orders(struct buffer *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		buffer_append_byte(out, i ? ',' : '[');
		add_order(out, i);
	}
	buffer_append_byte(out, ']');
}

static void make_lines(struct buffer *out)
{
	for (unsigned i = 0; i < ORDERS; i++) {
		add_order(out, i);
		buffer_append_byte(out, '\n');
	}
}

static void make_statement(struct buffer *out)
{
	buffer_append_string(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:"
		"camt.053.001.08\"><BkToCstmrStmt><Stmt>");
	for (unsigned i = 0; i < ENTRIES; i++)
		buffer_append_format(out,
			"<Ntry><NtryRef>%u</NtryRef><Amt "
			"Ccy=\"EUR\">%u.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt>"
			"<Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-23</Dt></ValDt><AcctSvcrRef>2026%012u</"
			"AcctSvcrRef>"
			"<NtryDtls><TxDtls><Refs><EndToEndId>E2E-%010u</EndToEndId></Refs><RltdPties><Dbtr><Nm>Muster "
			"&amp; "
			"S\xc3\xb6hne "
			"%u</Nm></Dbtr><DbtrAcct><Id><IBAN>DE%020u</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>"
			"Rechnung %u vom 2026-11-01, vielen Dank fuer Ihren Einkauf im "
			"Webshop</Ustrd></RmtInf></TxDtls></NtryDtls>"
			"</Ntry>\n",
			i, i % 9999, i, i, i, i, i);
	buffer_append_string(out, "</Stmt></BkToCstmrStmt></Document>");
}

/* Through the services -------------------------------------------------------------------------------------------- */

static void visit(const struct ep_json_service *json, struct ep_json value)
{
	total += json->text(value).value.length;
	for (struct ep_json child = json->first(value); child.kind; child = json->next(child)) {
		total += json->name(child).value.length;
		visit(json, child);
	}
}

static enum ep_status parse_json(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_json root;
	enum ep_status status = host->json->open(call, &input->parts[0], 0, NULL, &root);

	(void)state;
	if (status == EP_OK)
		visit(host->json, root);
	return status;
}

static enum ep_status parse_lines(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	enum ep_status status;
	uint64_t offset = 0;
	struct ep_json root;

	(void)state;
	while ((status = host->json->open(call, &input->parts[0], offset, &offset, &root)) == EP_OK)
		visit(host->json, root);
	return status == EP_END ? EP_OK : status;
}

static const char *const leaves[] = {
	"NtryRef", "Amt", "CdtDbtInd", "Sts", "Dt", "AcctSvcrRef", "EndToEndId", "Nm", "IBAN", "Ustrd"};
#define LEAF_COUNT (sizeof(leaves) / sizeof(leaves[0]))

static void read_leaves(const struct ep_xml_service *service, struct ep_xml *xml)
{
	uint32_t name;

	while ((name = service->child(xml)) != 0) {
		if (name == EP_XML_OTHER)
			read_leaves(service, xml);
		else
			total += service->text(xml).value.length;
	}
}

static enum ep_status parse_xml(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_xml *xml;

	(void)state;
	if (host->xml->open(call, &input->parts[0], leaves, LEAF_COUNT, &xml) != EP_OK)
		return EP_BAD_INPUT;
	read_leaves(host->xml, xml);
	return host->xml->status(xml) == EP_END ? EP_OK : EP_BAD_INPUT;
}

static void drop_record(void *self, struct ep_slice encoded, const struct record_origin *origins, uint32_t count)
{
	(void)self, (void)encoded, (void)origins, (void)count;
}

static void drop_reject(void *self, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	(void)self, (void)code, (void)place, (void)text;
}

static void drop_log(void *self, enum ep_log_level level, struct ep_slice text)
{
	(void)self, (void)level, (void)text;
}

/* MB/s of the best run; `parse` NULL: the bare JSON library. */
static double measure(const struct buffer *document, unsigned repeats,
	enum ep_status (*parse)(const struct ep_host *, struct ep_call *, const void *, const struct ep_input *))
{
	struct call_options options = {.memory_max = (size_t)1 << 30,
		.json_max = (size_t)64 << 20,
		.sink = {drop_record, drop_reject, drop_log, NULL}};
	struct ep_plugin plugin = {.size = sizeof(plugin), .name = "bench", .parse = parse};
	struct ep_part part = {.bytes = {document->data, document->length}};
	struct ep_input input = {.size = sizeof(input), .part_count = 1, .parts = &part};
	struct call_failure failure;
	struct ep_call *call;
	double best = 1e9;

	if (call_create(&call, &options, NULL) != EP_OK)
		return 0;
	for (int run = 0; run < RUNS; run++) {
		double begin = cpu_seconds(), took;

		for (unsigned i = 0; i < repeats; i++) {
			if (!parse)
				total += bare_json(document->data, document->length);
			else if (call_parse(call, &plugin, NULL, &input, &failure) != EP_OK)
				return 0;
		}
		took = cpu_seconds() - begin;
		best = took < best ? took : best;
	}
	call_destroy(call);
	return (double)document->length * repeats / best / 1e6;
}

/* libxml2 bare ---------------------------------------------------------------------------------------------------- */

struct bare_xml {
	int depth, leaf; /* depth of the leaf that is read; 0: none */
	char text[4096];
	size_t length;
};

static void bare_start(void *self, const xmlChar *local, const xmlChar *prefix, const xmlChar *space,
	int namespace_count, const xmlChar **namespaces, int attribute_count, int defaulted, const xmlChar **attributes)
{
	struct bare_xml *bare = self;

	(void)prefix, (void)space, (void)namespace_count, (void)namespaces, (void)defaulted;
	bare->depth++;
	for (size_t i = 0; i < LEAF_COUNT; i++)
		if (strcmp((const char *)local, leaves[i]) == 0) {
			bare->leaf = bare->depth;
			bare->length = 0;
		}
	for (int i = 0; i < attribute_count; i++)
		total += (uint64_t)(attributes[5 * i + 4] - attributes[5 * i + 3]);
}

static void bare_end(void *self, const xmlChar *local, const xmlChar *prefix, const xmlChar *space)
{
	struct bare_xml *bare = self;

	(void)local, (void)prefix, (void)space;
	if (bare->leaf == bare->depth--) {
		total += bare->length;
		bare->leaf = 0;
	}
}

static void bare_text(void *self, const xmlChar *text, int length)
{
	struct bare_xml *bare = self;

	if (!bare->leaf || (size_t)length > sizeof(bare->text) - bare->length)
		return;
	memcpy(bare->text + bare->length, text, (size_t)length);
	bare->length += (size_t)length;
}

static double measure_bare_xml(const struct buffer *document)
{
	xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
		.startElementNs = bare_start,
		.endElementNs = bare_end,
		.characters = bare_text};
	double best = 1e9;

	for (int run = 0; run < RUNS; run++) {
		double begin = cpu_seconds(), took;
		struct bare_xml bare = {0};
		xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&handler, &bare, NULL, 0, NULL);

		for (size_t at = 0; at < document->length; at += PIECE_BYTES) {
			size_t left = document->length - at;

			xmlParseChunk(parser, document->data + at, (int)(left < PIECE_BYTES ? left : PIECE_BYTES), 0);
		}
		xmlParseChunk(parser, NULL, 0, 1);
		xmlFreeParserCtxt(parser);
		took = cpu_seconds() - begin;
		best = took < best ? took : best;
	}
	return (double)document->length / best / 1e6;
}

static void print(const char *what, double rate, double bare)
{
	printf("%-36s %7.0f MB/s, bare %7.0f MB/s: %3.0f %%\n", what, rate, bare, bare > 0 ? 100 * rate / bare : 0);
}

/* A part has zero bytes behind it. */
static void pad(struct buffer *document)
{
	char *end = buffer_reserve(document, PADDING);

	if (!end)
		abort();
	memset(end, 0, PADDING);
}

int main(void)
{
	struct buffer document;

	buffer_init(&document, (size_t)256 << 20);
	make_orders(&document, 1);
	pad(&document);
	print("JSON, an order, every value", measure(&document, 10000, parse_json), measure(&document, 10000, NULL));
	buffer_clear(&document);
	make_orders(&document, ORDERS);
	pad(&document);
	print("JSON, 8,000 orders in an array", measure(&document, 1, parse_json), measure(&document, 1, NULL));
	buffer_clear(&document);
	make_lines(&document);
	pad(&document);
	printf("%-36s %7.0f MB/s\n", "JSON, 8,000 orders one a line", measure(&document, 1, parse_lines));
	buffer_clear(&document);
	make_statement(&document);
	pad(&document);
	print("XML, 30,000 entries, leaves", measure(&document, 1, parse_xml), measure_bare_xml(&document));
	buffer_free(&document);
	return total ? EXIT_SUCCESS : EXIT_FAILURE;
}
