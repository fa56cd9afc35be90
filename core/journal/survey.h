/*
 * survey.h: reads the log of a data directory without opening it: takes no lock, writes nothing, and works beside a
 * running gateway, up to the end that it finds.
 *
 * Where a journal's reader stops at damage, a survey says what is damaged and goes on behind it: with the next frame
 * whose checksum holds, or the next group. What it returns besides is proven by checksums; of what is damaged it only
 * shows the bytes. Segments that a running gateway recycles meanwhile are passed over.
 */
#ifndef JOURNAL_SURVEY_H
#define JOURNAL_SURVEY_H

#include "journal/format.h"

struct survey;

enum survey_kind {
	SURVEY_FRAME = 1,
	SURVEY_GROUP,  /* its head; the frames follow */
	SURVEY_DAMAGE, /* one place */
	SURVEY_SEGMENT /* the head of a segment, before its groups */
};

enum survey_damage {
	DAMAGE_SEGMENT_HEAD = 1, /* what it must have said follows from its groups */
	DAMAGE_SEGMENT_LOST,     /* missing, cut short or without any sound group */
	DAMAGE_GROUP_HEAD,       /* and what follows it up to the next sound frame */
	DAMAGE_FRAMES,           /* one or several */
	DAMAGE_PADDING,          /* nothing is lost */
	DAMAGE_UNREADABLE        /* the disk says so */
};

/* Slices and pointers are valid until the next call. */
struct survey_item {
	enum survey_kind kind;
	uint64_t position;
	uint64_t end; /* position behind it */
	uint64_t segment;
	off_t offset;               /* in the segment's file */
	struct journal_frame frame; /* SURVEY_FRAME */
	struct group_head group;    /* SURVEY_GROUP */
	enum survey_damage damage;  /* SURVEY_DAMAGE */
	struct ep_slice bytes;      /* SURVEY_DAMAGE: what stands there, as far as it could be read; may be empty */
};

/* EP_NOT_FOUND: there is no journal. EP_BAD_CONFIG: of a format that this version doesn't read. */
EP_MUST_CHECK enum ep_status survey_open(struct survey **survey, const char *directory, struct error *error);
void survey_close(struct survey *survey);
/* EP_OK, EP_NO_MEMORY; EP_END: the log ends here, which a running gateway may change; EP_IO: the directory can't be read; EP_BAD_CONFIG: a later version wrote this. */
EP_MUST_CHECK enum ep_status survey_next(struct survey *survey, struct survey_item *item, struct error *error);
/* The next frame whose kind is in `kinds`; damage is passed over and counted by survey_damages(). */
EP_MUST_CHECK enum ep_status survey_frame(
	struct survey *survey, uint32_t kinds, struct journal_frame *frame, struct error *error);
uint64_t survey_damages(const struct survey *survey);
/* Goes on with the first frame at or behind the position. */
void survey_seek(struct survey *survey, uint64_t position);
/* Position of the first group that is kept; 0: there is none. */
uint64_t survey_first(const struct survey *survey);

struct survey_segment {
	struct segment_head head;
	int64_t size; /* of the file */
	bool derived; /* the head is damaged: this is what its groups prove */
};
/* The segments there were when the survey was opened, in the order of the log. */
const struct survey_segment *survey_segments(const struct survey *survey, size_t *count);
/* "DIRECTORY/journal/segment-..." */
void survey_path(const struct survey *survey, uint64_t segment, char *path, size_t size);
/* Extents: opened, or compared with what the frame says. As journal_extent_open() and journal_extent_check(). */
EP_MUST_CHECK enum ep_status survey_extent_open(struct survey *survey, uint64_t extent, int *fd, struct error *error);
EP_MUST_CHECK enum ep_status survey_extent_check(
	struct survey *survey, const struct journal_frame *frame, struct error *error);

const char *survey_damage_name(enum survey_damage damage);

#endif
