/* house_int.h -- a house with sensors, as those who work on it know it: by a number of each role's own, and by times
 * that are cut for each role. Installations and tickets are found by it. */
#ifndef STUDY_HOUSE_INT_H
#define STUDY_HOUSE_INT_H

#include "study/installation.h"
#include "study/study_int.h"

/* --- numbers --- */

enum { NAME_HOLDERS = 4 };
/* What doctor, installer, monitor and audit log call one thing: made together, so that each role finds what others
 * made. */
struct names {
    struct alias of[NAME_HOLDERS];
};
/* Before the body. */
int names_make(const struct study *s, const uint8_t subject[16], struct arena *a, struct names *ret, struct err *e);
int64_t names_number(const struct names *n, const char *holder); /* 0: it is none of the four */
/* In a body, outside of any gate. */
int names_store(struct tx *tx, const struct study *s, const struct names *n, struct err *e);
/* In a body, outside of any gate: the entry is about this subject. */
int names_audit(struct tx *tx, const struct study *s, const uint8_t subject[16], struct arena *a,
                struct audit_entry *entry, char text[ALIAS_AUDIT_TEXT], struct err *e);

/* In a body, behind the caller's gate: the house that they call so; of who may join the two, also the house of the
 * person they call so. 1, 0, -1. */
int house_find(struct tx *tx, const struct study *s, const struct caller *c, int64_t number, struct arena *a,
               uint8_t ret[16], struct err *e);
/* Whoever may know whose data is which knows a home by who lives there. */
bool house_joins_persons(const struct caller *c);
/* In a body, behind the caller's gate: what they call each of up to DB_MANY houses in an answer: its person, where they
 * may join the two, else the house itself. 0 where there is none. */
int house_numbers(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t (*house)[16], int n,
                  struct arena *a, int64_t *ret, struct err *e);
/* Of a view that shows what was given to one: has this installer taken a ticket of the house? Else 1. 1, 0, -1. */
int house_given(struct tx *tx, const struct study *s, const struct caller *c, enum view view, const uint8_t house[16],
                struct arena *a, struct err *e);

/* In a body, behind a gate that shows tickets: what each house is like now, and when it was last written about (0:
 * never). */
struct house_now {
    enum installation_status status;
    int64_t last_at;
};
int house_now(struct tx *tx, const struct study *s, const uint8_t (*house)[16], int n, struct arena *a,
              struct house_now *ret, struct err *e);
/* Of up to DB_MANY, or of one, in two halves with tx_wait between them. */
int house_ask_now(struct tx *tx, const struct study *s, const uint8_t (*house)[16], int n, struct arena *a,
                  struct rows *ret, struct err *e);
int house_ask(struct tx *tx, const struct study *s, const uint8_t house[16], struct arena *a, struct rows *ret,
              struct err *e);
struct house_now house_take(const struct rows *r, const uint8_t house[16]);
/* What a home of this status has a ticket like. false: a status of those whose tickets are like nothing. */
struct house_fit {
    const char *category, *state; /* in the store's words; "" */
};
bool house_fit(enum installation_status status, struct house_fit *ret);

/* In a body, behind a gate that shows all homes: which have this status (UNKNOWN: which have any other), as rows of
 * house_nick. How many, or -1. */
int house_of_status(struct tx *tx, const struct study *s, enum installation_status status, struct arena *a,
                    struct rows *ret, struct err *e);
extern const char house_fitting_sql[], house_open_sql[], house_known_sql[];
/* --- times --- */

enum grain { GRAIN_TICKET, GRAIN_HOME };
int64_t grain_cut(enum role role, enum grain g, int64_t us);
/* Where what happened at `us`, and is called `number` by that role, stands in a list of the role's: by the time as it
 * is told, then by the number. */
int64_t house_turn(enum role role, enum grain g, int64_t us, int64_t number);
#define HOUSE_TURN_UNIT (INT64_C(1) << 36) /* what of it the time is counted in */
int64_t house_turn_number(int64_t number); /* what of it the number is, below that */

/* --- visits (0013.sql) --- */

/* In a body, outside of any gate: bodies that change tickets of one house come one after the other from here on. */
int house_lock(struct tx *tx, const struct study *s, const uint8_t house[16], struct err *e);
/* The same: an installer visits its home from when they have taken a ticket that is open until they have none. */
int house_settle_visit(struct tx *tx, const struct study *s, const uint8_t house[16], const uint8_t staff[16],
                       int64_t now, struct arena *a, struct err *e);

/* --- one that is new --- */

struct house_new {
    uint8_t house[16];
    struct names names;
    struct subject_key installation; /* wiped by who has it */
};
/* Before the body. */
int house_make(const struct study *s, const uint8_t house[16], struct arena *a, struct house_new *ret, struct err *e);
/* In a body, outside of any gate. */
int house_store(struct tx *tx, const struct study *s, const struct house_new *n, struct err *e);

/* In a body, outside of any gate: all there is of a house but its edges, its own numbers and its keys. Documents are
 * unreadable with it; document_sweep removes what is left of them. The number of rows, or -1. */
int house_erase(struct tx *tx, const struct study *s, const uint8_t house[16], struct err *e);

/* The statements of lists: their plans are tested. */
extern const char installation_list_sql[], installation_given_sql[], installation_count_sql[],
    installation_given_count_sql[], installation_of_status_sql[], installation_kind_sql[], installation_fitting_sql[],
    installation_given_of_status_sql[], installation_count_fitting_sql[], installation_count_open_sql[],
    installation_count_unknown_sql[], installation_given_count_of_status_sql[];
extern const char *const document_list_sql[2][2];

#endif
