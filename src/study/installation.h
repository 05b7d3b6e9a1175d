/* installation.h -- homes with sensors: what is mounted where, since when, in which household, and what it is like now.
 *
 * There is one from the moment a patient is enrolled (ticket.h opens the first ticket then); details come later. What
 * it is like now follows from its tickets alone (installation.def). An installer sees the homes that were given to
 * them, a monitor all, without the household; a doctor knows a home by its patient. Every call is one transaction
 * behind the caller's gate with one audit entry. Knows nothing of HTTP. */
#ifndef STUDY_INSTALLATION_H
#define STUDY_INSTALLATION_H

#include "study/study.h"

#define FIELD(name, part, shows, most, what)
#define STATUS(name, text, category, state, what) INSTALLATION_##name,
#define OTHERWISE(name, text, what)               INSTALLATION_##name,
enum installation_status {
#include "study/installation.def"
    INSTALLATION_STATUSES
};
#define FIELD(name, part, shows, most, what) HOME_##name,
#define STATUS(name, text, category, state, what)
#define OTHERWISE(name, text, what)
enum installation_field {
#include "study/installation.def"
    INSTALLATION_FIELDS
};
enum { INSTALLATIONS_PAGE = 100, INSTALLATION_FAULTS = 20 };
const char *installation_status_name(enum installation_status s);
bool installation_status_named(struct slice name, enum installation_status *ret);
const char *installation_field_name(enum installation_field f);

struct installation {
    int64_t id;         /* the caller's number for the house; what a list goes on behind */
    int64_t patient_id; /* the same, but of a doctor: for who lives there */
    int64_t rev;
    enum installation_status status;
    int64_t last_at;                         /* when it was last written about, cut for the caller; 0: never */
    struct slice value[INSTALLATION_FIELDS]; /* {NULL,0}: not there, or not shown */
};

/* A change, as a form says it: fields that are left out stay as they are, null takes one away. */
struct installation_change {
    bool given[INSTALLATION_FIELDS];
    struct slice value[INSTALLATION_FIELDS];
};
struct installation_fault {
    const char *field; /* NULL: the whole */
    const char *text;  /* a sentence that repeats no value */
};
/* A JSON object of fields that `role` may write. 0, or how many faults; -1: it is no JSON object. */
int installation_form(enum role role, struct slice text, struct arena *a, struct installation_change *ret,
                      struct installation_fault ret_faults[INSTALLATION_FAULTS]);

/* 1; 0: no home that the caller sees has this number; the entry says that they asked. */
int installation_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                      struct arena *a, struct installation *ret, struct err *e);

struct installation_page {
    struct installation *installation; /* without what is sealed */
    int n;
    int64_t all;  /* that the caller sees */
    int64_t next; /* the number to go on behind; 0: there are no more */
};
/* In the order of the caller's own numbers, which says nothing to anybody else. At most `limit`, 1 to
 * INSTALLATIONS_PAGE. Of one status alone, an enum installation_status; -1: of any. */
int installation_list(const struct study *s, const struct caller *c, int status, int64_t after, int limit,
                      const struct audit_entry *audit, struct arena *a, struct installation_page *ret, struct err *e);

/* `first`: only if it has no details yet. ERR_NOT_FOUND; ERR_PRECONDITION: it is of none of these revisions;
 * ERR_RULE with a sentence: it has details, or its times are the wrong way round. */
int installation_change(const struct study *s, const struct caller *c, int64_t id, const struct installation_change *n,
                        const struct study_revs *only, bool first, const struct audit_entry *audit, struct arena *a,
                        struct installation *ret, struct err *e);

/* Where it is: of an installer, while a ticket that they have taken is open there. 1, 0, -1. */
struct home_info {
    struct slice last_name, address, phone; /* {NULL,0}: not there, or not shown */
};
int installation_info(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                      struct arena *a, struct home_info *ret, struct err *e);

/* What the role of `other` calls the home that the caller calls `id`: for who prepares a study on its machine, and for
 * no answer to anybody, since no role may know another's numbers. No entry. 1, 0, -1. */
int installation_as(const struct study *s, const struct caller *c, int64_t id, const struct caller *other,
                    struct arena *a, int64_t *ret, struct err *e);

#endif
