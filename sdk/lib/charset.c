/*
 * charset.c: in which character set a part's texts are, where the sender doesn't say: by the evidence of its bytes.
 *
 * Formats of the 1980s name no character set, and banks write them in whatever their machines have. All of a part that is
 * valid UTF-8 is UTF-8: no text of a one-byte set with letters outside of ASCII is that by chance. Else it has one byte a
 * character, and what tells the sets apart is where their letters lie: 0xC0 to 0xFF in Latin-1 and Windows-1252,
 * 0x80 to 0x9F in the code pages of DOS, where Windows-1252 has punctuation. Only bytes beside a letter count.
 */
#include <entrepot/plugin.h>

/* What a byte from 0x80 on is evidence of. */
#define DOS 1       /* a letter in code pages 850 and 852, no letter in Windows-1252 */
#define DOS_INNER 2 /* the same, but punctuation in Windows-1252 that may stand beside a letter: evidence between two */
#define WINDOWS 4   /* a letter in Windows-1252, nearly none in the others */
#define CENTRAL 8   /* a letter in code page 852, none in 850 */
#define WESTERN 16  /* a letter of western languages in 850, a rare one in 852 */
#define UNDEFINED 32 /* not in Windows-1252 */

/* clang-format off */
static const uint8_t evidence[128] = {
	/* 80 */ 0, DOS | UNDEFINED, DOS, DOS | WESTERN, DOS, DOS_INNER, DOS, DOS,
	/* 88 */ DOS, DOS, WESTERN, DOS, 0, DOS | UNDEFINED, 0, DOS | UNDEFINED,
	/* 90 */ DOS | UNDEFINED, 0, 0, DOS_INNER | WESTERN, DOS_INNER, DOS_INNER, DOS_INNER | WESTERN, DOS_INNER,
	/* 98 */ DOS, DOS_INNER, 0, DOS | WESTERN, 0, DOS | UNDEFINED | WESTERN, 0, 0,
	/* a0 */ 0, 0, 0, 0, 0, CENTRAL, 0, 0, 0, CENTRAL, 0, CENTRAL, 0, 0, 0, 0,
	/* b0 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, CENTRAL, 0,
	/* c0 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* c8 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* d0 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* d8 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* e0 */ WINDOWS, 0 /* sharp s of DOS */, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* e8 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* f0 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS, WINDOWS,
	/* f8 */ WINDOWS, WINDOWS, WINDOWS, WINDOWS | CENTRAL, WINDOWS, WINDOWS | CENTRAL, WINDOWS, WINDOWS};
/* clang-format on */

static bool is_letter(const struct ep_slice *bytes, uint64_t i)
{
	uint8_t byte = i < bytes->length ? (uint8_t)bytes->data[i] : 0;

	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte >= 0x80;
}

struct tally {
	uint64_t dos, windows, central, western;
	bool undefined;
};

static void count(struct tally *tally, struct ep_slice bytes, uint64_t from)
{
	for (uint64_t i = from; i < bytes.length; i++) {
		uint8_t byte = (uint8_t)bytes.data[i], of;
		int letters;

		if (byte < 0x80)
			continue;
		of = evidence[byte - 0x80];
		tally->undefined |= (of & UNDEFINED) != 0;
		letters = (i > 0 && is_letter(&bytes, i - 1)) + is_letter(&bytes, i + 1);
		if (letters == 0)
			continue;
		tally->dos += (of & DOS) != 0 || ((of & DOS_INNER) && letters == 2);
		tally->windows += (of & WINDOWS) != 0;
		tally->central += (of & CENTRAL) != 0;
		tally->western += (of & WESTERN) != 0;
	}
}

uint32_t ep_charset_by_evidence(const struct ep_host *host, const struct ep_part *part, uint32_t fallback)
{
	struct tally tally = {0};
	uint64_t offset = 0;

	if (part->charset != EP_UTF8 || host->text->check_utf8(part->bytes, &offset) == EP_OK)
		return part->charset;
	count(&tally, part->bytes, offset);
	if (tally.dos > tally.windows)
		return tally.central > tally.western ? EP_CP852 : EP_CP850;
	return fallback == EP_WINDOWS_1252 && tally.undefined ? EP_LATIN1 : fallback;
}

enum ep_status ep_part_text(const struct ep_host *host, struct ep_call *call, const struct ep_part *part,
	uint32_t fallback, struct ep_part *text)
{
	*text = *part;
	text->charset = ep_charset_by_evidence(host, part, fallback);
	return text->charset == EP_GB18030 ? host->text->utf8(call, part, EP_GB18030, text) : EP_OK;
}
