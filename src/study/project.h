/* project.h -- projects: what a researcher asks of the study's data, and whether an auditor lets them.
 *
 *     proposed -> approved -> ended
 *     proposed -> refused                          project_states.def
 *
 * A researcher proposes a question, which data it takes and until when. An auditor (the study's data protection
 * officer) approves or refuses it and says why; never their own, which the table holds, too. While it is approved and
 * not over its researcher reads the data of its cohort under pseudonyms made for it (cohort.h). It ends when its
 * researcher or an auditor ends it, or by time; then the pseudonyms are deleted, so that nobody can say any more whom
 * one meant.
 *
 * Time is the later of wall and steady clock, so that no project goes on because somebody sets the clock back. Each
 * step is one transaction with an audit entry, also that one ended by time: project_lapse. Title, question and reason
 * are sealed: somebody may be named in them. Knows nothing of HTTP. */
#ifndef STUDY_PROJECT_H
#define STUDY_PROJECT_H

#include "base/rnd.h"
#include "study/study.h"

enum {
    PROJECT_TITLE_MIN = 3, /* characters, here and below */
    PROJECT_TITLE_MAX = 120,
    PROJECT_QUESTION_MIN = 15,
    PROJECT_QUESTION_MAX = 4000,
    PROJECT_REASON_MIN = 15,
    PROJECT_REASON_MAX = 500,
    PROJECT_DAYS_MAX = 731, /* how far ahead it may go on */
    PROJECTS_OPEN = 20,     /* of one researcher, that wait or are approved */
    PROJECT_PAGE = 100
};

#define STATE(name, text, what) PROJECT_##name,
#define MOVE(from, to, when)
#define DATA(name, bit, text, what)
enum project_state {
#include "study/project_states.def"
    PROJECT_STATES
};
#define STATE(name, text, what)
#define MOVE(from, to, when)
#define DATA(name, bit, text, what) PROJECT_##name = bit,
enum project_data {
#include "study/project_states.def"
};

const char *project_state_name(enum project_state s);
bool project_state_named(struct slice name, enum project_state *ret);
bool project_may_move(enum project_state from, enum project_state to);

struct project {
    uint8_t id[16], owner[16], decided_by[16], ended_by[16]; /* ended_by: zeros, if it ended by time */
    enum project_state state;
    unsigned data; /* bits of project_data */
    struct slice title, question, reason;
    int64_t since, until, decided_at, ended_at; /* until: it is over then; the last two 0: not yet */
    int64_t uses;                               /* how often its data were read */
};

/* What a researcher asks for: NULL, or a sentence with *field (NULL: the whole). All members are needed; `until` is a
 * day, the last one. */
struct project_new {
    struct slice title, question;
    unsigned data;
    int64_t until;
};
const char *project_form(const struct json *j, struct arena *a, struct project_new *ret, const char **field);
/* The same of a decision: PROJECT_APPROVED or PROJECT_REFUSED, and why. */
struct project_decision {
    enum project_state to;
    struct slice reason;
};
const char *project_decision_form(const struct json *j, struct arena *a, struct project_decision *ret,
                                  const char **field);
void project_put(struct json_out *o, const struct project *p);

/* ERR_RULE with a sentence: as many of theirs are open as may be. `audit` says who and how, here and below. */
int project_propose(const struct study *s, const struct caller *c, const struct project_new *n,
                    const struct audit_entry *audit, struct arena *a, struct project *ret, struct err *e);
/* ERR_NOT_FOUND: there is none of this id that the caller sees. ERR_RULE with a sentence: it is their own, or was
 * decided, or is over. */
int project_decide(const struct study *s, const struct caller *c, const uint8_t id[16],
                   const struct project_decision *n, const struct audit_entry *audit, struct arena *a,
                   struct project *ret, struct err *e);
int project_end(const struct study *s, const struct caller *c, const uint8_t id[16], const struct audit_entry *audit,
                struct arena *a, struct project *ret, struct err *e);
/* Writes down those whose time is over, and forgets their pseudonyms, if somebody who asked for one has not done so
 * already. To be called every few seconds; nothing is read in one that is over, whether this was called or not. */
int project_lapse(const struct study *s, struct err *e);

/* 1, 0 (none that the caller sees), -1. */
int project_read(const struct study *s, const struct caller *c, const uint8_t id[16], const struct audit_entry *audit,
                 struct arena *a, struct project *ret, struct err *e);
struct project_page {
    struct project *project;
    int n;
    bool more;
};
struct project_filter {
    int state;            /* an enum project_state; -1: any */
    const uint8_t *after; /* go on behind this one; NULL: from the newest */
    int limit;            /* 1 to PROJECT_PAGE */
};
/* The caller's own or, where their view says so, everybody's; the newest first. */
int project_list(const struct study *s, const struct caller *c, const struct project_filter *f,
                 const struct audit_entry *audit, struct arena *a, struct project_page *ret, struct err *e);

#endif
