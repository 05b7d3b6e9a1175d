/* cohort.h -- what an approved project shows its researcher: the newest screening, or the streams, of everybody whose
 * consent to research is active in the very transaction of the read. Who withdraws, or is erased, is not there from
 * then on.
 *
 * Pseudonyms. Data are called by numbers that are random, made for this project when it first shows them, and deleted
 * when it ends or the person is erased: two projects share none, nor does a project share any with a role. Lists are in
 * the order of these numbers, so their order says nothing either. Times are those of study/grain.def, four weeks; of
 * screenings there are none.
 *
 * Small cells (k = 5). A cohort of fewer than COHORT_K people shows nobody. A diagnosis with an age class that fewer
 * than COHORT_K people of the cohort have is withheld: both are left out, and said to be (research: governance 2.6). It
 * is counted over the whole cohort with each read, letter by letter, so another spelling is another value, and a rare
 * one. What it does not do: what two days show may be compared (who came or went between them), and which kinds of
 * streams somebody has may be rare, too; docs/threat-model.md.
 *
 * A read takes memory for the whole cohort, which has at most COHORT_MAX people. Knows nothing of HTTP. */
#ifndef STUDY_COHORT_H
#define STUDY_COHORT_H

#include "study/project.h"
#include "study/stream.h"

enum {
    COHORT_K = 5,
    COHORT_MAX = 5000,
    COHORT_PAGE = 100,       /* people */
    COHORT_STREAMS_PAGE = 20 /* the same, each with all of their streams */
};

struct cohort_finding {
    int64_t data; /* the project's number */
    bool withheld;
    struct slice neuro_diag, age_class; /* {NULL,0}: withheld, or not known */
};
struct cohort_findings {
    struct cohort_finding *finding;
    int n;
    int64_t all;  /* of the cohort who have a screening */
    int64_t next; /* the number to go on behind; 0: there are no more */
};
/* Of the caller's own project, those behind the number `after` (0: from the start), at most `limit`, 1 to COHORT_PAGE.
 * 1; 0: they have no project of this id. ERR_RULE with a sentence: the project shows nothing (now), or nobody. */
int cohort_screenings(const struct study *s, const struct caller *c, const uint8_t project[16], int64_t after,
                      int limit, const struct audit_entry *audit, struct arena *a, struct cohort_findings *ret,
                      struct err *e);

struct cohort_stream {
    struct stream_card card;
    int64_t since, until; /* cut; until 0: it goes on */
};
struct cohort_person {
    int64_t data;
    struct cohort_stream *stream; /* by kind, unit and times as they are told */
    int n;
};
struct cohort_people {
    struct cohort_person *person;
    int n;
    int64_t all; /* of the cohort, also those without streams */
    int64_t next;
};
/* 1, 0, -1 alike; `limit`: 1 to COHORT_STREAMS_PAGE people. */
int cohort_streams(const struct study *s, const struct caller *c, const uint8_t project[16], int64_t after, int limit,
                   const struct audit_entry *audit, struct arena *a, struct cohort_people *ret, struct err *e);

#endif
