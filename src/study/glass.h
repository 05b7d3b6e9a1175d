/* glass.h -- breaking the glass: in an emergency somebody opens one person's records that their role does not show
 * them.
 *
 *     broken -> active -> ended -> reviewed        glass_states.def
 *
 * Who may is policy's (matrix.def, BREAK_GLASS), what is opened too (emergency.def). It takes a sign-in of the last
 * five minutes, a reason of a closed list and a few words. One person, named by the caller's own alias of them, of
 * their data or of their house; GLASS_MINUTES; reading only; one at a time, and no more than GLASS_UNREVIEWED that wait
 * for their review. Another person who is auditor reviews it within GLASS_REVIEW_HOURS; while one is overdue its holder
 * breaks no glass. That is all that being late does: to take their own role from them, too, would punish patients for
 * an auditor's delay.
 *
 * A glass that was broken is used by a caller in the role EMERGENCY (struct caller), whom patient_read asks for in its
 * own transaction: one that ends at the same moment either has been used before, or is not. Time is the later of wall
 * and steady clock, so that no glass is open longer because somebody sets the clock back.
 *
 * Each step is one transaction with an audit entry, also that one ended by time: glass_lapse.
 * Whom it is of, and all words, are sealed. Knows nothing of HTTP. */
#ifndef STUDY_GLASS_H
#define STUDY_GLASS_H

#include "base/rnd.h"
#include "study/study.h"

enum {
    GLASS_MINUTES = 60,
    GLASS_REVIEW_HOURS = 72,
    GLASS_SIGN_IN_S = 300, /* how long ago it may be */
    GLASS_UNREVIEWED = 5,  /* of one holder */
    GLASS_TEXT_MIN = 15,   /* characters */
    GLASS_TEXT_MAX = 500,
    GLASS_PAGE = 100
};

#define STATE(name, text, what) GLASS_##name,
#define MOVE(from, to, when)
#define REASON(name, text, what)
#define OUTCOME(name, text)
enum glass_state {
#include "study/glass_states.def"
    GLASS_STATES
};
#define STATE(name, text, what)
#define MOVE(from, to, when)
#define REASON(name, text, what) GLASS_REASON_##name,
#define OUTCOME(name, text)
enum glass_reason {
#include "study/glass_states.def"
    GLASS_REASONS
};
#define STATE(name, text, what)
#define MOVE(from, to, when)
#define REASON(name, text, what)
#define OUTCOME(name, text) GLASS_OUTCOME_##name,
enum glass_outcome {
#include "study/glass_states.def"
    GLASS_OUTCOMES
};

const char *glass_state_name(enum glass_state s);
const char *glass_reason_name(enum glass_reason r);
const char *glass_outcome_name(enum glass_outcome o);
bool glass_may_move(enum glass_state from, enum glass_state to);
/* By their names; false: there is none. */
bool glass_state_named(struct slice name, enum glass_state *ret);
bool glass_reason_named(struct slice name, enum glass_reason *ret);
bool glass_outcome_named(struct slice name, enum glass_outcome *ret);
/* As many characters as a text may have, and no control characters but line feeds. */
bool glass_text_fits(struct slice text);

struct glass {
    uint8_t id[16], holder[16], reviewer[16];
    enum glass_state state;
    struct slice role, reason, text; /* the role of the holder that did not show them the person */
    int64_t subject; /* the person: by the number they were named by, to the holder; else by the audit log's */
    int64_t since, until, ended_at; /* ended_at 0: it is active */
    int64_t uses;                   /* how often it was read under */
    int64_t review_by, reviewed_at; /* 0: not yet */
    struct slice outcome, review;   /* {NULL,0}: not yet */
};

struct glass_new {
    int64_t subject; /* the caller's alias */
    enum glass_reason reason;
    struct slice text;
};

/* ERR_STEP_UP: the sign-in is too long ago. ERR_NOT_FOUND: the caller knows nobody by that number. ERR_CONFLICT: one is
 * open, or several people live in the house that was named. ERR_GLASS: there are reviews to wait for. But for the first
 * two e->detail is a sentence that may be told. `audit` says who and how, here and below; the rest is filled in. */
int glass_break(const struct study *s, const struct caller *c, const struct glass_new *n,
                const struct audit_entry *audit, struct arena *a, struct glass *ret, struct err *e);

struct glass_page {
    struct glass *glass;
    int n;
    bool more;
};
struct glass_filter {
    int state;  /* an enum glass_state; -1: any */
    bool after; /* go on behind this one: */
    bool after_overdue;
    uint8_t after_id[16];
    int limit; /* 1 to GLASS_PAGE */
};
/* The caller's own or, where their view says so, everybody's. Those that are overdue first, then the newest. */
int glass_list(const struct study *s, const struct caller *c, const struct glass_filter *f,
               const struct audit_entry *audit, struct arena *a, struct glass_page *ret, struct err *e);

/* Ends the caller's own. ERR_NOT_FOUND; ERR_CONFLICT: it has ended. */
int glass_end(const struct study *s, const struct caller *c, const uint8_t id[16], const struct audit_entry *audit,
              struct arena *a, struct glass *ret, struct err *e);
/* Writes those whose hour is over into the audit log, if somebody who asked for one has not done so already. To be
 * called every few seconds; nothing is read under one that is over, whether this was called or not. */
int glass_lapse(const struct study *s, struct err *e);
/* ERR_NOT_FOUND; ERR_CONFLICT: it is active, or was reviewed; ERR_GLASS: it is the caller's own. With a sentence. */
int glass_review(const struct study *s, const struct caller *c, const uint8_t id[16], enum glass_outcome outcome,
                 struct slice text, const struct audit_entry *audit, struct arena *a, struct glass *ret, struct err *e);

#endif
