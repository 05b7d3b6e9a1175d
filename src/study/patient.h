/* patient.h -- people in the study: enrolled, read, changed, listed.
 *
 * A patient is five things that are kept apart (study/bond.c): a person, a home, data, a house and a stream. What a
 * caller gets of one is what their role's views show, field by field; whom an id means is their role's own (an alias).
 * Every call is one transaction behind the caller's gate, with one audit entry that names the patient by an alias of
 * the audit log's. Values lie in the given arena. Knows nothing of HTTP. */
#ifndef STUDY_PATIENT_H
#define STUDY_PATIENT_H

#include "study/contact.h"
#include "study/installation.h"
#include "study/roster.h"

enum patient_field {
#define FIELD(name, wire, part, shows, must, most, kind, what) PATIENT_##name,
#include "study/patient.def"
#undef FIELD
    PATIENT_FIELDS
};
const char *patient_field_name(enum patient_field f); /* as the API has it */

/* How often each part was written; 0: never. Screenings and notes are versions: the newest one's number. */
struct patient_revs {
    int64_t person, home, finding, note, contacts;
};
struct patient {
    int64_t id; /* the caller's alias */
    struct patient_revs rev;
    const char *status;                 /* what their home is like now (installation.def); NULL: not shown */
    struct slice value[PATIENT_FIELDS]; /* {NULL,0}: not there, or not shown */
    struct slice born;                  /* the day of birth, for the age; {NULL,0}: not shown */
    bool listed;                        /* of a list: with a hue */
    bool twin;                          /* written, and somebody's tax code differs by omocodia alone */
    bool has_contacts;                  /* they are shown: */
    struct contact_list contacts;
};
enum { PATIENT_TAG = 112, PATIENT_TAGS = 8 };

/* Which version of a patient this is, to hold a change against: without quotes, as it stands in an ETag. What is
 * derived (age) is not part of it. */
char *patient_tag(const struct patient *p, char ret[PATIENT_TAG]);

/* What is to be another: `said` of each field, with {NULL,0} to have no value any more. */
struct patient_edit {
    struct patient to;
    bool said[PATIENT_FIELDS];
};
/* A change is made only of a patient with one of these tags; n 0: whatever it is. */
struct patient_match {
    struct slice tag[PATIENT_TAGS];
    int n;
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
/* The same of a change: any of the fields. */
int patient_edit_form(struct slice text, struct arena *a, struct patient_edit *ret,
                      struct patient_fault ret_faults[PATIENT_FAULTS]);

/* Enrols: person, home, edges, screening, note and aliases in one transaction. *ret is what the caller may read of it.
 * ERR_TAX_CODE: somebody with this tax code is in the study. `audit` says who and how, the rest is filled in. */
int patient_enrol(const struct study *s, const struct caller *c, const struct patient *p,
                  const struct audit_entry *audit, struct arena *a, struct patient *ret, struct err *e);
/* 1; 0: the caller knows nobody by this number; the entry says that they asked. In the role EMERGENCY it is the number
 * that the glass was broken for, or ERR_GLASS with a sentence that may be told. */
int patient_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct patient *ret, struct err *e);

/* 1 and what the caller may read of it now; 0 as patient_read. What changes of the screening or the note is a new
 * version beside the old ones. ERR_PRECONDITION: it has none of the tags. ERR_BAD_REQUEST with *ret_faults: the whole
 * would be no patient any more. ERR_TAX_CODE: somebody else has this tax code. ERR_CONSENT: a screening, after it was
 * withdrawn. ERR_CONFLICT: it was changed again and again meanwhile. */
struct patient_faults {
    struct patient_fault fault[PATIENT_FAULTS];
    int n;
};
int patient_change(const struct study *s, const struct caller *c, int64_t id, const struct patient_edit *edit,
                   const struct patient_match *only, const struct audit_entry *audit, struct arena *a,
                   struct patient *ret, struct patient_faults *ret_faults, struct err *e);

struct patient_page {
    struct patient *patient; /* names, age, newest diagnosis and days: no more */
    int n;
    int64_t all;  /* that the query fits */
    int64_t next; /* the id to go on behind; 0: there are no more */
};
enum patients_sort { PATIENTS_NEWEST_FIRST, PATIENTS_OLDEST_FIRST, PATIENTS_BY_NAME }; /* by when they joined */
enum patients_who { PATIENTS_ALL, PATIENTS_PRESENT, PATIENTS_LEFT };                   /* did they leave the study? */
struct patient_query {
    enum patients_sort sort; /* with a name it is by name */
    enum patients_who who;
    struct slice name; /* words that names begin with (roster.h); {NULL,0}: any */
    const struct patient_find
        *find;     /* NULL: no more is asked; else by its order, and `sort`, `who` and `name` are not */
    bool whole;    /* all of who it is, and not only what it takes to find them */
    int64_t after; /* an id to go on behind, 0 from the start. ERR_NOT_FOUND: nobody of that id */
    int limit;     /* at most so many, 1 to PATIENTS_PAGE */
};
/* Those of these numbers, and of these tax codes, that fit the rest. */
enum { PATIENT_FINDS = 20 };
struct patient_find {
    struct roster_query roster; /* but for `only` */
    int64_t id[PATIENT_FINDS];
    struct slice code[PATIENT_FINDS];
    int ids, codes;
    bool by_id, by_code; /* else any */
    const enum installation_status
        *status; /* NULL: any. Else of a caller who sees it, and by neither of the two above */
};
int patient_list(const struct study *s, const struct caller *c, const struct patient_query *q,
                 const struct audit_entry *audit, struct arena *a, struct patient_page *ret, struct err *e);

/* Is the caller told what a patient's home is like? */
bool patient_shows_status(const struct caller *c);

/* As JSON: what is there of it. */
void patient_put(struct json_out *o, const struct patient *p);

#endif
