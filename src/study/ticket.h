/* ticket.h -- tickets about a home: opened, written in, taken by an installer, closed, opened again.
 *
 *     open <-> closed         ticket.def
 *
 * A ticket belongs to a house. Every role knows it, and the house, by numbers of its own. What is written in it stands
 * there for good, sealed under the house's key, by who wrote it: the session says who, never a form. What was done with
 * it is written between, so that its entries are its history.
 *
 * Who installs: nobody assigns. An installer takes an open ticket that nobody has: by saying so, by writing in it, or
 * by opening it. That gives them its home: details for as long as they have a ticket of it, address and telephone while
 * one is open (a row of visit, 0013.sql). They give it back, or a monitor takes it away.
 *
 * Every call is one transaction behind the caller's gate with one audit entry; what is to be sealed is looked up in one
 * before. Knows nothing of HTTP. */
#ifndef STUDY_TICKET_H
#define STUDY_TICKET_H

#include "study/study.h"

enum {
    TICKETS_PAGE = 100,
    TICKET_TEXT_MAX = 8000, /* bytes of a message */
    TICKET_ENTRIES = 1000,  /* of one ticket; closing and opening go on */
    TICKET_HISTORY = 100,   /* deeds that are told with a ticket, the newest */
    TICKETS_OPEN = 20       /* of one house */
};

#define CATEGORY(name, text, what) TICKET_CATEGORY_##name,
#define STATE(name, text, what)
#define DEED(name, text, from, to, entry, otherwise)
enum ticket_category {
#include "study/ticket.def"
    TICKET_CATEGORIES
};
#define CATEGORY(name, text, what)
#define STATE(name, text, what) TICKET_##name,
#define DEED(name, text, from, to, entry, otherwise)
enum ticket_state {
#include "study/ticket.def"
    TICKET_STATES
};
#define CATEGORY(name, text, what)
#define STATE(name, text, what)
#define DEED(name, text, from, to, entry, otherwise) DEED_##name,
enum ticket_deed {
#include "study/ticket.def"
    DEEDS
};
const char *ticket_category_name(enum ticket_category c);
const char *ticket_state_name(enum ticket_state s);
bool ticket_category_named(struct slice name, enum ticket_category *ret);
bool ticket_state_named(struct slice name, enum ticket_state *ret);
/* May it be written: 1 to TICKET_TEXT_MAX bytes of UTF-8 without control characters, but line feeds and tabs? */
bool ticket_text_fits(struct slice text);

/* Times are cut for the caller (grain.def); 0: not yet. */
struct ticket {
    int64_t id, patient_id; /* the caller's numbers: of the ticket; of its house, or (a doctor) of who lives there */
    int64_t rev;
    struct slice category, state, last_role;
    int64_t opened_at, closed_at, last_at;
    bool taken, mine; /* by an installer; by the caller */
};
struct ticket_entry {
    int64_t number; /* from 1, with gaps where other kinds stand */
    struct slice kind, role, body;
    int64_t at;
    bool mine;
};
struct ticket_entries {
    struct ticket_entry *entry;
    int n;
    int64_t all;
    int64_t next; /* the number to go on behind; 0: there are no more */
};

/* In a house by the caller's number (ERR_NOT_FOUND). ERR_RULE with a sentence: TICKETS_OPEN are open there. `audit`
 * says who and how, here and below; the rest is filled in. */
int ticket_open(const struct study *s, const struct caller *c, int64_t patient_id, enum ticket_category category,
                struct slice text, const struct audit_entry *audit, struct arena *a, struct ticket *ret, struct err *e);

/* With what was done with it (bodies apart: ticket_messages). 1, or 0: the caller knows none by this number. */
int ticket_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                struct arena *a, struct ticket *ret, struct ticket_entries *ret_history, struct err *e);

struct ticket_filter {
    int64_t patient_id;                   /* of one house alone; 0: of all */
    int state;                            /* an enum ticket_state; -1: any */
    int64_t after;                        /* go on behind this ticket; 0: from the start */
    int limit;                            /* 1 to TICKETS_PAGE */
    const enum ticket_category *category; /* NULL: any */
    bool mine;                            /* only what the caller has taken */
};
struct ticket_page {
    struct ticket *ticket;
    int n;
    int64_t all;  /* that the filter lets through */
    int64_t next; /* the id to go on behind; 0: there are no more */
};
/* Who was opened last comes first. ERR_NOT_FOUND: no such house, or no such ticket to go on behind. */
int ticket_list(const struct study *s, const struct caller *c, const struct ticket_filter *f,
                const struct audit_entry *audit, struct arena *a, struct ticket_page *ret, struct err *e);

/* Those that fit all of it. Bounds are microseconds, [since, until) without [not_from, not_until). 1; 0: no such home,
 * which is an empty page. */
struct ticket_when {
    int64_t since, until, not_from, not_until;
};
struct ticket_search {
    int64_t patient_id; /* of one home alone; 0: of all */
    bool category[TICKET_CATEGORIES];
    bool open, taken, closed; /* open: and taken by nobody */
    struct ticket_when opened, written;
    bool oldest_first;
    int64_t after;
    int limit;
};
int ticket_search(const struct study *s, const struct caller *c, const struct ticket_search *f,
                  const struct audit_entry *audit, struct arena *a, struct ticket_page *ret, struct err *e);

/* Its messages from the first on, `limit` (1 to TICKETS_PAGE) of them behind the number `after`. 1, 0, -1. */
int ticket_messages(const struct study *s, const struct caller *c, int64_t id, int64_t after, int limit,
                    const struct audit_entry *audit, struct arena *a, struct ticket_entries *ret, struct err *e);

/* One deed; `text` of DEED_SAY alone. ERR_NOT_FOUND; ERR_PRECONDITION: it is of none of these revisions; ERR_RULE
 * with a sentence: it is not in the state for that, somebody else has taken it, or it is full. *ret_entry (may be
 * NULL): what was written. */
int ticket_do(const struct study *s, const struct caller *c, int64_t id, enum ticket_deed deed, struct slice text,
              const struct study_revs *only, const struct audit_entry *audit, struct arena *a, struct ticket *ret,
              struct ticket_entry *ret_entry, struct err *e);

#endif
