/* survey_state.h: what the survey's two files share, and nobody else. */
#ifndef JOURNAL_SURVEY_STATE_H
#define JOURNAL_SURVEY_STATE_H

#include "journal/internal.h"
#include "journal/survey.h"

struct survey {
	struct journal paths; /* nothing of it but the directories is set */
	struct survey_segment *segments;
	size_t segment_count, segment_capacity;
	size_t at;         /* index of the segment that is being read */
	int fd;            /* open on it; -1: none */
	uint64_t position; /* of the next group */
	uint64_t skip_to;  /* frames before it are not returned */
	uint64_t damages;
	/* A group, or the stretch from a bad head to the next sound one. */
	uint8_t *memory; /* GROUP_MAX */
	uint64_t start, length;
	uint64_t loaded; /* bytes of it in memory; less only for a stretch that is longer than a group can be */
	uint64_t cursor; /* offset of what comes next */
	uint64_t frames_end;
	uint32_t frames; /* returned of it */
	bool inside;
	bool headless;
	bool unreadable;
	struct group_head head;
};

/* Fills the table of segments anew. */
enum ep_status survey_list(struct survey *survey, struct error *error);
/* Whether the file still is this segment: a running gateway recycles what it doesn't need. */
bool survey_still_there(const struct survey *survey, const struct survey_segment *segment);

#endif
