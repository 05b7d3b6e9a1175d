/* stream.h -- what sensors measure of somebody: which streams there are, of whom, since when; not yet what is in them.
 *
 * A stream is one record of two. The sensor (sensor.h) is of the house, and its own are who mounts and removes it. The
 * stream is of somebody's data, and is seen by who treats the person, and by who watches over sensors, under numbers of
 * each role's own and while the person consents to that purpose: asked in the transaction of the read, as consent.h
 * says. Of the house the stream tells its roles no more than they know. Which belongs to which only the edges say
 * (bond.c), sealed.
 *
 * A stream that ended stays, for what was measured. It ends when its sensor is removed, when somebody closes it, and in
 * the very transaction in which consent is withdrawn. Every call is one transaction behind the caller's gate with one
 * audit entry. Knows nothing of HTTP. */
#ifndef STUDY_STREAM_H
#define STUDY_STREAM_H

#include "study/study.h"

enum stream_kind {
#define KIND(name, text, units, what) STREAM_##name,
#include "study/stream.def"
    STREAM_KINDS
};
enum stream_why {
#define END(name, text, what) STREAM_##name,
#include "study/stream.def"
    STREAM_WHYS
};
enum { STREAMS_PAGE = 100 };
const char *stream_kind_name(enum stream_kind k);
const char *stream_why_name(enum stream_why w);

/* What it is, as a form says it and as it is sealed. label: what stands on the device; of a sensor alone. */
struct stream_card {
    enum stream_kind kind;
    struct slice unit, label; /* {NULL,0}: not there, or not shown */
};
/* NULL, or a sentence with *field (NULL: the whole). A kind is needed. */
const char *stream_form(const struct json *j, struct arena *a, struct stream_card *ret, const char **field);

struct stream {
    int64_t id, patient_id; /* the caller's numbers: of the stream; of its house, or (a doctor) of who lives there */
    int64_t data_id;        /* the same of whose data it is, to who sees data and not people; 0: not */
    int64_t rev;
    struct stream_card card;
    int64_t epoch;        /* of its links: how often they were made anew before */
    int64_t since, until; /* cut for the caller; until 0: it goes on */
    struct slice ended;   /* why; {NULL,0}: it goes on */
};
struct stream_page {
    struct stream *stream;
    int n;
    int64_t all;  /* that the caller sees */
    int64_t next; /* the number to go on behind; 0: there are no more */
};
/* Of a house, or of a person (to who sees data and not people: of data), by the caller's number, in the order of the
 * caller's own numbers. 1; 0: the caller knows none by this number. Without consent there are none. */
enum stream_of { STREAMS_OF_HOUSE, STREAMS_OF_PERSON };
int stream_list(const struct study *s, const struct caller *c, enum stream_of of, int64_t id, int64_t after, int limit,
                const struct audit_entry *audit, struct arena *a, struct stream_page *ret, struct err *e);
/* 1, 0, -1 alike. */
int stream_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                struct arena *a, struct stream *ret, struct err *e);
/* ERR_NOT_FOUND; ERR_PRECONDITION: it is of none of these revisions; ERR_RULE with a sentence: it has ended. */
int stream_close(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                 const struct audit_entry *audit, struct arena *a, struct stream *ret, struct err *e);

#endif
