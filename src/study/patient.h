/* patient.h -- people in the study: enrolled, read, listed.
 *
 * A patient is five things that are kept apart (study/bond.c): a person, a home, data, a house and a stream. What a
 * caller gets of one is what their role's views show, field by field; whom an id means is their role's own (an alias).
 * Every call is one transaction behind the caller's gate, with one audit entry that names the patient by an alias of
 * the audit log's. Values lie in the given arena. Knows nothing of HTTP. */
#ifndef STUDY_PATIENT_H
#define STUDY_PATIENT_H

#include "study/study.h"

enum patient_field {
#define FIELD(name, part, shows, must, most, kind, what) PATIENT_##name,
#include "study/patient.def"
#undef FIELD
    PATIENT_FIELDS
};
const char *patient_field_name(enum patient_field f);

struct patient {
    int64_t id;                         /* the caller's alias */
    const char *status;                 /* what their home is like now (installation.def); NULL: not shown */
    struct slice value[PATIENT_FIELDS]; /* {NULL,0}: not there, or not shown */
};

struct patient_fault {
    const char *field; /* NULL: the whole */
    const char *text;  /* a sentence that repeats no value */
};
enum { PATIENT_FAULTS = 20, PATIENTS_PAGE = 100 };

/* A JSON object as patient.def says. 0, or how many faults; -1: it is no JSON object (*ret_faults is untouched). Tax
 * codes are held against name, gender and birth (codice_fiscale.h), and what they tell fills what was left out. */
int patient_form(struct slice text, struct arena *a, struct patient *ret,
                 struct patient_fault ret_faults[PATIENT_FAULTS]);

/* Enrols: person, home, edges, screening, note and aliases in one transaction. *ret is what the caller may read of it.
 * ERR_CONFLICT: somebody with this tax code is in the study. `audit` says who and how, the rest is filled in. */
int patient_enrol(const struct study *s, const struct caller *c, const struct patient *p,
                  const struct audit_entry *audit, struct arena *a, struct patient *ret, struct err *e);
/* 1; 0: the caller knows nobody by this number; the entry says that they asked. In the role EMERGENCY it is the number
 * that the glass was broken for, or ERR_GLASS with a sentence that may be told. */
int patient_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct patient *ret, struct err *e);

struct patient_page {
    struct patient *patient; /* without GENERAL, FINDING and NOTE */
    int n;
    int64_t all;  /* in the study */
    int64_t next; /* the id to go on behind; 0: there are no more */
};
/* Who joined last comes first; `after`: an id, 0 from the start (ERR_NOT_FOUND: nobody of that id); at most `limit`, 1
 * to PATIENTS_PAGE. */
int patient_list(const struct study *s, const struct caller *c, int64_t after, int limit,
                 const struct audit_entry *audit, struct arena *a, struct patient_page *ret, struct err *e);

/* As JSON: what is there of it. */
void patient_put(struct json_out *o, const struct patient *p);

#endif
