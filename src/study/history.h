/* history.h -- the versions of what is known of somebody's health: screenings (diagnosis, age class) and medical notes,
 * the newest first. A version is never changed; which one it is, is part of what it is sealed with.
 *
 * Screenings lie under the data and not under the person: who watches over sensors reads them, too, under their own
 * number for the data and with the person's consent, asked in the same transaction. Every call is one transaction
 * behind the caller's gate with one audit entry. Knows nothing of HTTP. */
#ifndef STUDY_HISTORY_H
#define STUDY_HISTORY_H

#include "study/study.h"

enum history_kind { HISTORY_SCREENINGS, HISTORY_NOTES };
enum { VERSIONS_PAGE = 100 };

struct version {
    int64_t number,
        data; /* data: whose screening, in a list of several: the caller's number; 0: of the one asked for */
    struct slice neuro_diag, age_class, text, author, created_at; /* {NULL,0}: not there, or not shown */
};
struct version_page {
    struct version *version;
    int n;
    int64_t all;
    int64_t next; /* go on before this one; 0: there are no more */
};

/* Of the person (or the data) that the caller calls `id`, those before the version `before` (0: from the newest), at
 * most `limit`, 1 to VERSIONS_PAGE. 1; 0: they know nobody by it, or there is no consent. */
int history_list(const struct study *s, const struct caller *c, enum history_kind kind, int64_t id, int64_t before,
                 int limit, const struct audit_entry *audit, struct arena *a, struct version_page *ret, struct err *e);
/* The newest screening of everybody whose consent lets the caller's role read it, `after` the data of that number (0:
 * from the start; ERR_NOT_FOUND: it is none). For roles that see data and not people; nothing for one whose people are
 * those of a project (cohort.h). */
int history_newest(const struct study *s, const struct caller *c, int64_t after, int limit,
                   const struct audit_entry *audit, struct arena *a, struct version_page *ret, struct err *e);

/* Another screening: 1 and it, cut to what the caller reads; 0. ERR_CONSENT: it was withdrawn, so nothing is
 * collected. A form's fault: a sentence with *field. */
struct screening_form {
    struct slice neuro_diag, age_class;
};
const char *screening_form(const struct json *j, struct arena *a, struct screening_form *ret, const char **field);
int screening_add(const struct study *s, const struct caller *c, int64_t id, const struct screening_form *n,
                  const struct audit_entry *audit, struct arena *a, struct version *ret, struct err *e);

void version_put(struct json_out *o, const struct version *v);

#endif
