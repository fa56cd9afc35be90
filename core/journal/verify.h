/*
 * verify.h: reads all of the log and its extents, and says what is damaged and which messages that affects.
 *
 * What is named with `proven` follows from sound frames: an outcome names the message whose own frame is lost; a message
 * whose successors have outcomes has lost its own. Otherwise it is what can still be read in the damaged bytes, and may
 * be wrong itself.
 */
#ifndef JOURNAL_VERIFY_H
#define JOURNAL_VERIFY_H

#include "journal/survey.h"
#include "journal/trail.h"

#define VERIFY_PLACES_MAX ((size_t)100000) /* more are counted only */
#define VERIFY_LOSSES_MAX ((size_t)1000000)
#define VERIFY_SOURCE_MAX 64

struct verify_place {
	enum survey_damage what;
	uint64_t segment;
	int64_t offset;
	uint64_t position, end;
	uint64_t first_lost[STREAMS]; /* sequence; where lost is not 0 */
	uint64_t lost[STREAMS];       /* frames, as the sequences say */
	char path[512];
};

enum verify_loss_kind {
	LOSS_MESSAGE = 1, /* the message's frame */
	LOSS_OUTCOME,     /* what became of it, with its records */
	LOSS_BODY,        /* its extent */
	LOSS_RECORDS      /* the extent of its outcome */
};

struct verify_loss {
	enum verify_loss_kind kind;
	bool proven;
	bool settled;      /* LOSS_MESSAGE: it has its outcome; what is lost is the original */
	size_t place;      /* index; SIZE_MAX: not known, or an extent */
	uint64_t position; /* of the message; 0: not known */
	uint64_t sequence;
	uint64_t extent;
	int64_t received_at_ns;
	uint8_t id[16];
	char source[VERIFY_SOURCE_MAX];
	char text[256]; /* of an extent: what is wrong with it */
};

struct verify {
	uint64_t first, end; /* positions */
	uint64_t groups, frames[JOURNAL_KIND_LAST + 1];
	uint64_t extents, extent_bytes;
	uint64_t repaired; /* messages and outcomes that a repair put in the place of damaged ones */
	uint64_t pending;
	uint64_t unnamed[STREAMS]; /* lost frames of which nothing more is known */
	struct verify_place *places;
	size_t place_count, place_capacity;
	struct verify_loss *losses;
	size_t loss_count, loss_capacity;
	uint64_t overflow; /* places and losses beyond the maximum */
};

/* `progress` is called now and then with a position; may be NULL. EP_OK also where there is damage. */
EP_MUST_CHECK enum ep_status verify_run(struct verify *verify, const char *directory,
	void (*progress)(void *argument, uint64_t position), void *argument, struct error *error);
void verify_free(struct verify *verify);
static inline bool verify_is_sound(const struct verify *verify)
{
	return verify->place_count == 0 && verify->loss_count == 0 && verify->overflow == 0;
}
const char *verify_loss_name(enum verify_loss_kind kind);

#endif
